#include "common/mime/mime.h"

bool mime_field_next(struct str *rest, struct mime_field *field)
{
	struct str header = *rest, line;
	ptrdiff_t colon;
	size_t len = 0;

	if (header.len == 0 || header.data[0] == '\n' || str_starts(header, STR("\r\n")))
		return false;
	do {
		const char *end = memchr(header.data + len, '\n', header.len - len);

		len = end != NULL ? (size_t)(end - header.data) + 1 : header.len;
	} while (len < header.len && (header.data[len] == ' ' || header.data[len] == '\t'));
	line = str_sub(header, 0, len);
	*rest = str_skip(header, len);
	*field = (struct mime_field){.whole = line, .name = STR(""), .value = str_trim(line)};
	colon = str_find_char(line, ':');
	if (colon <= 0)
		return true;
	/* RFC 5322 4.5: blanks before the colon are an old form. */
	field->name = str_trim(str_sub(line, 0, (size_t)colon));
	for (size_t i = 0; i < field->name.len; i++)
		if ((unsigned char)field->name.data[i] <= ' ')
			field->name = STR("");
	if (field->name.len != 0)
		field->value = str_trim(str_skip(line, (size_t)colon + 1));
	return true;
}

bool mime_field_find(struct str header, struct str name, struct mime_field *field)
{
	while (mime_field_next(&header, field))
		if (str_equal_nocase(field->name, name))
			return true;
	return false;
}

struct str mime_unfold(struct str value, struct arena *arena)
{
	size_t used = 0;
	char *out;

	if (str_find_char(value, '\n') < 0 && str_find_char(value, '\r') < 0 && str_find_char(value, '\0') < 0)
		return value;
	out = arena_get(arena, value.len + 1);
	for (size_t i = 0; i < value.len; i++)
		if (value.data[i] != '\n' && value.data[i] != '\r' && value.data[i] != '\0')
			out[used++] = value.data[i];
	return str_from(out, used);
}
