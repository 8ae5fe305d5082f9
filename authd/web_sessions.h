/*
 * authd/web_sessions: who is logged in by the web.
 *
 * A session is a random text (the cookie) and what it stands for. In memory only: a restart logs everybody out, but for
 * browsers that are remembered (web_tokens.h). It ends when nobody used it for as long as the setting web.session-idle
 * says. WEB_SESSIONS_MAX in all and WEB_SESSIONS_OF_USER of a user; the one that was not used for longest makes room.
 */
#ifndef POSTROOM_AUTHD_WEB_SESSIONS_H
#define POSTROOM_AUTHD_WEB_SESSIONS_H

#include "common/base/str.h"

#include <sys/queue.h>

enum {
	WEB_TEXT_LEN = 43, /* characters of 6 random bits: 258 */
	WEB_PEER_MAX = 64,
	WEB_SERVICE_MAX = 16,
	WEB_AGENT_MAX = 120,
	WEB_SESSIONS_MAX = 20000,
	WEB_SESSIONS_OF_USER = 50,
	WEB_SESSION_BUCKETS = 4096,
};

struct web_session {
	LIST_ENTRY(web_session) bucket;
	TAILQ_ENTRY(web_session) by_use;
	char text[WEB_TEXT_LEN + 1];
	char csrf[WEB_TEXT_LEN + 1]; /* what a page sends with each change, so that no other site's page can */
	int64_t number;              /* what lists call it */
	int64_t uid;
	char peer[WEB_PEER_MAX];       /* where it was begun */
	char service[WEB_SERVICE_MAX]; /* by which it was begun */
	char agent[WEB_AGENT_MAX];     /* what the browser calls itself */
	int64_t remembered;            /* the token of the browser (web_tokens.h); 0: none */
	int64_t begun;                 /* seconds since 1970 */
	int64_t confirmed_ms;          /* when the password was given last (io_now_ms); -1: never */
	int64_t opened_ms;             /* the same of Message Security's (guard.c) */
	int64_t used_ms;
};

struct web_sessions {
	TAILQ_HEAD(web_session_list, web_session) by_use; /* the one that was not used for longest first */
	LIST_HEAD(web_session_bucket, web_session) buckets[WEB_SESSION_BUCKETS];
	size_t count;
	int64_t last_number;
};

/* A text of WEB_TEXT_LEN random letters, digits, '-' and '_' (those of base64url), terminated. */
void web_text_random(char out[WEB_TEXT_LEN + 1]);

void web_sessions_init(struct web_sessions *sessions);
void web_sessions_free(struct web_sessions *sessions);

/* Begin one; what else is known of it the caller fills in. */
struct web_session *web_sessions_add(struct web_sessions *sessions, int64_t uid, int64_t now_ms);
/* The session of a text; NULL: there is none, or it was not used for idle_ms. */
struct web_session *web_sessions_find(struct web_sessions *sessions, struct str text, int64_t idle_ms, int64_t now_ms);
/* It is used now. */
void web_sessions_touch(struct web_sessions *sessions, struct web_session *session, int64_t now_ms);
void web_sessions_end(struct web_sessions *sessions, struct web_session *session);
/* All of a user; where remembered is not 0, those of that token alone. Returns how many. */
size_t web_sessions_end_user(struct web_sessions *sessions, int64_t uid, int64_t remembered);
/* The sessions of a user from a place on, the latest used first; start with NULL, NULL is the end. */
struct web_session *web_sessions_next(const struct web_sessions *sessions, int64_t uid,
                                      const struct web_session *after);

#endif
