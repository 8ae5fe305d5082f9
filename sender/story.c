#include "sender/story.h"

#include "common/mime/fields.h"
#include "common/mime/header.h"

#include <time.h>
#include <unistd.h>

static struct str read_header(int file, off_t offset, off_t size, struct arena *arena)
{
	size_t most = size < STORY_HEADER_MAX ? (size_t)size : STORY_HEADER_MAX;
	char *text = arena_get(arena, most + 1);
	ssize_t count = pread(file, text, most, offset);
	struct str header = str_from(text, count > 0 ? (size_t)count : 0);
	ptrdiff_t end = str_find(header, STR("\r\n\r\n"));

	return str_sub(header, 0, end >= 0 ? (size_t)end + 2 : header.len);
}

static struct script_value lines_of(struct str header, struct arena *arena)
{
	struct str *lines = arena_get(arena, STORY_LINES_MAX * sizeof *lines);
	size_t count = 0;

	while (header.len != 0 && count < STORY_LINES_MAX) {
		struct str line = str_cut(&header, '\n');

		if (line.len != 0 && line.data[line.len - 1] == '\r')
			line.len--;
		lines[count++] = line;
	}
	return script_list(lines, count);
}

static struct script_value data_of(struct str header, struct arena *arena)
{
	struct str *items = arena_get(arena, 2 * (size_t)STORY_FIELDS_MAX * sizeof *items);
	struct mime_fields fields;
	size_t count = 0;

	mime_fields_read(&fields, header, arena);
	for (size_t i = fields.count; i-- > 0 && count < 2 * (size_t)STORY_FIELDS_MAX;) {
		/* from the last to the first: what a table is given last stays */
		items[count++] = fields.list[i].name;
		items[count++] = mime_fields_value(&fields, fields.list[i].name);
	}
	return script_map(items, count);
}

void story_read(int file, off_t offset, off_t size, struct arena *arena, struct story *story_out)
{
	struct str header = read_header(file, offset, size, arena);
	struct mime_field field;

	story_out->lines = lines_of(header, arena);
	story_out->data = data_of(header, arena);
	story_out->subject =
	    mime_field_find(header, STR("Subject"), &field) ? str_trim(mime_decode_words(field.value, arena)) : STR("");
}

struct str story_time(int64_t time_us, struct arena *arena)
{
	time_t seconds = (time_t)(time_us / 1000000);
	struct tm local;
	char text[32];

	if (time_us == 0 || localtime_r(&seconds, &local) == NULL ||
	    strftime(text, sizeof text, "%Y%m%d%H%M%S", &local) == 0)
		return STR("");
	return arena_copy(arena, str_of(text));
}
