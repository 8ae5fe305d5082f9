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
	struct servers servers;
	char anchors[SETTING_VALUE_MAX + 1]; /* in use */
};

/* Ask other servers, or trust other anchors, where they are not those in use any more. */
static int take_servers(struct state *state, struct err *err)
{
	bool first = state->jobs.servers == NULL;
	bool changed = servers_refresh(&state->servers, settings_text(&state->settings, SETTING_DNS_SERVERS));
	const char *anchors = settings_text(&state->settings, SETTING_DNS_TRUST_ANCHORS);

	if (!first && !changed && strcmp(anchors, state->anchors) == 0)
		return 0;
	str_copy(str_of(anchors), state->anchors, sizeof state->anchors);
	state->jobs.servers = &state->servers;
	if (lookups_change(state->jobs.lookups, buf_str(&state->servers.list), str_of(anchors), err) == 0)
		return 0;
	/* An anchor that does not parse must not stop the mail of everybody else. */
	return first ? lookups_change(state->jobs.lookups, buf_str(&state->servers.list), STR(""), err) : -1;
}

static void handle(struct ipc_incoming *incoming, void *context)
{
	struct state *state = context;
	struct err err;

	settings_refresh(&state->settings);
	if (take_servers(state, &err) != 0)
		log_error("the DNS is asked as before: %s", err.text);
	jobs_take(&state->jobs, incoming);
}

static int allow_files(struct sandbox *sandbox, const struct instance *instance, struct err *err)
{
	static const char *const files[] = {SERVERS_SYSTEM_FILE, "/usr/share/dns"};
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
	servers_init(&state.servers);
	state.jobs.lookups = lookups_open(state.jobs.base, &err);
	if (state.jobs.lookups == NULL || take_servers(&state, &err) != 0 ||
	    ipc_serve(state.jobs.base, &daemon, handle, NULL, &state, &err) != 0 || confine(&daemon.instance, &err) != 0)
		daemon_fail(&err);
	daemon_ready(&daemon);
	event_base_dispatch(state.jobs.base);
	return 0;
}
