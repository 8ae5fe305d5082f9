/*
 * syslog: lines for the system's log, by its local socket or by UDP (RFC 5424, RFC 5426), without waiting.
 *
 * Opened before the sandbox. A datagram that the receiver does not take at once is dropped, as is one that finds
 * nobody. By the local socket the old form goes (RFC 3164, without the host's name), which is what such sockets
 * understand.
 */
#ifndef POSTROOM_DAEMON_SYSLOG_H
#define POSTROOM_DAEMON_SYSLOG_H

#include "common/daemon/instance.h"

#include <sys/un.h>

enum {
	SYSLOG_FACILITY = 2,    /* mail */
	SYSLOG_LINE_MAX = 2000, /* octets of a line; the rest is cut off (RFC 5424 6.1 wants 480 at least) */
	SYSLOG_CRITICAL = 2,
	SYSLOG_ERROR = 3,
	SYSLOG_WARNING = 4,
	SYSLOG_NOTICE = 5,
	SYSLOG_INFO = 6,
	SYSLOG_DEBUG = 7,
};

struct syslog {
	int fd;       /* -1: not wanted */
	bool is_unix; /* the local socket, by its name, so that a new one in its place is found */
	struct sockaddr_un local;
	bool instead_of_files;
	char host[256]; /* this machine's name */
};

/* As the instance's [log] section says; nothing is opened where it says "file". -1: ERR_SYSTEM, ERR_SYNTAX; files are
 * to be written then. */
int syslog_open(struct syslog *syslog, const struct instance *instance, struct err *err);
/* One line without its end; name: which log ("security"), "" for postroom.log. */
void syslog_send(const struct syslog *syslog, const char *name, int severity, struct str line);

#endif
