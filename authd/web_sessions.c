#include "authd/web_sessions.h"

#include "common/base/io.h"
#include "common/base/memory.h"

#include <time.h>

void web_text_random(char out[WEB_TEXT_LEN + 1])
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	unsigned char random[WEB_TEXT_LEN];

	io_random(random, sizeof random);
	for (size_t i = 0; i < WEB_TEXT_LEN; i++)
		out[i] = digits[random[i] % 64];
	out[WEB_TEXT_LEN] = '\0';
	memory_wipe(random, sizeof random);
}

void web_sessions_init(struct web_sessions *sessions)
{
	*sessions = (struct web_sessions){0};
	TAILQ_INIT(&sessions->by_use);
	for (size_t i = 0; i < WEB_SESSION_BUCKETS; i++)
		LIST_INIT(&sessions->buckets[i]);
}

void web_sessions_free(struct web_sessions *sessions)
{
	while (!TAILQ_EMPTY(&sessions->by_use))
		web_sessions_end(sessions, TAILQ_FIRST(&sessions->by_use));
}

/* The texts are random, so their first characters are as good as any hash. */
static struct web_session_bucket *bucket_of(struct web_sessions *sessions, const char *text)
{
	const unsigned char *octets = (const unsigned char *)text;

	return &sessions->buckets[(octets[0] * 4096U + octets[1] * 64U + octets[2]) % WEB_SESSION_BUCKETS];
}

void web_sessions_end(struct web_sessions *sessions, struct web_session *session)
{
	TAILQ_REMOVE(&sessions->by_use, session, by_use);
	LIST_REMOVE(session, bucket);
	sessions->count--;
	memory_wipe(session, sizeof *session);
	memory_free(session);
}

static void make_room(struct web_sessions *sessions, int64_t uid)
{
	struct web_session *oldest = NULL, *session = NULL;
	size_t of_user = 0;

	TAILQ_FOREACH (session, &sessions->by_use, by_use) {
		if (session->uid == uid && of_user++ == 0)
			oldest = session;
	}
	if (of_user >= WEB_SESSIONS_OF_USER)
		web_sessions_end(sessions, oldest);
	else if (sessions->count >= WEB_SESSIONS_MAX)
		web_sessions_end(sessions, TAILQ_FIRST(&sessions->by_use));
}

struct web_session *web_sessions_add(struct web_sessions *sessions, int64_t uid, int64_t now_ms)
{
	struct web_session *session;

	make_room(sessions, uid);
	session = memory_get(sizeof *session);
	*session = (struct web_session){.uid = uid,
	                                .number = ++sessions->last_number,
	                                .begun = time(NULL),
	                                .confirmed_ms = -1,
	                                .opened_ms = -1,
	                                .used_ms = now_ms};
	web_text_random(session->text);
	web_text_random(session->csrf);
	TAILQ_INSERT_TAIL(&sessions->by_use, session, by_use);
	LIST_INSERT_HEAD(bucket_of(sessions, session->text), session, bucket);
	sessions->count++;
	return session;
}

struct web_session *web_sessions_find(struct web_sessions *sessions, struct str text, int64_t idle_ms, int64_t now_ms)
{
	struct web_session *session;

	while ((session = TAILQ_FIRST(&sessions->by_use)) != NULL && now_ms - session->used_ms >= idle_ms)
		web_sessions_end(sessions, session);
	if (text.len != WEB_TEXT_LEN)
		return NULL;
	LIST_FOREACH (session, bucket_of(sessions, text.data), bucket)
		if (io_equal_secret(str_of(session->text), text))
			return session;
	return NULL;
}

void web_sessions_touch(struct web_sessions *sessions, struct web_session *session, int64_t now_ms)
{
	session->used_ms = now_ms;
	TAILQ_REMOVE(&sessions->by_use, session, by_use);
	TAILQ_INSERT_TAIL(&sessions->by_use, session, by_use);
}

size_t web_sessions_end_user(struct web_sessions *sessions, int64_t uid, int64_t remembered)
{
	struct web_session *session = TAILQ_FIRST(&sessions->by_use);
	size_t ended = 0;

	while (session != NULL) {
		struct web_session *next = TAILQ_NEXT(session, by_use);

		if (session->uid == uid && (remembered == 0 || session->remembered == remembered)) {
			web_sessions_end(sessions, session);
			ended++;
		}
		session = next;
	}
	return ended;
}

struct web_session *web_sessions_next(const struct web_sessions *sessions, int64_t uid, const struct web_session *after)
{
	struct web_session *session =
	    after == NULL ? TAILQ_LAST(&sessions->by_use, web_session_list) : TAILQ_PREV(after, web_session_list, by_use);

	while (session != NULL && session->uid != uid)
		session = TAILQ_PREV(session, web_session_list, by_use);
	return session;
}
