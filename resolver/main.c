/*
 * resolver: tells the others where an address leads.
 *
 * One process, one loop: every question is a few look-ups in the settings snapshot, so nothing here waits. It may read
 * the snapshots and nothing else, and asks nobody but lfwd (verify.h). Where a script has a say, a process of its own
 * answers the question (scripted.h).
 */
#include "common/addr/addr.h"
#include "common/addr/smtp_target.h"
#include "common/base/log.h"
#include "common/daemon/daemon.h"
#include "common/ipc/loop.h"
#include "common/net/sandbox.h"
#include "resolver/lan_script.h"
#include "resolver/resolve.h"
#include "resolver/scripted.h"
#include "resolver/verify.h"

#include <inttypes.h>

struct state {
	struct resolver resolver;
	struct verifier *verifier;
	struct scripted *scripted;
	struct settings settings;
	struct arena arena; /* of one question */
	struct ipc_message reply;
	struct resolution resolution;
};

static bool get_flag(const struct ipc_message *request, const char *key)
{
	return str_equal(ipc_get(request, key), STR("1"));
}

/* The accepted domains of a collector, which stand in for the local ones. */
static int read_domains(struct state *state, const struct ipc_message *request, struct resolve_question *question,
                        struct err *err)
{
	struct str *domains = NULL, key, value;

	for (size_t position = 0; ipc_next(request, &position, &key, &value);) {
		if (!str_equal(key, STR("domain")))
			continue;
		if (question->domain_count == RESOLVE_DOMAINS_MAX)
			return err_set(err, ERR_LIMIT, "a question has at most %d domains", RESOLVE_DOMAINS_MAX);
		if (domains == NULL)
			domains = arena_get(&state->arena, RESOLVE_DOMAINS_MAX * sizeof *domains);
		domains[question->domain_count++] = value;
	}
	question->domains = domains;
	return 0;
}

static int read_question(struct state *state, const struct ipc_message *request, struct resolve_question *question,
                         struct err *err)
{
	struct str via = ipc_get(request, "via");
	bool is_list = str_equal(via, STR("list"));

	*question = (struct resolve_question){
	    .address = ipc_get(request, "address"),
	    .from = ipc_get(request, "from"),
	    .via = str_equal(via, STR("pop3")) ? RESOLVE_POP3 : RESOLVE_SMTP,
	    .is_local = is_list || get_flag(request, "local"),
	    .is_member = is_list,
	    .no_implied = get_flag(request, "no-implied"),
	    .brief = get_flag(request, "brief"),
	    .explain = get_flag(request, "explain"),
	};
	ipc_get_number(request, "collector", 1, INT64_MAX, &question->collector);
	if (via.data != NULL && !is_list && question->via != RESOLVE_POP3 && !str_equal(via, STR("smtp")))
		return err_set(err, ERR_SYNTAX, "via is smtp, pop3 or list");
	return read_domains(state, request, question, err);
}

/* A return path as one word: xtext, behind a "=", so that the null one is a word too. */
static struct str lan_from_word(struct str from, struct arena *arena)
{
	return arena_printf(arena, "=%.*s", STR_ARG(addr_xtext_encode(from, arena)));
}

/*
 * "user 3 anna", "list 0 listserver@example.com", "remote bob@example.net". Where a server is named that gets it, its
 * password may be: queue-manager needs it, people see stars, sessions that talk to strangers nothing of it.
 */
static struct str target_text(struct state *state, const struct resolve_target *target, const char *caller)
{
	const char *word = target_kind_word(target->kind);

	if (target->has_from && strcmp(caller, "queue-manager") == 0)
		return arena_printf(&state->arena, "lan-from %" PRId64 " %.*s %.*s", target->id,
		                    STR_ARG(lan_from_word(target->from, &state->arena)), STR_ARG(target->text));
	if (target->kind == TARGET_LAN && strcmp(caller, "smtpd") == 0)
		return arena_printf(&state->arena, "%s %" PRId64, word, target->id);
	if (target->kind == TARGET_LAN && strcmp(caller, "queue-manager") != 0)
		return arena_printf(&state->arena, "%s %" PRId64 " %.*s", word, target->id,
		                    STR_ARG(smtp_target_show(target->text, &state->arena)));
	if (target->kind == TARGET_REMOTE || target->kind == TARGET_DISCARD)
		return arena_printf(&state->arena, "%s %.*s", word, STR_ARG(target->text));
	return arena_printf(&state->arena, "%s %" PRId64 " %.*s", word, target->id, STR_ARG(target->text));
}

/* Where lfwd is to be asked first, "verify-rule" and "verify-address" say so to the loop. */
static int answer_resolve(struct state *state, struct ipc_incoming *incoming, struct lan_script *script,
                          struct err *err)
{
	struct resolution *resolution = &state->resolution;
	struct resolve_question question;

	if (read_question(state, &incoming->message, &question, err) != 0)
		return -1;
	question.lan_script = script;
	if (resolve_address(&state->resolver, &question, &state->arena, resolution, err) != 0)
		return -1;
	ipc_add_text(&state->reply, "kind", resolve_kind_word(resolution->kind));
	ipc_add_number(&state->reply, "own", resolution->is_own);
	if (resolution->kind == RESOLVE_FAILED) {
		ipc_add_text(&state->reply, "code", "5.4.6");
		ipc_add(&state->reply, "words", resolution->words);
	}
	for (size_t i = 0; i < resolution->target_count; i++) {
		ipc_add(&state->reply, "target", target_text(state, &resolution->targets[i], incoming->caller));
		ipc_add(&state->reply, "cause", resolution->targets[i].cause);
	}
	for (size_t i = 0; i < resolution->step_count; i++)
		ipc_add(&state->reply, "step", resolution->steps[i]);
	if (verify_is_wanted(&state->resolver, &question, resolution)) {
		ipc_add_number(&state->reply, "verify-rule", resolution->targets[0].id);
		ipc_add(&state->reply, "verify-address", resolution->targets[0].text);
	}
	return 0;
}

/* In a worker, with settings that it opened itself. */
static int answer_scripted(struct ipc_incoming *incoming, struct settings *settings, struct lan_script *script,
                           struct ipc_message *reply, struct err *err)
{
	static struct state state;
	int result;

	arena_init(&state.arena);
	state.reply = *reply;
	result = resolver_open(&state.resolver, settings, err);
	if (result == 0)
		result = resolver_refresh(&state.resolver, err);
	if (result == 0)
		result = answer_resolve(&state, incoming, script, err);
	*reply = state.reply;
	return result;
}

/* Now, or when lfwd has said whether the recipient exists. */
static void answer(struct state *state, struct ipc_incoming *incoming, struct ipc_message *reply)
{
	int64_t rule;

	if (ipc_get_number(reply, "verify-rule", 0, INT64_MAX, &rule))
		verify_ask(state->verifier, rule, ipc_get(reply, "verify-address"), incoming, reply);
	else
		ipc_answer(incoming, reply);
}

static void refuse(struct ipc_incoming *incoming, const struct err *err)
{
	if (err->code != ERR_SYNTAX)
		log_error("a question of %s cannot be answered: %s", incoming->caller, err->text);
	ipc_answer_error(incoming, err);
}

static void scripted_answered(struct ipc_incoming *incoming, struct ipc_message *reply, const struct err *err,
                              void *context)
{
	if (reply != NULL)
		answer(context, incoming, reply);
	else
		refuse(incoming, err);
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

	if (ipc_is(&incoming->message, "resolve") && scripted_take(state->scripted, incoming))
		return;
	ipc_reply_ok(&state->reply);
	result = resolver_refresh(&state->resolver, &err);
	if (result == 0 && ipc_is(&incoming->message, "resolve"))
		result = answer_resolve(state, incoming, NULL, &err);
	else if (result == 0 && ipc_is(&incoming->message, "is-local"))
		result = answer_is_local(state, &incoming->message, &err);
	else if (result == 0)
		result = err_set(&err, ERR_PROTOCOL, "the resolver knows no such request");
	if (result == 0)
		answer(state, incoming, &state->reply);
	else
		refuse(incoming, &err);
	arena_reset(&state->arena);
}

static int confine(const struct instance *instance, struct err *err)
{
	char folder[INSTANCE_PATH_MAX + 128];
	struct sandbox sandbox;
	int result;

	if (sandbox_init(&sandbox, SANDBOX_ACCEPT | SANDBOX_UNIX | SANDBOX_FORK | SANDBOX_SIGNAL, err) != 0)
		return -1;
	instance_path(folder, sizeof folder, instance->state, "settings");
	result = sandbox_allow(&sandbox, folder, SANDBOX_READ, err);
	if (result == 0)
		result = script_allow(&sandbox, instance, err);
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
	state.verifier = verifier_new(base, &daemon.instance);
	if (scripted_new(&state.scripted, base, &daemon.instance, answer_scripted, scripted_answered, &state, &err) != 0 ||
	    settings_open(&state.settings, &daemon.instance, true, &err) != 0 ||
	    resolver_open(&state.resolver, &state.settings, &err) != 0 ||
	    ipc_serve(base, &daemon, handle, NULL, &state, &err) != 0 || confine(&daemon.instance, &err) != 0)
		daemon_fail(&err);
	daemon_ready(&daemon);
	event_base_dispatch(base);
	return 0;
}
