#include "sender/exchangers.h"

#include "common/base/log.h"
#include "common/outgoing/overrides.h"
#include "common/settings/connectors.h"
#include "sender/rules.h"
#include "sender/scripts.h"

#include "common/script/script.h"

/* What dnsd says of a domain. */
struct answer {
	struct exchangers found;
	bool is_secure;
	enum smtp_outcome outcome; /* SMTP_UNDECIDED: there are some */
	const char *enhanced;
	struct str words; /* where there are none */
};

static void answer_set(struct answer *answer, enum smtp_outcome outcome, const char *enhanced, struct str words)
{
	answer->outcome = outcome;
	answer->enhanced = enhanced;
	answer->words = words;
}

/* The next "<preference> <name>" of dnsd's answer. */
static bool next_exchanger(const struct ipc_message *reply, size_t *position, uint64_t *preference, struct str *name)
{
	struct str key, value;

	while (ipc_next(reply, position, &key, &value)) {
		if (!str_equal(key, STR("host")) || !str_to_u64(str_cut_word(&value), UINT16_MAX, preference))
			continue;
		*name = str_trim(value);
		if (name->len != 0)
			return true;
	}
	return false;
}

/*
 * Take the mail exchangers over. RFC 5321 5.1: where we are one of them, those not better than us are left out, or the
 * message would come back. *we_are_best: nobody is better.
 */
static void take_exchangers(const struct ipc_message *reply, struct str own_name, unsigned port, struct arena *arena,
                            struct exchangers *found, bool *we_are_best)
{
	struct str name;
	uint64_t preference, own_preference = UINT64_MAX;
	size_t position = 0;

	while (next_exchanger(reply, &position, &preference, &name))
		if (str_equal_nocase(name, own_name) && preference < own_preference)
			own_preference = preference;
	position = 0;
	while (next_exchanger(reply, &position, &preference, &name))
		if (preference < own_preference)
			exchangers_add(found, &(struct exchanger){.host = {.name = arena_copy(arena, name), .port = port},
			                                          .priority = (unsigned)preference});
	*we_are_best = found->count == 0 && own_preference != UINT64_MAX;
}

static void read_answer(struct route_sources *sources, struct str domain, const struct ipc_message *reply,
                        struct arena *arena, struct answer *answer)
{
	unsigned port = (unsigned)settings_number(sources->settings, SETTING_SENDER_MX_PORT);
	bool we_are_best;

	if (ipc_get(reply, "null-mx").data != NULL) {
		answer_set(answer, SMTP_FAILED, "5.1.10",
		           arena_printf(arena, "The domain %.*s takes no mail (null MX)", STR_ARG(domain)));
		return;
	}
	take_exchangers(reply, str_of(settings_host_name(sources->settings)), port, arena, &answer->found, &we_are_best);
	answer->is_secure = str_equal(ipc_get(reply, "secure"), STR("1"));
	if (we_are_best)
		answer_set(
		    answer, SMTP_FAILED, "5.4.6",
		    arena_printf(arena, "Mail for %.*s loops back to this server, which does not take it", STR_ARG(domain)));
	else if (answer->found.count == 0)
		answer_set(answer, SMTP_DEFERRED, "4.4.3",
		           arena_printf(arena, "No mail exchanger of %.*s is known", STR_ARG(domain)));
}

static void ask_dns(struct route_sources *sources, struct str domain, struct arena *arena, struct answer *answer)
{
	struct ipc_message request, reply;
	struct err err;

	*answer = (struct answer){.outcome = SMTP_UNDECIDED};
	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "mx");
	ipc_add(&request, "domain", domain);
	if (ipc_call(&sources->dnsd, &request, &reply, ROUTE_DNS_TIMEOUT_MS, &err) == 0)
		read_answer(sources, domain, &reply, arena, answer);
	else if (err.code == ERR_NOT_FOUND || err.code == ERR_SYNTAX)
		answer_set(answer, SMTP_FAILED, "5.1.2", arena_copy(arena, str_of(err.text)));
	else
		answer_set(answer, SMTP_DEFERRED, "4.4.3", arena_copy(arena, str_of(err.text)));
	ipc_message_free(&request);
	ipc_message_free(&reply);
}

static void add_override(struct exchangers *found, const struct override *line, struct arena *arena)
{
	struct exchanger exchanger = {.priority = line->priority};

	exchanger.host = (struct route_host){.name = arena_copy(arena, line->server.host),
	                                     .port = line->server.port,
	                                     .is_address = line->server.is_address,
	                                     .is_override = true,
	                                     .username = arena_copy(arena, line->user),
	                                     .password = arena_copy(arena, line->password)};
	exchangers_add(found, &exchanger);
}

/* Those of the sender's overrides that hold. Returns their number. */
static size_t choose(const struct overrides *overrides, const struct delivery *delivery, struct str domain,
                     const struct answer *answer, struct arena *arena, struct exchangers *found, bool *adds_dns)
{
	const struct outgoing_facts facts = {.size = delivery->message.size,
	                                     .retries = delivery->attempts,
	                                     .authsender = delivery->user,
	                                     .from = delivery->message.from,
	                                     .to = STR("")};
	const struct override *lines[ROUTE_HOSTS_MAX];
	struct str names[ROUTE_HOSTS_MAX];
	size_t count;

	for (size_t i = 0; i < answer->found.count; i++)
		names[i] = answer->found.list[i].host.name;
	count = overrides_choose(overrides, domain, &facts, names, answer->found.count, lines, ROUTE_HOSTS_MAX, adds_dns);
	for (size_t i = 0; i < count; i++)
		add_override(found, lines[i], arena);
	return count;
}

/* The overrides of the message's sender. What configd took is understood; where it is not, there are none. */
static void read_overrides(struct route_sources *sources, const struct delivery *delivery, struct arena *arena,
                           struct overrides *overrides)
{
	struct sender_settings settings;
	struct err err;

	*overrides = (struct overrides){0};
	if (sender_load(&sources->settings->objects, delivery->sender, arena, &settings, &err) == 1 &&
	    overrides_parse(str_of(settings.texts[SENDER_SETTING_DNS_OVERRIDES]), arena, overrides, &err) != 0)
		log_error("id=%s DNS overrides of the sender %s: %s", delivery->id, settings.name, err.text);
}

static void merge(struct exchangers *found, const struct exchangers *more)
{
	for (size_t i = 0; i < more->count; i++)
		exchangers_add(found, &more->list[i]);
}

/* What the DNS, the overrides and the script's name, in this order. -1: decided. */
static int collect(struct route_sources *sources, struct delivery *delivery, struct str domain,
                   const struct overrides *overrides, struct arena *arena, struct exchangers *found, bool *is_secure)
{
	struct answer answer = {.outcome = SMTP_UNDECIDED};
	bool adds_dns = true, go_on = true;
	size_t named = 0;

	if (overrides->asks_dns) {
		ask_dns(sources, domain, arena, &answer);
		if (answer.outcome == SMTP_DEFERRED) /* whether they hold is not known */
			return route_defer(delivery, answer.enhanced, answer.words);
	}
	if (overrides->count > 0)
		named = choose(overrides, delivery, domain, &answer, arena, found, &adds_dns);
	named += rules_override(delivery, domain, arena, found, &go_on);
	if (!go_on)
		return route_fail(delivery, "5.1.2",
		                  arena_printf(arena, "mxserverrules.lua knows no server of %.*s", STR_ARG(domain)));
	if (named > 0 && !adds_dns)
		return 0;
	if (!overrides->asks_dns)
		ask_dns(sources, domain, arena, &answer);
	merge(found, &answer.found);
	*is_secure = named == 0 && answer.is_secure;
	if (found->count > 0 || answer.outcome == SMTP_UNDECIDED)
		return 0;
	return answer.outcome == SMTP_FAILED ? route_fail(delivery, answer.enhanced, answer.words)
	                                     : route_defer(delivery, answer.enhanced, answer.words);
}

int exchangers_find(struct route_sources *sources, struct delivery *delivery, struct str domain, struct arena *arena,
                    struct route *route)
{
	struct exchangers found = {0};
	struct overrides overrides;
	int result;

	read_overrides(sources, delivery, arena, &overrides);
	result = collect(sources, delivery, domain, &overrides, arena, &found, &route->secure);
	if (result == 0)
		result = rules_check(delivery, domain, arena, &found);
	for (size_t i = 0; i < found.count && result == 0 && route->host_count < ROUTE_HOSTS_MAX; i++)
		route->hosts[route->host_count++] = found.list[i].host;
	route->is_new = overrides.count > 0 || scripts_choose_servers();
	overrides_free(&overrides);
	return result;
}
