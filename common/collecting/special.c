#include "common/collecting/special.h"

#include "common/base/log.h"
#include "common/mime/fields.h"

/* Each run of blanks as one. */
static struct str squeeze(struct str text, struct arena *arena)
{
	char *copy = arena_get(arena, text.len + 1);
	size_t length = 0;

	for (size_t i = 0; i < text.len; i++) {
		bool is_blank = text.data[i] == ' ' || text.data[i] == '\t';

		if (!is_blank || length == 0 || copy[length - 1] != ' ')
			copy[length++] = is_blank ? ' ' : text.data[i];
	}
	return str_from(copy, length);
}

/* "before * behind", with "~" at the end where anything may follow. */
static int read_frame(struct str text, struct special_field *field, struct err *err)
{
	ptrdiff_t star = str_find_char(text, '*');

	if (star < 0 || str_count_char(text, '*') > 1)
		return err_set(err, ERR_SYNTAX, "one * has to stand where the address is, or a /regular expression/");
	field->before = str_sub(text, 0, (size_t)star);
	field->behind = str_skip(text, (size_t)star + 1);
	if (field->behind.len > 0 && field->behind.data[field->behind.len - 1] == '~') {
		field->any_tail = true;
		field->behind = str_sub(field->behind, 0, field->behind.len - 1);
		if (field->behind.len > 0 && field->behind.data[field->behind.len - 1] == ' ') /* it only parts the two */
			field->behind = str_sub(field->behind, 0, field->behind.len - 1);
	}
	return 0;
}

static int read_field(struct str line, struct arena *arena, struct special_field *field, struct err *err)
{
	struct str rest = line, name = str_trim(str_cut(&rest, ':'));

	*field = (struct special_field){.name = arena_copy(arena, name), .before = STR(""), .behind = STR("")};
	if (!mime_is_field_name(name))
		return err_set(err, ERR_SYNTAX, "\"%.*s\" is not the name of a header field", STR_ARG(str_sub(name, 0, 80)));
	rest = str_trim(rest);
	if (rest.len == 0)
		return 0;
	if (rest.data[0] != '/')
		return read_frame(squeeze(rest, arena), field, err);
	if (regex_compile(rest, &field->regex, err) != 0)
		return -1;
	if (regex_group_count(field->regex) > 0)
		return 0;
	regex_free(field->regex);
	return err_set(err, ERR_SYNTAX, "the regular expression has no (group), which the address would be");
}

int special_parse(struct str text, struct arena *arena, struct special_fields *fields, struct err *err)
{
	size_t number = 0;

	fields->count = 0;
	while (text.data != NULL) {
		struct str line = str_trim(str_cut(&text, '\n'));

		number++;
		if (line.len == 0)
			continue;
		if (fields->count == SPECIAL_FIELDS_MAX)
			err_set(err, ERR_LIMIT, "there are at most %d definitions", SPECIAL_FIELDS_MAX);
		else if (read_field(line, arena, &fields->list[fields->count], err) == 0) {
			fields->count++;
			continue;
		}
		special_free(fields);
		return err_prefix(err, "line %zu", number);
	}
	return 0;
}

void special_free(struct special_fields *fields)
{
	for (size_t i = 0; i < fields->count; i++)
		regex_free(fields->list[i].regex);
	fields->count = 0;
}

/* The first occurrence of needle, case ignored, or -1. */
static ptrdiff_t find_nocase(struct str text, struct str needle)
{
	for (size_t i = 0; i + needle.len <= text.len; i++)
		if (str_starts_nocase(str_skip(text, i), needle))
			return (ptrdiff_t)i;
	return -1;
}

/* What stands within the frame; data is NULL where the value is of another form. */
static struct str frame_find(const struct special_field *field, struct str value)
{
	struct str none = {NULL, 0}, rest;
	ptrdiff_t end;

	if (!str_starts_nocase(value, field->before))
		return none;
	rest = str_skip(value, field->before.len);
	if (!field->any_tail) {
		if (rest.len < field->behind.len || !str_ends_nocase(rest, field->behind))
			return none;
		return str_trim(str_sub(rest, 0, rest.len - field->behind.len));
	}
	if (field->behind.len == 0) {
		rest = str_trim(rest);
		return str_cut_word(&rest);
	}
	end = find_nocase(rest, field->behind);
	return end < 0 ? none : str_trim(str_sub(rest, 0, (size_t)end));
}

size_t special_find(const struct special_field *field, struct str value, struct arena *arena, struct str *found,
                    size_t room)
{
	size_t count = 0;

	if (room == 0)
		return 0;
	if (field->regex != NULL) {
		if (regex_groups(field->regex, value, found, room, &count) == REGEX_LIMIT)
			log_warning("the regular expression for %.*s reached its limit on %zu octets", STR_ARG(field->name),
			            value.len);
		for (size_t i = 0; i < count; i++)
			found[i] = str_trim(found[i]);
		return count;
	}
	found[0] = frame_find(field, squeeze(str_trim(value), arena));
	return found[0].len > 0;
}
