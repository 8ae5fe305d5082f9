/*
 * listener: what the files of listen share; for nobody else.
 */
#ifndef POSTROOM_NET_LISTENER_H
#define POSTROOM_NET_LISTENER_H

#include "common/net/bell.h"
#include "common/net/endpoint.h"
#include "common/net/listen.h"

#include <poll.h>
#include <signal.h>
#include <sys/types.h>

enum listener_session_kind {
	LISTENER_SESSION,
	LISTENER_QUESTION, /* of another program */
	LISTENER_GUEST,    /* that a session asked for */
};

struct listener_session {
	pid_t pid;
	enum listener_session_kind kind;
	unsigned char address[16]; /* IPv6 network, IPv4 mapped */
	bool counts;               /* for the limits of its service */
	int64_t service;
	bool in_reserved; /* it has a place that is kept for some clients */
	pid_t parent;     /* a guest's: who asked for it */
};

/* Places in listener->waits; behind them the sockets. */
enum {
	LISTENER_SIGNALS,
	LISTENER_BELL, /* fd -1 where the sessions have none */
	LISTENER_SOCKETS,
	LISTENER_SOCKETS_MAX = 128,
};

/* What one socket is for. */
struct listener_place {
	struct listen_origin origin; /* its name is the one below */
	char name[SERVICE_NAME_MAX + 1];
	struct endpoint endpoint; /* of a network service's */
	bool is_handed;           /* one of the daemon's, which stays where it is until the end */
	bool is_fixed;            /* it was handed down under the service's name and is no binding of the settings */
};

struct listener {
	const struct daemon *daemon;
	const struct listen_hooks *hooks;
	pid_t pid;
	struct pollfd waits[LISTENER_SOCKETS + LISTENER_SOCKETS_MAX];
	struct listener_place places[LISTENER_SOCKETS + LISTENER_SOCKETS_MAX]; /* of each wait */
	nfds_t wait_count;
	size_t missing;              /* endpoints that could not be bound */
	int64_t retry_ms;            /* when they are tried again */
	uint64_t generation;         /* of the settings that were followed */
	volatile uint64_t *followed; /* the same, for those who wait for it in their processes */
	sigset_t mask_before;
	struct bell_hub *bells; /* NULL: none */
	struct listener_session *sessions;
	size_t session_count;
	size_t session_room;
	size_t of_kind[LISTENER_GUEST + 1];
	int64_t accept_from_ms; /* accepting rests until then, for want of descriptors or processes */
	bool has_forked;        /* a session, before */
	bool crashed;           /* a session died by a signal */
	bool stopping;
};

/*
 * The sockets of network services: take those that are there over from before (handed down, or from before this program
 * executed itself again); open and close what the settings want, telling of what cannot be bound where they changed
 * since the last time; leave them open over exec.
 */
int listener_take_sockets(struct listener *listener, const char *const *names, struct err *err);
void listener_follow(struct listener *listener);
void listener_hand_bound_on(const struct listener *listener);
/* In the child: close all of them. */
void listener_leave_sockets(const struct listener *listener);
/* In the child: answer configd's questions until it closes the channel. Returns the exit status. */
int listener_answer_configd(const struct listener *listener, int fd);

/* The table of sessions. */
void listener_add(struct listener *listener, const struct listener_session *session);
void listener_remove(struct listener *listener, pid_t pid);
/* How many sessions count for a service: all, those in kept places, those from an address. */
struct listener_counts {
	long all, in_reserved, of_address;
};
struct listener_counts listener_count(const struct listener *listener, const struct listener_session *session);

/* In the child: the table as it is now is what listen_end_session and, for this session, listen_address_count look at.
 */
void listener_inherit(const struct listener *listener, const struct listener_session *session);

/* Execute this program again with the same arguments, sockets and children. Returns only where that fails: -1. */
int listener_execute_again(struct listener *listener, struct err *err);
/* After that: take the table of sessions over. */
void listener_take_over(struct listener *listener);

#endif
