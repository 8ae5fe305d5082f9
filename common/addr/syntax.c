#include "common/addr/syntax.h"

bool addr_is_atext(char c)
{
	unsigned char u = (unsigned char)c;

	return (u >= '0' && u <= '9') || ((u | 32) >= 'a' && (u | 32) <= 'z') || u >= 0x80 ||
	       (u > ' ' && u < 0x7f && strchr("!#$%&'*+-/=?^_`{|}~", u) != NULL);
}

int addr_read_quoted(struct str *rest, bool fold, struct buf *out, struct err *err)
{
	size_t at = 1; /* behind the opening quote */

	for (; at < rest->len && rest->data[at] != '"'; at++) {
		unsigned char c = (unsigned char)rest->data[at];

		if (fold && (c == '\r' || c == '\n'))
			continue;
		if (c == '\\' && ++at < rest->len)
			c = (unsigned char)rest->data[at];
		if ((c < ' ' && !(fold && c == '\t')) || c == 0x7f)
			return err_set(err, ADDR_SYNTAX, "a control character in an address");
		if (buf_add_char(out, (char)c) != 0)
			return err_set(err, ADDR_TOO_LONG, "a quoted part of an address is too long");
	}
	if (at >= rest->len)
		return err_set(err, ADDR_SYNTAX, "a quotation mark is not closed");
	*rest = str_skip(*rest, at + 1);
	return 0;
}

bool addr_is_dot_string(struct str s)
{
	bool after_dot = true;

	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] == '.' ? after_dot : !addr_is_atext(s.data[i]))
			return false;
		after_dot = s.data[i] == '.';
	}
	return !after_dot;
}

struct str addr_format(struct str local_part, struct str domain, struct arena *arena)
{
	size_t used = 0;
	char *text;

	if (addr_is_dot_string(local_part)) {
		if (domain.len == 0)
			return arena_copy(arena, local_part);
		return arena_printf(arena, "%.*s@%.*s", STR_ARG(local_part), STR_ARG(domain));
	}
	text = arena_get(arena, 2 * local_part.len + 2 + 1 + domain.len);
	text[used++] = '"';
	for (size_t i = 0; i < local_part.len; i++) {
		if (local_part.data[i] == '"' || local_part.data[i] == '\\')
			text[used++] = '\\';
		text[used++] = local_part.data[i];
	}
	text[used++] = '"';
	if (domain.len != 0) {
		text[used++] = '@';
		memcpy(text + used, domain.data, domain.len);
		used += domain.len;
	}
	return str_from(text, used);
}

static bool is_ascii(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.data[i] >= 0x80)
			return false;
	return true;
}

int addr_complete(struct str local_part, struct str domain, struct arena *arena, struct addr *addr_out, struct err *err)
{
	if (local_part.len > ADDR_LOCAL_MAX)
		return err_set(err, ADDR_TOO_LONG, "the part before @ is longer than %d octets", ADDR_LOCAL_MAX);
	if (domain.len > ADDR_DOMAIN_MAX)
		return err_set(err, ADDR_TOO_LONG, "the domain is longer than %d octets", ADDR_DOMAIN_MAX);
	for (size_t i = 0; i < local_part.len; i++)
		if ((unsigned char)local_part.data[i] < ' ' || local_part.data[i] == 0x7f)
			return err_set(err, ADDR_SYNTAX, "a control character in an address");
	if (!str_is_utf8(local_part))
		return err_set(err, ADDR_SYNTAX, "the part before @ is not UTF-8");
	*addr_out = (struct addr){.local_part = local_part, .domain = domain};
	addr_out->is_literal = domain.len != 0 && domain.data[0] == '[';
	if (domain.len != 0 && !(addr_out->is_literal ? addr_is_literal(domain) : addr_is_domain(domain)))
		return err_set(err, ADDR_SYNTAX, "what follows @ is not a domain");
	addr_out->is_utf8 = !is_ascii(local_part) || !is_ascii(domain);
	addr_out->text = addr_format(local_part, domain, arena);
	if (addr_out->text.len > ADDR_PATH_MAX - 2)
		return err_set(err, ADDR_TOO_LONG, "the address is longer than %d octets", ADDR_PATH_MAX - 2);
	return 0;
}
