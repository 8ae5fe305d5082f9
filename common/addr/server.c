#include "common/addr/server.h"

#include "common/addr/addr.h"
#include "common/addr/cidr.h"

int server_parse(struct str text, unsigned port, struct arena *arena, struct server *server_out, struct err *err)
{
	ptrdiff_t colon = str_find_last_char(text, ':'), bracket = str_find_last_char(text, ']');
	struct server server = {.host = text, .port = port};
	uint64_t number = 0;

	if (colon >= 0 && colon > bracket) {
		server.host = str_sub(text, 0, (size_t)colon);
		server.has_port = true;
		if (!str_to_u64(str_skip(text, (size_t)colon + 1), 65535, &number) || number == 0)
			return err_set(err, ERR_SYNTAX, "the port of \"%.*s\" must be a number from 1 to 65535",
			               STR_ARG(str_sub(text, 0, 80)));
		server.port = (unsigned)number;
	}
	if (server.host.len > 2 && server.host.data[0] == '[' && bracket == (ptrdiff_t)server.host.len - 1) {
		server.host = str_sub(server.host, 1, server.host.len - 2);
		server.is_address = cidr_is_address(server.host, true);
		server.host.len = server.is_address ? server.host.len : 0;
	} else {
		server.is_address = cidr_is_address(server.host, false);
		if (!server.is_address &&
		    (!addr_is_domain(server.host) || addr_normalise_domain(server.host, arena, &server.host, NULL) != 0))
			server.host = STR("");
	}
	if (server.host.len == 0)
		return err_set(err, ERR_SYNTAX, "\"%.*s\" is not a server; write HOST or HOST:PORT, as in mail.example.com:587",
		               STR_ARG(str_sub(text, 0, 80)));
	*server_out = server;
	return 0;
}

static struct str write_server(const struct server *server, bool with_port, struct arena *arena)
{
	bool is_ipv6 = server->is_address && str_find_char(server->host, ':') >= 0;
	const char *left = is_ipv6 ? "[" : "", *right = is_ipv6 ? "]" : "";

	if (with_port)
		return arena_printf(arena, "%s%.*s%s:%u", left, STR_ARG(server->host), right, server->port);
	return arena_printf(arena, "%s%.*s%s", left, STR_ARG(server->host), right);
}

struct str server_format(const struct server *server, struct arena *arena)
{
	return write_server(server, server->has_port, arena);
}

struct str server_key(const struct server *server, struct arena *arena)
{
	return write_server(server, true, arena);
}
