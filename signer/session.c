#include "signer/signer.h"

#include "common/base/log.h"

#include <sys/socket.h>
#include <unistd.h>

enum { DESCRIPTORS_MAX = 64 };

static bool is_allowed(int fd, const struct instance *instance)
{
	struct err err;
	uid_t uid;
	gid_t gid;

	if (instance_user(instance, "queue-manager", &uid, &gid, &err) != 0) {
		log_error("%s", err.text);
		return false;
	}
	return ipc_peer_is(fd, uid);
}

static void __attribute__((noreturn)) keep(int fd, int connection, const struct signer_parent *parent, pid_t reader)
{
	struct err err;

	daemon_follow_parent(reader);
	close(connection);
	if (sandbox_limit(0, 0, DESCRIPTORS_MAX, &err) != 0 || sandbox_enter(&parent->keeper, &err) != 0) {
		log_error("the keeper of the keys cannot begin: %s", err.text);
		_exit(1);
	}
	keys_serve(fd, parent->folder);
	_exit(0);
}

/* Two processes from one: this one goes on without keys. -1: ERR_SYSTEM. */
static int part(int connection, struct signer_parent *parent, struct ipc_channel *keeper, struct err *err)
{
	pid_t self = getpid(), pid;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return err_system(err, "cannot make a pair of sockets");
	pid = fork();
	if (pid < 0)
		return err_system(err, "cannot fork the keeper of the keys");
	if (pid == 0) {
		close(pair[0]);
		keep(pair[1], connection, parent, self);
	}
	close(pair[1]);
	close(parent->folder);
	sandbox_free(&parent->keeper);
	*keeper = (struct ipc_channel){.fd = pair[0]};
	return sandbox_limit(0, 0, DESCRIPTORS_MAX, err) != 0 ? -1 : sandbox_enter(&parent->reader, err);
}

/* The answer to one request; a keeper that ended takes the session with it. */
static int answer(int fd, struct ipc_message *request, uint32_t sequence, struct ipc_channel *keeper)
{
	struct ipc_message reply;
	struct err err;
	int result;

	ipc_message_init(&reply);
	if (message_sign(request, keeper, &reply, &err) != 0) {
		log_error("a message cannot be signed now: %s", err.text);
		ipc_reply_error(&reply, &err);
	}
	result = ipc_send(fd, &reply, sequence, &err);
	if (result != 0)
		log_error("queue-manager cannot be told the signatures: %s", err.text);
	ipc_message_free(&reply);
	return keeper->fd >= 0 ? result : -1;
}

int session_run(int fd, const struct listen_origin *origin, void *context)
{
	struct signer_parent *parent = context;
	struct ipc_channel keeper;
	struct ipc_message request;
	uint32_t sequence;
	struct err err;
	int result;

	(void)origin;
	if (!is_allowed(fd, &parent->daemon->instance))
		return 1;
	if (part(fd, parent, &keeper, &err) != 0) {
		log_error("a session cannot begin: %s", err.text);
		return 1;
	}
	ipc_message_init(&request);
	while ((result = ipc_receive(fd, &request, &sequence, -1, &err)) > 0)
		if (answer(fd, &request, sequence, &keeper) != 0)
			break;
	if (result < 0)
		log_error("queue-manager cannot be understood: %s", err.text);
	ipc_message_free(&request);
	ipc_close(&keeper);
	return 0;
}
