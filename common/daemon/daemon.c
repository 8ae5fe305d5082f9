#include "common/daemon/daemon.h"

#include "common/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { FIRST_HANDED_FD = 3 }; /* sd_listen_fds(3) */

static int notify_fd = -1; /* to who started us, until daemon_ready */

static void print_help(const char *name)
{
	printf("usage: %s [-C DIR]\n\nA daemon of Postroom, started by \"postroom run\" or systemd; see %s(8).\n", name,
	       name);
}

static const char *read_arguments(int argc, char **argv, const char *name)
{
	const char *dir = NULL;
	int option = 1;

	for (; option < argc; option++) {
		if (strcmp(argv[option], "--help") == 0) {
			print_help(name);
			exit(0);
		}
		if (strcmp(argv[option], "--version") == 0) {
			printf("%s %s\n", name, POSTROOM_VERSION);
			exit(0);
		}
		if (strcmp(argv[option], "-C") != 0 || option + 1 == argc)
			break;
		dir = argv[++option];
	}
	if (option < argc) {
		fprintf(stderr, "%s: unknown argument %s\nusage: %s [-C DIR]\n", name, argv[option], name);
		exit(2);
	}
	return dir;
}

/* The descriptors from 3 on, with the names that stand in LISTEN_FDNAMES. */
static void take_sockets(struct daemon *daemon)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS"), *names = getenv("LISTEN_FDNAMES");
	struct str rest = str_of(names);
	uint64_t count, whose;

	if (pid == NULL || fds == NULL || !str_to_u64(str_of(pid), INT32_MAX, &whose) || (pid_t)whose != getpid() ||
	    !str_to_u64(str_of(fds), DAEMON_MAX_SOCKETS, &count))
		return;
	for (int i = 0; i < (int)count; i++) {
		struct daemon_socket *socket = &daemon->sockets[i];
		struct str name = rest.data != NULL ? str_cut(&rest, ':') : STR("unknown");

		socket->fd = FIRST_HANDED_FD + i;
		str_copy(name, socket->name, sizeof socket->name);
		fcntl(socket->fd, F_SETFD, FD_CLOEXEC);
	}
	daemon->socket_count = (int)count;
}

/* Connect to who wants to know how we are; -1: nobody does, or it failed, which is logged. */
static int connect_notify(const char *name)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;

	if (path == NULL || strlen(path) >= sizeof address.sun_path)
		return -1;
	str_copy(str_of(path), address.sun_path, sizeof address.sun_path);
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address,
	                       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path))) == 0)
		return fd;
	log_warning("%s cannot reach %s: %s", name, path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

void daemon_start(struct daemon *daemon, int argc, char **argv, const char *name)
{
	const char *dir = read_arguments(argc, argv, name);
	const char *supervisor = getenv("POSTROOM_SUPERVISOR");
	struct err err;

	*daemon = (struct daemon){.name = name, .argv = argv};
	log_open(name);
	umask(027);
	signal(SIGPIPE, SIG_IGN);
	/* "postroom run" gives its pid; systemd does not, and looks after its children itself */
	if (supervisor != NULL)
		daemon_follow_parent((pid_t)strtol(supervisor, NULL, 10));
	prctl(PR_SET_NAME, name); /* it was executed by descriptor, which is no name */
	take_sockets(daemon);
	notify_fd = connect_notify(name); /* now, since a sandbox may forbid it later */
	if (instance_open(&daemon->instance, dir, &err) != 0)
		daemon_fail(&err);
}

int daemon_socket_next(const struct daemon *daemon, const char *name, int *index)
{
	while (++*index < daemon->socket_count)
		if (strcmp(daemon->sockets[*index].name, name) == 0)
			return daemon->sockets[*index].fd;
	return -1;
}

int daemon_socket(const struct daemon *daemon, const char *name)
{
	int index = -1;

	return daemon_socket_next(daemon, name, &index);
}

void daemon_ready(const struct daemon *daemon)
{
	if (notify_fd < 0)
		return;
	if (send(notify_fd, "READY=1", 7, MSG_NOSIGNAL) < 0)
		log_warning("%s cannot tell that it is ready: %s", daemon->name, strerror(errno));
	close(notify_fd);
	notify_fd = -1;
}

/* One notice, with a descriptor where it is not -1. */
static void notify(const struct daemon *daemon, struct str text, int fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {{0}};
	struct iovec part = {(char *)(uintptr_t)text.data, text.len};
	struct msghdr packet = {.msg_iov = &part, .msg_iovlen = 1};
	int to = connect_notify(daemon->name);

	if (to < 0)
		return;
	if (fd >= 0) {
		packet.msg_control = control.bytes;
		packet.msg_controllen = sizeof control.bytes;
		control.align =
		    (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof fd)};
		memcpy(CMSG_DATA(&control.align), &fd, sizeof fd);
	}
	if (sendmsg(to, &packet, MSG_NOSIGNAL) < 0)
		log_warning("%s cannot notify who started it: %s", daemon->name, strerror(errno));
	close(to);
}

void daemon_keep_socket(const struct daemon *daemon, int fd, const char *name)
{
	char text[DAEMON_SOCKET_NAME + 32];

	snprintf(text, sizeof text, "FDSTORE=1\nFDNAME=%s", name);
	notify(daemon, str_of(text), fd);
}

void daemon_forget_socket(const struct daemon *daemon, const char *name)
{
	char text[DAEMON_SOCKET_NAME + 32];

	snprintf(text, sizeof text, "FDSTOREREMOVE=1\nFDNAME=%s", name);
	notify(daemon, str_of(text), -1);
}

void daemon_tell(const struct daemon *daemon, const char *text)
{
	char line[512];

	snprintf(line, sizeof line, "STATUS=%s", text);
	notify(daemon, str_of(line), -1);
}

void daemon_fail(const struct err *err)
{
	log_error("%s", err->text);
	exit(1);
}

void daemon_follow_parent(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent) /* it died before that took effect */
		exit(0);
}
