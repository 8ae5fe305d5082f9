#include "lfwd/route.h"

#include "common/base/log.h"
#include "common/lan/destination.h"
#include "common/settings/secret.h"

int lan_accept(struct delivery *delivery, struct arena *arena, struct err *err)
{
	struct lan_destination destination;

	if (lan_destination_parse(delivery->destination, arena, &destination, err) != 0)
		return -1;
	delivery->is_relay = true;
	delivery->needs_secrets =
	    (destination.rule != 0 && destination.user.len == 0) || secret_is_name(destination.password, LAN_SECRETS_OF);
	if (destination.has_from)
		delivery->message.from = destination.from;
	return 0;
}

int lan_find_rule(struct settings *settings, int64_t id, struct arena *arena, struct lan_rule *rule_out,
                  struct err *err)
{
	struct lan_rules rules;

	if (lan_rules_load(&settings->objects, arena, &rules, err) != 0)
		return -1;
	for (size_t i = 0; i < rules.count; i++) {
		if (rules.list[i].id != id)
			continue;
		*rule_out = rules.list[i];
		return 1;
	}
	return 0;
}

/* A password goes to the server that the rule names now, never to one that it named before. */
static int login_of_rule(struct route_sources *sources, const struct lan_destination *destination, struct arena *arena,
                         struct route *route, struct err *err)
{
	struct lan_rule rule;
	struct server server;
	int found = lan_find_rule(sources->settings, destination->rule, arena, &rule, err);

	if (found != 1)
		return found;
	if (rule.username.len == 0)
		return 0;
	if (server_parse(rule.server, LAN_PORT, arena, &server, err) != 0)
		return -1;
	if (!str_equal(server_key(&server, arena), server_key(&destination->server, arena)))
		return 0;
	route->username = rule.username;
	if (route_read_password(sources, rule.password, arena, route, err) != 0)
		return err_prefix(err, "the password of the LAN rule %.*s cannot be had", STR_ARG(rule.address));
	return 0;
}

int lan_find_route(struct route_sources *sources, struct delivery *delivery, struct arena *arena, struct route *route)
{
	struct lan_destination destination;
	struct err err;
	int result = lan_destination_parse(delivery->destination, arena, &destination, &err);

	if (result == 0) {
		route->encryption = ROUTE_STARTTLS_IF_AVAILABLE;
		route->name = server_key(&destination.server, arena);
		route_add_host(route, destination.server.host, destination.server.port, destination.server.is_address);
		route->username = destination.user;
		route->password = arena_copy(arena, destination.password);
		if (secret_is_name(destination.password, LAN_SECRETS_OF))
			result = route_read_password(sources, destination.password, arena, route, &err);
		else if (destination.user.len == 0)
			result = login_of_rule(sources, &destination, arena, route, &err);
	}
	if (result == 0)
		return 0;
	log_error("id=%s: %s", delivery->id, err.text);
	return route_defer(delivery, "4.3.0", arena_copy(arena, str_of(err.text)));
}

void lan_report_trouble(const struct delivery *delivery, const char *name, struct str words)
{
	log_warning("id=%s Error with LAN forwarding to %s: %.*s", delivery->id, name, STR_ARG(words));
}
