#include "common/mime/fields.h"

#include "common/mime/encode.h"

enum { NAME_MAX_LEN = 76, VALUE_MAX = 64 << 10, FIRST_ROOM = 64 };

static struct mime_field *new_field(struct mime_fields *fields, size_t index)
{
	if (fields->count == fields->room) {
		size_t room = fields->room != 0 ? 2 * fields->room : FIRST_ROOM;
		struct mime_field *list = arena_get(fields->arena, room * sizeof *list);

		if (fields->count != 0)
			memcpy(list, fields->list, fields->count * sizeof *list);
		fields->list = list;
		fields->room = room;
	}
	memmove(fields->list + index + 1, fields->list + index, (fields->count - index) * sizeof *fields->list);
	fields->count++;
	return &fields->list[index];
}

void mime_fields_read(struct mime_fields *fields, struct str header, struct arena *arena)
{
	struct mime_field field;

	*fields = (struct mime_fields){.arena = arena};
	while (mime_field_next(&header, &field))
		*new_field(fields, fields->count) = field;
}

ptrdiff_t mime_fields_find(const struct mime_fields *fields, struct str name, size_t from)
{
	for (size_t i = from; i < fields->count; i++)
		if (fields->list[i].whole.len != 0 && str_equal_nocase(fields->list[i].name, name))
			return (ptrdiff_t)i;
	return -1;
}

struct str mime_fields_value(const struct mime_fields *fields, struct str name)
{
	ptrdiff_t at = mime_fields_find(fields, name, 0);

	return at >= 0 ? str_trim(mime_unfold(fields->list[at].value, fields->arena)) : STR("");
}

size_t mime_fields_remove(struct mime_fields *fields, struct str name)
{
	ptrdiff_t at = -1;
	size_t count = 0;

	while ((at = mime_fields_find(fields, name, (size_t)(at + 1))) >= 0) {
		fields->list[at] = (struct mime_field){STR(""), STR(""), STR("")};
		fields->changed = true;
		count++;
	}
	return count;
}

/* Where the bracket of an address begins that a display name with other than ASCII stands before; -1: nowhere. */
static ptrdiff_t angle_behind_name(struct str value)
{
	ptrdiff_t angle = str_find_last_char(value, '<');
	bool is_ascii = true;

	for (ptrdiff_t i = 0; i < angle; i++)
		is_ascii = is_ascii && (unsigned char)value.data[i] < 0x80;
	return angle > 0 && !is_ascii && str_find_char(value, '>') > angle ? angle : -1;
}

/* A name without the quotes that it stands in. */
static struct str unquoted(struct str name)
{
	name = str_trim(name);
	if (name.len >= 2 && name.data[0] == '"' && name.data[name.len - 1] == '"')
		return str_sub(name, 1, name.len - 2);
	return name;
}

static struct mime_field make_field(struct mime_fields *fields, struct str name, struct str value)
{
	struct mime_field field;
	struct buf out;
	ptrdiff_t angle;

	buf_init(&out, VALUE_MAX);
	fields->changed = true;
	value = str_trim(value);
	angle = angle_behind_name(value);
	buf_printf(&out, "%.*s: ", STR_ARG(name));
	if (angle > 0) {
		mime_encode_phrase(unquoted(str_sub(value, 0, (size_t)angle)), out.len, &out);
		buf_add_char(&out, ' ');
		value = str_skip(value, (size_t)angle);
	}
	mime_encode_text(value, out.len, &out);
	out.limit += 2;
	buf_add_str(&out, STR("\r\n"));
	field.whole = arena_copy(fields->arena, buf_str(&out));
	field.name = str_sub(field.whole, 0, name.len);
	field.value = str_trim(str_skip(field.whole, name.len + 1));
	buf_free(&out);
	return field;
}

void mime_fields_add(struct mime_fields *fields, struct str name, struct str value)
{
	*new_field(fields, fields->count) = make_field(fields, name, value);
}

void mime_fields_add_top(struct mime_fields *fields, struct str name, struct str value)
{
	*new_field(fields, 0) = make_field(fields, name, value);
}

void mime_fields_set(struct mime_fields *fields, struct str name, struct str value)
{
	ptrdiff_t at = mime_fields_find(fields, name, 0);

	mime_fields_remove(fields, name);
	if (at >= 0)
		fields->list[at] = make_field(fields, name, value);
	else
		mime_fields_add(fields, name, value);
}

void mime_fields_replace(struct mime_fields *fields, size_t index, struct str raw_value)
{
	struct mime_field *field = &fields->list[index];
	size_t before = (size_t)(field->value.data - field->whole.data);
	struct str after = str_skip(field->whole, before + field->value.len);

	field->whole = arena_join(fields->arena, (struct str[]){str_sub(field->whole, 0, before), raw_value, after}, 3);
	field->value = str_sub(field->whole, before, raw_value.len);
	fields->changed = true;
}

/* The last line of a header may lack its end where a message is cut off there. */
int mime_fields_write(const struct mime_fields *fields, struct buf *out)
{
	for (size_t i = 0; i < fields->count; i++) {
		struct str whole = fields->list[i].whole;

		buf_add_str(out, whole);
		if (whole.len != 0 && whole.data[whole.len - 1] != '\n')
			buf_add_str(out, STR("\r\n"));
	}
	buf_add_str(out, STR("\r\n"));
	return out->overflow ? -1 : 0;
}

bool mime_is_field_name(struct str name)
{
	for (size_t i = 0; i < name.len; i++)
		if ((unsigned char)name.data[i] <= ' ' || (unsigned char)name.data[i] >= 0x7f || name.data[i] == ':')
			return false;
	return name.len != 0 && name.len <= NAME_MAX_LEN;
}
