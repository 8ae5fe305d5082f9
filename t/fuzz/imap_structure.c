// parts: imapd/cached.c imapd/envelope.c imapd/structure.c
/*
 * What is told of a message must be one parenthesised list each (RFC 9051 section 9), must come back from its blob as
 * it went in, and no bytes may pass for a blob that are none.
 */
#include "common/store/changes.h"
#include "imapd/cached.h"
#include "imapd/envelope.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

/* The length of the string, literal or atom that text begins with. */
static size_t value_len(struct str text)
{
	size_t len = 1, size = 0;

	if (text.data[0] == '"') {
		while (len < text.len && text.data[len] != '"') {
			check((unsigned char)text.data[len] < 0x80 && text.data[len] != '\r' && text.data[len] != '\n');
			len += text.data[len] == '\\' ? 2 : 1;
		}
		return len + 1;
	}
	if (text.data[0] != '{')
		return 1;
	for (; len < text.len && text.data[len] != '}'; len++)
		size = size * 10 + (size_t)(text.data[len] - '0');
	return len + 3 + size;
}

/* Parentheses must match outside of strings, and the outermost ones enclose all. */
static void check_list(struct str text)
{
	size_t depth = 0;

	check(text.len >= 2 && text.data[0] == '(');
	for (size_t at = 0; at < text.len;) {
		size_t len = value_len(str_skip(text, at));

		check(at + len <= text.len);
		if (text.data[at] == '(')
			depth++;
		else if (text.data[at] == ')')
			check(depth-- > 0 && (depth > 0 || at + 1 == text.len));
		at += len;
	}
	check(depth == 0);
}

static void check_message(const struct mime_source *source, struct arena *arena)
{
	struct cached cached = {0}, again;
	struct mime_part *root;
	struct buf text;
	struct err err;

	check(cached_build(source, CACHED_STRUCTURE | CACHED_PREVIEW, arena, &cached, &err) == 0);
	check_list(cached.envelope);
	check_list(cached.structure);
	check(str_is_utf8(cached.preview));
	check(mime_parse(source, arena, &root, &err) == 0);
	buf_init(&text, 200);
	structure_format(root, false, arena, &text);
	check_list(buf_str(&text));
	buf_free(&text);
	buf_init(&text, STORE_CACHE_MAX);
	if (cached_write(&cached, &text) == 0) {
		char thread[CACHED_THREAD_MAX];

		check(cached_read(buf_str(&text), &again) && again.header_len == cached.header_len &&
		      str_equal(again.envelope, cached.envelope) && str_equal(again.structure, cached.structure) &&
		      str_equal(again.fields, cached.fields) && str_equal(again.preview, cached.preview));
		check(cached_thread_id(again.fields, 1, thread)[0] == 'T');
	}
	buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str input = str_from((const char *)data, size);
	struct mime_source source = mime_source_memory(input);
	struct cached cached;
	struct arena arena;

	arena_init(&arena);
	if (cached_read(input, &cached))
		check(cached.envelope.len + cached.structure.len + cached.fields.len + cached.preview.len <= size);
	check_message(&source, &arena);
	arena_free(&arena);
	return 0;
}
