/*
 * filterd: see filterd.h.
 */
#include "filterd/hooks.h"

#include "common/mime/text.h"
#include "common/script/script.h"

#include <signal.h>
#include <sys/stat.h>

static void on_stop(evutil_socket_t signal_number, short what, void *context)
{
	struct filterd *filterd = context;

	(void)signal_number, (void)what;
	event_base_loopbreak(filterd->base);
}

/* What a worker may: read settings, scripts and charsets, and tell of a script's errors. */
static int prepare_worker_sandbox(struct filterd *filterd, struct err *err)
{
	const struct instance *instance = &filterd->daemon.instance;
	char settings[INSTANCE_PATH_MAX + 128];
	struct sandbox *sandbox = &filterd->worker_sandbox;

	instance_path(settings, sizeof settings, instance->state, "settings");
	if (sandbox_init(sandbox, 0, err) != 0)
		return -1;
	return sandbox_allow(sandbox, settings, SANDBOX_READ, err) != 0 || script_allow(sandbox, instance, err) != 0 ||
	               sandbox_allow(sandbox, MIME_CHARSET_FOLDER, SANDBOX_READ, err) != 0 ||
	               sandbox_prepare(sandbox, err) != 0
	           ? -1
	           : 0;
}

static int enter_sandbox(const struct instance *instance, struct err *err)
{
	char settings[INSTANCE_PATH_MAX + 128], drop[INSTANCE_PATH_MAX + 128];
	struct sandbox sandbox;
	int result;

	instance_path(settings, sizeof settings, instance->state, "settings");
	instance_path(drop, sizeof drop, instance->spool, "filterd");
	if (sandbox_init(&sandbox, SANDBOX_ACCEPT | SANDBOX_UNIX | SANDBOX_FORK | SANDBOX_SIGNAL, err) != 0)
		return -1;
	result = sandbox_allow(&sandbox, settings, SANDBOX_READ, err) != 0 ||
	                 sandbox_allow(&sandbox, drop, SANDBOX_WRITE, err) != 0 ||
	                 script_allow(&sandbox, instance, err) != 0 ||
	                 sandbox_allow(&sandbox, MIME_CHARSET_FOLDER, SANDBOX_READ, err) != 0 ||
	                 sandbox_prepare(&sandbox, err) != 0 || sandbox_enter(&sandbox, err) != 0
	             ? -1
	             : 0;
	sandbox_free(&sandbox);
	return result;
}

int main(int argc, char **argv)
{
	static struct filterd filterd;
	struct err err;

	daemon_start(&filterd.daemon, argc, argv, "filterd");
	umask(007); /* queue-manager gives names to files that are its group's */
	if (hooks_start(&filterd, &err) != 0)
		daemon_fail(&err);
	filterd.base = event_base_new();
	hooks_listen(&filterd);
	filterd.workers = worker_pool_new(filterd.base, WORKERS_MAX, WORKER_MS);
	mime_charset_preload();
	if (settings_open(&filterd.settings, &filterd.daemon.instance, false, &err) != 0 ||
	    spool_drop_open(&filterd.drop, &filterd.daemon.instance, "filterd", &err) != 0 ||
	    prepare_worker_sandbox(&filterd, &err) != 0)
		daemon_fail(&err);
	filterd.notices = notices_new(filterd.base, &filterd.daemon.instance, "filterd");
	event_add(evsignal_new(filterd.base, SIGTERM, on_stop, &filterd), NULL);
	event_add(evsignal_new(filterd.base, SIGINT, on_stop, &filterd), NULL);
	if (ipc_serve(filterd.base, &filterd.daemon, requests_take, NULL, &filterd, &err) != 0 ||
	    enter_sandbox(&filterd.daemon.instance, &err) != 0)
		daemon_fail(&err);
	daemon_ready(&filterd.daemon);
	event_base_dispatch(filterd.base);
	worker_pool_free(filterd.workers);
	settings_close(&filterd.settings);
	return 0;
}
