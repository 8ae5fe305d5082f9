/*
 * remote: where mail for other servers goes, and who has a session when.
 *
 * A destination is "mx <domain>" or "relay <sender id>". Each has a line of jobs (one message, up to 100 recipients)
 * and some sessions: connections to sender, of which each is a process of its own. Sessions are given round robin, so
 * that a slow destination delays nobody else; a destination whose line is full has further mail parked in the table.
 * A new destination begins with few sessions and earns more by success; one that cannot be reached rests for a while,
 * and what comes meanwhile shares its fate without a try of its own.
 */
#ifndef POSTROOM_QUEUE_MANAGER_REMOTE_H
#define POSTROOM_QUEUE_MANAGER_REMOTE_H

#include "queue-manager/queue.h"

enum {
	REMOTE_LINE_MAX = 100,       /* jobs in one line; then messages are parked */
	REMOTE_RECIPIENTS_MAX = 100, /* of one transaction, RFC 5321 4.5.3.1.8 */
	REMOTE_PARTS_MAX = 400,      /* deliveries in one job: several may be for one recipient */
	REMOTE_WINDOW_FIRST = 2,     /* sessions to a destination of which nothing is known */
	REMOTE_BUCKETS = 1024,
	REMOTE_NAME_MAX = 300,
};

struct remote_job {
	struct message *message;
	struct remote_destination *destination;
	struct remote_job *next;
	size_t count, recipients;
	struct {
		unsigned delivery;
		unsigned place; /* among the recipients that are named */
	} parts[REMOTE_PARTS_MAX];
};

struct remote_destination {
	char name[REMOTE_NAME_MAX];
	struct remote_destination *next_in_bucket;
	struct remote_destination *next_in_ring; /* all destinations, in the order they are served */
	struct remote_job *first, **last;
	unsigned waiting;   /* jobs in line */
	unsigned sessions;  /* open, busy or idle */
	unsigned window;    /* sessions that it may have */
	bool parked;        /* messages wait in the table */
	int64_t rest_until; /* queue time; could not be reached */
	char *trouble;      /* the answer then */
};

struct remote_session {
	struct remote *remote;
	struct remote_destination *destination;
	struct remote_job *job; /* NULL: idle */
	struct ipc_client *client;
	int64_t idle_since;
	bool broken;
	struct remote_session *next;
};

struct remote {
	struct queue *queue;
	struct remote_destination *buckets[REMOTE_BUCKETS];
	struct remote_destination *ring, **ring_last;
	struct remote_session *sessions;
	unsigned session_count, busy;
	char relay[32]; /* "relay <sender id>", empty: by MX */
	unsigned concurrency, total;
	int64_t rest_ms;
};

/* sessions.c */
void remote_session_start(struct remote *remote, struct remote_destination *destination, struct remote_job *job);
struct remote_session *remote_session_idle(struct remote *remote, const struct remote_destination *destination);
void remote_session_close_idle(struct remote *remote, int64_t now);
/* Close the session idle for longest, to make room for another destination. False: all are busy. */
bool remote_session_make_room(struct remote *remote);

/* remote.c */
void remote_job_put(struct remote_destination *destination, struct remote_job *job, bool in_front);
void remote_job_defer(struct remote_job *job, const char *code, struct str host, struct str words);
void remote_job_end(struct remote_job *job);

#endif
