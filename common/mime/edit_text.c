/* edit: the text of one part with something at its end, in its charset and transfer encoding. */
#include "common/mime/edit.h"

#include "common/base/base64.h"
#include "common/mime/encode.h"
#include "common/mime/markup.h"
#include "common/mime/text.h"

enum {
	LINE_LIMIT = 900, /* octets of a line that needs no encoding: RFC 5322 2.1.1 allows 998 */
	BASE64_LINE = 57, /* octets that make a line of 76 (RFC 2045 6.8) */
	ENCODED_MAX = 64 << 20,
	TYPE_MAX = 8 << 10,
};

struct text_edit {
	struct mime_edit *edit;
	const struct mime_part *part;
	struct arena *arena;
	bool is_html;
	enum mime_encoding encoding;
	struct str raw;      /* the body as it stands */
	struct str addition; /* in the charset of the part, or of content; lines end with CRLF */
};

static bool is_ascii(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.data[i] >= 0x80)
			return false;
	return true;
}

static struct str keep(struct buf *out, struct arena *arena)
{
	struct str text = arena_copy(arena, buf_str(out));

	buf_free(out);
	return text;
}

/* Lines with CRLF, without blanks at their end but in the line "-- " (RFC 3676 4.3), so that none flows into the next.
 */
static struct str with_crlf(struct str text, struct arena *arena)
{
	struct buf out;

	buf_init(&out, MIME_EDIT_TEXT_MAX);
	while (text.len > 0 && (text.data[text.len - 1] == '\n' || text.data[text.len - 1] == '\r'))
		text.len--;
	while (text.data != NULL) {
		struct str line = str_cut(&text, '\n');

		while (line.len > 0 && strchr(" \t\r", line.data[line.len - 1]) != NULL && !str_equal(line, STR("-- ")))
			line.len--;
		buf_add_str(&out, line);
		buf_add_str(&out, STR("\r\n"));
	}
	return keep(&out, arena);
}

static bool has_long_lines(struct str text)
{
	while (text.data != NULL)
		if (str_cut(&text, '\n').len > LINE_LIMIT)
			return true;
	return false;
}

/* What comes before a text at the end of another, so that an empty line is between them. */
static struct str gap(struct str content)
{
	bool ends_line = content.len == 0 || content.data[content.len - 1] == '\n';
	bool has_gap =
	    content.len == 0 || (content.len >= 4 && str_equal(str_skip(content, content.len - 4), STR("\r\n\r\n")));

	if (has_gap)
		return STR("");
	return ends_line ? STR("\r\n") : STR("\r\n\r\n");
}

/* The addition as it stands at the end of content: a part that is not the last ends without a line end, which is the
 * boundary's (RFC 2046 5.1.1). */
static struct str at_end(const struct text_edit *text, struct str content)
{
	struct str addition = text->addition;

	if (text->part != text->edit->root)
		addition.len -= 2;
	return arena_join(text->arena, (struct str[]){gap(content), addition}, 2);
}

static struct str combine(const struct text_edit *text, struct str content)
{
	ptrdiff_t at = text->is_html ? mime_html_end(content) : -1;

	if (at < 0)
		return arena_join(text->arena, (struct str[]){content, at_end(text, content)}, 2);
	return arena_join(
	    text->arena, (struct str[]){str_sub(content, 0, (size_t)at), text->addition, str_skip(content, (size_t)at)}, 3);
}

static struct str as_base64(struct str content, struct arena *arena)
{
	struct buf out;

	buf_init(&out, ENCODED_MAX);
	for (; content.len > 0; content = str_skip(content, BASE64_LINE)) {
		base64_encode(str_sub(content, 0, BASE64_LINE), &out);
		buf_add_str(&out, STR("\r\n"));
	}
	return keep(&out, arena);
}

static struct str as_quoted(struct str content, struct arena *arena)
{
	struct buf out;

	buf_init(&out, ENCODED_MAX);
	mime_encode_quoted(content, &out);
	return keep(&out, arena);
}

static void add_param(const struct mime_param *param, struct buf *out)
{
	buf_printf(out, "; %.*s", STR_ARG(param->name));
	if (param->is_extended) {
		buf_printf(out, "*=%.*s", STR_ARG(param->value));
		return;
	}
	buf_add_str(out, STR("=\""));
	for (size_t i = 0; i < param->value.len; i++) {
		if (param->value.data[i] == '"' || param->value.data[i] == '\\')
			buf_add_char(out, '\\');
		buf_add_char(out, param->value.data[i]);
	}
	buf_add_char(out, '"');
}

/* The media type with another charset. */
static void set_charset(struct mime_fields *fields, const struct mime_part *part)
{
	struct buf value;

	buf_init(&value, TYPE_MAX);
	buf_printf(&value, "%.*s/%.*s; charset=utf-8", STR_ARG(part->type), STR_ARG(part->subtype));
	for (size_t i = 0; i < part->params.count; i++)
		if (!str_equal_nocase(part->params.list[i].name, STR("charset")))
			add_param(&part->params.list[i], &value);
	mime_fields_set(fields, STR("Content-Type"), buf_str(&value));
	buf_free(&value);
}

/* The part's header, with what is not NULL of charset and encoding. */
static int change_header(const struct text_edit *text, bool utf8, struct str encoding, struct err *err)
{
	struct mime_edit *edit = text->edit;
	const struct mime_part *part = text->part;
	struct mime_fields own, *fields = &edit->header;
	struct buf header;
	int result = 0;

	buf_init(&header, 2 * (size_t)MIME_HEADER_MAX);
	if (part != edit->root) {
		result = mime_read(edit->source, part->header_at, part->header_len, &header, err);
		fields = &own;
		mime_fields_read(fields, arena_copy(edit->arena, buf_str(&header)), edit->arena);
	}
	if (utf8)
		set_charset(fields, part);
	if (encoding.len != 0)
		mime_fields_set(fields, STR("Content-Transfer-Encoding"), encoding);
	/* a message needs it for the others to mean something (RFC 2045 4) */
	if (part == edit->root && mime_fields_find(fields, STR("MIME-Version"), 0) < 0)
		mime_fields_add(fields, STR("MIME-Version"), STR("1.0"));
	if (part != edit->root && result == 0) {
		buf_reset(&header);
		mime_fields_write(fields, &header);
		mime_edit_splice(edit, part->header_at, part->header_len, arena_copy(edit->arena, buf_str(&header)));
	}
	buf_free(&header);
	return result;
}

static bool is_eight_bit(const struct mime_part *part)
{
	return str_equal_nocase(str_trim(part->encoding), STR("8bit")) ||
	       str_equal_nocase(str_trim(part->encoding), STR("binary"));
}

/* The whole body anew: content (in utf8, or in its charset), in base64 if it was, else as it must be. */
static int put_anew(const struct text_edit *text, struct str content, bool utf8, struct err *err)
{
	const struct mime_part *part = text->part;
	bool base64 = text->encoding == MIME_BASE64, ends_line;
	struct str body = combine(text, content), encoding = STR("");

	ends_line = body.len > 0 && body.data[body.len - 1] == '\n';
	if (base64) {
		body = as_base64(body, text->arena);
	} else if (text->encoding == MIME_QUOTED_PRINTABLE || !is_eight_bit(part) || has_long_lines(body)) {
		encoding = text->encoding == MIME_QUOTED_PRINTABLE ? STR("") : STR("quoted-printable");
		body = as_quoted(body, text->arena);
	} else {
		ends_line = true; /* nothing was added */
	}
	if (part != text->edit->root && body.len >= 2 && (base64 || !ends_line))
		body.len -= 2; /* that of the boundary stands behind it */
	if ((utf8 || encoding.len != 0) && change_header(text, utf8, encoding, err) != 0)
		return -1;
	mime_edit_splice(text->edit, part->body_at, part->body_len, body);
	return 0;
}

/* Between what stands there; false: quoted-printable in which the end of the HTML is not to be seen. */
static bool put_between(const struct text_edit *text)
{
	bool quoted = text->encoding == MIME_QUOTED_PRINTABLE;
	ptrdiff_t at = text->is_html ? mime_html_end(text->raw) : -1;
	struct str bytes = text->addition;
	bool begins_line;

	if (at < 0 && text->is_html && quoted)
		return false;
	if (at < 0) {
		at = (ptrdiff_t)text->raw.len;
		bytes = at_end(text, text->raw);
		if (quoted) {
			struct str lead = gap(text->raw);
			struct str encoded = as_quoted(text->addition, text->arena);

			if (text->part != text->edit->root)
				encoded.len -= 2;
			bytes = arena_join(text->arena, (struct str[]){lead, encoded}, 2);
		}
	} else if (quoted) {
		begins_line = at == 0 || text->raw.data[at - 1] == '\n';
		bytes =
		    arena_join(text->arena,
		               (struct str[]){begins_line ? STR("") : STR("=\r\n"), as_quoted(text->addition, text->arena)}, 2);
	}
	mime_edit_splice(text->edit, text->part->body_at + at, 0, bytes);
	return true;
}

static int collect(const struct text_edit *text, bool utf8, struct str *content_out, struct err *err)
{
	struct mime_collect sink;
	struct buf out;
	int result;

	buf_init(&out, ENCODED_MAX);
	mime_collect_init(&sink, &out);
	result = utf8 ? mime_send_text(text->edit->source, text->part, false, &sink.sink, err)
	              : mime_send_decoded(text->edit->source, text->part, &sink.sink, err);
	*content_out = keep(&out, text->arena);
	return result < 0 ? -1 : 0;
}

/* OpenPGP in the text itself (RFC 9580 7): what stands around it is not vouched for, but confuses who checks it. */
static bool is_armored(struct str content)
{
	return str_find(content, STR("-----BEGIN PGP ")) >= 0;
}

/* The addition in the charset of the part. False: it has not all its letters, or is none that goes on from ASCII. */
static bool encode_addition(struct text_edit *text, struct str utf8)
{
	const struct mime_param *charset = mime_param(&text->part->params, "charset");
	struct str name = charset != NULL ? charset->value : STR("us-ascii");
	struct buf out;
	bool fits;

	buf_init(&out, ENCODED_MAX);
	fits = mime_charset_encode(name, STR("A"), &out) && str_equal(buf_str(&out), STR("A"));
	buf_reset(&out);
	fits = fits && mime_charset_encode(name, utf8, &out);
	text->addition = keep(&out, text->arena);
	return fits;
}

int mime_edit_part(struct mime_edit *edit, const struct mime_part *part, struct str plain, struct str html,
                   struct err *err)
{
	struct text_edit text = {edit, part, edit->arena, mime_is(part, "text", "html"), mime_encoding(part), {0}, {0}};
	struct str utf8 =
	    text.is_html ? arena_printf(edit->arena, "<br>\r\n%.*s\r\n", STR_ARG(html)) : with_crlf(plain, edit->arena);
	struct str content;
	struct buf raw;
	bool in_charset, clear;
	int result;

	buf_init(&raw, MIME_EDIT_TEXT_MAX);
	result = mime_read(edit->source, part->body_at, part->body_len, &raw, err);
	text.raw = keep(&raw, edit->arena);
	if (result != 0 || collect(&text, false, &content, err) != 0)
		return -1;
	if (is_armored(content))
		return 0;
	edit->appended++;
	in_charset = encode_addition(&text, utf8);
	if (!in_charset) {
		text.addition = utf8;
		return collect(&text, true, &content, err) == 0 ? put_anew(&text, content, true, err) : -1;
	}
	clear = (is_ascii(text.addition) || is_eight_bit(part)) && !has_long_lines(text.addition);
	if (text.encoding == MIME_BASE64 || (text.encoding == MIME_IDENTITY && !clear))
		return put_anew(&text, content, false, err);
	return put_between(&text) ? 0 : put_anew(&text, content, false, err);
}
