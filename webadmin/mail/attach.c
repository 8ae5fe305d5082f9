/* mail: parts of letters: the header of a part, base64, bytes from elsewhere. */
#include "common/base/base64.h"
#include "common/base/io.h"
#include "common/mime/header.h"
#include "common/mime/text.h"
#include "webadmin/mail/compose.h"
#include "webadmin/mail/message.h"

enum {
	LINE_OCTETS = 57, /* that make a line of 76 characters (RFC 2045 6.8) */
	HEADER_MAX = 16 << 10,
	SLICE = 64 << 10,
};

/* Bytes on their way into base64. */
struct base64_sink {
	struct mime_sink sink;
	int fd;
	struct buf held, out;
};

static int write_lines(struct base64_sink *to, bool all, struct err *err)
{
	size_t done = 0;

	while (to->held.len - done >= LINE_OCTETS || (all && done < to->held.len)) {
		struct str line = str_sub(buf_str(&to->held), done, LINE_OCTETS);

		base64_encode(line, &to->out);
		buf_add_str(&to->out, STR("\r\n"));
		done += line.len;
	}
	buf_consume(&to->held, done);
	if (io_write_all(to->fd, to->out.data, to->out.len, err) != 0)
		return -1;
	buf_reset(&to->out);
	return 0;
}

static int take(struct mime_sink *sink, struct str bytes, struct err *err)
{
	struct base64_sink *to = (struct base64_sink *)sink;

	while (bytes.len > 0) {
		struct str slice = str_sub(bytes, 0, SLICE);

		buf_add_str(&to->held, slice);
		if (write_lines(to, false, err) != 0)
			return -1;
		bytes = str_skip(bytes, slice.len);
	}
	return MIME_MORE;
}

static void begin(struct base64_sink *to, int fd)
{
	*to = (struct base64_sink){.sink = {take}, .fd = fd};
	buf_init(&to->held, 2 * SLICE);
	buf_init(&to->out, 4 * SLICE);
}

static int end(struct base64_sink *to, int result, struct err *err)
{
	if (result >= 0)
		result = write_lines(to, true, err);
	buf_free(&to->held);
	buf_free(&to->out);
	return result < 0 ? -1 : 0;
}

/* A parameter with any text (RFC 2231 4): as it is where it is plain, else in the extended form. */
static void add_parameter(struct buf *out, const char *name, struct str value)
{
	bool plain = true;

	for (size_t i = 0; i < value.len; i++)
		plain &= value.data[i] >= ' ' && value.data[i] < 0x7f && value.data[i] != '"' && value.data[i] != '\\';
	buf_printf(out, ";\r\n %s", name);
	if (plain) {
		buf_printf(out, "=\"%.*s\"", STR_ARG(value));
		return;
	}
	buf_add_str(out, STR("*=UTF-8''"));
	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.data[i];

		if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
			buf_add_char(out, (char)c);
		else
			buf_printf(out, "%%%02X", c);
	}
}

static int write_header(int fd, const char *boundary, struct str type, struct str charset, struct str name,
                        const char *encoding, struct err *err)
{
	struct buf header;
	int result;

	buf_init(&header, HEADER_MAX);
	buf_printf(&header, "\r\n--%s\r\nContent-Type: %.*s", boundary, STR_ARG(type));
	if (charset.len > 0)
		add_parameter(&header, "charset", charset);
	buf_add_str(&header, STR("\r\nContent-Disposition: attachment"));
	if (name.len > 0)
		add_parameter(&header, "filename", name);
	buf_printf(&header, "\r\nContent-Transfer-Encoding: %s\r\n\r\n", encoding);
	result = io_write_all(fd, header.data, header.len, err);
	buf_free(&header);
	return result;
}

int attach_part(int fd, const char *boundary, const struct mime_source *source, const struct mime_part *part,
                struct arena *arena, struct err *err)
{
	const struct mime_param *charset = mime_param(&part->params, "charset");
	struct str name = message_file_name(part, arena);
	struct base64_sink to;

	if (part->kind == MIME_MESSAGE) {
		struct mime_source inner = *source;

		inner.offset += part->body_at;
		inner.size = part->body_len;
		return attach_message(fd, boundary, &inner, name, err);
	}
	if (write_header(fd, boundary, arena_printf(arena, "%.*s/%.*s", STR_ARG(part->type), STR_ARG(part->subtype)),
	                 charset != NULL ? mime_param_text(charset, arena) : STR(""), name, "base64", err) != 0)
		return -1;
	begin(&to, fd);
	return end(&to, mime_send_decoded(source, part, &to.sink, err), err);
}

/* As it is in the message that is attached (RFC 2046 5.2.1 allows no other encoding). */
static int write_plain(struct mime_sink *sink, struct str bytes, struct err *err)
{
	return io_write_all(((struct base64_sink *)sink)->fd, bytes.data, bytes.len, err) == 0 ? MIME_MORE : -1;
}

int attach_message(int fd, const char *boundary, const struct mime_source *source, struct str name, struct err *err)
{
	struct base64_sink to = {.sink = {write_plain}, .fd = fd};

	if (write_header(fd, boundary, STR("message/rfc822"), STR(""), name, "8bit", err) != 0)
		return -1;
	return mime_send(source, 0, source->size, &to.sink, err) < 0 ? -1 : 0;
}

/* "type/subtype", both atoms: nothing else may stand in our header. */
static bool is_type(struct str type)
{
	size_t slashes = 0;

	for (size_t i = 0; i < type.len; i++) {
		char c = type.data[i];

		slashes += c == '/';
		if (c <= ' ' || c >= 0x7f || strchr("()<>@,;:\\\"[]?=", c) != NULL)
			return false;
	}
	return slashes == 1 && type.len <= 127 && type.data[0] != '/' && type.data[type.len - 1] != '/' &&
	       !str_starts_nocase(type, STR("multipart/")) && !str_starts_nocase(type, STR("message/"));
}

int attach_file(int fd, const char *boundary, int file, int64_t size, struct str name, struct str type, struct err *err)
{
	const struct mime_source source = mime_source_file(file, 0, size);
	struct base64_sink to;

	type = str_trim(str_cut(&type, ';'));
	if (write_header(fd, boundary, is_type(type) ? type : STR("application/octet-stream"), STR(""), name, "base64",
	                 err) != 0)
		return -1;
	begin(&to, fd);
	return end(&to, mime_send(&source, 0, size, &to.sink, err), err);
}
