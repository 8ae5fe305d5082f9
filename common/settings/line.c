#include "common/settings/settings.h"

/* Has a value several lines? */
static bool has_lines(const struct setting_definition *definition)
{
	return definition != NULL && (definition->type == SETTING_LINES || definition->type == SETTING_MODIFIERS);
}

void setting_to_line(const struct setting_definition *definition, struct str value, struct buf *line)
{
	for (size_t i = 0; i < value.len; i++)
		if (!has_lines(definition) || (value.data[i] != '\n' && value.data[i] != '\\'))
			buf_add_char(line, value.data[i]);
		else
			buf_add_str(line, value.data[i] == '\n' ? STR("\\n") : STR("\\\\"));
}

struct str setting_from_line(const struct setting_definition *definition, struct str line, struct arena *arena)
{
	char *text;
	size_t len = 0;

	if (!has_lines(definition))
		return line;
	text = arena_get(arena, line.len + 1);
	for (size_t i = 0; i < line.len; i++) {
		bool escaped = line.data[i] == '\\' && i + 1 < line.len;

		if (escaped)
			i++;
		text[len++] = escaped && line.data[i] == 'n' ? '\n' : line.data[i];
	}
	return str_from(text, len);
}
