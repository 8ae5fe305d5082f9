/*
 * historyd: see historyd.h.
 */
#include "statusd/historyd/summary.h"
#include "statusd/historyd/traces.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/net/sandbox.h"

#include <signal.h>
#include <time.h>

enum {
	MINUTE_SECONDS = 60,
	PRUNE_MINUTES = 60,
	STOP_SECONDS = 5, /* for statusd to hand on the last sessions */
};

static void prune(struct historyd *historyd)
{
	int64_t days, now = (int64_t)time(NULL) * 1000;
	struct err err;

	settings_refresh(&historyd->settings);
	days = settings_number(&historyd->settings, SETTING_HISTORY_DAYS);
	if (sessions_prune(historyd, now - days * 24 * 3600 * 1000, &err) != 0)
		log_error("old sessions cannot be removed from the history: %s", err.text);
	days = settings_number(&historyd->settings, SETTING_TRACE_DAYS);
	if (traces_prune(historyd, (now - days * 24 * 3600 * 1000) * 1000, &err) != 0)
		log_error("what became of old messages cannot be removed: %s", err.text);
}

static void on_minute(evutil_socket_t fd, short what, void *context)
{
	static unsigned minutes;
	struct historyd *historyd = context;

	(void)fd, (void)what;
	errors_flush(&historyd->errors, io_now_ms());
	summary_look(historyd->summary);
	if (++minutes % PRUNE_MINUTES == 0)
		prune(historyd);
}

static void on_stop(evutil_socket_t signal_number, short what, void *context)
{
	const struct timeval patience = {STOP_SECONDS, 0};
	struct historyd *historyd = context;

	(void)signal_number, (void)what;
	historyd->stopping = true;
	event_base_loopexit(historyd->base, historyd->feeders > 0 ? &patience : NULL);
}

static int enter_sandbox(const struct instance *instance, struct err *err)
{
	char settings[INSTANCE_PATH_MAX + 128], history[INSTANCE_PATH_MAX + 128], old[INSTANCE_PATH_MAX + 128];
	char summaries[INSTANCE_PATH_MAX + 128];
	struct sandbox sandbox;
	int result;

	instance_path(settings, sizeof settings, instance->state, "settings");
	instance_path(history, sizeof history, instance->state, "history");
	instance_path(old, sizeof old, instance->log, "old");
	instance_path(summaries, sizeof summaries, instance->log, "summaries");
	if (sandbox_init(&sandbox, SANDBOX_ACCEPT | SANDBOX_LOCK_OWNER, err) != 0)
		return -1;
	result = sandbox_allow(&sandbox, history, SANDBOX_WRITE, err) != 0 ||
	                 sandbox_allow(&sandbox, old, SANDBOX_WRITE, err) != 0 ||
	                 sandbox_allow(&sandbox, summaries, SANDBOX_WRITE, err) != 0 ||
	                 sandbox_allow(&sandbox, settings, SANDBOX_READ, err) != 0 || sandbox_prepare(&sandbox, err) != 0 ||
	                 sandbox_enter(&sandbox, err) != 0
	             ? -1
	             : 0;
	sandbox_free(&sandbox);
	return result;
}

static void add_events(struct historyd *historyd)
{
	static const struct timeval minute = {MINUTE_SECONDS, 0};
	struct event *stop = evsignal_new(historyd->base, SIGTERM, on_stop, historyd);
	struct event *interrupt = evsignal_new(historyd->base, SIGINT, on_stop, historyd);
	struct event *timer = event_new(historyd->base, -1, EV_PERSIST, on_minute, historyd);

	event_add(stop, NULL);
	event_add(interrupt, NULL);
	event_add(timer, &minute);
}

int main(int argc, char **argv)
{
	static struct historyd historyd;
	const struct instance *instance = &historyd.daemon.instance;
	struct err err;

	daemon_start(&historyd.daemon, argc, argv, "historyd");
	tzset(); /* reads a file */
	historyd.base = event_base_new();
	if (historyd.base == NULL) {
		err_set(&err, ERR_SYSTEM, "cannot make an event loop");
		daemon_fail(&err);
	}
	if (settings_open(&historyd.settings, instance, true, &err) != 0 || sessions_open(&historyd, &err) != 0 ||
	    logs_open(&historyd.logs, instance, &historyd.settings, &err) != 0 ||
	    errors_open(&historyd.errors, instance->log, &historyd.logs.syslog, &err) != 0 ||
	    summary_open(&historyd, &err) != 0)
		daemon_fail(&err);
	historyd.errors.log.old_logs = &historyd.logs.old;
	add_events(&historyd);
	if (ipc_serve(historyd.base, &historyd.daemon, requests_take, requests_gone, &historyd, &err) != 0 ||
	    enter_sandbox(instance, &err) != 0)
		daemon_fail(&err);
	prune(&historyd);
	daemon_ready(&historyd.daemon);
	event_base_dispatch(historyd.base);
	errors_close(&historyd.errors);
	summary_close(&historyd);
	logs_close(&historyd.logs);
	sessions_close(&historyd);
	settings_close(&historyd.settings);
	return 0;
}
