/*
 * bell: sessions of one listener tell each other that something changed.
 *
 * Each session has a line to its listener. It claims one mailbox, once, before it reads a stranger's byte; then it may
 * ring, and the listener rings at all other sessions that claimed the same mailbox, and once at who claims. A ring says
 * that something happened, never what: who hears it looks for itself. Rings that nobody has heard yet are one ring, so
 * who looks has to take them first.
 *
 * The listener reads packets of one fixed size and believes nothing else in them than the kind and a number; a line
 * that sends anything else is closed. A session that was taken over can wake the sessions of its own mailbox, no
 * others. Nothing here waits.
 *
 * A session may also ask for another one beside it (bell_fork), which is not in its sandbox, but gets nothing from it
 * than one descriptor.
 *
 * Other programs (deliver, pop3d) ring by a connection of their own to imapd (doc/ipc.md, `changed`), which a session
 * of the listener answers that claimed BELL_ANY; struct bell_wire is their end.
 */
#ifndef POSTROOM_NET_BELL_H
#define POSTROOM_NET_BELL_H

#include "common/ipc/ipc.h"

#include <sys/types.h>

enum {
	BELL_ANY = 0, /* claimed in place of a mailbox: may ring at each, hears none */
};

/* In a session: its line (listen_bell gives the descriptor; -1: there is none, and all of these do nothing). */
void bell_claim(int line, int64_t mailbox);
/* Ring at all other sessions of the mailbox claimed; or, for who claimed BELL_ANY, at those of any mailbox. */
void bell_ring(int line);
void bell_ring_at(int line, int64_t mailbox);
/* Take the rings that were not heard yet: 1: there were some, 0: none, -1: the line is dead, do not wait for it. */
int bell_take(int line);

/*
 * Ask the listener for another session, on this descriptor, which stays the caller's: the listener forks it as it did
 * this one, outside of this one's sandbox. What it may do is up to what it is told and to what it believes. Where the
 * listener has no room the descriptor's other end is closed. -1: ERR_SYSTEM.
 */
int bell_fork(int line, int fd, struct err *err);

/* In the listener: the lines of all sessions. */
struct bell_hub;
/* fork_session gets what sessions ask for by bell_fork; the descriptor is closed behind it. parent: the process that
 * asks, 0: not known. NULL: ERR_SYSTEM. */
struct bell_hub *bell_hub_new(void (*fork_session)(int fd, pid_t parent, void *context), void *context,
                              struct err *err);
void bell_hub_free(struct bell_hub *hub);
int bell_hub_fd(const struct bell_hub *hub); /* readable: call bell_hub_turn */
void bell_hub_turn(struct bell_hub *hub);
/* A line for a session about to be forked: returns the session's end, which the caller closes after the fork, or -1.
 * The hub's own end closes itself when the session's has. */
int bell_hub_add(struct bell_hub *hub, struct err *err);
/* Whose the line is that was added last. */
void bell_hub_set_process(struct bell_hub *hub, pid_t process);
/* In the session: close what the hub holds, all lines but its own. */
void bell_hub_leave(struct bell_hub *hub);
/* Over an execution of the listener: the lines stay open, and are found again. */
int bell_hub_hand_on(struct bell_hub *hub, struct err *err);
void bell_hub_take_over(struct bell_hub *hub);

/* Another program's end. */
struct bell_wire {
	const struct instance *instance;
	const char *caller; /* "deliver" */
	struct ipc_channel channel;
	int64_t failed_ms; /* when connecting failed; 0: it did not */
};
void bell_wire_init(struct bell_wire *wire, const struct instance *instance, const char *caller);
/* Connect to imapd where that is not done, or no longer; a second after a failure at the earliest, never waiting. */
void bell_wire_keep(struct bell_wire *wire);
/* Say that these mailboxes changed. What imapd does not take at once is not said: its sessions look now and then. */
void bell_wire_ring(struct bell_wire *wire, const int64_t *mailboxes, size_t count);
void bell_wire_close(struct bell_wire *wire);

/* In imapd: serve one connection of deliver or pop3d until it closes. Returns the exit status. */
int bell_answer(int fd, int line);

#endif
