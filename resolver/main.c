/*
 * resolver: tells the others where an address leads.
 *
 * One process, one loop: every question is a few look-ups in the settings snapshot, so nothing here waits. It may read
 * the snapshots and nothing else, and speaks to nobody but who asks it.
 */
#include "common/base/log.h"
#include "common/daemon/daemon.h"
#include "common/ipc/loop.h"
#include "common/net/sandbox.h"
#include "resolver/resolve.h"

#include <inttypes.h>

struct state {
	struct resolver resolver;
	struct settings settings;
	struct arena arena; /* of one question */
	struct ipc_message reply;
	struct resolution resolution;
};

static int answer_resolve(struct state *state, const struct ipc_message *request, struct err *err)
{
	struct resolution *resolution = &state->resolution;
	struct str address = ipc_get(request, "address");

	resolution->explain = ipc_get(request, "explain").data != NULL;
	if (address.data == NULL)
		return err_set(err, ERR_PROTOCOL, "resolve needs an address");
	if (resolve_address(&state->resolver, address, &state->arena, resolution, err) != 0)
		return -1;
	ipc_add_text(&state->reply, "kind", resolve_kind_word(resolution->kind));
	for (size_t i = 0; i < resolution->target_count; i++) {
		const struct resolve_target *target = &resolution->targets[i];

		ipc_add(&state->reply, "target",
		        target->uid != 0
		            ? arena_printf(&state->arena, "user %" PRId64 " %.*s", target->uid, STR_ARG(target->address))
		            : arena_printf(&state->arena, "remote %.*s", STR_ARG(target->address)));
	}
	for (size_t i = 0; i < resolution->step_count; i++)
		ipc_add(&state->reply, "step", resolution->steps[i]);
	return 0;
}

static int answer_is_local(struct state *state, const struct ipc_message *request, struct err *err)
{
	struct str domain = ipc_get(request, "domain");
	bool local;

	if (domain.data == NULL)
		return err_set(err, ERR_PROTOCOL, "is-local needs a domain");
	if (resolve_is_local(&state->resolver, domain, &state->arena, &local, err) != 0)
		return -1;
	ipc_add_number(&state->reply, "local", local);
	return 0;
}

static void handle(struct ipc_incoming *incoming, void *context)
{
	struct state *state = context;
	struct err err;
	int result;

	ipc_reply_ok(&state->reply);
	result = resolver_refresh(&state->resolver, &err);
	if (result == 0 && ipc_is(&incoming->message, "resolve"))
		result = answer_resolve(state, &incoming->message, &err);
	else if (result == 0 && ipc_is(&incoming->message, "is-local"))
		result = answer_is_local(state, &incoming->message, &err);
	else if (result == 0)
		result = err_set(&err, ERR_PROTOCOL, "the resolver knows no such request");
	if (result == 0) {
		ipc_answer(incoming, &state->reply);
	} else {
		if (err.code != ERR_SYNTAX)
			log_error("a question of %s cannot be answered: %s", incoming->caller, err.text);
		ipc_answer_error(incoming, &err);
	}
	arena_reset(&state->arena);
}

static int confine(const struct instance *instance, struct err *err)
{
	char folder[INSTANCE_PATH_MAX + 128];
	struct sandbox sandbox;
	int result;

	if (sandbox_init(&sandbox, SANDBOX_ACCEPT, err) != 0)
		return -1;
	instance_path(folder, sizeof folder, instance->state, "settings");
	result = sandbox_allow(&sandbox, folder, SANDBOX_READ, err);
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
	struct event_base *base;
	struct err err;

	daemon_start(&daemon, argc, argv, "resolver");
	arena_init(&state.arena);
	ipc_message_init(&state.reply);
	base = event_base_new();
	if (base == NULL) {
		err_set(&err, ERR_SYSTEM, "cannot make an event loop");
		daemon_fail(&err);
	}
	if (settings_open(&state.settings, &daemon.instance, true, &err) != 0 ||
	    resolver_open(&state.resolver, &state.settings, &err) != 0 ||
	    ipc_serve(base, &daemon, handle, NULL, &state, &err) != 0 || confine(&daemon.instance, &err) != 0)
		daemon_fail(&err);
	daemon_ready(&daemon);
	event_base_dispatch(base);
	return 0;
}
