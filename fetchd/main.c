/*
 * fetchd: see fetchd.h.
 */
#include "fetchd/fetchd.h"

#include <curl/curl.h>
#include <signal.h>

static void on_stop(evutil_socket_t signal_number, short what, void *context)
{
	struct fetchd *fetchd = context;

	(void)signal_number, (void)what;
	event_base_loopbreak(fetchd->base);
}

static void take(struct ipc_incoming *incoming, void *context)
{
	struct fetchd *fetchd = context;
	struct err err;

	settings_refresh(&fetchd->settings);
	if (strcmp(incoming->caller, "sender") == 0 && ipc_is(&incoming->message, "sts-policy")) {
		policies_take(fetchd, incoming);
		return;
	}
	if (strcmp(incoming->caller, "reporter") == 0 && ipc_is(&incoming->message, "post")) {
		posts_take(fetchd, incoming);
		return;
	}
	err_set(&err, ERR_PROTOCOL, "fetchd knows no such request");
	ipc_answer_error(incoming, &err);
}

/* All that the processes for errands may, and what the loop itself needs. */
static int enter_sandbox(const struct fetchd *fetchd, struct err *err)
{
	const struct instance *instance = &fetchd->daemon.instance;
	char settings[INSTANCE_PATH_MAX + 128], state[INSTANCE_PATH_MAX + 128];
	struct sandbox sandbox;
	int result;

	instance_path(settings, sizeof settings, instance->state, "settings");
	instance_path(state, sizeof state, instance->state, "fetch");
	if (sandbox_init(&sandbox,
	                 SANDBOX_ACCEPT | SANDBOX_UNIX | SANDBOX_CONNECT | SANDBOX_FORK | SANDBOX_SIGNAL |
	                     SANDBOX_LOCK_OWNER,
	                 err) != 0)
		return -1;
	result = 0;
	if (sandbox_allow(&sandbox, settings, SANDBOX_READ, err) != 0 ||
	    sandbox_allow(&sandbox, state, SANDBOX_WRITE, err) != 0 || errand_allow_files(&sandbox, err) != 0 ||
	    sandbox_prepare(&sandbox, err) != 0 || sandbox_enter(&sandbox, err) != 0)
		result = -1;
	sandbox_free(&sandbox);
	return result;
}

int main(int argc, char **argv)
{
	static struct fetchd fetchd;
	struct err err;

	daemon_start(&fetchd.daemon, argc, argv, "fetchd");
	fetchd.base = event_base_new();
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || fetchd.base == NULL) {
		err_set(&err, ERR_SYSTEM, "cannot start libcurl and libevent");
		daemon_fail(&err);
	}
	if (settings_open(&fetchd.settings, &fetchd.daemon.instance, false, &err) != 0 ||
	    policies_open(&fetchd, &err) != 0 || errand_prepare(&fetchd, &err) != 0)
		daemon_fail(&err);
	fetchd.notices = notices_new(fetchd.base, &fetchd.daemon.instance, "fetchd");
	event_add(evsignal_new(fetchd.base, SIGTERM, on_stop, &fetchd), NULL);
	event_add(evsignal_new(fetchd.base, SIGINT, on_stop, &fetchd), NULL);
	if (ipc_serve(fetchd.base, &fetchd.daemon, take, NULL, &fetchd, &err) != 0 || enter_sandbox(&fetchd, &err) != 0)
		daemon_fail(&err);
	tokens_start(&fetchd);
	daemon_ready(&fetchd.daemon);
	event_base_dispatch(fetchd.base);
	worker_pool_free(fetchd.workers);
	db_close(&fetchd.policies);
	settings_close(&fetchd.settings);
	return 0;
}
