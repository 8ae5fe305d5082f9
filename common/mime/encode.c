#include "common/mime/encode.h"

#include "common/base/base64.h"
#include "common/mime/header.h"

#include <time.h>

enum {
	LINE_MAX_LEN = 76, /* RFC 2047 2, RFC 2045 6.7 */
	WORD_BYTES = 39,   /* of text in an encoded word: 12 for =?UTF-8?B??=, 52 for these; never more than 75 */
};

static bool is_ascii(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.data[i] >= 0x80)
			return false;
	return true;
}

/* UTF-8 on one line. */
static struct str clean(struct str text, struct arena *arena)
{
	struct str copy = arena_copy(arena, mime_utf8(text, arena));
	char *bytes = (char *)copy.data;

	for (size_t i = 0; i < copy.len; i++)
		if ((unsigned char)bytes[i] < 0x20 || bytes[i] == 0x7f)
			bytes[i] = ' ';
	return str_trim(copy);
}

/* Would a reader take a part of it for an encoded word? */
static bool looks_encoded(struct str text)
{
	return str_find(text, STR("=?")) >= 0;
}

/* As much of text as an encoded word holds, at the end of a character. */
static struct str take_word(struct str *rest)
{
	size_t len = 0;
	struct str word;

	while (len < rest->len) {
		size_t sequence = str_utf8_sequence(str_skip(*rest, len));

		if (len + sequence > WORD_BYTES)
			break;
		len += sequence;
	}
	word = str_sub(*rest, 0, len);
	*rest = str_skip(*rest, len);
	return word;
}

static void add_encoded(struct str text, size_t column, struct buf *out)
{
	struct buf word;

	buf_init(&word, LINE_MAX_LEN);
	for (bool first = true; text.len > 0; first = false) {
		buf_reset(&word);
		buf_add_str(&word, STR("=?UTF-8?B?"));
		base64_encode(take_word(&text), &word);
		buf_add_str(&word, STR("?="));
		if (!first || column + word.len > LINE_MAX_LEN)
			buf_add_str(out, STR("\r\n "));
		buf_add_str(out, buf_str(&word));
	}
	buf_free(&word);
}

/* Words of ASCII, on a new line where the next one does not fit; blanks between them stay as they are. */
static void add_folded(struct str text, size_t column, struct buf *out)
{
	while (text.len > 0) {
		size_t blanks = 0, end;

		while (blanks < text.len && text.data[blanks] == ' ')
			blanks++;
		for (end = blanks; end < text.len && text.data[end] != ' ';)
			end++;
		if (blanks > 0 && column + end > LINE_MAX_LEN) {
			buf_add_str(out, STR("\r\n"));
			column = 0;
		}
		buf_add_str(out, str_sub(text, 0, end));
		column += end;
		text = str_skip(text, end);
	}
}

void mime_encode_text(struct str text, size_t column, struct buf *out)
{
	struct arena arena;

	arena_init(&arena);
	text = clean(text, &arena);
	if (is_ascii(text) && !looks_encoded(text))
		add_folded(text, column, out);
	else
		add_encoded(text, column, out);
	arena_free(&arena);
}

/* RFC 5322 3.2.3 atext, and the blank between atoms */
static bool is_atom(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       str_find_char(STR("!#$%&'*+-/=?^_`{|}~ "), c) >= 0;
}

void mime_encode_phrase(struct str name, size_t column, struct buf *out)
{
	struct arena arena;
	bool atoms = true;

	arena_init(&arena);
	name = clean(name, &arena);
	for (size_t i = 0; i < name.len; i++)
		atoms = atoms && is_atom(name.data[i]);
	if (!is_ascii(name) || looks_encoded(name)) {
		add_encoded(name, column, out);
	} else if (atoms) {
		add_folded(name, column, out);
	} else {
		buf_add_char(out, '"');
		for (size_t i = 0; i < name.len; i++) {
			if (name.data[i] == '"' || name.data[i] == '\\')
				buf_add_char(out, '\\');
			buf_add_char(out, name.data[i]);
		}
		buf_add_char(out, '"');
	}
	arena_free(&arena);
}

/* RFC 2045 6.7 (1), (2), (3): blanks at the end of a line are encoded. */
static bool is_literal(struct str line, size_t at)
{
	unsigned char c = (unsigned char)line.data[at];

	if (c == ' ' || c == '\t')
		return at + 1 < line.len;
	return c >= 33 && c <= 126 && c != '=';
}

static void add_quoted_line(struct str line, struct buf *out)
{
	size_t column = 0;

	for (size_t i = 0; i < line.len; i++) {
		bool literal = is_literal(line, i);
		size_t width = literal ? 1 : 3;

		if (column + width >= LINE_MAX_LEN) {
			buf_add_str(out, STR("=\r\n"));
			column = 0;
		}
		if (literal)
			buf_add_char(out, line.data[i]);
		else
			buf_printf(out, "=%02X", (unsigned char)line.data[i]);
		column += width;
	}
	buf_add_str(out, STR("\r\n"));
}

void mime_encode_quoted(struct str text, struct buf *out)
{
	while (text.len > 0) {
		struct str line = str_cut(&text, '\n');

		if (line.len > 0 && line.data[line.len - 1] == '\r')
			line.len--;
		add_quoted_line(line, out);
	}
}

void mime_format_date(int64_t seconds, struct buf *out)
{
	static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
	                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	time_t clock = (time_t)seconds;
	struct tm local;
	long zone;

	localtime_r(&clock, &local);
	zone = local.tm_gmtoff / 60;
	buf_printf(out, "%s, %d %s %d %02d:%02d:%02d %c%02ld%02ld", days[local.tm_wday], local.tm_mday,
	           months[local.tm_mon], local.tm_year + 1900, local.tm_hour, local.tm_min, local.tm_sec,
	           zone < 0 ? '-' : '+', (zone < 0 ? -zone : zone) / 60, (zone < 0 ? -zone : zone) % 60);
}
