#include "common/settings/texts.h"

#include "common/base/buf.h"

#include <stdint.h>

static const struct text_value *find(const struct text_value *values, size_t count, struct str name)
{
	for (size_t i = 0; i < count; i++)
		if (str_equal_nocase(name, str_of(values[i].name)))
			return &values[i];
	return NULL;
}

static void add_value(struct str value, struct buf *out)
{
	for (size_t i = 0; i < value.len; i++)
		buf_add_char(out, (unsigned char)value.data[i] < 0x20 || value.data[i] == 0x7f ? ' ' : value.data[i]);
}

static void fill_line(struct str line, const struct text_value *values, size_t count, struct buf *out)
{
	while (line.len != 0) {
		ptrdiff_t open = str_find_char(line, '{'), close = str_find_char(line, '}');
		const struct text_value *value;

		if (open < 0 || close < 0) {
			buf_add_str(out, line);
			return;
		}
		if (close < open) {
			buf_add_str(out, str_sub(line, 0, (size_t)close + 1));
			line = str_skip(line, (size_t)close + 1);
			continue;
		}
		buf_add_str(out, str_sub(line, 0, (size_t)open));
		value = find(values, count, str_sub(line, (size_t)open + 1, (size_t)(close - open) - 1));
		if (value != NULL)
			add_value(value->value, out);
		else
			buf_add_char(out, '{');
		line = str_skip(line, value != NULL ? (size_t)close + 1 : (size_t)open + 1);
	}
}

/* At blanks where there are some, and never within a character of UTF-8. */
static void add_broken(struct str line, struct buf *out)
{
	while (line.len > TEXT_LINE_MAX) {
		ptrdiff_t blank = str_find_last_char(str_sub(line, 0, TEXT_LINE_MAX), ' ');
		size_t at = blank > 0 ? (size_t)blank : TEXT_LINE_MAX;

		while (blank <= 0 && at > 1 && ((unsigned char)line.data[at] & 0xc0) == 0x80)
			at--;
		buf_add_str(out, str_sub(line, 0, at));
		buf_add_char(out, '\n');
		line = str_skip(line, at + (blank > 0));
	}
	buf_add_str(out, line);
	buf_add_char(out, '\n');
}

/* "<Subject: some text>" */
static bool read_subject(struct str line, struct str *subject_out)
{
	line = str_trim(line);
	if (!str_starts_nocase(line, STR("<Subject:")) || line.data[line.len - 1] != '>')
		return false;
	*subject_out = str_trim(str_sub(line, 9, line.len - 10));
	return true;
}

void text_fill(const char *text, const struct text_value *values, size_t count, struct arena *arena,
               struct text_filled *out)
{
	struct str rest = str_of(text), line, subject;
	struct buf filled, body;

	*out = (struct text_filled){STR(""), STR("")};
	buf_init(&filled, SIZE_MAX);
	buf_init(&body, SIZE_MAX);
	while (rest.data != NULL && rest.len != 0) {
		line = str_cut(&rest, '\n');
		buf_reset(&filled);
		if (read_subject(line, &subject)) {
			fill_line(subject, values, count, &filled);
			out->subject = arena_copy(arena, buf_str(&filled));
		} else if (line.len != 0 || body.len != 0) {
			fill_line(line, values, count, &filled);
			add_broken(buf_str(&filled), &body);
		}
	}
	out->body = arena_copy(arena, buf_str(&body));
	buf_free(&filled);
	buf_free(&body);
}
