#include "common/mailauth/dkim/fields.h"

#include "common/mime/mime.h"

/* FNV-1a. A bit that tells upper from lower case is not looked at; what that mixes up besides is told apart by name. */
static uint32_t hash_name(struct str name)
{
	uint32_t hash = 2166136261U;

	for (size_t i = 0; i < name.len; i++)
		hash = (hash ^ ((unsigned char)name.data[i] | 32U)) * 16777619U;
	return hash;
}

/* Room for twice as many; a header has some dozens as a rule. */
static void grow(struct dkim_fields *fields, size_t *capacity, struct arena *arena)
{
	struct dkim_field *list;

	*capacity = *capacity == 0 ? 64 : *capacity * 2;
	list = arena_get(arena, *capacity * sizeof *list);
	if (fields->count != 0)
		memcpy(list, fields->list, fields->count * sizeof *list);
	fields->list = list;
}

int dkim_fields_read(struct str header, struct arena *arena, struct dkim_fields *fields_out, struct err *err)
{
	struct mime_field field;
	size_t capacity = 0;

	*fields_out = (struct dkim_fields){0};
	if (header.len > DKIM_HEADER_MAX)
		return err_set(err, ERR_LIMIT, "the header is longer than %d octets", DKIM_HEADER_MAX);
	while (mime_field_next(&header, &field)) {
		if (fields_out->count == DKIM_FIELDS_MAX)
			return err_set(err, ERR_LIMIT, "the header has more than %d fields", DKIM_FIELDS_MAX);
		if (fields_out->count == capacity)
			grow(fields_out, &capacity, arena);
		fields_out->list[fields_out->count++] =
		    (struct dkim_field){.name = field.name, .whole = field.whole, .hash = hash_name(field.name)};
	}
	return 0;
}

struct str dkim_field_value(const struct dkim_field *field)
{
	return str_skip(field->whole, (size_t)(str_find_char(field->whole, ':') + 1));
}

bool dkim_field_is(const struct dkim_field *field, struct str name)
{
	return str_equal_nocase(field->name, name);
}

size_t dkim_fields_count(const struct dkim_fields *fields, struct str name)
{
	size_t count = 0;

	for (size_t i = 0; i < fields->count; i++)
		count += dkim_field_is(&fields->list[i], name);
	return count;
}

struct dkim_choice dkim_choice_begin(const struct dkim_fields *fields, const struct dkim_field *own,
                                     struct arena *arena)
{
	struct dkim_choice choice = {.fields = fields, .taken = arena_get(arena, fields->count * sizeof(bool) + 1)};

	for (size_t i = 0; i < fields->count; i++)
		choice.taken[i] = &fields->list[i] == own;
	return choice;
}

const struct dkim_field *dkim_choice_take(struct dkim_choice *choice, struct str name)
{
	uint32_t hash = hash_name(name);

	for (size_t i = choice->fields->count; i-- > 0;) {
		const struct dkim_field *field = &choice->fields->list[i];

		if (field->hash != hash || choice->taken[i] || !dkim_field_is(field, name))
			continue;
		choice->taken[i] = true;
		return field;
	}
	return NULL;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* RFC 6376 3.4.2; out has room for whole and two octets more. Returns where it ends. */
static char *relax(struct str whole, char *out)
{
	size_t colon = (size_t)str_find_char(whole, ':'), i;
	bool blank = false;
	char *value;

	for (i = 0; i < colon; i++)
		*out++ = whole.data[i] >= 'A' && whole.data[i] <= 'Z' ? (char)(whole.data[i] + 32) : whole.data[i];
	while (i > 0 && is_blank(whole.data[--i]))
		out--;
	*out++ = ':';
	value = out;
	for (i = colon + 1; i < whole.len; i++) {
		if (is_blank(whole.data[i])) {
			blank = true;
		} else if (whole.data[i] == '\r' && i + 1 < whole.len && whole.data[i + 1] == '\n') {
			i++;
		} else {
			if (blank && out != value)
				*out++ = ' ';
			blank = false;
			*out++ = whole.data[i];
		}
	}
	*out++ = '\r';
	*out++ = '\n';
	return out;
}

void dkim_field_canon(struct str whole, enum dkim_canon canon, struct buf *out)
{
	bool ends = str_ends_nocase(whole, STR("\r\n"));
	char *room;

	if (canon == DKIM_SIMPLE) {
		buf_add_str(out, whole);
		buf_add_str(out, ends ? STR("") : STR("\r\n"));
		return;
	}
	room = buf_reserve(out, whole.len + 2);
	if (room != NULL)
		out->len += (size_t)(relax(whole, room) - room);
}
