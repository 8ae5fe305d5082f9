/* decider: header fields that rules set, add and remove. */
#include "common/mime/fields.h"
#include "deliver/decider.h"

struct str header_apply(struct str header, const struct str *lines, size_t count, struct arena *arena)
{
	struct mime_fields fields;
	struct str result = header;
	struct buf out;

	mime_fields_read(&fields, header, arena);
	for (size_t i = 0; i < count; i++) {
		struct str data = lines[i], name = str_trim(str_cut(&data, ':'));

		data = str_trim(data);
		if (data.len > 0)
			mime_fields_set(&fields, name, data);
		else
			mime_fields_remove(&fields, name);
	}
	buf_init(&out, DECISION_HEADER_MAX);
	if (mime_fields_write(&fields, &out) == 0)
		result = arena_copy(arena, buf_str(&out));
	buf_free(&out);
	return result;
}
