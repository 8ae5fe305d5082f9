/* answer: times by pictures. */
#include "deliver/answer.h"

/* What a run of one letter in a picture stands for, as strftime(3) has it; NULL: the letters themselves. */
static const char *picture_format(char letter, size_t count)
{
	static const char *const days[] = {"%-d", "%d", "%a", "%A"};
	static const char *const months[] = {"%-m", "%m", "%b", "%B"};

	switch (letter) {
	case 'd':
		return count <= 4 ? days[count - 1] : NULL;
	case 'M':
		return count <= 4 ? months[count - 1] : NULL;
	case 'y':
		return count == 2 ? "%y" : count == 4 ? "%Y" : NULL;
	case 'h':
		return count == 1 ? "%-I" : count == 2 ? "%I" : NULL;
	case 'H':
		return count == 1 ? "%-H" : count == 2 ? "%H" : NULL;
	case 'm':
		return count == 1 ? "%-M" : count == 2 ? "%M" : NULL;
	case 's':
		return count == 1 ? "%-S" : count == 2 ? "%S" : NULL;
	case 't':
		return count <= 2 ? "%p" : NULL;
	default:
		return NULL;
	}
}

static void add_time(struct buf *out, const struct tm *time, const char *format)
{
	char text[512];

	buf_add(out, text, strftime(text, sizeof text, format, time));
}

/* What stands in quotes is text; '' is a quote. */
static size_t add_quoted(struct buf *out, struct str picture)
{
	size_t at = 1;

	if (picture.len > 1 && picture.data[1] == '\'') {
		buf_add_char(out, '\'');
		return 2;
	}
	while (at < picture.len && picture.data[at] != '\'')
		buf_add_char(out, picture.data[at++]);
	return at < picture.len ? at + 1 : at;
}

struct str answer_format_time(const struct tm *time, struct str format, struct arena *arena)
{
	struct str result;
	struct buf out;

	buf_init(&out, 2000);
	if (str_find_char(format, '%') >= 0) {
		add_time(&out, time, arena_text(arena, str_sub(format, 0, 200)));
		format = STR("");
	}
	while (format.len > 0) {
		char letter = format.data[0];
		const char *meaning;
		size_t count = 1;

		if (letter == '\'') {
			format = str_skip(format, add_quoted(&out, format));
			continue;
		}
		while (count < format.len && format.data[count] == letter)
			count++;
		meaning = picture_format(letter, count);
		if (meaning != NULL)
			add_time(&out, time, meaning);
		else
			buf_add(&out, format.data, count);
		format = str_skip(format, count);
	}
	result = arena_copy(arena, buf_str(&out));
	buf_free(&out);
	return result;
}
