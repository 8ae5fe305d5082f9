/*
 * sender: gives messages to other servers, by a smarthost or by MX.
 *
 * The listener forks a session for each connection of queue-manager. It reads nothing itself.
 */
#include "common/net/listen.h"
#include "common/net/tls.h"
#include "sender/session.h"

static int prepare_sandbox(struct sandbox *sandbox, const struct instance *instance, struct err *err)
{
	char folder[INSTANCE_PATH_MAX + 128];

	if (sandbox_init(sandbox, SANDBOX_CONNECT, err) != 0)
		return -1;
	instance_path(folder, sizeof folder, instance->state, "settings");
	if (sandbox_allow(sandbox, folder, SANDBOX_READ, err) != 0)
		return -1;
	return sandbox_prepare(sandbox, err);
}

int main(int argc, char **argv)
{
	static const char *const sockets[] = {"from-queue-manager", NULL};
	static struct daemon daemon;
	static struct session_parent parent = {.daemon = &daemon};
	const struct listen_hooks hooks = {.session = session_run, .context = &parent, .max_sessions = 1};
	struct err err;

	daemon_start(&daemon, argc, argv, "sender");
	parent.tls = tls_client_context(&err);
	if (parent.tls == NULL || prepare_sandbox(&parent.sandbox, &daemon.instance, &err) != 0)
		daemon_fail(&err);
	if (listen_run(&daemon, sockets, &hooks, &err) != 0)
		daemon_fail(&err);
	return 0;
}
