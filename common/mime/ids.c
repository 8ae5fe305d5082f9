/* Message ids (RFC 5322 3.6.4), normalised as RFC 5256 3 asks for THREAD. */
#include "common/mime/header.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\0';
}

/*
 * Read "<...>" at the front of *rest: blanks and comments left out, quotes and backslashes undone. Empty where there is
 * no end or nothing in it.
 */
static struct str read_id(struct str *rest, struct arena *arena)
{
	ptrdiff_t end = str_find_char(*rest, '>');
	struct str text;
	bool quoted = false;
	size_t used = 0;
	char *out;

	if (end < 0) {
		*rest = (struct str){NULL, 0};
		return STR("");
	}
	text = str_sub(*rest, 1, (size_t)end - 1);
	*rest = str_skip(*rest, (size_t)end + 1);
	out = arena_get(arena, text.len + 1);
	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];

		if (c == '"') {
			quoted = !quoted;
			continue;
		}
		if (c == '\\' && i + 1 < text.len)
			c = text.data[++i];
		else if (c == '<' && !quoted)
			used = 0; /* "<<a@b>" and "<a <b@c>": the last one is the id */
		if ((!is_blank(c) || quoted) && c != '\r' && c != '\n' && c != '\0' && (c != '<' || quoted))
			out[used++] = c;
	}
	return str_from(out, used);
}

/* A field without brackets: one word with an "@" is meant for an id. */
static struct str read_bare(struct str value)
{
	struct str word = str_trim(value);

	for (size_t i = 0; i < word.len; i++)
		if (is_blank(word.data[i]))
			return STR("");
	return str_find_char(word, '@') > 0 ? word : STR("");
}

void mime_parse_ids(struct str value, struct arena *arena, struct mime_ids *ids_out)
{
	struct str rest = value, id;
	size_t count = 0, first;

	for (size_t i = 0; i < value.len; i++)
		count += value.data[i] == '<';
	/* The last ones are kept. */
	first = count > MIME_IDS_MAX ? count - MIME_IDS_MAX : 0;
	*ids_out = (struct mime_ids){.list = arena_get(arena, (count - first + 1) * sizeof *ids_out->list)};
	if (count == 0) {
		id = read_bare(value);
		if (id.len != 0)
			ids_out->list[ids_out->count++] = id;
		return;
	}
	for (size_t n = 0; rest.len != 0; n++) {
		ptrdiff_t start = str_find_char(rest, '<');

		if (start < 0)
			break;
		rest = str_skip(rest, (size_t)start);
		if (n < first) {
			rest = str_skip(rest, 1);
			continue;
		}
		id = read_id(&rest, arena);
		if (id.len != 0)
			ids_out->list[ids_out->count++] = id;
	}
}
