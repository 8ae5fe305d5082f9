#include "common/lan/destination.h"

#include "common/addr/addr.h"
#include "common/base/buf.h"

#include <inttypes.h>

enum { SMTP_PORT = 25 };

int lan_destination_format(const struct lan_destination *destination, struct arena *arena, struct str *line_out,
                           struct err *err)
{
	struct buf line;
	bool overflow;

	buf_init(&line, LAN_DESTINATION_MAX - 1);
	buf_printf(&line, "lan %" PRId64 " %.*s", destination->rule, STR_ARG(server_key(&destination->server, arena)));
	if (destination->user.len != 0)
		buf_printf(&line, " USER=%.*s PASSWORD=%.*s", STR_ARG(addr_xtext_encode(destination->user, arena)),
		           STR_ARG(addr_xtext_encode(destination->password, arena)));
	if (destination->has_from)
		buf_printf(&line, " FROM=%.*s", STR_ARG(addr_xtext_encode(destination->from, arena)));
	*line_out = arena_copy(arena, buf_str(&line));
	overflow = line.overflow;
	buf_free(&line);
	return overflow ? err_set(err, ERR_LIMIT, "a LAN forwarding target is too long") : 0;
}

/* The value of a word that begins with key. */
static bool take(struct str word, struct str key, struct arena *arena, struct str *value)
{
	return str_starts(word, key) && addr_xtext_decode(str_skip(word, key.len), arena, value, NULL) == 0;
}

int lan_destination_parse(struct str line, struct arena *arena, struct lan_destination *destination_out,
                          struct err *err)
{
	struct lan_destination destination = {.user = STR(""), .password = STR(""), .from = STR("")};
	struct str rest = line, word;
	uint64_t rule;

	if (!str_equal(str_cut_word(&rest), STR("lan")) || !str_to_u64(str_cut_word(&rest), INT64_MAX, &rule))
		return err_set(err, ERR_SYNTAX, "that is no destination of LAN forwarding");
	destination.rule = (int64_t)rule;
	if (server_parse(str_cut_word(&rest), SMTP_PORT, arena, &destination.server, err) != 0)
		return -1;
	while ((word = str_cut_word(&rest)).len != 0) {
		if (take(word, STR("FROM="), arena, &destination.from))
			destination.has_from = true;
		else if (!take(word, STR("USER="), arena, &destination.user) &&
		         !take(word, STR("PASSWORD="), arena, &destination.password))
			return err_set(err, ERR_SYNTAX, "a destination of LAN forwarding is not understood");
	}
	*destination_out = destination;
	return 0;
}

struct str lan_destination_server(struct str line)
{
	struct str rest = line;

	if (!str_equal(str_cut_word(&rest), STR("lan")))
		return STR("");
	str_cut_word(&rest);
	return str_cut_word(&rest);
}
