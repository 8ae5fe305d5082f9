/*
 * listen: one process for each connection, with limits.
 *
 * The listener waits on its sockets, accepts, forks; the child calls the session function with the connection's
 * descriptor and ends with its return value. The listener never reads a byte of a connection.
 * Unix sockets are handed to it. Sockets of network services it binds itself, as the settings say where each service is
 * bound, and follows them: configd tells it of a change (doc/ipc.md), and asks before whether an address is free. Each
 * is given to who started us (daemon_keep_socket), so that connections wait while a listener that died is started
 * again. A socket that is not wanted any more is shut down, so it is closed for whoever else holds it, too. What was
 * handed down under a service's own name belongs to that service beside its bindings.
 * A session that dies by a signal makes the listener log it and execute itself again (a fresh address layout) before it
 * forks the next; sockets stay open and sessions that run go on, and go on being counted.
 *
 * The listener itself is in the base of the sandbox (common/net/sandbox.h), which its sessions inherit; it must stay
 * outside profiles (each execution would add another layer). It parses nothing but published settings. The right to
 * bind low ports, which it may have, its sessions give up as they enter their profile.
 */
#ifndef POSTROOM_NET_LISTEN_H
#define POSTROOM_NET_LISTEN_H

#include "common/daemon/daemon.h"
#include "common/settings/settings.h"

#include <sys/types.h>

#define LISTEN_GUEST "guest"     /* the service of a session that another one asked for (bell_fork) */
enum { LISTEN_GUESTS_MAX = 32 }; /* that one session may have at a time */

/* How a connection came. */
struct listen_origin {
	int64_t service;  /* the number of a network service; 0: by a Unix socket, or asked for by another session */
	const char *name; /* the service's label, the Unix socket's name, LISTEN_GUEST; valid in the session, too */
};

/* How many sessions may run beside that of a new connection to a network service. Zeroed: any number. */
struct listen_limits {
	bool counts;          /* false: it is neither limited nor counted among the others */
	long max_sessions;    /* of the service, those with kept places included; 0: any */
	long reserved;        /* of these, kept for some clients */
	bool has_reserved;    /* this client is one of them: takes a kept place first, then one of the rest */
	long max_per_address; /* 0: any; an IPv6 address counts as its /64 */
};

struct listen_hooks {
	/* In the listener, before each fork: look at settings and certificates again. May be NULL. */
	void (*refresh)(void *context);
	/* In the listener, before it is decided whether a connection becomes a session: fill in its limits, which are
	 * zeroed before. May be NULL: no limits but max_sessions. */
	void (*limits)(int fd, const struct listen_origin *origin, struct listen_limits *limits, void *context);
	/* In the listener, before all that: true where the connection to a network service was refused at once, without
	 * waiting for anything; it is closed. May be NULL. */
	bool (*turns_away)(int fd, const struct listen_origin *origin, void *context);
	/*
	 * In the listener, before the fork of a session (not of a refusal or a question): make what the session must not be
	 * able to make itself, and what costs less here, where the pages are mapped already. Must not read from fd nor keep
	 * it. May be NULL.
	 */
	void (*prepare)(int fd, const struct listen_origin *origin, void *context);
	/* In the child. The return value is the exit status. */
	int (*session)(int fd, const struct listen_origin *origin, void *context);
	/* In the listener, where a limit refuses the connection, which is closed then: say why in the protocol's words in
	 * one line, without waiting. per_address: too many from this address, not too many altogether. May be NULL. */
	void (*refuse)(int fd, const struct listen_origin *origin, bool per_address, void *context);
	void *context;
	const struct settings *settings; /* that refresh looks at again, where network services are served; else NULL */
	bool bells;        /* sessions tell each other of changes, and may ask for others (common/net/bell.h) */
	long max_sessions; /* altogether */
};

/*
 * Serve the network services of this daemon, and the Unix sockets of these names (NULL at the end). What comes by a
 * socket named "from-..." is a question of another program: it is answered by a session too, but never limited nor
 * counted; those of configd are answered here, never by the session function. Who started us is told that we are ready
 * (daemon_ready) when all is bound; what cannot be is logged, told (daemon_tell), and tried again every few seconds.
 * Returns 0 only on SIGTERM: accepting ends, sessions get SIGTERM. -1: ERR_NOT_FOUND (no socket of these names, not one
 * service could be bound), ERR_SYSTEM.
 */
int listen_run(const struct daemon *daemon, const char *const *names, const struct listen_hooks *hooks,
               struct err *err);

/* In a session: how many sessions (without questions) ran when it began, itself included where it counts. */
long listen_session_count(void);
/* In a session: how many sessions of its service its client's address has, as they are limited, itself included. */
long listen_address_count(void);
/*
 * For a question of an administrator (listen_answer.h): send SIGTERM to a session of the same listener, by its process.
 * -1: ERR_NOT_FOUND (it is none, or has ended), ERR_SYSTEM.
 */
int listen_end_session(pid_t pid, struct err *err);
/* In a session: its line of the bell, -1 where there is none. */
int listen_bell(void);

#endif
