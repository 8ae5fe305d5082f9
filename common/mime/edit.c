#include "common/mime/edit.h"

#include "common/base/io.h"
#include "common/mime/markup.h"
#include "common/mime/text.h"

int mime_edit_open(struct mime_edit *edit, const struct mime_source *source, const struct mime_part *root,
                   struct arena *arena, struct err *err)
{
	struct buf header;
	int result;

	*edit = (struct mime_edit){.source = source, .root = root, .arena = arena};
	edit->last = &edit->splices;
	if (root->header_len > MIME_HEADER_MAX)
		return err_set(err, ERR_LIMIT, "the header is longer than %d octets", MIME_HEADER_MAX);
	buf_init(&header, MIME_HEADER_MAX);
	result = mime_read(source, root->header_at, root->header_len, &header, err);
	edit->original = arena_copy(arena, buf_str(&header));
	buf_free(&header);
	mime_fields_read(&edit->header, edit->original, arena);
	return result;
}

void mime_edit_splice(struct mime_edit *edit, int64_t at, int64_t len, struct str bytes)
{
	struct mime_splice *splice = arena_get(edit->arena, sizeof *splice);

	*splice = (struct mime_splice){.at = at, .len = len, .bytes = bytes};
	*edit->last = splice;
	edit->last = &splice->next;
}

/* Parts whose bytes somebody vouches for, or that nobody reads without a key. */
static bool is_sealed(const struct mime_part *part)
{
	return mime_is(part, "multipart", "signed") || mime_is(part, "multipart", "encrypted") ||
	       mime_is(part, "application", "pkcs7-mime") || mime_is(part, "application", "x-pkcs7-mime") ||
	       mime_is(part, "application", "pgp-encrypted") || mime_is(part, "application", "ms-tnef");
}

bool mime_edit_is_sealed(const struct mime_edit *edit)
{
	return is_sealed(edit->root) || mime_fields_find(&edit->header, STR("DKIM-Signature"), 0) >= 0;
}

static bool holds_parts_as_text(const struct mime_part *part)
{
	return part->kind == MIME_MULTIPART && !is_sealed(part) && !mime_is(part, "multipart", "report") &&
	       !mime_is(part, "multipart", "digest") && !mime_is(part, "multipart", "parallel");
}

static bool takes_text(const struct mime_part *part)
{
	return part->kind == MIME_LEAF && (mime_is(part, "text", "plain") || mime_is(part, "text", "html")) &&
	       !str_equal_nocase(part->disposition.value, STR("attachment")) && part->body_len <= MIME_EDIT_TEXT_MAX &&
	       mime_encoding(part) != MIME_UNKNOWN_ENCODING;
}

/* The next part that takes a text, NULL after the last. part: the one before, NULL at first. */
static const struct mime_part *next_target(const struct mime_edit *edit, const struct mime_part *part)
{
	for (part = part == NULL ? edit->root : mime_next(part); part != NULL; part = mime_next(part)) {
		const struct mime_part *inner = part;

		if (!takes_text(part))
			continue;
		/* on the way from the root: children of what is read as text, of a multipart/alternative any, else the first */
		while (inner->parent != NULL && holds_parts_as_text(inner->parent) &&
		       (inner->parent->first_child == inner || mime_is(inner->parent, "multipart", "alternative")))
			inner = inner->parent;
		if (inner == edit->root)
			return part;
	}
	return NULL;
}

void mime_edit_takes(const struct mime_edit *edit, bool *plain_out, bool *html_out)
{
	const struct mime_part *part = NULL;

	*plain_out = *html_out = false;
	while (!mime_edit_is_sealed(edit) && (part = next_target(edit, part)) != NULL) {
		*plain_out |= mime_is(part, "text", "plain");
		*html_out |= mime_is(part, "text", "html");
	}
}

int mime_edit_append(struct mime_edit *edit, struct str plain, struct str html, struct err *err)
{
	const struct mime_part *part = NULL;

	if (mime_edit_is_sealed(edit) || (plain.len == 0 && html.len == 0))
		return 0;
	if (plain.len == 0)
		plain = mime_html_to_plain(html, edit->arena);
	html = mime_html_ascii(html.len != 0 ? mime_html_inner(html) : mime_plain_to_html(plain, edit->arena), edit->arena);
	while ((part = next_target(edit, part)) != NULL)
		if (mime_edit_part(edit, part, plain, html, err) != 0)
			return -1;
	return 0;
}

struct file_sink {
	struct mime_sink sink;
	int fd;
};

static int file_write(struct mime_sink *sink, struct str bytes, struct err *err)
{
	return io_write_all(((struct file_sink *)sink)->fd, bytes.data, bytes.len, err);
}

static int write_header(const struct mime_edit *edit, int fd, struct err *err)
{
	struct buf header;
	int result;

	if (!edit->header.changed)
		return io_write_all(fd, edit->original.data, edit->original.len, err);
	/* a header that is longer than it was by half a field of each kind is none that this house made */
	buf_init(&header, 2 * (size_t)MIME_HEADER_MAX);
	result = mime_fields_write(&edit->header, &header);
	result = result == 0 ? io_write_all(fd, header.data, header.len, err)
	                     : err_set(err, ERR_LIMIT, "the header has become too long");
	buf_free(&header);
	return result;
}

int mime_edit_write(const struct mime_edit *edit, int fd, struct err *err)
{
	struct file_sink sink = {{file_write}, fd};
	int64_t at = edit->root->body_at;

	if (write_header(edit, fd, err) != 0)
		return -1;
	for (const struct mime_splice *splice = edit->splices; splice != NULL; splice = splice->next) {
		if (mime_send(edit->source, at, splice->at - at, &sink.sink, err) != MIME_MORE ||
		    io_write_all(fd, splice->bytes.data, splice->bytes.len, err) != 0)
			return -1;
		at = splice->at + splice->len;
	}
	return mime_send(edit->source, at, edit->source->size - at, &sink.sink, err) == MIME_MORE ? 0 : -1;
}

bool mime_edit_is_unchanged(const struct mime_edit *edit)
{
	return edit->splices == NULL && !edit->header.changed;
}
