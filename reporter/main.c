/*
 * reporter: see reporter.h.
 */
#include "reporter/reporter.h"

#include "common/base/log.h"
#include "common/ipc/loop.h"
#include "common/net/sandbox.h"

#include <signal.h>
#include <time.h>

enum { TURN_S = 300 };

static void on_turn(evutil_socket_t fd, short what, void *context)
{
	(void)fd, (void)what;
	work_turn(context, time(NULL));
}

static void on_request(struct ipc_incoming *incoming, void *context)
{
	struct ipc_message reply;
	struct err err;

	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	if (work_answer(context, &incoming->message, &reply, time(NULL), &err) == 0)
		ipc_answer(incoming, &reply);
	else
		ipc_answer_error(incoming, &err);
	ipc_message_free(&reply);
}

static void on_stop(evutil_socket_t signal_number, short what, void *context)
{
	(void)signal_number, (void)what;
	event_base_loopbreak(context);
}

static int enter_sandbox(const struct instance *instance, struct err *err)
{
	char settings[INSTANCE_PATH_MAX + 128], drop[INSTANCE_PATH_MAX + 128];
	struct sandbox sandbox;
	int result;

	instance_path(settings, sizeof settings, instance->state, "settings");
	instance_path(drop, sizeof drop, instance->spool, "reporter");
	if (sandbox_init(&sandbox, SANDBOX_ACCEPT | SANDBOX_UNIX, err) != 0)
		return -1;
	result = sandbox_allow(&sandbox, settings, SANDBOX_READ, err) != 0 ||
	                 sandbox_allow(&sandbox, drop, SANDBOX_WRITE, err) != 0 ||
	                 script_allow(&sandbox, instance, err) != 0 || sandbox_prepare(&sandbox, err) != 0 ||
	                 sandbox_enter(&sandbox, err) != 0
	             ? -1
	             : 0;
	sandbox_free(&sandbox);
	return result;
}

int main(int argc, char **argv)
{
	static const struct timeval soon = {1, 0}, turn = {TURN_S, 0};
	static struct daemon daemon;
	static struct reporter reporter;
	struct event_base *base;
	struct err err;

	daemon_start(&daemon, argc, argv, "reporter");
	reporter.instance = &daemon.instance;
	base = event_base_new();
	if (base == NULL) {
		err_set(&err, ERR_SYSTEM, "cannot make an event loop");
		daemon_fail(&err);
	}
	if (settings_open(&reporter.settings, reporter.instance, false, &err) != 0 ||
	    spool_drop_open(&reporter.drop, reporter.instance, "reporter", &err) != 0)
		daemon_fail(&err);
	report_script_open(&reporter);
	event_add(evsignal_new(base, SIGTERM, on_stop, base), NULL);
	event_add(evsignal_new(base, SIGINT, on_stop, base), NULL);
	event_add(event_new(base, -1, EV_PERSIST, on_turn, &reporter), &turn);
	event_add(evtimer_new(base, on_turn, &reporter), &soon);
	if (ipc_serve(base, &daemon, on_request, NULL, &reporter, &err) != 0 || enter_sandbox(reporter.instance, &err) != 0)
		daemon_fail(&err);
	daemon_ready(&daemon);
	event_base_dispatch(base);
	return 0;
}
