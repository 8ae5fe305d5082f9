#include "sender/route.h"

#include "common/addr/addr.h"
#include "common/addr/server.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/sending/security.h"
#include "common/settings/connectors.h"
#include "sender/exchangers.h"

enum {
	SMTP_PORT = 25,
	SMTPS_PORT = 465,
};

int sender_accept(struct delivery *delivery, struct arena *arena, struct err *err)
{
	struct str rest = delivery->destination, kind = str_cut_word(&rest);
	uint64_t id;

	(void)arena;
	rest = str_trim(rest);
	delivery->is_relay = delivery->needs_secrets = str_equal(kind, STR("relay"));
	if (delivery->is_relay ? str_to_u64(rest, INT64_MAX, &id) : str_equal(kind, STR("mx")) && rest.len != 0)
		return 0;
	return err_set(err, ERR_PROTOCOL, "a destination is \"mx DOMAIN SENDER\" or \"relay SENDER\"");
}

/* The second word: a domain, or the number of a sender. */
static struct str destination_value(const struct delivery *delivery)
{
	struct str rest = delivery->destination;

	str_cut_word(&rest);
	return str_cut_word(&rest);
}

/* The address in a literal's brackets, "[192.0.2.1]" or "[IPv6:2001:db8::1]" (RFC 5321 4.1.3). */
static struct str literal_address(struct str literal)
{
	struct str inside = str_sub(literal, 1, literal.len - 2);

	return str_starts_nocase(inside, STR("IPv6:")) ? str_skip(inside, 5) : inside;
}

static int find_mx(struct route_sources *sources, struct delivery *delivery, struct arena *arena, struct route *route)
{
	struct str domain = destination_value(delivery);
	struct err err;

	route->encryption = ROUTE_STARTTLS_IF_AVAILABLE;
	if (addr_is_literal(domain)) {
		route_add_host(route, literal_address(domain),
		               (unsigned)settings_number(sources->settings, SETTING_SENDER_MX_PORT), true);
		return 0;
	}
	route->domain = domain;
	route->demand = tls_demands_find(str_of(settings_text(sources->settings, SETTING_SENDER_TLS_POLICIES)), domain);
	if (exchangers_find(sources, delivery, domain, arena, route) != 0)
		return -1;
	return security_find_policy(sources, route, arena, &err) == 0
	           ? 0
	           : route_defer(delivery, "4.7.5", arena_copy(arena, str_of(err.text)));
}

/* As configd has checked it. */
static void add_server(struct route *route, struct str item, struct arena *arena)
{
	struct server server;

	if (server_parse(item, route->encryption == ROUTE_TLS ? SMTPS_PORT : SMTP_PORT, arena, &server, NULL) == 0)
		route_add_host(route, server.host, server.port, server.is_address);
}

static enum route_encryption encryption_of(struct str word)
{
	if (str_equal(word, STR("none")))
		return ROUTE_CLEAR;
	if (str_equal(word, STR("starttls-if-available")))
		return ROUTE_STARTTLS_IF_AVAILABLE;
	return str_equal(word, STR("tls")) ? ROUTE_TLS : ROUTE_STARTTLS;
}

/* 1 = found, 0 = there is no such sender, -1 = error. */
static int read_sender(struct route_sources *sources, int64_t id, struct arena *arena, struct route *route,
                       struct err *err)
{
	struct sender_settings sender;
	struct str servers, item;
	int found = sender_load(&sources->settings->objects, id, arena, &sender, err);

	if (found != 1 || strcmp(sender.method, "relay") != 0)
		return found < 0 ? -1 : 0;
	route->name = str_of(sender.name);
	route->encryption = encryption_of(str_of(sender.encryption));
	route->verify = sender.verify;
	route->username = str_of(sender.username);
	sasl_client_parse_method(str_of(sender.texts[SENDER_SETTING_AUTH]), &route->method);
	servers = str_of(sender.servers);
	while ((item = str_cut_item(&servers)).len != 0)
		add_server(route, item, arena);
	return 1;
}

static int find_relay(struct route_sources *sources, struct delivery *delivery, struct arena *arena,
                      struct route *route)
{
	uint64_t id = 0;
	struct err err;
	int found;

	str_to_u64(destination_value(delivery), INT64_MAX, &id);
	found = read_sender(sources, (int64_t)id, arena, route, &err);

	if (found == 1 && route->host_count == 0)
		return route_defer(delivery, "4.3.5",
		                   arena_printf(arena, "The sender %.*s has no server", STR_ARG(route->name)));
	if (found == 0)
		return route_defer(delivery, "4.3.5", STR("The sender of this message is not configured any more"));
	if (found == 1 && (route->username.len != 0 || route->method == SASL_CLIENT_METHOD_OAUTH) &&
	    route_read_password(sources, arena_printf(arena, "sender/%llu", (unsigned long long)id), arena, route, &err) !=
	        0) {
		err_prefix(&err, "the password of the sender %.*s cannot be had", STR_ARG(route->name));
		found = -1;
	}
	if (found < 0) {
		log_error("id=%s: %s", delivery->id, err.text);
		return route_defer(delivery, "4.3.0", arena_copy(arena, str_of(err.text)));
	}
	return 0;
}

int sender_find_route(struct route_sources *sources, struct delivery *delivery, struct arena *arena,
                      struct route *route)
{
	struct err err;

	if (route_find_proxy(sources, delivery->sender, arena, &route->proxy, &err) != 0)
		return route_defer(delivery, "4.4.1", arena_copy(arena, str_of(err.text)));
	return delivery->is_relay ? find_relay(sources, delivery, arena, route) : find_mx(sources, delivery, arena, route);
}

/* A relay that does not do its work is a problem of its sender, in these words (specification 09, 15). */
void sender_report_trouble(const struct delivery *delivery, const char *name, struct str words)
{
	log_warning("id=%s Error with SMTP Client (%s (%.*s)): %.*s", delivery->id, name,
	            STR_ARG(destination_value(delivery)), STR_ARG(words));
}
