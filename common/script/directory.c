#include "common/script/directory.h"

/* The next line's name and value; false: none is left. */
static bool next(struct str *lines, struct str *name_out, struct str *value_out)
{
	if (lines->data == NULL)
		return false;
	*value_out = str_cut(lines, '\n');
	*name_out = str_trim(str_cut(value_out, ':'));
	*value_out = str_trim(*value_out);
	return true;
}

struct str directory_find(struct str lines, struct str name)
{
	struct str key, value;

	while (next(&lines, &key, &value))
		if (str_equal_nocase(key, name))
			return value;
	return STR("");
}

size_t directory_add_fields(struct str lines, struct script_field *fields, size_t count, size_t max,
                            struct arena *arena)
{
	struct str name, value;

	while (count < max && next(&lines, &name, &value)) {
		char *key = arena_text(arena, name);

		for (char *c = key; *c != '\0'; c++)
			*c = *c >= 'a' && *c <= 'z' ? (char)(*c - 32) : *c;
		if (*key != '\0')
			fields[count++] = (struct script_field){key, script_text(value)};
	}
	return count;
}
