#include "configd/access.h"
#include "configd/scripts.h"

#include "common/base/log.h"
#include "common/daemon/daemon.h"
#include "common/net/sandbox.h"

#include <signal.h>

static void told_to_end(evutil_socket_t fd, short what, void *base)
{
	(void)fd, (void)what;
	event_base_loopexit(base, NULL);
}

/* Its own two folders, that of scripts which administrators put down, the sockets it was handed, and authd's socket:
 * nothing else. */
static int enter_sandbox(const struct instance *instance, struct err *err)
{
	char path[INSTANCE_PATH_MAX + 128];
	struct sandbox sandbox;
	int result;

	if (sandbox_init(&sandbox, SANDBOX_UNIX | SANDBOX_ACCEPT | SANDBOX_LOCK_OWNER | SANDBOX_WATCH, err) != 0)
		return -1;
	result = sandbox_allow(&sandbox, instance_path(path, sizeof path, instance->state, "config"), SANDBOX_WRITE, err);
	if (result == 0)
		result =
		    sandbox_allow(&sandbox, instance_path(path, sizeof path, instance->state, "settings"), SANDBOX_WRITE, err);
	if (result == 0)
		result = script_drop_allow(&sandbox, instance, err);
	if (result == 0)
		result = sandbox_prepare(&sandbox, err);
	if (result == 0)
		result = sandbox_enter(&sandbox, err);
	sandbox_free(&sandbox);
	return result;
}

int main(int argc, char **argv)
{
	struct event_base *base = event_base_new();
	struct event *terminate = evsignal_new(base, SIGTERM, told_to_end, base);
	struct daemon daemon;
	struct config config;
	struct err err;

	daemon_start(&daemon, argc, argv, "configd");
	evsignal_add(terminate, NULL);
	if (config_open(&config, &daemon.instance, &err) != 0 || access_begin(&config, &err) != 0 ||
	    publish_start(&config, &err) != 0)
		daemon_fail(&err);
	config.authd = ipc_client_new(base, &daemon.instance, "authd", "configd");
	config.statusd = ipc_client_new(base, &daemon.instance, "statusd", "configd");
	config.deliver = ipc_client_new(base, &daemon.instance, "deliver", "configd");
	config.notices = notices_new(base, &daemon.instance, "configd");
	for (int i = 0; i < CONFIG_LISTENERS; i++)
		config.listeners[i] = ipc_client_new(base, &daemon.instance, service_types[i].program, "configd");
	if (ipc_serve(base, &daemon, request_take, NULL, &config, &err) != 0 || enter_sandbox(&daemon.instance, &err) != 0)
		daemon_fail(&err);
	resets_start(&config, base);
	mailboxes_start(&config, base);
	script_drop_start(&config, base);
	daemon_ready(&daemon);
	event_base_dispatch(base);
	ipc_client_free(config.authd);
	ipc_client_free(config.statusd);
	ipc_client_free(config.deliver);
	notices_free(config.notices);
	for (int i = 0; i < CONFIG_LISTENERS; i++)
		ipc_client_free(config.listeners[i]);
	config_close(&config);
	event_free(terminate);
	event_base_free(base);
	return 0;
}
