/*
 * daemon: what every daemon does at its start and end.
 *
 *     struct daemon daemon;
 *
 *     daemon_start(&daemon, argc, argv, "smtpd");   -C DIR, conf, log, the sockets it was handed
 *     ... open what it needs, build the sandbox ...
 *     daemon_ready(&daemon);                        the supervisor (or systemd) hears READY=1
 *
 * Sockets come by LISTEN_FDS (sd_listen_fds(3)), named by LISTEN_FDNAMES: the socket on which a program may ask by
 * "from-<caller>"; what the process before this one had given away to be kept (daemon_keep_socket) by the name it gave;
 * a network service by its own ("smtp", several descriptors may bear it). Nothing is bound here.
 */
#ifndef POSTROOM_DAEMON_DAEMON_H
#define POSTROOM_DAEMON_DAEMON_H

#include "common/daemon/instance.h"
#include "common/daemon/programs.h"

enum { DAEMON_MAX_SOCKETS = 160, DAEMON_SOCKET_NAME = 64 };

struct daemon_socket {
	int fd;
	char name[DAEMON_SOCKET_NAME];
};

struct daemon {
	const char *name;
	struct instance instance;
	struct daemon_socket sockets[DAEMON_MAX_SOCKETS];
	int socket_count;
	char **argv; /* for a listener that executes itself again */
};

/*
 * Read the arguments (-C DIR, --help, --version), the conf file and the handed sockets; open the log; ignore SIGPIPE;
 * umask 027; end when the supervisor dies (PR_SET_PDEATHSIG). On any error: one log line, exit status 2 (usage) or 1.
 */
void daemon_start(struct daemon *daemon, int argc, char **argv, const char *name);

/* The first handed socket of that name, -1 where there is none. daemon_socket_next goes on behind index (start: -1). */
int daemon_socket(const struct daemon *daemon, const char *name);
int daemon_socket_next(const struct daemon *daemon, const char *name, int *index);

/* Tell who started us that requests are taken now (sd_notify(3) protocol). */
void daemon_ready(const struct daemon *daemon);

/*
 * Give a listening socket to who started us, to be kept under this name and handed to the next process of this daemon
 * (sd_notify(3), FDSTORE); or have it forgotten again. Where nobody keeps sockets nothing happens.
 */
void daemon_keep_socket(const struct daemon *daemon, int fd, const char *name);
void daemon_forget_socket(const struct daemon *daemon, const char *name);
/* Tell who started us, in one line, what people should know of us now (sd_notify(3), STATUS). */
void daemon_tell(const struct daemon *daemon, const char *text);

/* Log err and end with status: what cannot be mended by going on. */
void daemon_fail(const struct err *err) __attribute__((noreturn));

/* In a forked child: die when the parent dies. Call first thing after fork, with the parent's pid from before it. */
void daemon_follow_parent(pid_t parent);

#endif
