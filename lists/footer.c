#include "lists/footer.h"

#include "common/base/io.h"
#include "common/mime/encode.h"
#include "common/mime/header.h"
#include "common/mime/text.h"

enum {
	LOOKED_AT = 64 * 1024, /* of a plain text, for PGP */
	BOUNDARY_DIGITS = 32,
	FOOTER_MAX = 64 * 1024, /* as quoted-printable */
};

static bool is_ascii(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.data[i] >= 0x80)
			return false;
	return true;
}

/* RFC 1847, RFC 8551 3.2 */
static bool is_sealed(const struct mime_part *root)
{
	return mime_is(root, "multipart", "signed") || mime_is(root, "multipart", "encrypted") ||
	       mime_is(root, "application", "pkcs7-mime") || mime_is(root, "application", "x-pkcs7-mime");
}

/* RFC 9580 6.2: such a text begins with "-----BEGIN PGP SIGNED MESSAGE-----" or the like. */
static int has_pgp(const struct mime_source *source, const struct mime_part *root, struct err *err)
{
	int64_t len = root->body_len < LOOKED_AT ? root->body_len : LOOKED_AT;
	struct buf text;
	int result;

	buf_init(&text, LOOKED_AT);
	result = mime_read(source, root->body_at, len, &text, err);
	if (result == 0)
		result = str_find(buf_str(&text), STR("-----BEGIN PGP ")) >= 0;
	buf_free(&text);
	return result;
}

/* Can the text stand behind what is there, in its charset and transfer encoding? */
static bool takes_text(const struct mime_part *root, struct str text)
{
	const struct mime_param *charset = mime_param(&root->params, "charset");
	struct str name = charset != NULL ? charset->value : STR("us-ascii");
	enum mime_encoding encoding = mime_encoding(root);

	if (str_starts_nocase(name, STR("utf-16")) || str_starts_nocase(name, STR("utf-32")) ||
	    str_starts_nocase(name, STR("utf-7")))
		return false;
	if (encoding != MIME_QUOTED_PRINTABLE && encoding != MIME_IDENTITY)
		return false;
	if (is_ascii(text))
		return true;
	if (!str_equal_nocase(name, STR("utf-8")))
		return false;
	return encoding == MIME_QUOTED_PRINTABLE || str_equal_nocase(root->encoding, STR("8bit")) ||
	       str_equal_nocase(root->encoding, STR("binary"));
}

static struct str new_boundary(struct arena *arena)
{
	char digits[BOUNDARY_DIGITS + 1];

	io_random_hex(digits, BOUNDARY_DIGITS);
	return arena_printf(arena, "list-%s", digits);
}

/* 1 = a reader checks these bytes, 0 = no, -1 = error */
static int is_checked(const struct mime_source *source, const struct mime_part *root, bool is_plain,
                      const struct footer_wish *wish, struct err *err)
{
	if (wish->breaks)
		return 0;
	if (wish->is_signed || is_sealed(root))
		return 1;
	return is_plain ? has_pgp(source, root, err) : 0;
}

int footer_choose(const struct mime_source *source, const struct mime_part *root, const struct footer_wish *wish,
                  struct arena *arena, struct footer *footer_out, struct err *err)
{
	const struct mime_param *boundary = mime_param(&root->params, "boundary");
	bool is_plain = root->kind == MIME_LEAF && mime_is(root, "text", "plain") &&
	                !str_equal_nocase(root->disposition.value, STR("attachment"));
	int checked = wish->text.len == 0 ? 1 : is_checked(source, root, is_plain, wish, err);

	*footer_out = (struct footer){.way = FOOTER_NONE, .text = wish->text};
	if (checked != 0)
		return checked < 0 ? -1 : 0;
	if (is_plain && takes_text(root, wish->text)) {
		footer_out->way = FOOTER_APPEND;
		footer_out->is_quoted = mime_encoding(root) == MIME_QUOTED_PRINTABLE;
	} else if (root->kind == MIME_MULTIPART && mime_is(root, "multipart", "mixed") && boundary != NULL) {
		footer_out->way = FOOTER_PART;
		footer_out->boundary = boundary->value;
	} else {
		footer_out->way = FOOTER_WRAP;
		footer_out->boundary = new_boundary(arena);
	}
	return 0;
}

bool footer_moves(const struct footer *footer, struct str field_name)
{
	return footer->way == FOOTER_WRAP && str_starts_nocase(field_name, STR("Content-"));
}

struct str footer_fields(const struct footer *footer, const struct mime_part *root, struct arena *arena)
{
	/* RFC 2045 6.4: what holds a part of 8bit or binary says so itself */
	bool is_wide = str_equal_nocase(root->encoding, STR("8bit")) || str_equal_nocase(root->encoding, STR("binary"));

	if (footer->way != FOOTER_WRAP)
		return STR("");
	return arena_printf(arena, "Content-Type: multipart/mixed;\r\n boundary=\"%.*s\"\r\n%s%.*s%s",
	                    STR_ARG(footer->boundary), is_wide ? "Content-Transfer-Encoding: " : "",
	                    STR_ARG(is_wide ? root->encoding : STR("")), is_wide ? "\r\n" : "");
}

static int write_quoted(const struct footer *footer, struct output *output, struct err *err)
{
	struct buf text;
	int result;

	buf_init(&text, FOOTER_MAX);
	mime_encode_quoted(footer->text, &text);
	result = output_add(output, buf_str(&text), err);
	buf_free(&text);
	return result;
}

static int append(const struct footer *footer, struct output *output, struct err *err)
{
	/* RFC 2045 6.7 (5): a "=" at the end of a line joins it with the next one */
	if (output_end_line(output, err) != 0 ||
	    (footer->is_quoted && output->last[0] == '=' && output_add(output, STR("\r\n"), err) != 0))
		return -1;
	return footer->is_quoted ? write_quoted(footer, output, err) : output_add_lines(output, footer->text, err);
}

static int write_delimiter(const struct footer *footer, bool is_last, struct output *output, struct err *err)
{
	return output_add(output, STR("\r\n--"), err) != 0 || output_add(output, footer->boundary, err) != 0 ||
	               output_add(output, is_last ? STR("--\r\n") : STR("\r\n"), err) != 0
	           ? -1
	           : 0;
}

/* From its delimiter on, up to its last line's end. */
static int write_part(const struct footer *footer, struct output *output, struct err *err)
{
	bool ascii = is_ascii(footer->text);

	if (write_delimiter(footer, false, output, err) != 0 ||
	    output_add(output,
	               ascii ? STR("Content-Type: text/plain; charset=us-ascii\r\nContent-Disposition: inline\r\n\r\n")
	                     : STR("Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: inline\r\n"
	                           "Content-Transfer-Encoding: quoted-printable\r\n\r\n"),
	               err) != 0)
		return -1;
	return ascii ? output_add_lines(output, footer->text, err) : write_quoted(footer, output, err);
}

/* Before the closing delimiter, or in its place where there is none. */
static int insert(const struct footer *footer, const struct mime_source *source, const struct mime_part *root,
                  struct output *output, struct err *err)
{
	int64_t end = root->body_at + root->body_len, at = root->body_at;

	for (const struct mime_part *part = root->first_child; part != NULL; part = part->next)
		at = part->body_at + part->body_len;
	if (output_copy(output, source, root->body_at, at - root->body_at, err) != 0 ||
	    write_part(footer, output, err) != 0)
		return -1;
	return at < end ? output_copy(output, source, at, end - at, err) : write_delimiter(footer, true, output, err);
}

static int wrap(const struct footer *footer, const struct mime_source *source, const struct mime_part *root,
                struct str moved, struct output *output, struct err *err)
{
	return write_delimiter(footer, false, output, err) != 0 || output_add(output, moved, err) != 0 ||
	               output_add(output, STR("\r\n"), err) != 0 ||
	               output_copy(output, source, root->body_at, root->body_len, err) != 0 ||
	               write_part(footer, output, err) != 0 || write_delimiter(footer, true, output, err) != 0
	           ? -1
	           : 0;
}

int footer_write_body(const struct footer *footer, const struct mime_source *source, const struct mime_part *root,
                      struct str moved, struct output *output, struct err *err)
{
	if (footer->way == FOOTER_PART)
		return insert(footer, source, root, output, err);
	if (footer->way == FOOTER_WRAP)
		return wrap(footer, source, root, moved, output, err);
	if (output_copy(output, source, root->body_at, root->body_len, err) != 0)
		return -1;
	return footer->way == FOOTER_APPEND ? append(footer, output, err) : output_end_line(output, err);
}
