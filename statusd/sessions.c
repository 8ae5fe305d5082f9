#include "statusd/statusd.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/base/memory.h"

#include <time.h>

enum { FIRST_ID = 10000000, FIRST_IDS = 80000000 };

int64_t statusd_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Frees outside of every request: a channel may be closed while one of its requests is being answered. */
static void reap(evutil_socket_t fd, short what, void *context)
{
	struct statusd *statusd = context;
	struct session *session;

	(void)fd, (void)what;
	while ((session = TAILQ_FIRST(&statusd->ended)) != NULL) {
		TAILQ_REMOVE(&statusd->ended, session, all);
		slots_forget(&statusd->slots, &session->slots);
		memory_free(session->user);
		memory_free(session);
	}
}

void sessions_init(struct statusd *statusd)
{
	uint32_t random;

	TAILQ_INIT(&statusd->sessions);
	TAILQ_INIT(&statusd->ended);
	statusd->reap = event_new(statusd->base, -1, 0, reap, statusd);
	/* counted on from a random number, so that an id read before a restart names nobody after it */
	io_random(&random, sizeof random);
	statusd->last_id = FIRST_ID + random % FIRST_IDS;
}

struct session *sessions_get(struct statusd *statusd, const struct ipc_incoming *incoming)
{
	struct session *session = ipc_peer_data(incoming->peer);

	if (session != NULL)
		return session;
	session = memory_get(sizeof *session);
	session->peer = incoming->peer;
	session->program = incoming->caller;
	session->pid = ipc_peer_pid(incoming->peer);
	session->id = ++statusd->last_id;
	session->begin = statusd_time();
	ipc_peer_set_data(incoming->peer, session);
	TAILQ_INSERT_TAIL(&statusd->sessions, session, all);
	statusd->session_count++;
	return session;
}

bool sessions_begin(struct session *session, struct str service, struct str peer, bool tls)
{
	if (session->service[0] != '\0' || service.len == 0 || !status_text_is_clean(service, SERVICE_MAX - 1) ||
	    !status_text_is_clean(peer, PEER_MAX - 1))
		return false;
	str_copy(service, session->service, sizeof session->service);
	str_copy(peer, session->address, sizeof session->address);
	session->tls = tls;
	return true;
}

void sessions_record(const struct session *session, struct status_record *record)
{
	*record = (struct status_record){
	    .id = session->id,
	    .program = str_of(session->program),
	    .pid = session->pid,
	    .service = str_of(session->service),
	    .peer = str_of(session->address),
	    .user = str_of(session->user),
	    .uid = session->uid,
	    .tls = session->tls,
	    .begin = session->begin,
	    .messages = session->messages,
	};
}

static void record_end(struct statusd *statusd, const struct session *session)
{
	struct status_record record;
	struct buf line;

	sessions_record(session, &record);
	record.end = statusd_time();
	buf_init(&line, STATUS_RECORD_MAX);
	status_record_format(&record, &line);
	feed_add(statusd->history, "session", buf_str(&line));
	buf_free(&line);
}

static void end(struct statusd *statusd, struct session *session)
{
	if (session->service[0] != '\0' && !session->handed)
		record_end(statusd, session);
	session->peer = NULL;
	TAILQ_REMOVE(&statusd->sessions, session, all);
	TAILQ_INSERT_TAIL(&statusd->ended, session, all);
	statusd->session_count--;
	event_active(statusd->reap, EV_TIMEOUT, 0);
}

void sessions_gone(struct ipc_peer *peer, void *context)
{
	struct session *session = ipc_peer_data(peer);

	if (session != NULL)
		end(context, session);
}

void sessions_end_all(struct statusd *statusd)
{
	struct session *session;

	while ((session = TAILQ_FIRST(&statusd->sessions)) != NULL) {
		ipc_peer_set_data(session->peer, NULL);
		end(statusd, session);
	}
}
