/*
 * deliver: the process that tells imapd which mailboxes got something (common/net/bell.h).
 *
 * It may connect, which the writer may not: the sockets of its user lead to authd and statusd as well. What it reads is
 * numbers of users, from the writer alone.
 */
#include "deliver/deliver.h"

#include "common/base/log.h"
#include "common/net/bell.h"
#include "common/net/sandbox.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static int confine(struct err *err)
{
	struct sandbox sandbox;
	int result;

	if (sandbox_init(&sandbox, SANDBOX_UNIX, err) != 0)
		return -1;
	result = sandbox_prepare(&sandbox, err);
	if (result == 0)
		result = sandbox_enter(&sandbox, err);
	sandbox_free(&sandbox);
	return result;
}

static __attribute__((noreturn)) void serve(int fd, const struct instance *instance)
{
	struct bell_wire wire;
	int64_t users[BATCH_MAX];
	struct err err;
	ssize_t size;

	if (confine(&err) != 0) {
		log_error("%s", err.text);
		_exit(1);
	}
	bell_wire_init(&wire, instance, "deliver");
	while ((size = recv(fd, users, sizeof users, 0)) > 0 || (size < 0 && errno == EINTR)) {
		if (size < 0)
			continue;
		bell_wire_keep(&wire);
		bell_wire_ring(&wire, users, (size_t)size / sizeof users[0]);
	}
	_exit(0);
}

int ringer_start(const struct daemon *daemon, struct err *err)
{
	pid_t parent = getpid(), child;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return err_system(err, "cannot make a pair of sockets");
	child = fork();
	if (child < 0) {
		close(pair[0]);
		close(pair[1]);
		return err_system(err, "cannot fork");
	}
	if (child == 0) {
		daemon_follow_parent(parent);
		for (int i = 0; i < daemon->socket_count; i++)
			close(daemon->sockets[i].fd);
		close(pair[0]);
		serve(pair[1], &daemon->instance);
	}
	close(pair[1]);
	signal(SIGCHLD, SIG_IGN); /* its end shows at the socket */
	return pair[0];
}

int ringer_tell(int ringer, const int64_t *users, size_t count)
{
	ssize_t sent = send(ringer, users, count * sizeof *users, MSG_DONTWAIT | MSG_NOSIGNAL);

	/* where it is behind, IMAP sessions see the message when they look next */
	return sent >= 0 || errno == EAGAIN ? 0 : -1;
}
