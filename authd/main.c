#include "authd/authd.h"

#include "common/base/log.h"
#include "common/net/sandbox.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { PATH_LEN = INSTANCE_PATH_MAX + 128 };

static void open_files(struct authd *authd, struct err *err)
{
	const struct instance *instance = &authd->daemon.instance;
	char path[PATH_LEN], key_path[PATH_LEN];

	if (settings_open(&authd->settings, instance, true, err) != 0 ||
	    accounts_open(&authd->accounts, instance_path(path, sizeof path, instance->state, "auth/auth.db"), err) != 0 ||
	    secrets_open(&authd->secrets, instance_path(path, sizeof path, instance->state, "auth/secrets.db"),
	                 instance_path(key_path, sizeof key_path, instance->etc, "keys/secrets.key"), err) != 0 ||
	    shares_open(&authd->shares, instance_path(path, sizeof path, instance->state, "auth/shares.db"), err) != 0 ||
	    guard_load(authd, err) != 0 || token_key_load(&authd->relay_key, instance, "authd", err) != 0 ||
	    access_open(&authd->access, &authd->settings, err) != 0)
		daemon_fail(err);
	authd->exchanges = (struct exchanges){login_find_keys, login_find_secret, authd};
	challenges_follow(authd);
	cache_init(&authd->cache);
	audit_init(&authd->audit);
	oauth_init(&authd->oauth);
	lockout_init(&authd->lockout);
	tickets_init(&authd->tickets);
	web_sessions_init(&authd->web_sessions);
}

static void enter_sandbox(const struct authd *authd, struct err *err)
{
	const struct instance *instance = &authd->daemon.instance;
	struct sandbox sandbox;
	char path[PATH_LEN];

	tzset(); /* reads a file; on which day an account expires depends on it */
	if (sandbox_init(&sandbox, SANDBOX_ACCEPT | SANDBOX_LOCK_OWNER, err) != 0 ||
	    sandbox_allow(&sandbox, instance_path(path, sizeof path, instance->state, "auth"), SANDBOX_WRITE, err) != 0 ||
	    sandbox_allow(&sandbox, instance_path(path, sizeof path, instance->state, "settings"), SANDBOX_READ, err) !=
	        0 ||
	    sandbox_prepare(&sandbox, err) != 0 || sandbox_enter(&sandbox, err) != 0)
		daemon_fail(err);
	sandbox_free(&sandbox);
}

static void on_stop(evutil_socket_t signal_number, short what, void *context)
{
	(void)signal_number, (void)what;
	event_base_loopexit(context, NULL);
}

static void watch_signals(struct event_base *base, struct event **events)
{
	events[0] = evsignal_new(base, SIGTERM, on_stop, base);
	events[1] = evsignal_new(base, SIGINT, on_stop, base);
	event_add(events[0], NULL);
	event_add(events[1], NULL);
}

static void close_files(struct authd *authd)
{
	pool_free(authd->pool);
	system_asker_free(authd->system);
	audit_free(&authd->audit);
	tickets_free(&authd->tickets);
	web_sessions_free(&authd->web_sessions);
	access_close(&authd->access);
	lockout_free(&authd->lockout);
	token_key_wipe(&authd->relay_key);
	shares_close(&authd->shares);
	secrets_close(&authd->secrets);
	accounts_close(&authd->accounts);
	settings_close(&authd->settings);
}

int main(int argc, char **argv)
{
	static struct authd authd;
	struct event *signals[2];
	struct err err;
	bool broken;

	daemon_start(&authd.daemon, argc, argv, "authd");
	/* before there is anything to keep from these processes */
	if (system_asker_start(&authd.system, &authd.daemon, &err) != 0 ||
	    pool_start(&authd.pool, &authd.daemon, 0, &err) != 0)
		daemon_fail(&err);
	open_files(&authd, &err);
	authd.base = event_base_new();
	if (authd.base == NULL) {
		err_set(&err, ERR_SYSTEM, "cannot start libevent");
		daemon_fail(&err);
	}
	watch_signals(authd.base, signals);
	if (pool_attach(authd.pool, authd.base, &err) != 0 || system_asker_attach(authd.system, authd.base, &err) != 0 ||
	    ipc_serve(authd.base, &authd.daemon, request_take, request_gone, &authd, &err) != 0)
		daemon_fail(&err);
	daemon_ready(&authd.daemon);
	enter_sandbox(&authd, &err);
	event_base_dispatch(authd.base);
	broken = pool_is_broken(authd.pool);
	event_free(signals[0]);
	event_free(signals[1]);
	close_files(&authd);
	event_base_free(authd.base);
	return broken ? EXIT_FAILURE : EXIT_SUCCESS;
}
