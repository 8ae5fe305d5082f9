#include "common/imap/value.h"

#include "common/imap/reply.h"

struct reader {
	struct str rest;
	struct arena *arena;
	struct err *err;
};

/* NULL, which is what readers return then. */
static struct imap_value *broken(const struct reader *reader, const char *what)
{
	err_set(reader->err, ERR_SYNTAX, "the server's reply %s", what);
	return NULL;
}

static struct imap_value *make(const struct reader *reader, enum imap_value_kind kind, struct str text)
{
	struct imap_value *value = arena_get(reader->arena, sizeof *value);

	value->kind = kind;
	value->text = text;
	return value;
}

/* Without the backslashes that quote; the string stands in the text as it is where there are none. */
static struct str unquote(const struct reader *reader, struct str inside)
{
	char *out;
	size_t len = 0;

	if (str_find_char(inside, '\\') < 0)
		return inside;
	out = arena_get(reader->arena, inside.len);
	for (size_t i = 0; i < inside.len; i++) {
		if (inside.data[i] == '\\' && i + 1 < inside.len)
			i++;
		out[len++] = inside.data[i];
	}
	return str_from(out, len);
}

static struct imap_value *read_quoted(struct reader *reader)
{
	for (size_t i = 1; i < reader->rest.len; i++) {
		if (reader->rest.data[i] == '\\') {
			i++;
		} else if (reader->rest.data[i] == '"') {
			struct str inside = str_sub(reader->rest, 1, i - 1);

			reader->rest = str_skip(reader->rest, i + 1);
			return make(reader, IMAP_VALUE_STRING, unquote(reader, inside));
		}
	}
	return broken(reader, "has a string without an end");
}

/* "{12}", CRLF, 12 octets; "~" before it where they may be any (RFC 3516). */
static struct imap_value *read_literal(struct reader *reader)
{
	ptrdiff_t end = str_find_char(reader->rest, '}');
	struct str octets;
	uint64_t size;
	size_t head;

	if (end < 0 || !imap_reply_ends_in_literal(str_sub(reader->rest, 0, (size_t)end + 1), &size, &head))
		return broken(reader, "has a literal that is none");
	reader->rest = str_skip(reader->rest, (size_t)end + 1);
	if (!str_starts(reader->rest, STR("\r\n")) || reader->rest.len - 2 < size)
		return broken(reader, "has a literal that is cut off");
	octets = str_sub(reader->rest, 2, (size_t)size);
	reader->rest = str_skip(reader->rest, 2 + (size_t)size);
	return make(reader, IMAP_VALUE_STRING, octets);
}

/* Up to a blank or parenthesis; what stands in brackets belongs to it, whatever it is. */
static struct imap_value *read_atom(struct reader *reader)
{
	size_t len = 0;
	bool within = false;
	struct str text;

	while (len < reader->rest.len && (within || strchr(" ()\"\r\n", reader->rest.data[len]) == NULL)) {
		within = reader->rest.data[len] == '[' || (within && reader->rest.data[len] != ']');
		len++;
	}
	if (len == 0)
		return broken(reader, "has a line end where a value belongs");
	text = str_sub(reader->rest, 0, len);
	reader->rest = str_skip(reader->rest, len);
	return make(reader, str_equal_nocase(text, STR("NIL")) ? IMAP_VALUE_NIL : IMAP_VALUE_ATOM, text);
}

static struct imap_value *read_plain(struct reader *reader)
{
	if (reader->rest.data[0] == '"')
		return read_quoted(reader);
	if (reader->rest.data[0] == '{' || str_starts(reader->rest, STR("~{")))
		return read_literal(reader);
	return read_atom(reader);
}

int imap_value_parse(struct str text, struct arena *arena, struct imap_value **value_out, struct err *err)
{
	struct reader reader = {.rest = text, .arena = arena, .err = err};
	struct imap_value **last[IMAP_VALUE_DEPTH_MAX + 1]; /* where the next value of each open list goes */
	size_t depth = 0;

	*value_out = make(&reader, IMAP_VALUE_LIST, STR(""));
	last[0] = &(*value_out)->first;
	while (reader.rest.len > 0) {
		char c = reader.rest.data[0];
		struct imap_value *value;

		if (c == ' ' || c == ')' || c == '(')
			reader.rest = str_skip(reader.rest, 1);
		if (c == ' ')
			continue;
		if (c == ')') {
			if (depth-- == 0)
				return err_set(err, ERR_SYNTAX, "the server's reply closes what is not open");
			continue;
		}
		value = c == '(' ? make(&reader, IMAP_VALUE_LIST, STR("")) : read_plain(&reader);
		if (value == NULL)
			return -1;
		*last[depth] = value;
		last[depth] = &value->next;
		if (c == '(' && depth == IMAP_VALUE_DEPTH_MAX)
			return err_set(err, ERR_SYNTAX, "the server's reply nests too deeply");
		if (c == '(')
			last[++depth] = &value->first;
	}
	return depth == 0 ? 0 : err_set(err, ERR_SYNTAX, "the server's reply has a list without an end");
}

const struct imap_value *imap_value_at(const struct imap_value *list, size_t place)
{
	const struct imap_value *value = list != NULL && list->kind == IMAP_VALUE_LIST ? list->first : NULL;

	while (value != NULL && place-- > 0)
		value = value->next;
	return value;
}

const struct imap_value *imap_value_of(const struct imap_value *list, const char *name)
{
	const struct imap_value *value = imap_value_at(list, 0);

	while (value != NULL && value->next != NULL) {
		if (imap_value_is(value, name))
			return value->next;
		value = value->next->next;
	}
	return NULL;
}

struct str imap_value_text(const struct imap_value *value)
{
	bool has_text = value != NULL && (value->kind == IMAP_VALUE_ATOM || value->kind == IMAP_VALUE_STRING);

	return has_text ? value->text : (struct str){NULL, 0};
}

bool imap_value_number(const struct imap_value *value, uint64_t max, uint64_t *number)
{
	return value != NULL && value->kind == IMAP_VALUE_ATOM && str_to_u64(value->text, max, number);
}

bool imap_value_is(const struct imap_value *value, const char *text)
{
	return str_equal_nocase(imap_value_text(value), str_of(text));
}
