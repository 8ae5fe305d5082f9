/*
 * listd: see lists.h.
 */
#include "lists/source.h"

#include "common/base/io.h"
#include "common/mime/text.h"

#include <fcntl.h>
#include <signal.h>
#include <time.h>

enum {
	MINUTE_SECONDS = 60,
	HOUR_SECONDS = 3600,
	READERS_AT_ONCE = 4,
	READER_MS = 60 * 1000,
};

int64_t listd_time_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t listd_time(void)
{
	return listd_time_ms() / 1000;
}

static void on_minute(evutil_socket_t fd, short what, void *context)
{
	struct listd *listd = context;

	(void)fd, (void)what;
	settings_refresh(&listd->settings);
	held_prune(listd, listd_time());
	digest_run(listd, listd_time());
	expand_wake(listd);
}

static void on_hour(evutil_socket_t fd, short what, void *context)
{
	(void)fd, (void)what;
	archive_prune(context, listd_time());
}

static void on_stop(evutil_socket_t signal_number, short what, void *context)
{
	struct listd *listd = context;

	(void)signal_number, (void)what;
	event_base_loopbreak(listd->base);
}

static void add_timers(struct listd *listd)
{
	static const struct timeval minute = {MINUTE_SECONDS, 0}, hour = {HOUR_SECONDS, 0};

	event_add(evsignal_new(listd->base, SIGTERM, on_stop, listd), NULL);
	event_add(evsignal_new(listd->base, SIGINT, on_stop, listd), NULL);
	event_add(event_new(listd->base, -1, EV_PERSIST, on_minute, listd), &minute);
	event_add(event_new(listd->base, -1, EV_PERSIST, on_hour, listd), &hour);
}

static int open_mail_folder(struct listd *listd, struct err *err)
{
	char path[INSTANCE_PATH_MAX + 128];

	instance_path(path, sizeof path, listd->daemon.instance.state, "lists/mail");
	if (io_make_folder(path, 0700, err) != 0)
		return -1;
	listd->mail_folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return listd->mail_folder >= 0 ? 0 : err_system(err, "cannot open %s", path);
}

static int open_all(struct listd *listd, struct err *err)
{
	const struct instance *instance = &listd->daemon.instance;

	listd->base = event_base_new();
	if (listd->base == NULL)
		return err_set(err, ERR_SYSTEM, "cannot make an event loop");
	if (settings_open(&listd->settings, instance, true, err) != 0 ||
	    spool_drop_open(&listd->drop, instance, "listd", err) != 0 || open_mail_folder(listd, err) != 0 ||
	    table_open(listd, err) != 0 || outbox_recover(listd, err) != 0)
		return -1;
	archive_sweep(listd);
	listd->notices = notices_new(listd->base, instance, "listd");
	listd->configd = ipc_client_new(listd->base, instance, "configd", "listd");
	listd->authd = ipc_client_new(listd->base, instance, "authd", "listd");
	listd->collector = ipc_client_new(listd->base, instance, "collector", "listd");
	listd->readers = worker_pool_new(listd->base, READERS_AT_ONCE, READER_MS);
	source_listen(listd);
	return expand_open(listd, err);
}

static int prepare_reader(struct listd *listd, struct err *err)
{
	mime_charset_preload();
	return sandbox_init(&listd->reader_sandbox, 0, err) != 0 || sandbox_prepare(&listd->reader_sandbox, err) != 0 ? -1
	                                                                                                              : 0;
}

static int enter_sandbox(const struct instance *instance, struct err *err)
{
	char settings[INSTANCE_PATH_MAX + 128], lists[INSTANCE_PATH_MAX + 128], drop[INSTANCE_PATH_MAX + 128];
	struct sandbox sandbox;
	int result;

	instance_path(settings, sizeof settings, instance->state, "settings");
	instance_path(lists, sizeof lists, instance->state, "lists");
	instance_path(drop, sizeof drop, instance->spool, "listd");
	if (sandbox_init(&sandbox, SANDBOX_ACCEPT | SANDBOX_UNIX | SANDBOX_FORK | SANDBOX_SIGNAL | SANDBOX_LOCK_OWNER,
	                 err) != 0)
		return -1;
	result = sandbox_allow(&sandbox, lists, SANDBOX_WRITE, err) != 0 ||
	                 sandbox_allow(&sandbox, drop, SANDBOX_WRITE, err) != 0 ||
	                 sandbox_allow(&sandbox, settings, SANDBOX_READ, err) != 0 || sandbox_prepare(&sandbox, err) != 0 ||
	                 sandbox_enter(&sandbox, err) != 0
	             ? -1
	             : 0;
	sandbox_free(&sandbox);
	return result;
}

int main(int argc, char **argv)
{
	static struct listd listd;
	struct err err;

	daemon_start(&listd.daemon, argc, argv, "listd");
	if (source_open(&listd, &err) != 0 || open_all(&listd, &err) != 0 || prepare_reader(&listd, &err) != 0)
		daemon_fail(&err);
	add_timers(&listd);
	if (ipc_serve(listd.base, &listd.daemon, requests_take, NULL, &listd, &err) != 0 ||
	    enter_sandbox(&listd.daemon.instance, &err) != 0)
		daemon_fail(&err);
	daemon_ready(&listd.daemon);
	event_base_dispatch(listd.base);
	worker_pool_free(listd.readers);
	ipc_client_free(listd.configd);
	ipc_client_free(listd.authd);
	ipc_client_free(listd.collector);
	notices_free(listd.notices);
	db_close(&listd.db);
	settings_close(&listd.settings);
	return 0;
}
