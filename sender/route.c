#include "sender/route.h"

#include "common/addr/addr.h"
#include "common/addr/server.h"
#include "common/base/log.h"
#include "common/base/memory.h"

enum {
	DNS_TIMEOUT_MS = 30000, /* dnsd answers within 25 s */
	SMTP_PORT = 25,
	SMTPS_PORT = 465,
};

static int defer(struct delivery *delivery, const char *enhanced, struct str words)
{
	delivery_decide(delivery, SMTP_DEFERRED, enhanced, words, STR(""));
	return -1;
}

static int fail(struct delivery *delivery, const char *enhanced, struct str words)
{
	delivery_decide(delivery, SMTP_FAILED, enhanced, words, STR(""));
	return -1;
}

static void add_host(struct route *route, struct str name, unsigned port, bool is_address)
{
	if (route->host_count < ROUTE_HOSTS_MAX)
		route->hosts[route->host_count++] = (struct route_host){name, port, is_address};
}

/* The address in a literal's brackets, "[192.0.2.1]" or "[IPv6:2001:db8::1]" (RFC 5321 4.1.3). */
static struct str literal_address(struct str literal)
{
	struct str inside = str_sub(literal, 1, literal.len - 2);

	return str_starts_nocase(inside, STR("IPv6:")) ? str_skip(inside, 5) : inside;
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
                            struct route *route, bool *we_are_best)
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
			add_host(route, arena_copy(arena, name), port, false);
	*we_are_best = route->host_count == 0 && own_preference != UINT64_MAX;
}

static int read_exchangers(struct route_sources *sources, struct delivery *delivery, const struct ipc_message *reply,
                           struct arena *arena, struct route *route)
{
	unsigned port = (unsigned)settings_number(sources->settings, SETTING_SENDER_MX_PORT);
	struct str domain = delivery->domain;
	bool we_are_best;

	if (ipc_get(reply, "null-mx").data != NULL)
		return fail(delivery, "5.1.10",
		            arena_printf(arena, "The domain %.*s takes no mail (null MX)", STR_ARG(domain)));
	take_exchangers(reply, str_of(settings_host_name(sources->settings)), port, arena, route, &we_are_best);
	if (we_are_best)
		return fail(
		    delivery, "5.4.6",
		    arena_printf(arena, "Mail for %.*s loops back to this server, which does not take it", STR_ARG(domain)));
	if (route->host_count == 0)
		return defer(delivery, "4.4.3", arena_printf(arena, "No mail exchanger of %.*s is known", STR_ARG(domain)));
	return 0;
}

static int find_mx(struct route_sources *sources, struct delivery *delivery, struct arena *arena, struct route *route)
{
	struct ipc_message request, reply;
	struct str domain = delivery->domain;
	struct err err;
	int result;

	route->encryption = ROUTE_STARTTLS_IF_AVAILABLE;
	if (addr_is_literal(domain)) {
		add_host(route, literal_address(domain), (unsigned)settings_number(sources->settings, SETTING_SENDER_MX_PORT),
		         true);
		return 0;
	}
	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "mx");
	ipc_add(&request, "domain", domain);
	if (ipc_call(&sources->dnsd, &request, &reply, DNS_TIMEOUT_MS, &err) == 0)
		result = read_exchangers(sources, delivery, &reply, arena, route);
	else if (err.code == ERR_NOT_FOUND || err.code == ERR_SYNTAX)
		result = fail(delivery, "5.1.2", arena_copy(arena, str_of(err.text)));
	else
		result = defer(delivery, "4.4.3", arena_copy(arena, str_of(err.text)));
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return result;
}

/* As configd has checked it. */
static void add_server(struct route *route, struct str item, struct arena *arena)
{
	struct server server;

	if (server_parse(item, route->encryption == ROUTE_TLS ? SMTPS_PORT : SMTP_PORT, arena, &server, NULL) == 0)
		add_host(route, server.host, server.port, server.is_address);
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
	struct db_statement statement;
	struct str servers, item;
	int row;

	if (db_prepare(&sources->settings->objects, &statement,
	               "SELECT name, servers, encryption, verify, username FROM sender WHERE id = ? AND method = 'relay'",
	               err) != 0)
		return -1;
	db_bind_number(&statement, 1, id);
	row = db_step(&statement, err);
	if (row == 1) {
		route->is_relay = true;
		route->name = arena_copy(arena, db_text(&statement, 0));
		servers = arena_copy(arena, db_text(&statement, 1));
		route->encryption = encryption_of(db_text(&statement, 2));
		route->verify = db_number(&statement, 3) != 0;
		route->username = arena_copy(arena, db_text(&statement, 4));
		while ((item = str_cut_item(&servers)).len != 0)
			add_server(route, item, arena);
	}
	db_finalize(&statement);
	return row;
}

static int read_password(struct route_sources *sources, int64_t id, struct arena *arena, struct route *route,
                         struct err *err)
{
	struct ipc_message request, reply;
	int result;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "secret-get");
	ipc_add(&request, "name", arena_printf(arena, "sender/%lld", (long long)id));
	result = ipc_call(&sources->authd, &request, &reply, IPC_TIMEOUT_MS, err);
	if (result == 0)
		route->password = arena_copy(arena, ipc_get(&reply, "value"));
	if (reply.fields.len != 0)
		memory_wipe(reply.fields.data, reply.fields.len);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return result;
}

static int find_relay(struct route_sources *sources, struct delivery *delivery, struct arena *arena,
                      struct route *route)
{
	struct err err;
	int found = read_sender(sources, delivery->relay, arena, route, &err);

	if (found == 1 && route->host_count == 0)
		return defer(delivery, "4.3.5", arena_printf(arena, "The sender %.*s has no server", STR_ARG(route->name)));
	if (found == 0)
		return defer(delivery, "4.3.5", STR("The sender of this message is not configured any more"));
	if (found == 1 && route->username.len != 0 && read_password(sources, delivery->relay, arena, route, &err) != 0) {
		err_prefix(&err, "the password of the sender %.*s cannot be had", STR_ARG(route->name));
		found = -1;
	}
	if (found < 0) {
		log_error("id=%s: %s", delivery->id, err.text);
		return defer(delivery, "4.3.0", arena_copy(arena, str_of(err.text)));
	}
	return 0;
}

int route_find(struct route_sources *sources, struct delivery *delivery, struct arena *arena, struct route *route)
{
	*route = (struct route){0};
	if (delivery->domain.len != 0)
		return find_mx(sources, delivery, arena, route);
	return find_relay(sources, delivery, arena, route);
}

void route_wipe(struct route *route)
{
	if (route->password.len != 0)
		memory_wipe((char *)(uintptr_t)route->password.data, route->password.len);
	route->password = STR("");
}

size_t route_addresses(struct route_sources *sources, const struct route_host *host, struct arena *arena,
                       struct str addresses[ROUTE_ADDRESSES_MAX], struct err *err)
{
	struct ipc_message request, reply;
	struct str key, value;
	size_t position = 0, count = 0;

	if (host->is_address) {
		addresses[0] = host->name;
		return 1;
	}
	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "address");
	ipc_add(&request, "host", host->name);
	if (ipc_call(&sources->dnsd, &request, &reply, DNS_TIMEOUT_MS, err) == 0) {
		while (count < ROUTE_ADDRESSES_MAX && ipc_next(&reply, &position, &key, &value))
			if (str_equal(key, STR("address")))
				addresses[count++] = arena_copy(arena, value);
		if (count == 0)
			err_set(err, ERR_NOT_FOUND, "%.*s has no address", STR_ARG(host->name));
	}
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return count;
}
