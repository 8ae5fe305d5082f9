/*
 * collector: see collector.h.
 */
#include "collector/judge.h"
#include "collector/outbox.h"
#include "collector/runs.h"
#include "common/base/io.h"
#include "common/net/tls.h"

#include <signal.h>
#include <time.h>

enum { TURN_S = 3600 };

/* Collectors that were deleted leave nothing behind. */
static void on_turn(evutil_socket_t fd, short what, void *context)
{
	struct collectord *collectord = context;
	struct collector_settings *list;
	struct arena arena;
	size_t count;
	struct err err;

	(void)fd, (void)what;
	settings_refresh(&collectord->settings);
	arena_init(&arena);
	if (collectors_load(&collectord->settings.objects, &arena, &list, &count, &err) == 0)
		table_forget_collectors(collectord, list, count, &err);
	arena_free(&arena);
}

static void on_stop(evutil_socket_t signal_number, short what, void *context)
{
	(void)signal_number, (void)what;
	event_base_loopbreak(context);
}

static void add_events(struct collectord *collectord)
{
	static const struct timeval turn = {TURN_S, 0};
	struct event_base *base = collectord->base;

	event_add(evsignal_new(base, SIGTERM, on_stop, base), NULL);
	event_add(evsignal_new(base, SIGINT, on_stop, base), NULL);
	event_add(event_new(base, -1, EV_PERSIST, on_turn, collectord), &turn);
}

/* What sessions may touch: new files in the drop, ones without a name, published settings and scripts to read. */
static int prepare_session(struct collectord *collectord, struct err *err)
{
	const struct instance *instance = &collectord->daemon.instance;
	struct sandbox *sandbox = &collectord->session_sandbox;
	char path[INSTANCE_PATH_MAX + 128];

	instance_path(collectord->scratch, sizeof collectord->scratch, instance->state, "collect/scratch");
	if (io_make_folder(collectord->scratch, 0700, err) != 0 || sandbox_init(sandbox, SANDBOX_CONNECT, err) != 0 ||
	    sandbox_allow(sandbox, collectord->scratch, SANDBOX_WRITE, err) != 0 ||
	    sandbox_allow(sandbox, instance_path(path, sizeof path, instance->state, "settings"), SANDBOX_READ, err) != 0 ||
	    sandbox_allow(sandbox, instance_path(path, sizeof path, instance->spool, "collector/new"), SANDBOX_ADD, err) !=
	        0 ||
	    sandbox_allow(sandbox, instance_path(path, sizeof path, instance->spool, "collector/tmp"), SANDBOX_ADD, err) !=
	        0 ||
	    judge_allow(instance, sandbox, err) != 0)
		return -1;
	return sandbox_prepare(sandbox, err);
}

static int open_all(struct collectord *collectord, struct err *err)
{
	const struct instance *instance = &collectord->daemon.instance;

	collectord->base = event_base_new();
	if (collectord->base == NULL)
		return err_set(err, ERR_SYSTEM, "cannot make an event loop");
	collectord->tls = tls_client_context(err);
	if (collectord->tls == NULL || settings_open(&collectord->settings, instance, true, err) != 0 ||
	    spool_drop_open(&collectord->drop, instance, "collector", err) != 0 || table_open(collectord, err) != 0 ||
	    outbox_release(collectord, err) != 0)
		return -1;
	outbox_sweep(collectord);
	collectord->notices = notices_new(collectord->base, instance, "collector");
	collectord->historyd = ipc_client_new(collectord->base, instance, "historyd", "collector");
	collectord->runs = runs_new(collectord);
	return prepare_session(collectord, err);
}

/* Also what its sessions need, which inherit it and add what theirs closes beyond. */
static int enter_sandbox(const struct instance *instance, struct err *err)
{
	enum { RIGHTS = SANDBOX_ACCEPT | SANDBOX_UNIX | SANDBOX_CONNECT | SANDBOX_FORK | SANDBOX_SIGNAL };
	char path[INSTANCE_PATH_MAX + 128];
	struct sandbox sandbox;
	int result;

	if (sandbox_init(&sandbox, RIGHTS | SANDBOX_LOCK_OWNER, err) != 0)
		return -1;
	result = sandbox_allow(&sandbox, instance_path(path, sizeof path, instance->state, "collect"), SANDBOX_WRITE,
	                       err) != 0 ||
	                 sandbox_allow(&sandbox, instance_path(path, sizeof path, instance->spool, "collector"),
	                               SANDBOX_WRITE, err) != 0 ||
	                 sandbox_allow(&sandbox, instance_path(path, sizeof path, instance->state, "settings"),
	                               SANDBOX_READ, err) != 0 ||
	                 sandbox_allow(&sandbox, "/proc/meminfo", SANDBOX_READ, err) != 0 ||
	                 judge_allow(instance, &sandbox, err) != 0 || sandbox_prepare(&sandbox, err) != 0 ||
	                 sandbox_enter(&sandbox, err) != 0
	             ? -1
	             : 0;
	sandbox_free(&sandbox);
	return result;
}

int main(int argc, char **argv)
{
	static struct collectord collectord;
	struct err err;

	daemon_start(&collectord.daemon, argc, argv, "collector");
	if (open_all(&collectord, &err) != 0)
		daemon_fail(&err);
	tzset(); /* sessions cannot read the time zone's file */
	add_events(&collectord);
	if (ipc_serve(collectord.base, &collectord.daemon, requests_take, NULL, &collectord, &err) != 0 ||
	    enter_sandbox(&collectord.daemon.instance, &err) != 0)
		daemon_fail(&err);
	daemon_ready(&collectord.daemon);
	event_base_dispatch(collectord.base);
	runs_free(collectord.runs);
	notices_free(collectord.notices);
	ipc_client_free(collectord.historyd);
	db_close(&collectord.db);
	settings_close(&collectord.settings);
	return 0;
}
