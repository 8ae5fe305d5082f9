#include "common/imap/id.h"

enum { LOGGED_MAX = 64 }; /* octets of a name or a version that go to the log */

static bool parse_field(struct imap_parser *parser, struct str *name, struct str *value)
{
	if (!imap_parse_string(parser, name) || !imap_parse_space(parser) || !imap_parse_nstring(parser, value))
		return false;
	if (name->len > IMAP_ID_NAME_MAX || value->len > IMAP_ID_VALUE_MAX)
		return imap_fail(parser, IMAP_BAD, "A field of ID is too long");
	return true;
}

static bool parse_fields(struct imap_parser *parser, struct str *name, struct str *version)
{
	struct str key, value;

	for (int count = 0; !imap_peek_char(parser, ')'); count++) {
		if (count == IMAP_ID_FIELDS_MAX)
			return imap_fail(parser, IMAP_BAD, "ID takes 30 fields at most");
		if ((count > 0 && !imap_parse_space(parser)) || !parse_field(parser, &key, &value))
			return false;
		if (str_equal_nocase(key, STR("name")))
			*name = str_sub(value, 0, LOGGED_MAX);
		else if (str_equal_nocase(key, STR("version")))
			*version = str_sub(value, 0, LOGGED_MAX);
	}
	return true;
}

bool imap_parse_id(struct imap_parser *parser, struct str *client)
{
	struct str name = STR(""), version = STR("");

	*client = STR("");
	if (!imap_parse_space(parser))
		return false;
	if (!imap_skip_word(parser, "NIL") &&
	    (!imap_parse_open(parser) || !parse_fields(parser, &name, &version) || !imap_parse_close(parser)))
		return false;
	if (!imap_parse_end(parser))
		return false;
	*client = arena_printf(parser->arena, "%.*s%s%.*s", STR_ARG(name), version.len > 0 ? " " : "", STR_ARG(version));
	return true;
}

void imap_write_id(struct conn *conn, bool anonymous)
{
	if (anonymous)
		conn_write(conn, STR("* ID NIL\r\n"));
	else
		conn_write(conn, STR("* ID (\"name\" \"Postroom\" \"version\" \"" POSTROOM_VERSION "\")\r\n"));
}
