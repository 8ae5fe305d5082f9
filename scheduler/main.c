/*
 * scheduler: see scheduler.h.
 */
#include "scheduler/scheduler.h"

#include "common/net/sandbox.h"
#include "common/notice/notice.h"
#include "common/script/script.h"

#include <signal.h>

static void on_stop(evutil_socket_t signal_number, short what, void *context)
{
	(void)signal_number, (void)what;
	event_base_loopbreak(context);
}

static int enter_sandbox(const struct instance *instance, struct err *err)
{
	char settings[INSTANCE_PATH_MAX + 128], state[INSTANCE_PATH_MAX + 128];
	struct sandbox sandbox;
	int result;

	instance_path(settings, sizeof settings, instance->state, "settings");
	instance_path(state, sizeof state, instance->state, "schedule");
	if (sandbox_init(&sandbox, SANDBOX_ACCEPT | SANDBOX_UNIX | SANDBOX_LOCK_OWNER | SANDBOX_FORK | SANDBOX_SIGNAL,
	                 err) != 0)
		return -1;
	result = sandbox_allow(&sandbox, settings, SANDBOX_READ, err) != 0 || script_allow(&sandbox, instance, err) != 0 ||
	                 sandbox_allow(&sandbox, state, SANDBOX_WRITE, err) != 0 || sandbox_prepare(&sandbox, err) != 0
	             ? -1
	             : sandbox_enter(&sandbox, err);
	sandbox_free(&sandbox);
	return result;
}

int main(int argc, char **argv)
{
	static struct scheduler scheduler;
	static struct daemon daemon;
	int commands;
	struct err err;

	daemon_start(&daemon, argc, argv, "scheduler");
	tzset(); /* the file of the time zone is read before the sandbox */
	scheduler.instance = &daemon.instance;
	if (hook_runner_start(&daemon, &commands, &err) != 0 || keeper_start(&daemon, &err) != 0)
		daemon_fail(&err);
	scheduler.base = event_base_new();
	if (scheduler.base == NULL) {
		err_set(&err, ERR_SYSTEM, "cannot make an event loop");
		daemon_fail(&err);
	}
	arena_init(&scheduler.arena);
	if (settings_open(&scheduler.settings, scheduler.instance, true, &err) != 0)
		daemon_fail(&err);
	if (script_runs_new(&scheduler.script_runs, scheduler.base, scheduler.instance, &err) != 0)
		daemon_fail(&err);
	scheduler.hooks = hooks_new(scheduler.base, commands);
	scheduler.queue_manager = ipc_client_new(scheduler.base, scheduler.instance, "queue-manager", "scheduler");
	scheduler.collector = ipc_client_new(scheduler.base, scheduler.instance, "collector", "scheduler");
	scheduler.statusd = ipc_client_new(scheduler.base, scheduler.instance, "statusd", "scheduler");
	scheduler.historyd = ipc_client_new(scheduler.base, scheduler.instance, "historyd", "scheduler");
	scheduler.notices = notices_new(scheduler.base, scheduler.instance, "scheduler");
	scheduler_refresh(&scheduler);
	state_load(&scheduler);
	ticks_start(&scheduler);
	event_add(evsignal_new(scheduler.base, SIGTERM, on_stop, scheduler.base), NULL);
	event_add(evsignal_new(scheduler.base, SIGINT, on_stop, scheduler.base), NULL);
	if (ipc_serve(scheduler.base, &daemon, request_take, NULL, &scheduler, &err) != 0 ||
	    enter_sandbox(scheduler.instance, &err) != 0)
		daemon_fail(&err);
	daemon_ready(&daemon);
	event_base_dispatch(scheduler.base);
	return 0;
}
