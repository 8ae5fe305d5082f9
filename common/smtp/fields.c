#include "common/smtp/fields.h"

void fields_init(struct fields *fields)
{
	*fields = (struct fields){0};
}

static bool name_is(const struct fields *fields, struct str name)
{
	return str_equal_nocase(str_from(fields->name, fields->name_len), name);
}

static void note_field(struct fields *fields)
{
	if (name_is(fields, STR("Received")))
		fields->received++;
	else if (name_is(fields, STR("Date")))
		fields->has_date = true;
	else if (name_is(fields, STR("Message-ID")))
		fields->has_message_id = true;
}

/*
 * The next octet of a line that was not judged yet. RFC 5322 2.2: a name is printable and ends with a colon; 4.5.1:
 * blanks may stand before that.
 */
static void look_at(struct fields *fields, char c)
{
	if (c == ':' && fields->name_len != 0) {
		note_field(fields);
		fields->first_line_read = fields->line_is_judged = true;
	} else if ((c == ' ' || c == '\t') && fields->name_len != 0) {
		fields->name_ended = true;
	} else if (c > ' ' && c < 0x7f && c != ':' && !fields->name_ended) {
		if (fields->name_len < FIELDS_NAME_MAX)
			fields->name[fields->name_len++] = c;
	} else {
		/* a continuation, or a line that should not be here; as the first line it says that there is no header */
		fields->line_is_judged = true;
		if (!fields->first_line_read)
			fields->is_missing = fields->ended = true;
	}
}

size_t fields_look(struct fields *fields, struct str bytes)
{
	size_t at = 0;

	while (at < bytes.len && !fields->ended) {
		const char *end;

		if (fields->name_len == 0 && !fields->line_is_judged && bytes.data[at] == '\r') {
			fields->ended = true;
			break;
		}
		while (at < bytes.len && !fields->line_is_judged)
			look_at(fields, bytes.data[at++]);
		end = at < bytes.len ? memchr(bytes.data + at, '\n', bytes.len - at) : NULL;
		at = end != NULL ? (size_t)(end - bytes.data) + 1 : bytes.len;
		if (end != NULL) {
			fields->line_is_judged = false;
			fields->name_ended = false;
			fields->name_len = 0;
		}
	}
	return fields->is_missing ? 0 : at;
}
