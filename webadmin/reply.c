/* Replies: what handlers say, and how it goes out. */
#include "webadmin/exchange.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum { BLOCK_OCTETS = 32 * 1024, TEXT_MAX = 1000 };

/* What every reply has, unless the handler says otherwise. */
static const struct {
	const char *name, *value;
} usual[] = {
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
     "frame-src 'self'; font-src 'self'; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; "
     "base-uri 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},        /* for browsers that do not know frame-ancestors */
    {"Referrer-Policy", "same-origin"}, /* with none at all browsers say "Origin: null" of forms */
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Cache-Control", "no-store"},
};

void web_reply_text(struct web_reply *reply, int status, const char *type, struct str body)
{
	reply->status = status;
	reply->type = type;
	reply->body = arena_copy(reply->arena, body);
}

void web_reply_json(struct web_reply *reply, int status, json_t *json)
{
	size_t size = json_dumpb(json, NULL, 0, JSON_COMPACT);
	char *text = arena_get(reply->arena, size + 1);

	reply->status = status;
	reply->type = "application/json";
	reply->body = str_from(text, json_dumpb(json, text, size, JSON_COMPACT));
	json_decref(json);
}

struct str web_escape(struct arena *arena, struct str text)
{
	struct buf out;
	struct str copy;

	buf_init(&out, 8 * TEXT_MAX);
	for (size_t i = 0; i < text.len; i++)
		switch (text.data[i]) {
		case '<':
			buf_add_str(&out, STR("&lt;"));
			break;
		case '&':
			buf_add_str(&out, STR("&amp;"));
			break;
		case '>':
			buf_add_str(&out, STR("&gt;"));
			break;
		case '"':
			buf_add_str(&out, STR("&quot;"));
			break;
		case '\'':
			buf_add_str(&out, STR("&#39;"));
			break;
		default:
			buf_add_char(&out, text.data[i]);
		}
	copy = arena_copy(arena, buf_str(&out));
	buf_free(&out);
	return copy;
}

static void set_error(struct web_reply *reply, int status, const char *code, const char *field, struct str text)
{
	struct str shown = web_escape(reply->arena, text);
	json_t *error;

	if (reply->is_page) {
		reply->status = status;
		reply->type = "text/html; charset=utf-8";
		reply->body =
		    arena_printf(reply->arena,
		                 "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>%d</title>"
		                 "<link rel=\"icon\" href=\"/img/icon.svg\" type=\"image/svg+xml\">"
		                 "<link rel=\"stylesheet\" href=\"/style/base.css\"></head>\n"
		                 "<body><main><h1>%d</h1><p>%.*s.</p><p><a href=\"/login\">Log on</a></p></main></body>"
		                 "</html>\n",
		                 status, status, STR_ARG(shown));
		return;
	}
	error = json_pack("{s:s, s:s%}", "code", code, "text", text.data, text.len);
	if (error == NULL) /* the text is not UTF-8 */
		error = json_pack("{s:s, s:s}", "code", code, "text", "This cannot be done");
	if (field != NULL)
		json_object_set_new(error, "field", json_string(field));
	web_reply_json(reply, status, json_pack("{s:o}", "error", error));
}

void web_reply_error(struct web_reply *reply, int status, const char *code, const char *format, ...)
{
	char text[TEXT_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	set_error(reply, status, code, NULL, str_of(text));
}

void web_reply_field_error(struct web_reply *reply, int status, const char *code, const char *field, struct str text)
{
	set_error(reply, status, code, field, text);
}

void web_reply_err(struct web_reply *reply, const struct err *err)
{
	switch (err->code) {
	case ERR_NOT_FOUND:
		web_reply_error(reply, 404, "not-found", "%s", err->text);
		break;
	case ERR_EXISTS:
		web_reply_error(reply, 409, "exists", "%s", err->text);
		break;
	case ERR_CONFLICT:
		web_reply_error(reply, 409, "conflict", "%s", err->text);
		break;
	case ERR_SYNTAX:
		web_reply_error(reply, 422, "syntax", "%s", err->text);
		break;
	case ERR_LIMIT:
		web_reply_error(reply, 422, "limit", "%s", err->text);
		break;
	case ERR_DENIED:
		web_reply_error(reply, 403, "denied", "%s", err->text);
		break;
	default:
		web_reply_error(reply, 503, "temporary", "%s", err->text);
	}
}

void web_reply_file(const struct web_request *request, struct web_reply *reply, const char *type, int fd,
                    int64_t offset, int64_t size)
{
	struct str range = web_header(request, "Range");
	int64_t from = 0, part = size;
	/* a part of what may have changed since (RFC 9110 13.1.5): all of it is always right */
	int found =
	    range.data != NULL && web_header(request, "If-Range").data == NULL ? web_range(range, size, &from, &part) : 0;

	if (found < 0) {
		close(fd);
		web_reply_error(reply, 416, "range", "There is no such part");
		web_reply_header(reply, "Content-Range", "bytes */%lld", (long long)size);
		return;
	}
	reply->status = found == 1 ? 206 : 200;
	if (found == 1)
		web_reply_header(reply, "Content-Range", "bytes %lld-%lld/%lld", (long long)from, (long long)(from + part - 1),
		                 (long long)size);
	web_reply_header(reply, "Accept-Ranges", "bytes");
	reply->type = type;
	reply->file = fd;
	reply->offset = offset + from;
	reply->size = part;
}

void web_reply_stream(struct web_reply *reply, int status, const char *type, const struct web_stream *stream)
{
	reply->status = status;
	reply->type = type;
	reply->stream = *stream;
}

void web_reply_redirect(struct web_reply *reply, struct str target)
{
	reply->status = 303;
	web_reply_header(reply, "Location", "%.*s", STR_ARG(target));
}

void web_reply_header(struct web_reply *reply, const char *name, const char *format, ...)
{
	struct web_reply_header *header = arena_get(reply->arena, sizeof *header);
	char *value = arena_get(reply->arena, TEXT_MAX), *to = value;
	va_list args;

	va_start(args, format);
	vsnprintf(value, TEXT_MAX, format, args);
	va_end(args);
	for (const char *from = value; *from != '\0'; from++)
		if ((unsigned char)*from >= 0x20 && *from != 0x7f)
			*to++ = *from;
	*to = '\0';
	*header = (struct web_reply_header){name, value, reply->headers};
	reply->headers = header;
}

bool web_reply_has_tag(const struct web_request *request, struct web_reply *reply, struct str tag)
{
	struct str known = web_header(request, "If-None-Match");

	web_reply_header(reply, "ETag", "\"%.*s\"", STR_ARG(tag));
	if (known.data == NULL || !web_tags_hold(known, tag))
		return false;
	reply->status = 304;
	return true;
}

void web_reply_pack(const struct web_request *request, struct web_reply *reply)
{
	struct str codings = web_header(request, "Accept-Encoding");
	z_stream stream = {.next_in = (Bytef *)(uintptr_t)reply->body.data, .avail_in = (uInt)reply->body.len};
	size_t room;
	char *packed;

	web_reply_header(reply, "Vary", "Accept-Encoding");
	if (codings.data == NULL || !web_takes_gzip(codings) || reply->body.len == 0 || reply->body.len > WEB_BODY_MAX ||
	    deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return;
	room = deflateBound(&stream, stream.avail_in);
	packed = arena_get(reply->arena, room);
	stream.next_out = (Bytef *)packed;
	stream.avail_out = (uInt)room;
	if (deflate(&stream, Z_FINISH) == Z_STREAM_END) {
		reply->body = str_from(packed, stream.total_out);
		web_reply_header(reply, "Content-Encoding", "gzip");
	}
	deflateEnd(&stream);
}

static ssize_t read_stream(void *context, uint64_t position, char *out, size_t size)
{
	struct exchange *exchange = context;
	const struct web_stream *stream = &exchange->reply.stream;
	ssize_t count;

	(void)position;
	/* the function may wait; the time that it takes is not the client's */
	MHD_set_connection_option(exchange->request.connection, MHD_CONNECTION_OPTION_TIMEOUT, 0U);
	count = stream->read(stream->context, out, size);
	MHD_set_connection_option(exchange->request.connection, MHD_CONNECTION_OPTION_TIMEOUT,
	                          http_silence_s(exchange->web));
	if (count > 0)
		return count;
	return count == 0 ? MHD_CONTENT_READER_END_OF_STREAM : MHD_CONTENT_READER_END_WITH_ERROR;
}

static struct MHD_Response *make_response(struct exchange *exchange)
{
	struct web_reply *reply = &exchange->reply;
	struct MHD_Response *response;

	if (reply->stream.read != NULL)
		return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_OCTETS, read_stream, exchange, NULL);
	if (reply->file < 0) /* the exchange lives until all is sent */
		return MHD_create_response_from_buffer(reply->body.len, (void *)(uintptr_t)reply->body.data,
		                                       MHD_RESPMEM_PERSISTENT);
	response = MHD_create_response_from_fd_at_offset64((uint64_t)reply->size, reply->file, (uint64_t)reply->offset);
	if (response != NULL)
		reply->file = -1; /* libmicrohttpd closes it */
	return response;
}

static bool has_header(const struct web_reply *reply, const char *name)
{
	const struct web_reply_header *header = reply->headers;

	while (header != NULL && strcasecmp(header->name, name) != 0)
		header = header->next;
	return header != NULL;
}

static void add_headers(const struct web_reply *reply, struct MHD_Response *response, bool anonymise, bool is_last)
{
	for (const struct web_reply_header *header = reply->headers; header != NULL; header = header->next)
		MHD_add_response_header(response, header->name, header->value);
	for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++)
		if (!has_header(reply, usual[i].name))
			MHD_add_response_header(response, usual[i].name, usual[i].value);
	if (reply->type != NULL)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply->type);
	if (!anonymise)
		MHD_add_response_header(response, MHD_HTTP_HEADER_SERVER, "Postroom");
	if (is_last)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
}

enum MHD_Result reply_queue(struct exchange *exchange, struct MHD_Connection *connection, bool is_last)
{
	struct MHD_Response *response = make_response(exchange);
	enum MHD_Result result;

	if (response == NULL)
		return MHD_NO;
	add_headers(&exchange->reply, response, settings_flag(exchange->web->settings, SETTING_ANONYMISE), is_last);
	result = MHD_queue_response(connection, (unsigned)exchange->reply.status, response);
	MHD_destroy_response(response);
	return result;
}
