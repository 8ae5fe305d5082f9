/*
 * policyd: see policyd.h.
 */
#include "policyd/policyd.h"

#include "common/base/log.h"
#include "common/net/sandbox.h"

#include <signal.h>
#include <time.h>

enum { HOUR_SECONDS = 3600 };

int64_t policyd_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void on_hour(evutil_socket_t fd, short what, void *context)
{
	struct policyd *policyd = context;
	int64_t now = policyd_time();

	(void)fd, (void)what;
	settings_refresh(&policyd->settings);
	events_prune(policyd, now);
	sent_prune(policyd, now);
	greylist_prune(policyd, now);
	reports_prune(policyd, now);
	collected_prune(policyd, now);
	owners_look(policyd);
	blocks_prune(policyd, now);
	known_rebuild(policyd);
}

static void on_stop(evutil_socket_t signal_number, short what, void *context)
{
	struct policyd *policyd = context;

	(void)signal_number, (void)what;
	event_base_loopbreak(policyd->base);
}

static int enter_sandbox(const struct instance *instance, struct err *err)
{
	char settings[INSTANCE_PATH_MAX + 128], policy[INSTANCE_PATH_MAX + 128];
	struct sandbox sandbox;
	int result;

	tzset(); /* reads a file; days of quotas begin by it */
	instance_path(settings, sizeof settings, instance->state, "settings");
	instance_path(policy, sizeof policy, instance->state, "policy");
	if (sandbox_init(&sandbox, SANDBOX_ACCEPT | SANDBOX_LOCK_OWNER, err) != 0)
		return -1;
	result = sandbox_allow(&sandbox, policy, SANDBOX_WRITE, err) != 0 ||
	                 sandbox_allow(&sandbox, settings, SANDBOX_READ, err) != 0 || sandbox_prepare(&sandbox, err) != 0 ||
	                 sandbox_enter(&sandbox, err) != 0
	             ? -1
	             : 0;
	sandbox_free(&sandbox);
	return result;
}

static void add_timers(struct policyd *policyd)
{
	static const struct timeval hour = {HOUR_SECONDS, 0};

	event_add(evsignal_new(policyd->base, SIGTERM, on_stop, policyd), NULL);
	event_add(evsignal_new(policyd->base, SIGINT, on_stop, policyd), NULL);
	event_add(event_new(policyd->base, -1, EV_PERSIST, on_hour, policyd), &hour);
}

static int open_all(struct policyd *policyd, struct err *err)
{
	const struct instance *instance = &policyd->daemon.instance;

	policyd->base = event_base_new();
	if (policyd->base == NULL)
		return err_set(err, ERR_SYSTEM, "cannot make an event loop");
	return settings_open(&policyd->settings, instance, false, err) != 0 || events_open(policyd, err) != 0 ||
	               blocks_load(policyd, err) != 0 || known_create(policyd, err) != 0
	           ? -1
	           : 0;
}

int main(int argc, char **argv)
{
	static struct policyd policyd;
	struct err err;

	daemon_start(&policyd.daemon, argc, argv, "policyd");
	if (idslog_start(&policyd.idslog, &policyd.daemon, &err) != 0 || open_all(&policyd, &err) != 0)
		daemon_fail(&err);
	add_timers(&policyd);
	if (ipc_serve(policyd.base, &policyd.daemon, requests_take, NULL, &policyd, &err) != 0 ||
	    enter_sandbox(&policyd.daemon.instance, &err) != 0)
		daemon_fail(&err);
	owners_look(&policyd);
	known_rebuild(&policyd);
	daemon_ready(&policyd.daemon);
	event_base_dispatch(policyd.base);
	events_commit(&policyd);
	db_close(&policyd.db);
	settings_close(&policyd.settings);
	return 0;
}
