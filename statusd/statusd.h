/*
 * statusd: who is connected, and limits that count across processes.
 *
 * One process, one loop, in memory only. Each session of a service holds a channel; what it said of itself and the
 * slots it has live as long as that. Sessions that ended are told to historyd,
 * events of clients to policyd; neither is waited for. What authd knows of logins goes the same way. Who a session
 * is (the program, its process) is taken from the channel; what it says of itself (peer, user) is believed for the
 * listing alone. A session that was taken over can take a slot of each class, and tell some errors; it hears of no
 * other.
 *
 * Files: requests.c what is asked; sessions.c the list; slots.c the limits; bandwidth.c pools; feed.c what historyd and
 * policyd get; audit.c what authd is asked for.
 */
#ifndef POSTROOM_STATUSD_STATUSD_H
#define POSTROOM_STATUSD_STATUSD_H

#include "common/daemon/daemon.h"
#include "common/ipc/loop.h"
#include "common/status/record.h"
#include "statusd/audit.h"
#include "statusd/bandwidth.h"
#include "statusd/feed.h"
#include "statusd/people.h"
#include "statusd/slots.h"

#include <sys/queue.h>

enum {
	SERVICE_MAX = 32,           /* octets of a service's name with the NUL */
	PEER_MAX = 64,              /* of an address */
	RULES_TOLD_MAX = 10000,     /* by one session */
	BLOCK_MINUTES_MAX = 525600, /* for which a session may have its client blocked */
	SCRIPT_ERRORS_MAX = 20,     /* that one session may tell */
	SECURITY_MAX = 100,         /* the same, of attempts to log in */
	EVENTS_MAX = 5000           /* the same */
};

/* One channel of a session. */
struct session {
	TAILQ_ENTRY(session) all;
	struct ipc_peer *peer; /* NULL: it has ended */
	const char *program;   /* the caller's name, which lives as long as the process */
	pid_t pid;
	int64_t id;
	char service[SERVICE_MAX]; /* "": it has not begun yet, and is not listed */
	char address[PEER_MAX];
	char *user; /* NULL before the login */
	int64_t uid;
	bool tls;
	int64_t messages; /* taken or fetched */
	bool handed;      /* another process goes on with the connection */
	int64_t begin;
	int script_errors, events, rules, attempts; /* told so far */
	struct slot_holder slots;
	int64_t bandwidth_until_ms; /* its slice of a pool begins then */
};

struct statusd {
	struct daemon daemon;
	struct event_base *base;
	struct people people;
	TAILQ_HEAD(session_list, session) sessions; /* by age */
	TAILQ_HEAD(ended_list, session) ended;      /* to be freed at the next turn */
	size_t session_count;
	int64_t last_id;
	struct slots slots;
	struct settings settings;
	struct bandwidth bandwidth;
	struct event *reap;   /* frees what ended */
	struct event *expire; /* the next wait for a slot that is over */
	struct feed *history; /* to historyd */
	struct feed *events;  /* to policyd */
	struct audit *audit;  /* of authd */
};

/* Milliseconds since 1970. */
int64_t statusd_time(void);

/* requests.c: ipc_handler; slots_decided. */
void requests_take(struct ipc_incoming *incoming, void *context);
void requests_decided(void *waiter, bool granted, void *context);
void requests_expire(evutil_socket_t fd, short what, void *context);

/* sessions.c: the session of a channel, made at its first request. */
void sessions_init(struct statusd *statusd);
struct session *sessions_get(struct statusd *statusd, const struct ipc_incoming *incoming);
/* It says what it is; false: that is unusable, or it had begun. Its record, with views into it. */
bool sessions_begin(struct session *session, struct str service, struct str peer, bool tls);
void sessions_record(const struct session *session, struct status_record *record_out);
/* ipc_gone: the session has ended, with all it holds. */
void sessions_gone(struct ipc_peer *peer, void *context);
/* At the end: those who are still there have ended too. */
void sessions_end_all(struct statusd *statusd);

#endif
