/*
 * instance: where one installation keeps its things, and how it starts.
 *
 * Read from etc/postroom.conf at start only (a change needs a restart). With -C DIR an instance is the tree
 * DIR/{etc,state,spool,log,run}; without it the system's: /etc/postroom, /var/lib/postroom, /var/lib/postroom/spool,
 * /var/log/postroom, /run/postroom.
 */
#ifndef POSTROOM_DAEMON_INSTANCE_H
#define POSTROOM_DAEMON_INSTANCE_H

#include "common/base/err.h"
#include "common/base/str.h"

#include <sys/types.h>
#include <sys/un.h>

enum { INSTANCE_PATH_MAX = 200 };

/* Where logs go. */
enum instance_log { INSTANCE_LOG_FILE, INSTANCE_LOG_SYSLOG, INSTANCE_LOG_BOTH };

struct instance {
	char dir[INSTANCE_PATH_MAX]; /* as given with -C, made absolute; "" for the system's */
	char etc[INSTANCE_PATH_MAX];
	char state[INSTANCE_PATH_MAX];
	char spool[INSTANCE_PATH_MAX];
	char log[INSTANCE_PATH_MAX];
	char run[INSTANCE_PATH_MAX];
	bool separate_users;          /* each daemon runs as its own user (the instance was made by root) */
	unsigned port_offset;         /* added to every default port */
	char bind[256];               /* addresses to listen on, comma separated; "" = all */
	long max_sessions;            /* processes of one listener at a time */
	enum instance_log log_target; /* [log] target */
	char syslog[128];             /* [log] syslog: a path, or ADDRESS[:PORT]; "": the local socket */
	long user_limit;              /* [limits] users: largest number of users, 0 = any */
};

/* Set the paths for dir (NULL: the system's) without reading anything. -1: ERR_LIMIT, ERR_SYSTEM. */
int instance_locate(struct instance *instance, const char *dir, struct err *err);

/* instance_locate, then read etc/postroom.conf. -1: also ERR_SYNTAX ("postroom.conf:12: ..."), ERR_SYSTEM. */
int instance_open(struct instance *instance, const char *dir, struct err *err);

/* Write "<folder>/<name>" into out (INSTANCE_PATH_MAX + 128 bytes at most are ever needed). Returns out. */
const char *instance_path(char *out, size_t size, const char *folder, const char *name);

/*
 * The address of the socket run/<callee>/<caller>.sock. Where the path is longer than an address may be it goes by way
 * of a descriptor of the run folder, which the caller closes when it is done (*folder, else -1). -1: ERR_SYSTEM.
 */
int instance_socket_address(const struct instance *instance, const char *callee, const char *caller,
                            struct sockaddr_un *address, int *folder, struct err *err);

/*
 * The user and group that a program of common/daemon/programs.h runs as in this instance: its own where users are
 * separate, else the caller's own. -1: ERR_NOT_FOUND where the system has no such user.
 */
int instance_user(const struct instance *instance, const char *program, uid_t *uid, gid_t *gid, struct err *err);

#endif
