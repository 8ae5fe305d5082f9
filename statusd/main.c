/*
 * statusd: see statusd.h.
 */
#include "statusd/statusd.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/net/sandbox.h"

#include <signal.h>
#include <sys/resource.h>

enum {
	RECORDS_PAUSE_MS = 500,
	EVENTS_PAUSE_MS = 20, /* they decide about the same client's next connection */
	STOP_TURN_MS = 20,
	STOP_SESSIONS_MS = 1000, /* sessions are told to end when we are; their ends are worth recording */
	STOP_HISTORY_MS = 3000,  /* for historyd to take the rest */
};

/* A session is a descriptor. */
static void raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int enter_sandbox(const struct instance *instance, struct err *err)
{
	char settings[INSTANCE_PATH_MAX + 128];
	struct sandbox sandbox;
	int result;

	if (sandbox_init(&sandbox, SANDBOX_ACCEPT | SANDBOX_UNIX, err) != 0)
		return -1;
	instance_path(settings, sizeof settings, instance->state, "settings");
	result = sandbox_allow(&sandbox, settings, SANDBOX_READ, err) != 0 || sandbox_prepare(&sandbox, err) != 0 ||
	                 sandbox_enter(&sandbox, err) != 0
	             ? -1
	             : 0;
	sandbox_free(&sandbox);
	return result;
}

static void on_stop(evutil_socket_t signal_number, short what, void *context)
{
	struct statusd *statusd = context;

	(void)signal_number, (void)what;
	event_base_loopbreak(statusd->base);
}

/* Go on until there is nothing left to wait for, and no longer than until_ms. */
static void drain(struct statusd *statusd, bool sessions, int64_t until_ms)
{
	const struct timeval turn = {0, STOP_TURN_MS * 1000};

	while (((sessions && statusd->session_count > 0) || !feed_is_empty(statusd->history)) && io_now_ms() < until_ms) {
		event_base_loopexit(statusd->base, &turn);
		event_base_loop(statusd->base, EVLOOP_ONCE);
	}
}

static void end(struct statusd *statusd)
{
	drain(statusd, true, io_now_ms() + STOP_SESSIONS_MS);
	sessions_end_all(statusd);
	event_base_loop(statusd->base, EVLOOP_NONBLOCK);
	drain(statusd, false, io_now_ms() + STOP_HISTORY_MS);
	audit_free(statusd->audit);
	feed_free(statusd->history);
	feed_free(statusd->events);
}

int main(int argc, char **argv)
{
	static struct statusd statusd;
	struct event *stop[2];
	struct err err;

	daemon_start(&statusd.daemon, argc, argv, "statusd");
	raise_descriptors();
	statusd.base = event_base_new();
	if (statusd.base == NULL) {
		err_set(&err, ERR_SYSTEM, "cannot make an event loop");
		daemon_fail(&err);
	}
	if (settings_open(&statusd.settings, &statusd.daemon.instance, false, &err) != 0)
		daemon_fail(&err);
	bandwidth_init(&statusd.bandwidth, &statusd.settings);
	sessions_init(&statusd);
	slots_init(&statusd.slots, requests_decided, &statusd);
	statusd.expire = evtimer_new(statusd.base, requests_expire, &statusd);
	statusd.history = feed_open(statusd.base, &statusd.daemon.instance, "historyd", "record", RECORDS_PAUSE_MS);
	statusd.events = feed_open(statusd.base, &statusd.daemon.instance, "policyd", "events", EVENTS_PAUSE_MS);
	statusd.audit = audit_open(statusd.base, &statusd.daemon.instance, statusd.history);
	stop[0] = evsignal_new(statusd.base, SIGTERM, on_stop, &statusd);
	stop[1] = evsignal_new(statusd.base, SIGINT, on_stop, &statusd);
	event_add(stop[0], NULL);
	event_add(stop[1], NULL);
	if (ipc_serve(statusd.base, &statusd.daemon, requests_take, sessions_gone, &statusd, &err) != 0 ||
	    enter_sandbox(&statusd.daemon.instance, &err) != 0)
		daemon_fail(&err);
	daemon_ready(&statusd.daemon);
	event_base_dispatch(statusd.base);
	end(&statusd);
	return 0;
}
