#include "common/sending/route.h"

#include "common/base/memory.h"
#include "common/settings/connectors.h"

#include <arpa/inet.h>

int route_defer(struct delivery *delivery, const char *enhanced, struct str words)
{
	delivery_decide(delivery, SMTP_DEFERRED, enhanced, words, STR(""));
	return -1;
}

int route_fail(struct delivery *delivery, const char *enhanced, struct str words)
{
	delivery_decide(delivery, SMTP_FAILED, enhanced, words, STR(""));
	return -1;
}

void route_add_host(struct route *route, struct str name, unsigned port, bool is_address)
{
	if (route->host_count < ROUTE_HOSTS_MAX)
		route->hosts[route->host_count++] = (struct route_host){
		    .name = name, .port = port, .is_address = is_address, .username = STR(""), .password = STR("")};
}

int route_read_password(struct route_sources *sources, struct str secret, struct arena *arena, struct route *route,
                        struct err *err)
{
	bool by_token = route->method == SASL_CLIENT_METHOD_OAUTH;
	struct ipc_message request, reply;
	int result;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, by_token ? "oauth-token" : "secret-get");
	ipc_add(&request, "name", secret);
	result = ipc_call(&sources->authd, &request, &reply, by_token ? ROUTE_TOKEN_TIMEOUT_MS : IPC_TIMEOUT_MS, err);
	if (result == 0)
		route->password = arena_copy(arena, ipc_get(&reply, "value"));
	if (result == 0 && route->username.len == 0)
		route->username = arena_copy(arena, ipc_get(&reply, "user"));
	if (reply.fields.len != 0)
		memory_wipe(reply.fields.data, reply.fields.len);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return result;
}

void route_wipe(struct route *route)
{
	if (route->password.len != 0)
		memory_wipe((char *)(uintptr_t)route->password.data, route->password.len);
	route->password = STR("");
}

static bool is_address(const char *host)
{
	unsigned char bytes[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

size_t route_addresses(struct route_sources *sources, const struct route_host *host, struct arena *arena,
                       struct str addresses[ROUTE_ADDRESSES_MAX], bool *secure_out, struct err *err)
{
	struct ipc_message request, reply;
	struct str key, value;
	size_t position = 0, count = 0;

	*secure_out = false;
	if (host->is_address) {
		addresses[0] = host->name;
		return 1;
	}
	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "address");
	ipc_add(&request, "host", host->name);
	if (ipc_call(&sources->dnsd, &request, &reply, ROUTE_DNS_TIMEOUT_MS, err) == 0) {
		while (count < ROUTE_ADDRESSES_MAX && ipc_next(&reply, &position, &key, &value))
			if (str_equal(key, STR("address")))
				addresses[count++] = arena_copy(arena, value);
		*secure_out = str_equal(ipc_get(&reply, "secure"), STR("1"));
		if (count == 0)
			err_set(err, ERR_NOT_FOUND, "%.*s has no address", STR_ARG(host->name));
	}
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return count;
}

/* The first address of the proxy's host. */
static int find_proxy_address(struct route_sources *sources, struct arena *arena, struct socks_proxy *proxy,
                              struct err *err)
{
	const char *server = settings_text(sources->settings, SETTING_PROXY_SOCKS_SERVER);
	struct route_host host = {.name = str_of(server), .is_address = is_address(server)};
	struct str addresses[ROUTE_ADDRESSES_MAX];
	bool secure;

	if (*server == '\0')
		return err_set(err, ERR_NOT_FOUND, "proxy.socks-server is not set");
	if (route_addresses(sources, &host, arena, addresses, &secure, err) == 0)
		return -1;
	proxy->address = arena_text(arena, addresses[0]);
	return 0;
}

int route_find_proxy(struct route_sources *sources, int64_t connection, struct arena *arena,
                     const struct socks_proxy **proxy_out, struct err *err)
{
	static const char *const versions[] = {[SOCKS_4] = "4", [SOCKS_4A] = "4a", [SOCKS_5] = "5"};
	const struct settings *settings = sources->settings;
	const char *version = settings_text(settings, SETTING_PROXY_SOCKS_VERSION);
	struct connection_settings wanted;
	struct socks_proxy *proxy;
	int found = connection_load(&sources->settings->objects, connection, arena, &wanted, err);

	*proxy_out = NULL;
	if (found != 1 || wanted.numbers[CONNECTION_SETTING_SOCKS] == 0)
		return found < 0 ? -1 : 0;
	proxy = arena_get(arena, sizeof *proxy);
	*proxy = (struct socks_proxy){
	    .port = (unsigned)settings_number(settings, SETTING_PROXY_SOCKS_PORT),
	    .user = arena_text(arena, str_of(settings_text(settings, SETTING_PROXY_SOCKS_USER))),
	    .password = arena_text(arena, str_of(settings_text(settings, SETTING_PROXY_SOCKS_PASSWORD))),
	};
	while (strcmp(versions[proxy->version], version) != 0 && proxy->version < SOCKS_5)
		proxy->version++;
	if (find_proxy_address(sources, arena, proxy, err) != 0)
		return err_prefix(err, "the SOCKS proxy of the connection %s", wanted.name);
	*proxy_out = proxy;
	return 0;
}
