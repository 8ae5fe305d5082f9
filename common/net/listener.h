/*
 * listener: what the files of listen share; for nobody else.
 */
#ifndef POSTROOM_NET_LISTENER_H
#define POSTROOM_NET_LISTENER_H

#include "common/net/bell.h"
#include "common/net/listen.h"

#include <poll.h>
#include <signal.h>
#include <sys/types.h>

enum listener_session_kind {
	LISTENER_SESSION,
	LISTENER_REFUSAL,  /* says why it is refused */
	LISTENER_QUESTION, /* of another program */
	LISTENER_GUEST,    /* that a session asked for */
};

struct listener_session {
	pid_t pid;
	enum listener_session_kind kind;
	unsigned char address[16]; /* IPv6 network, IPv4 mapped; all 0: not limited by address */
	pid_t parent;              /* a guest's: who asked for it */
};

/* Places in listener->waits. */
enum {
	LISTENER_SIGNALS,
	LISTENER_BELL, /* fd -1 where the sessions have none */
	LISTENER_SOCKETS,
};

struct listener {
	const struct daemon *daemon;
	const struct listen_hooks *hooks;
	pid_t pid;
	struct pollfd waits[LISTENER_SOCKETS + DAEMON_MAX_SOCKETS];
	const char *services[LISTENER_SOCKETS + DAEMON_MAX_SOCKETS];
	nfds_t wait_count;
	sigset_t mask_before;
	struct bell_hub *bells; /* NULL: none */
	struct listener_session *sessions;
	size_t session_count;
	size_t session_room;
	size_t of_kind[LISTENER_GUEST + 1];
	int64_t accept_from_ms; /* accepting rests until then, for want of descriptors or processes */
	bool crashed;           /* a session died by a signal */
	bool stopping;
};

/* The table of sessions. */
void listener_add(struct listener *listener, const struct listener_session *session);
void listener_remove(struct listener *listener, pid_t pid);
size_t listener_count_address(const struct listener *listener, const unsigned char address[16]);

/* In the child: the table as it is now is what listen_end_session looks at. */
void listener_inherit(const struct listener *listener);

/* Execute this program again with the same arguments, sockets and children. Returns only where that fails: -1. */
int listener_execute_again(struct listener *listener, struct err *err);
/* After that: take the table of sessions over. */
void listener_take_over(struct listener *listener);

#endif
