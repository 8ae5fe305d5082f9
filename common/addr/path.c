#include "common/addr/syntax.h"

/*
 * RFC 5321 4.1.2 Local-part = Dot-string / Quoted-string. The dots of the unquoted form are judged here: "a..b" is an
 * error without quotes and an address with them.
 */
static int read_local_part(struct str *rest, struct arena *arena, struct str *local_out, struct err *err)
{
	size_t len = 0;

	if (rest->len != 0 && rest->data[0] == '"') {
		struct buf plain;
		int result;

		buf_init(&plain, ADDR_PATH_MAX);
		result = addr_read_quoted(rest, false, &plain, err);
		if (result == 0)
			*local_out = arena_copy(arena, buf_str(&plain));
		buf_free(&plain);
		return result;
	}
	while (len < rest->len && (addr_is_atext(rest->data[len]) || rest->data[len] == '.'))
		len++;
	*local_out = str_sub(*rest, 0, len);
	*rest = str_skip(*rest, len);
	if (!addr_is_dot_string(*local_out))
		return err_set(err, ADDR_SYNTAX, "the part before @ is not an address");
	return 0;
}

/* Everything up to what cannot stand in a domain or a literal; whether it is one, addr_complete decides. */
static struct str read_domain(struct str *rest)
{
	bool literal = rest->len != 0 && rest->data[0] == '[';
	struct str domain;
	size_t len = 0;

	while (len < rest->len) {
		unsigned char c = (unsigned char)rest->data[len];

		if (c <= ' ' || c == 0x7f || strchr("<>()@,;\\\"", c) != NULL || (c == ':' && !literal))
			break;
		len++;
		if (c == ']')
			break;
	}
	domain = str_sub(*rest, 0, len);
	*rest = str_skip(*rest, len);
	return domain;
}

/* default_domain: for a local part alone; empty: only "postmaster" may be alone (RFC 5321 4.5.1). */
static int read_mailbox(struct str *rest, struct str default_domain, struct arena *arena, struct addr *addr_out,
                        struct err *err)
{
	struct str local_part, domain = STR("");

	if (read_local_part(rest, arena, &local_part, err) != 0)
		return -1;
	if (rest->len != 0 && rest->data[0] == '@') {
		*rest = str_skip(*rest, 1);
		domain = read_domain(rest);
		if (domain.len == 0)
			return err_set(err, ADDR_SYNTAX, "the domain is missing");
	} else if (!str_equal_nocase(local_part, STR("postmaster"))) {
		domain = default_domain;
		if (domain.len == 0)
			return err_set(err, ADDR_SYNTAX, "the domain is missing");
	}
	return addr_complete(local_part, domain, arena, addr_out, err);
}

/* RFC 5321 4.1.2 A-d-l: "@a,@b:"; accepted and ignored, as appendix C asks. */
static int skip_route(struct str *rest, struct err *err)
{
	while (rest->len != 0 && rest->data[0] == '@') {
		struct str domain;

		*rest = str_skip(*rest, 1);
		domain = read_domain(rest);
		if (rest->len == 0 || (!addr_is_domain(domain) && !addr_is_literal(domain)))
			break;
		if (rest->data[0] == ':') {
			*rest = str_skip(*rest, 1);
			return 0;
		}
		if (rest->data[0] != ',')
			break;
		*rest = str_skip(*rest, 1);
	}
	return err_set(err, ADDR_SYNTAX, "the source route is broken");
}

int addr_parse_path(struct str line, struct arena *arena, struct addr *addr_out, struct str *rest_out, struct err *err)
{
	return addr_parse_path_at(line, STR(""), arena, addr_out, rest_out, err);
}

int addr_parse_path_at(struct str line, struct str domain, struct arena *arena, struct addr *addr_out,
                       struct str *rest_out, struct err *err)
{
	struct str start, rest = line;

	while (rest.len != 0 && (rest.data[0] == ' ' || rest.data[0] == '\t'))
		rest = str_skip(rest, 1);
	start = rest;
	if (rest.len == 0 || rest.data[0] != '<')
		return err_set(err, ADDR_SYNTAX, "an address stands in angle brackets");
	rest = str_skip(rest, 1);
	if (rest.len != 0 && rest.data[0] == '>') {
		*addr_out = (struct addr){.local_part = STR(""), .domain = STR(""), .text = STR(""), .is_null = true};
	} else {
		if (rest.len != 0 && rest.data[0] == '@' && skip_route(&rest, err) != 0)
			return -1;
		if (read_mailbox(&rest, domain, arena, addr_out, err) != 0)
			return -1;
	}
	if (rest.len == 0 || rest.data[0] != '>')
		return err_set(err, ADDR_SYNTAX, "the closing angle bracket is missing");
	rest = str_skip(rest, 1);
	if (start.len - rest.len > ADDR_PATH_MAX)
		return err_set(err, ADDR_TOO_LONG, "the address is longer than %d octets", ADDR_PATH_MAX);
	if (rest.len != 0 && rest.data[0] != ' ' && rest.data[0] != '\t')
		return err_set(err, ADDR_SYNTAX, "a blank is missing after the address");
	*rest_out = str_trim(rest);
	return 0;
}

int addr_parse_mailbox(struct str text, struct arena *arena, struct addr *addr_out, struct err *err)
{
	struct str rest = text;

	if (read_mailbox(&rest, STR(""), arena, addr_out, err) != 0)
		return -1;
	if (rest.len != 0)
		return err_set(err, ADDR_SYNTAX, "something follows the address");
	return 0;
}
