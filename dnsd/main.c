/*
 * dnsd: asks the DNS for everybody.
 *
 * One process, one loop, no threads: libunbound works inside the loop. It reads the settings, the trust anchor and
 * /etc/resolv.conf, sends to DNS servers, and speaks to nobody else.
 */
#include "common/base/log.h"
#include "common/daemon/daemon.h"
#include "common/net/sandbox.h"
#include "common/settings/settings.h"
#include "dnsd/jobs.h"

#include <unistd.h>

struct state {
	struct settings settings;
	struct jobs jobs;
	char servers[SETTING_VALUE_MAX + 1]; /* in use */
};

/* Ask other servers where the setting is another than what is in use. */
static int take_servers(struct state *state, struct err *err)
{
	const char *servers = settings_text(&state->settings, SETTING_DNS_SERVERS);

	if (state->jobs.lookups == NULL)
		state->jobs.lookups = lookups_open(state->jobs.base, servers, err);
	else if (strcmp(servers, state->servers) != 0 && lookups_change(state->jobs.lookups, servers, err) != 0)
		return -1;
	str_copy(str_of(servers), state->servers, sizeof state->servers);
	return state->jobs.lookups != NULL ? 0 : -1;
}

static void handle(struct ipc_incoming *incoming, void *context)
{
	struct state *state = context;
	struct err err;

	if (settings_refresh(&state->settings) && take_servers(state, &err) != 0)
		log_error("the DNS servers stay as they were: %s", err.text);
	jobs_take(&state->jobs, incoming);
}

static int allow_files(struct sandbox *sandbox, const struct instance *instance, struct err *err)
{
	static const char *const files[] = {"/etc/resolv.conf", "/usr/share/dns"};
	char folder[INSTANCE_PATH_MAX + 128];

	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		if (access(files[i], F_OK) == 0 && sandbox_allow(sandbox, files[i], SANDBOX_READ, err) != 0)
			return -1;
	instance_path(folder, sizeof folder, instance->state, "settings");
	return sandbox_allow(sandbox, folder, SANDBOX_READ, err);
}

static int confine(const struct instance *instance, struct err *err)
{
	struct sandbox sandbox;
	int result;

	if (sandbox_init(&sandbox, SANDBOX_ACCEPT | SANDBOX_CONNECT, err) != 0)
		return -1;
	result = allow_files(&sandbox, instance, err);
	if (result == 0)
		result = sandbox_prepare(&sandbox, err);
	if (result == 0)
		result = sandbox_enter(&sandbox, err);
	sandbox_free(&sandbox);
	return result;
}

int main(int argc, char **argv)
{
	static struct daemon daemon;
	static struct state state;
	struct err err;

	daemon_start(&daemon, argc, argv, "dnsd");
	state.jobs.base = event_base_new();
	if (state.jobs.base == NULL) {
		err_set(&err, ERR_SYSTEM, "cannot make an event loop");
		daemon_fail(&err);
	}
	if (settings_open(&state.settings, &daemon.instance, false, &err) != 0)
		daemon_fail(&err);
	if (take_servers(&state, &err) != 0 || ipc_serve(state.jobs.base, &daemon, handle, NULL, &state, &err) != 0 ||
	    confine(&daemon.instance, &err) != 0)
		daemon_fail(&err);
	daemon_ready(&daemon);
	event_base_dispatch(state.jobs.base);
	return 0;
}
