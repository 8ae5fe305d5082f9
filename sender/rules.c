#include "sender/rules.h"

#include "common/addr/server.h"
#include "common/base/log.h"
#include "common/script/script.h"
#include "sender/scripts.h"

enum { SMTP_PORT = 25, HOLD_S = 600, HOLD_MINUTES_MAX = 100000 };

void exchangers_add(struct exchangers *exchangers, const struct exchanger *exchanger)
{
	size_t place = exchangers->count;

	if (exchangers->count == ROUTE_HOSTS_MAX)
		return;
	for (; place > 0 && exchangers->list[place - 1].priority > exchanger->priority; place--)
		exchangers->list[place] = exchangers->list[place - 1];
	exchangers->list[place] = *exchanger;
	exchangers->count++;
}

/* A map of the script's: {["host[:port]"] = priority}. Those that are among known keep what is known of them. */
static size_t take_servers(const struct script *script, const char *function, const struct script_value *map,
                           const struct exchangers *known, struct arena *arena, struct exchangers *out)
{
	size_t added = 0;

	for (size_t i = 0; i + 1 < map->count; i += 2) {
		struct exchanger exchanger = {0};
		struct server server;
		uint64_t priority;
		struct err err;

		if (!str_to_u64(map->items[i + 1], UINT16_MAX, &priority) ||
		    server_parse(map->items[i], SMTP_PORT, arena, &server, &err) != 0) {
			script_report(script, function,
			              arena_printf(arena, "\"%.*s\" = %.*s is no server with its priority",
			                           STR_ARG(str_sub(map->items[i], 0, 80)),
			                           STR_ARG(str_sub(map->items[i + 1], 0, 40))));
			continue;
		}
		exchanger.host = (struct route_host){.name = server.host,
		                                     .port = server.port,
		                                     .is_address = server.is_address,
		                                     .is_override = true,
		                                     .username = STR(""),
		                                     .password = STR("")};
		for (size_t n = 0; known != NULL && n < known->count; n++)
			if (str_equal_nocase(known->list[n].host.name, server.host) &&
			    (!server.has_port || known->list[n].host.port == server.port))
				exchanger.host = known->list[n].host;
		exchanger.priority = (unsigned)priority;
		exchangers_add(out, &exchanger);
		added++;
	}
	return added;
}

size_t rules_override(const struct delivery *delivery, struct str domain, struct arena *arena,
                      struct exchangers *exchangers, bool *go_on)
{
	struct script *script = scripts_rules(delivery);
	const struct script_value arguments[] = {script_text(domain), script_number(delivery->attempts),
	                                         script_number(delivery->message.size)};
	struct script_value results[] = {{.type = SCRIPT_MAP}, {.type = SCRIPT_FLAG}};

	*go_on = true;
	if (script_call(script, "GetOverrides", arguments, 3, results, 2, arena) != 1)
		return 0;
	*go_on = results[1].type != SCRIPT_FLAG || results[1].flag;
	return results[0].type == SCRIPT_MAP ? take_servers(script, "GetOverrides", &results[0], NULL, arena, exchangers)
	                                     : 0;
}

/* Does CheckServer let it pass? *hold_s: how long the message is to be held. */
static bool is_allowed(struct script *script, const struct delivery *delivery, struct str domain,
                       const struct exchanger *exchanger, struct arena *arena, int64_t *hold_s)
{
	const struct script_value arguments[] = {script_text(domain), script_text(exchanger->host.name),
	                                         script_number(delivery->attempts), script_number(delivery->message.size),
	                                         script_flag(true)};
	struct script_value results[] = {{.type = SCRIPT_FLAG}, {.type = SCRIPT_NUMBER}};

	if (script_call(script, "CheckServer", arguments, 5, results, 2, arena) != 1 || results[0].type != SCRIPT_FLAG ||
	    results[0].flag)
		return true;
	if (results[1].type == SCRIPT_NUMBER && results[1].number > 0 && results[1].number <= HOLD_MINUTES_MAX)
		*hold_s = results[1].number * 60;
	log_info("id=%s host=%.*s is left out by mxserverrules.lua", delivery->id, STR_ARG(exchanger->host.name));
	return false;
}

static void final_overrides(struct script *script, const struct delivery *delivery, struct str domain,
                            struct arena *arena, struct exchangers *exchangers)
{
	struct str items[2 * ROUTE_HOSTS_MAX];
	struct script_value result = {.type = SCRIPT_MAP};
	struct exchangers changed = {0};

	if (!script_has_function(script, "FinalOverrides"))
		return;
	for (size_t i = 0; i < exchangers->count; i++) {
		items[2 * i] = exchangers->list[i].host.name;
		items[2 * i + 1] = arena_printf(arena, "%u", exchangers->list[i].priority);
	}
	const struct script_value arguments[] = {script_text(domain), script_map(items, 2 * exchangers->count),
	                                         script_number(delivery->attempts), script_number(delivery->message.size)};
	if (script_call(script, "FinalOverrides", arguments, 4, &result, 1, arena) != 1 || result.type != SCRIPT_MAP)
		return;
	take_servers(script, "FinalOverrides", &result, exchangers, arena, &changed);
	*exchangers = changed;
}

int rules_check(struct delivery *delivery, struct str domain, struct arena *arena, struct exchangers *exchangers)
{
	struct script *script = scripts_rules(delivery);
	struct exchangers left = {0};
	int64_t hold_s = HOLD_S;

	if (!script_exists(script))
		return 0;
	for (size_t i = 0; i < exchangers->count; i++)
		if (is_allowed(script, delivery, domain, &exchangers->list[i], arena, &hold_s))
			exchangers_add(&left, &exchangers->list[i]);
	*exchangers = left;
	final_overrides(script, delivery, domain, arena, exchangers);
	if (exchangers->count > 0)
		return 0;
	delivery->hold_s = hold_s;
	return route_defer(delivery, "4.3.0", STR("mxserverrules.lua leaves no server now"));
}
