#include "common/mime/vcard.h"

#include "common/mime/text.h"

enum { LINE_MAX_OCTETS = 75 }; /* RFC 6350 3.2 */

/* A content line, unfolded: "item1.EMAIL;TYPE=work:anna@example.org". */
struct property {
	struct str name, parameters, value;
	struct str whole; /* as it came, folded, with its line ends */
};

void vcard_add(struct vcard_values *values, struct str value)
{
	value = str_trim(value);
	for (size_t i = 0; i < values->count; i++)
		if (str_equal_nocase(values->list[i], value))
			return;
	if (value.len > 0 && values->count < VCARD_VALUES_MAX)
		values->list[values->count++] = value;
}

static struct str cut_line(struct str *text)
{
	struct str line = str_cut(text, '\n');

	return line.len > 0 && line.data[line.len - 1] == '\r' ? str_sub(line, 0, line.len - 1) : line;
}

static bool is_quoted_printable(struct str parameters)
{
	while (parameters.len > 0) {
		struct str parameter = str_cut(&parameters, ';');

		if (str_equal_nocase(parameter, STR("ENCODING=QUOTED-PRINTABLE")) ||
		    str_equal_nocase(parameter, STR("QUOTED-PRINTABLE")))
			return true;
	}
	return false;
}

/* The place of the ":" before the value; one between quotes belongs to a parameter. */
static ptrdiff_t find_colon(struct str line)
{
	bool quoted = false;

	for (size_t i = 0; i < line.len; i++) {
		if (line.data[i] == '"')
			quoted = !quoted;
		else if (line.data[i] == ':' && !quoted)
			return (ptrdiff_t)i;
	}
	return -1;
}

static bool split(struct str line, struct property *property)
{
	ptrdiff_t colon = find_colon(line), dot;
	struct str left;

	if (colon <= 0)
		return false;
	left = str_sub(line, 0, (size_t)colon);
	property->value = str_skip(line, (size_t)colon + 1);
	property->name = str_trim(str_cut(&left, ';'));
	property->parameters = left;
	dot = str_find_last_char(property->name, '.');
	if (dot >= 0)
		property->name = str_skip(property->name, (size_t)dot + 1);
	return property->name.len > 0;
}

/* What goes on: a line that begins with a blank (3.2), or behind a "=" of version 2.1. */
static bool goes_on(struct str rest, struct str line, bool soft)
{
	if (rest.len == 0)
		return false;
	return rest.data[0] == ' ' || rest.data[0] == '\t' || (soft && line.len > 0 && line.data[line.len - 1] == '=');
}

/* The next property. False: the text has ended. */
static bool next_property(struct str *text, struct arena *arena, struct property *property)
{
	while (text->len > 0) {
		const char *begin = text->data, *end = begin + text->len;
		struct str line = cut_line(text);
		bool soft = split(line, property) && is_quoted_printable(property->parameters);

		while (goes_on(*text, line, soft) && line.len < VCARD_MAX) {
			bool folded = text->data[0] == ' ' || text->data[0] == '\t';
			struct str more = cut_line(text);

			line = arena_printf(arena, "%.*s%.*s", STR_ARG(folded ? line : str_sub(line, 0, line.len - 1)),
			                    STR_ARG(folded ? str_skip(more, 1) : more));
		}
		property->whole = str_from(begin, (size_t)((text->data != NULL ? text->data : end) - begin));
		if (split(line, property))
			return true;
	}
	return false;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* "=C3=A4" of version 2.1. */
static struct str decode_quoted(struct str value, struct arena *arena)
{
	char *out = arena_get(arena, value.len + 1);
	size_t used = 0;

	for (size_t i = 0; i < value.len; i++) {
		int high = i + 2 < value.len ? hex_digit(value.data[i + 1]) : -1;
		int low = high >= 0 ? hex_digit(value.data[i + 2]) : -1;
		bool encoded = value.data[i] == '=' && low >= 0;

		out[used++] = encoded ? (char)(high * 16 + low) : value.data[i];
		i += encoded ? 2 : 0;
	}
	return str_from(out, used);
}

/* RFC 6350 3.4, and what 2.1 encodes. Line ends become blanks unless lines is set. */
static struct str decode(const struct property *property, struct str value, bool lines, struct arena *arena)
{
	struct buf out;
	struct str result;

	value = str_sub(value, 0, VCARD_TEXT_MAX);
	if (is_quoted_printable(property->parameters))
		value = decode_quoted(value, arena);
	buf_init(&out, VCARD_TEXT_MAX);
	for (size_t i = 0; i < value.len; i++) {
		char c = value.data[i];

		if (c == '\\' && i + 1 < value.len) {
			c = value.data[++i];
			if (c == 'n' || c == 'N')
				c = '\n';
		}
		if (c == '\0' || c == '\r' || (c == '\n' && !lines))
			c = ' ';
		buf_add_char(&out, c);
	}
	result = arena_copy(arena, buf_str(&out));
	buf_free(&out);
	return str_is_utf8(result) ? result : mime_charset_convert(STR(""), result, arena);
}

/* Cut at a separator that no "\" stands before. */
static struct str cut_part(struct str *rest, char separator)
{
	size_t i = 0;
	struct str part;

	while (i < rest->len && rest->data[i] != separator)
		i += rest->data[i] == '\\' && i + 1 < rest->len ? 2 : 1;
	part = str_sub(*rest, 0, i);
	*rest = i < rest->len ? str_skip(*rest, i + 1) : STR("");
	return part;
}

/* Parts that are not empty, with something between them. */
static struct str join(const struct property *property, const char *between, struct arena *arena)
{
	struct str rest = property->value, joined = STR("");

	while (rest.len > 0) {
		struct str part = str_trim(decode(property, cut_part(&rest, ';'), false, arena));

		if (part.len > 0)
			joined = arena_printf(arena, "%.*s%s%.*s", STR_ARG(joined), joined.len > 0 ? between : "", STR_ARG(part));
	}
	return joined;
}

/* N: family; given; additional; prefixes; suffixes. */
static struct str name_of(const struct property *property, struct arena *arena)
{
	struct str rest = property->value, parts[5] = {STR(""), STR(""), STR(""), STR(""), STR("")}, name = STR("");
	static const size_t order[] = {3, 1, 2, 0, 4};

	for (size_t i = 0; i < 5 && rest.len > 0; i++)
		parts[i] = str_trim(decode(property, cut_part(&rest, ';'), false, arena));
	for (size_t i = 0; i < 5; i++)
		if (parts[order[i]].len > 0)
			name = arena_printf(arena, "%.*s%s%.*s", STR_ARG(name), name.len > 0 ? " " : "", STR_ARG(parts[order[i]]));
	return name;
}

static void take_groups(const struct property *property, struct vcard_values *groups, struct arena *arena)
{
	struct str rest = property->value;

	while (rest.len > 0)
		vcard_add(groups, decode(property, cut_part(&rest, ','), false, arena));
}

static void take(const struct property *property, struct vcard *card, struct buf *rest, struct str *n,
                 struct arena *arena)
{
	struct str name = property->name;

	if (str_equal_nocase(name, STR("FN")))
		card->name = str_trim(decode(property, property->value, false, arena));
	else if (str_equal_nocase(name, STR("N")))
		*n = name_of(property, arena);
	else if (str_equal_nocase(name, STR("UID")))
		card->uid = str_trim(decode(property, property->value, false, arena));
	else if (str_equal_nocase(name, STR("EMAIL")))
		vcard_add(&card->addresses, decode(property, property->value, false, arena));
	else if (str_equal_nocase(name, STR("TEL")))
		vcard_add(&card->phones, decode(property, property->value, false, arena));
	else if (str_equal_nocase(name, STR("ADR")))
		vcard_add(&card->places, join(property, ", ", arena));
	else if (str_equal_nocase(name, STR("ORG")))
		card->organization = join(property, ", ", arena);
	else if (str_equal_nocase(name, STR("TITLE")))
		card->title = str_trim(decode(property, property->value, false, arena));
	else if (str_equal_nocase(name, STR("NOTE")))
		card->note = str_trim(decode(property, property->value, true, arena));
	else if (str_equal_nocase(name, STR("CATEGORIES")))
		take_groups(property, &card->groups, arena);
	else if (!str_equal_nocase(name, STR("VERSION")) && str_is_utf8(property->whole))
		buf_printf(rest, "%.*s\r\n", STR_ARG(str_trim(property->whole)));
}

/* All up to END. False: it is too long, or says too little. */
static bool read_card(struct str *text, struct arena *arena, struct vcard *card)
{
	size_t length = text->len;
	struct property property;
	struct str n = STR("");
	struct buf rest;
	bool fits = true;

	*card = (struct vcard){
	    .uid = STR(""), .name = STR(""), .organization = STR(""), .title = STR(""), .note = STR(""), .rest = STR("")};
	buf_init(&rest, VCARD_MAX);
	while (next_property(text, arena, &property) && !str_equal_nocase(property.name, STR("END"))) {
		fits = fits && length - text->len <= VCARD_MAX;
		if (fits)
			take(&property, card, &rest, &n, arena);
	}
	card->rest = arena_copy(arena, buf_str(&rest));
	buf_free(&rest);
	if (card->name.len == 0)
		card->name = n.len > 0 ? n : card->organization;
	if (card->name.len == 0 && card->addresses.count > 0)
		card->name = card->addresses.list[0];
	return fits && card->name.len > 0;
}

bool vcard_next(struct str *text, struct arena *arena, struct vcard *card_out, size_t *bad)
{
	struct property property;

	while (next_property(text, arena, &property)) {
		if (!str_equal_nocase(property.name, STR("BEGIN")) || !str_equal_nocase(str_trim(property.value), STR("VCARD")))
			continue;
		if (read_card(text, arena, card_out))
			return true;
		++*bad;
	}
	return false;
}

/* RFC 6350 3.4 */
static void add_escaped(struct buf *line, struct str value)
{
	for (size_t i = 0; i < value.len; i++) {
		char c = value.data[i];

		if (c == '\\' || c == ',' || c == ';' || c == '\n')
			buf_add_char(line, '\\');
		buf_add_char(line, c == '\n' ? 'n' : c);
	}
}

/* A content line, folded between characters (3.2). */
static void add_folded(struct buf *out, struct str line)
{
	size_t column = 0;

	for (size_t i = 0; i < line.len;) {
		size_t length = str_utf8_sequence(str_skip(line, i));

		length = length != 0 ? length : 1;
		if (column + length > LINE_MAX_OCTETS) {
			buf_add_str(out, STR("\r\n "));
			column = 1;
		}
		buf_add_str(out, str_sub(line, i, length));
		column += length;
		i += length;
	}
	buf_add_str(out, STR("\r\n"));
}

/* before and after: what the value stands between, as it is. */
static void add_property(struct buf *out, const char *before, struct str value, const char *after)
{
	struct buf line;

	if (value.len == 0)
		return;
	buf_init(&line, 3 * VCARD_TEXT_MAX);
	buf_add_str(&line, str_of(before));
	add_escaped(&line, value);
	buf_add_str(&line, str_of(after));
	add_folded(out, buf_str(&line));
	buf_free(&line);
}

static void add_all(struct buf *out, const char *before, const struct vcard_values *values, const char *after)
{
	for (size_t i = 0; i < values->count; i++)
		add_property(out, before, values->list[i], after);
}

void vcard_format(const struct vcard *card, struct buf *out)
{
	buf_add_str(out, STR("BEGIN:VCARD\r\nVERSION:4.0\r\n"));
	add_property(out, "UID:", card->uid, "");
	add_property(out, "FN:", card->name, "");
	add_all(out, "EMAIL:", &card->addresses, "");
	add_all(out, "TEL:", &card->phones, "");
	/* 6.3.1: seven parts; what people write in one line stands in place of the street */
	add_all(out, "ADR:;;", &card->places, ";;;;");
	add_property(out, "ORG:", card->organization, "");
	add_property(out, "TITLE:", card->title, "");
	add_property(out, "NOTE:", card->note, "");
	add_all(out, "CATEGORIES:", &card->groups, "");
	buf_add_str(out, card->rest);
	buf_add_str(out, STR("END:VCARD\r\n"));
}
