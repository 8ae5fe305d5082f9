/*
 * A message, its structure, all of its header fields, the text of all parts. Parts must lie within one another, from a
 * file as from memory, and texts must be UTF-8.
 */
#include "common/mime/header.h"
#include "common/mime/text.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_text(struct str text)
{
	check(str_is_utf8(text));
}

static void check_params(const struct mime_params *params, struct arena *arena)
{
	check(params->count <= MIME_PARAMS_MAX);
	for (size_t i = 0; i < params->count; i++)
		check_text(mime_param_text(&params->list[i], arena));
}

static void check_fields(struct str header, struct arena *arena)
{
	struct mime_addresses addresses;
	struct mime_field field;
	struct mime_date date;
	struct mime_ids ids;

	while (mime_field_next(&header, &field)) {
		mime_parse_addresses(field.value, arena, &addresses);
		mime_parse_ids(field.value, arena, &ids);
		mime_parse_date(field.value, &date);
		check_text(mime_decode_words(field.value, arena));
		check_text(mime_base_subject(field.value, arena, NULL));
	}
}

static void check_part(const struct mime_source *source, const struct mime_part *part, struct arena *arena)
{
	const struct mime_part *parent = part->parent;
	struct mime_collect collect;
	struct buf text;
	struct err err;
	int64_t decoded;

	check(part->header_at >= 0 && part->header_at + part->header_len == part->body_at);
	check(part->body_len >= 0 && part->body_at + part->body_len <= source->size && part->body_lines >= 0);
	check(parent == NULL ||
	      (part->header_at >= parent->body_at && part->body_at + part->body_len <= parent->body_at + parent->body_len));
	check(part->type.len != 0 && part->subtype.len != 0);
	check((part->first_child != NULL) == (part->kind != MIME_LEAF));
	check_params(&part->params, arena);
	check_params(&part->disposition.params, arena);
	check_text(mime_file_name(part, arena));
	check_fields(str_from(source->data + part->header_at, (size_t)part->header_len), arena);
	buf_init(&text, 1 << 20);
	mime_collect_init(&collect, &text);
	check(mime_send_text(source, part, true, &collect.sink, &err) >= 0);
	if (mime_is(part, "text", NULL) && text.len < text.limit)
		check_text(buf_str(&text));
	check(mime_decoded_size(source, part, &decoded, &err) == 0 && decoded <= part->body_len);
	buf_free(&text);
}

/* The same structure from a file. */
static void check_file(const uint8_t *data, size_t size, const struct mime_part *root, struct arena *arena)
{
	int fd = memfd_create("fuzz", 0);
	struct mime_source source = mime_source_file(fd, 0, (int64_t)size);
	struct mime_part *again;
	struct err err;

	check(write(fd, data, size) == (ssize_t)size);
	check(mime_parse(&source, arena, &again, &err) == 0);
	for (; root != NULL && again != NULL; root = mime_next(root), again = mime_next(again))
		check(root->header_at == again->header_at && root->body_at == again->body_at &&
		      root->body_len == again->body_len && root->body_lines == again->body_lines);
	check(root == again);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mime_source source = mime_source_memory(str_from((const char *)data, size));
	struct mime_part *root, *quick;
	struct str preview;
	struct arena arena;
	struct err err;

	arena_init(&arena);
	check(mime_parse(&source, &arena, &root, &err) == 0);
	for (struct mime_part *part = root; part != NULL; part = mime_next(part))
		check_part(&source, part, &arena);
	check(mime_parse_header(&source, &arena, &quick, &err) == 0 && quick->body_at == root->body_at);
	check(mime_preview(&source, root, MIME_PREVIEW_MAX, &arena, &preview, &err) == 0);
	check_text(preview);
	check_file(data, size, root, &arena);
	arena_free(&arena);
	return 0;
}
