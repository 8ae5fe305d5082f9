/*
 * A message that is changed: what is sealed keeps its body; what is written again parses, and is unchanged where
 * nothing was changed. The spans of addresses lie in their values.
 */
#include "common/mime/edit.h"
#include "common/mime/modify.h"
#include "common/mime/spans.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_within(struct str part, struct str whole)
{
	check(part.len == 0 || (part.data >= whole.data && part.data + part.len <= whole.data + whole.len));
}

static void check_spans(const struct mime_fields *fields, struct arena *arena)
{
	for (size_t i = 0; i < fields->count; i++) {
		struct mime_spans spans;

		mime_find_spans(fields->list[i].value, arena, &spans);
		for (size_t k = 0; k < spans.count; k++) {
			check(spans.list[k].whole.len != 0);
			check_within(spans.list[k].whole, fields->list[i].value);
			check_within(spans.list[k].local, spans.list[k].whole);
			check_within(spans.list[k].domain, spans.list[k].whole);
		}
	}
}

static bool expand(char code, void *context, struct buf *out)
{
	(void)context;
	return code == 'O' && buf_add_str(out, STR("a@b.test")) == 0;
}

static struct str written(const struct mime_edit *edit, struct arena *arena)
{
	int fd = memfd_create("edit", 0);
	char *bytes = NULL;
	off_t size = 0;
	struct err err;

	if (mime_edit_write(edit, fd, &err) == 0) {
		size = lseek(fd, 0, SEEK_END);
		bytes = arena_get(arena, (size_t)size + 1);
		check(pread(fd, bytes, (size_t)size, 0) == size);
	}
	close(fd);
	return str_from(bytes, (size_t)size);
}

static bool begin(struct mime_edit *edit, const struct mime_source *source, struct arena *arena)
{
	struct mime_part *root;
	struct err err;

	return mime_parse(source, arena, &root, &err) == 0 && mime_edit_open(edit, source, root, arena, &err) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str message = str_from((const char *)data, size), out;
	struct mime_source source = mime_source_memory(message), again;
	struct mime_edit edit;
	struct arena arena;
	struct err err;

	arena_init(&arena);
	if (begin(&edit, &source, &arena)) {
		check_spans(&edit.header, &arena);
		if (mime_edit_is_unchanged(&edit))
			check(str_equal(written(&edit, &arena), message));
		modifiers_apply(&edit.header, STR("X-A: \xc3\xb6 %O\nSubject:"), expand, NULL);
		check(mime_edit_append(&edit, STR("\xe2\x82\xac text"), STR(""), &err) == 0);
		out = written(&edit, &arena);
		if (edit.appended == 0 && out.data != NULL)
			check(str_ends_nocase(out, str_skip(message, (size_t)edit.root->body_at)));
		again = mime_source_memory(out);
		begin(&edit, &again, &arena);
	}
	arena_free(&arena);
	return 0;
}
