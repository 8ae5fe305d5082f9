/* Fields of the form "value; name=value": RFC 2045 5.1, with the continuations of RFC 2231 3 and 4. */
#include "common/mime/header.h"

enum { SECTION_NONE = -1, SECTION_MAX = 999 };

/* A parameter as it was sent: name*section* = value. */
struct piece {
	struct str name;
	struct str value;
	int section; /* SECTION_NONE: not a continuation */
	bool is_extended;
	bool is_used;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip_comment(struct str *rest)
{
	unsigned depth = 0;

	while (rest->len > 0) {
		char c = rest->data[0];

		*rest = str_skip(*rest, c == '\\' ? 2 : 1);
		if (c == '(')
			depth++;
		else if (c == ')' && --depth == 0)
			return;
	}
}

static void skip_blanks(struct str *rest)
{
	while (rest->len > 0 && (is_blank(rest->data[0]) || rest->data[0] == '(')) {
		if (rest->data[0] == '(')
			skip_comment(rest);
		else
			*rest = str_skip(*rest, 1);
	}
}

/* What a quoted string says; an end that is missing is at the end of the text. */
static struct str read_quoted(struct str *rest, struct arena *arena)
{
	size_t used = 0, end = 1;
	char *out;

	while (end < rest->len && rest->data[end] != '"')
		end += rest->data[end] == '\\' ? 2 : 1;
	if (end > rest->len)
		end = rest->len;
	out = arena_get(arena, end);
	for (size_t at = 1; at < end; at++) {
		if (rest->data[at] == '\\' && at + 1 < end)
			at++;
		out[used++] = rest->data[at];
	}
	*rest = str_skip(*rest, end + 1);
	return str_from(out, used);
}

/*
 * A value that is not quoted ends at ";". Blanks in it are part of it (file names are often sent so), unless what
 * follows them is a comment, or a parameter whose ";" was forgotten.
 */
static struct str read_bare(struct str *rest)
{
	struct str all = *rest;
	size_t len = 0;

	while (len < all.len && all.data[len] != ';') {
		size_t word = len + 1;

		if (!is_blank(all.data[len])) {
			len++;
			continue;
		}
		while (word < all.len && is_blank(all.data[word]))
			word++;
		if (word < all.len && all.data[word] == '(')
			break;
		while (word < all.len && !is_blank(all.data[word]) && all.data[word] != ';' && all.data[word] != '=')
			word++;
		if (word < all.len && all.data[word] == '=')
			break;
		len = word;
	}
	*rest = str_skip(all, len);
	return str_trim(str_sub(all, 0, len));
}

/* "name*1*": name, section 1, extended. A name that is none of this stays as it is. */
static void split_name(struct piece *piece)
{
	struct str name = piece->name;
	uint64_t section;
	ptrdiff_t star;

	if (name.len > 1 && name.data[name.len - 1] == '*') {
		name.len--;
		piece->is_extended = true;
	}
	star = str_find_last_char(name, '*');
	if (star > 0 && str_to_u64(str_skip(name, (size_t)star + 1), SECTION_MAX, &section)) {
		piece->section = (int)section;
		name.len = (size_t)star;
	}
	piece->name = name;
}

/* False: there is no parameter left. */
static bool read_piece(struct str *rest, struct arena *arena, struct piece *piece)
{
	size_t len = 0;

	for (;;) {
		skip_blanks(rest);
		if (rest->len == 0)
			return false;
		if (rest->data[0] != ';' && rest->data[0] != '=' && rest->data[0] != '"' && rest->data[0] != ')')
			break;
		if (rest->data[0] == '"')
			read_quoted(rest, arena); /* a value without a name */
		else
			*rest = str_skip(*rest, 1);
	}
	while (len < rest->len && !is_blank(rest->data[len]) && strchr(";=(\"", rest->data[len]) == NULL)
		len++;
	*piece = (struct piece){.name = str_sub(*rest, 0, len), .value = STR(""), .section = SECTION_NONE};
	*rest = str_skip(*rest, len);
	skip_blanks(rest);
	if (rest->len == 0 || rest->data[0] != '=')
		return true;
	*rest = str_skip(*rest, 1);
	skip_blanks(rest);
	if (rest->len > 0)
		piece->value = rest->data[0] == '"' ? read_quoted(rest, arena) : read_bare(rest);
	split_name(piece);
	return true;
}

static struct piece *find_section(struct piece *pieces, size_t count, struct str name, int section)
{
	for (size_t i = 0; i < count; i++)
		if (!pieces[i].is_used && pieces[i].section == section && str_equal_nocase(pieces[i].name, name))
			return &pieces[i];
	return NULL;
}

/* The part of an extended value that was sent plain, in the form of the rest of it. */
static void add_escaped(struct str plain, struct buf *out)
{
	for (size_t i = 0; i < plain.len; i++) {
		unsigned char c = (unsigned char)plain.data[i];

		if (c <= ' ' || c >= 0x7f || strchr("*'%()<>@,;:\\\"/[]?=", c) != NULL)
			buf_printf(out, "%%%02X", c);
		else
			buf_add_char(out, (char)c);
	}
}

/* Put the sections of one parameter together, from 0 up to the first that is missing (RFC 2231 3, 4.1). */
static bool join(struct piece *pieces, size_t count, struct str name, struct arena *arena, struct mime_param *param)
{
	bool is_extended = false;
	struct piece *piece;
	struct buf value;
	int section = 0;

	for (size_t i = 0; i < count; i++)
		if (pieces[i].section != SECTION_NONE && str_equal_nocase(pieces[i].name, name))
			is_extended |= pieces[i].is_extended;
	buf_init(&value, MIME_FIELD_MAX);
	for (; (piece = find_section(pieces, count, name, section)) != NULL; section++) {
		piece->is_used = true;
		if (section == 0 && is_extended && !piece->is_extended)
			buf_add_str(&value, STR("''"));
		if (is_extended && !piece->is_extended)
			add_escaped(piece->value, &value);
		else
			buf_add_str(&value, piece->value);
	}
	*param = (struct mime_param){name, arena_copy(arena, buf_str(&value)), is_extended};
	buf_free(&value);
	return section > 0;
}

static void read_params(struct str rest, struct arena *arena, struct mime_params *params)
{
	struct piece pieces[MIME_PARAMS_MAX];
	size_t count = 0;

	while (count < MIME_PARAMS_MAX && read_piece(&rest, arena, &pieces[count]))
		if (pieces[count].name.len != 0)
			count++;
	*params = (struct mime_params){0};
	if (count == 0)
		return;
	params->list = arena_get(arena, count * sizeof *params->list);
	for (size_t i = 0; i < count; i++) {
		struct mime_param *param = &params->list[params->count];

		if (pieces[i].is_used)
			continue;
		if (pieces[i].section == SECTION_NONE) {
			*param = (struct mime_param){pieces[i].name, pieces[i].value, pieces[i].is_extended};
			params->count++;
		} else if (join(pieces, count, pieces[i].name, arena, param)) {
			params->count++;
		}
	}
}

void mime_parse_value(struct str text, struct arena *arena, struct mime_value *value_out)
{
	struct str rest = mime_unfold(text, arena);
	char *value;
	size_t used = 0;

	*value_out = (struct mime_value){.value = STR("")};
	skip_blanks(&rest);
	value = arena_get(arena, rest.len + 1);
	/* Blanks and comments may stand around the "/" of a media type. */
	while (rest.len > 0 && rest.data[0] != ';') {
		size_t before = rest.len;

		skip_blanks(&rest);
		if (rest.len != before) {
			if (rest.len == 0 || (rest.data[0] != '/' && (used == 0 || value[used - 1] != '/')))
				break;
			continue;
		}
		if (rest.data[0] != '"')
			value[used++] = rest.data[0];
		rest = str_skip(rest, 1);
	}
	value_out->value = str_from(value, used);
	read_params(rest, arena, &value_out->params);
}
