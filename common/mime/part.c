#include "common/mime/part.h"

#include "common/mime/header.h"

#include <stddef.h>

enum holder { IN_PART, IN_ENVELOPE, AS_TYPE, AS_DISPOSITION, AS_LANGUAGES };

/* The fields that are kept, and where. */
static const struct wanted {
	struct str name;
	enum holder holder;
	size_t offset; /* of a struct str, for IN_PART and IN_ENVELOPE */
} table[] = {
    {{"Content-Type", 12}, AS_TYPE, 0},
    {{"Content-Transfer-Encoding", 25}, IN_PART, offsetof(struct mime_part, encoding)},
    {{"Content-Disposition", 19}, AS_DISPOSITION, 0},
    {{"Content-ID", 10}, IN_PART, offsetof(struct mime_part, id)},
    {{"Content-Description", 19}, IN_PART, offsetof(struct mime_part, description)},
    {{"Content-MD5", 11}, IN_PART, offsetof(struct mime_part, md5)},
    {{"Content-Location", 16}, IN_PART, offsetof(struct mime_part, location)},
    {{"Content-Language", 16}, AS_LANGUAGES, 0},
    {{"Date", 4}, IN_ENVELOPE, offsetof(struct mime_envelope, date)},
    {{"Subject", 7}, IN_ENVELOPE, offsetof(struct mime_envelope, subject)},
    {{"From", 4}, IN_ENVELOPE, offsetof(struct mime_envelope, from)},
    {{"Sender", 6}, IN_ENVELOPE, offsetof(struct mime_envelope, sender)},
    {{"Reply-To", 8}, IN_ENVELOPE, offsetof(struct mime_envelope, reply_to)},
    {{"To", 2}, IN_ENVELOPE, offsetof(struct mime_envelope, to)},
    {{"Cc", 2}, IN_ENVELOPE, offsetof(struct mime_envelope, cc)},
    {{"Bcc", 3}, IN_ENVELOPE, offsetof(struct mime_envelope, bcc)},
    {{"In-Reply-To", 11}, IN_ENVELOPE, offsetof(struct mime_envelope, in_reply_to)},
    {{"Message-ID", 10}, IN_ENVELOPE, offsetof(struct mime_envelope, message_id)},
};

void part_header_open(struct part_header *header, struct arena *arena)
{
	*header = (struct part_header){.arena = arena};
	buf_init(&header->field, MIME_FIELD_MAX);
}

void part_header_close(struct part_header *header)
{
	buf_free(&header->field);
}

static void set_type(struct mime_part *part, struct str type, struct str subtype)
{
	part->type = type;
	part->subtype = subtype;
}

void part_make_plain(struct mime_part *part)
{
	part->kind = MIME_LEAF;
	set_type(part, STR("text"), STR("plain"));
	part->params = (struct mime_params){0};
}

void part_header_begin(struct part_header *header, struct mime_part *part)
{
	header->part = part;
	header->seen = 0;
	header->wanted = NULL;
	header->media = STR("");
	header->has_media = false;
	part->disposition.value = STR("");
	part->encoding = part->id = part->description = part->md5 = part->location = STR("");
	if (part->parent == NULL || part->parent->kind == MIME_MESSAGE)
		part->envelope = arena_get(header->arena, sizeof *part->envelope);
}

/* A copy without what cannot be in a field's value. data is NULL where the tree holds as much as it may. */
static struct str keep(struct part_header *header, struct str value)
{
	char *copy;
	size_t used = 0;

	if (header->kept + value.len > MIME_KEPT_MAX)
		return (struct str){NULL, 0};
	copy = arena_get(header->arena, value.len + 1);
	for (size_t i = 0; i < value.len; i++)
		if (value.data[i] != '\r' && value.data[i] != '\0')
			copy[used++] = value.data[i];
	header->kept += value.len;
	return str_from(copy, used);
}

/* RFC 3282 2: tags separated by commas. */
static void set_languages(struct part_header *header, struct str value)
{
	struct str tags[MIME_LANGUAGES_MAX];
	size_t count = 0;

	while (value.data != NULL && count < MIME_LANGUAGES_MAX) {
		struct str tag = str_trim(str_cut(&value, ','));

		if (tag.len != 0)
			tags[count++] = tag;
	}
	if (count == 0)
		return;
	header->part->languages = arena_get(header->arena, count * sizeof *tags);
	memcpy(header->part->languages, tags, count * sizeof *tags);
	header->part->language_count = count;
}

/* Of a field that is there several times the first counts. */
static void finish_field(struct part_header *header)
{
	const struct wanted *wanted = header->wanted;
	struct mime_part *part = header->part;
	struct str *place = NULL, value;
	struct mime_value type;

	header->wanted = NULL;
	if (wanted == NULL)
		return;
	value = str_trim(buf_str(&header->field));
	if (wanted->holder == IN_PART)
		place = (struct str *)((char *)part + wanted->offset);
	else if (wanted->holder == IN_ENVELOPE)
		place = (struct str *)((char *)part->envelope + wanted->offset);
	if (place != NULL ? place->len != 0 : wanted->holder == AS_TYPE && header->has_media)
		return;
	value = keep(header, value);
	if (value.data == NULL)
		return;
	if (place != NULL) {
		*place = value;
	} else if (wanted->holder == AS_TYPE) {
		mime_parse_value(value, header->arena, &type);
		header->has_media = true;
		header->media = type.value;
		part->params = type.params;
	} else if (wanted->holder == AS_DISPOSITION && part->disposition.value.len == 0) {
		mime_parse_value(value, header->arena, &part->disposition);
	} else if (wanted->holder == AS_LANGUAGES && part->language_count == 0) {
		set_languages(header, value);
	}
}

/* Add what fits: of a field that is too long the beginning counts. */
static void add(struct part_header *header, struct str text)
{
	size_t room = header->field.limit - header->field.len;

	if (header->wanted != NULL)
		buf_add_str(&header->field, str_sub(text, 0, room));
}

void part_header_line(struct part_header *header, struct str line, bool is_rest)
{
	ptrdiff_t colon;
	struct str name;

	header->seen += line.len;
	if (header->seen > MIME_HEADER_MAX)
		return;
	if (is_rest || (line.len != 0 && (line.data[0] == ' ' || line.data[0] == '\t'))) {
		add(header, line);
		return;
	}
	finish_field(header);
	colon = str_find_char(line, ':');
	if (colon <= 0)
		return;
	name = str_trim(str_sub(line, 0, (size_t)colon));
	buf_reset(&header->field);
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (str_equal_nocase(name, table[i].name) && (table[i].holder != IN_ENVELOPE || header->part->envelope != NULL))
			header->wanted = &table[i];
	add(header, str_skip(line, (size_t)colon + 1));
}

static bool is_token(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.data[i] <= ' ' || (unsigned char)s.data[i] >= 0x7f ||
		    strchr("()<>@,;:\\\"/[]?=", s.data[i]) != NULL)
			return false;
	return s.len != 0;
}

/* Take Content-Type's value apart, or put the default in its place (RFC 2045 5.2, RFC 2046 5.1.5). */
static void decide_type(struct part_header *header)
{
	struct mime_part *part = header->part, *parent = part->parent;
	struct str subtype = header->media, type = str_cut(&subtype, '/');

	if (subtype.data != NULL && is_token(type) && is_token(subtype))
		set_type(part, type, subtype);
	else if (!header->has_media && parent != NULL && mime_is(parent, "multipart", "digest"))
		set_type(part, STR("message"), STR("rfc822"));
	else
		part_make_plain(part);
}

void part_header_end(struct part_header *header, bool may_nest, struct str *boundary_out)
{
	struct mime_part *part = header->part;
	const struct mime_param *boundary;
	bool is_message;

	finish_field(header);
	decide_type(header);
	*boundary_out = STR("");
	is_message = mime_is(part, "message", "rfc822") || mime_is(part, "message", "global");
	if (!is_message && !mime_is(part, "multipart", NULL))
		return;
	if (!may_nest) {
		set_type(part, STR("application"), STR("octet-stream"));
		part->params = (struct mime_params){0};
		return;
	}
	if (is_message) {
		part->kind = MIME_MESSAGE;
		return;
	}
	boundary = mime_param(&part->params, "boundary");
	if (boundary != NULL && boundary->value.len <= MIME_BOUNDARY_MAX)
		*boundary_out = str_trim(boundary->value);
	if (boundary_out->len != 0)
		part->kind = MIME_MULTIPART;
	else
		part_make_plain(part);
}
