/* Bodies of requests: in memory, in a file, or as the fields of a form, which libmicrohttpd takes apart. */
#include "common/base/io.h"
#include "common/base/log.h"
#include "webadmin/exchange.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { POST_BUFFER = 16 * 1024 }; /* of the post processor: a field's own header has to fit */

static bool is_multipart(const struct web_request *request)
{
	return str_starts_nocase(web_header(request, "Content-Type"), STR("multipart/form-data"));
}

static bool is_form(const struct web_request *request)
{
	return is_multipart(request) ||
	       str_starts_nocase(web_header(request, "Content-Type"), STR("application/x-www-form-urlencoded"));
}

/* Another piece of the file that is uploaded. */
static void add_to_file(struct exchange *exchange, const char *data, size_t size)
{
	struct web_request *request = &exchange->request;
	struct err err;

	if (exchange->is_refused)
		return;
	if (io_write_all(request->upload, data, size, &err) != 0) {
		web_reply_error(&exchange->reply, 503, "temporary", "There is no room for this now");
		exchange->is_refused = true;
		return;
	}
	request->upload_size += (int64_t)size;
}

static struct str copy_text(struct arena *arena, const char *text)
{
	return text != NULL ? arena_copy(arena, str_of(text)) : STR("");
}

/* The field that came last is complete. */
static void end_field(struct exchange *exchange)
{
	if (exchange->field_count > 0 && exchange->fields[exchange->field_count - 1].file_name.len == 0)
		exchange->fields[exchange->field_count - 1].value = arena_copy(&exchange->arena, buf_str(&exchange->value));
	buf_reset(&exchange->value);
}

static struct web_field *begin_field(struct exchange *exchange, const char *key, const char *filename, const char *type)
{
	struct web_field *field;

	end_field(exchange);
	if (exchange->field_count == WEB_FIELDS_MAX)
		return NULL;
	field = &exchange->fields[exchange->field_count++];
	*field = (struct web_field){
	    .name = copy_text(&exchange->arena, key),
	    .file_name = copy_text(&exchange->arena, filename),
	    .type = copy_text(&exchange->arena, type),
	    .value = STR(""),
	    .offset = exchange->request.upload_size,
	};
	return field;
}

static enum MHD_Result take_field(void *context, enum MHD_ValueKind kind, const char *key, const char *filename,
                                  const char *type, const char *encoding, const char *data, uint64_t offset,
                                  size_t size)
{
	struct exchange *exchange = context;
	struct web_field *field =
	    offset == 0 ? begin_field(exchange, key, filename, type) : &exchange->fields[exchange->field_count - 1];

	(void)kind, (void)encoding;
	if (field == NULL || exchange->value.overflow) {
		exchange->is_too_large = true;
		return MHD_NO;
	}
	if (field->file_name.len == 0) {
		buf_add(&exchange->value, data, size);
	} else if (exchange->request.upload >= 0) {
		add_to_file(exchange, data, size);
		field->size += (int64_t)size;
	}
	return MHD_YES;
}

static int begin_upload(struct exchange *exchange)
{
	const struct web *web = exchange->web;

	exchange->body_max = settings_number(web->settings, SETTING_WEB_MAX_UPLOAD);
	exchange->request.upload = openat(web->scratch, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (exchange->request.upload >= 0)
		return 0;
	log_warning("no file without a name can be made: %s", strerror(errno));
	web_reply_error(&exchange->reply, 503, "temporary", "Files cannot be taken at the moment");
	return -1;
}

int body_begin(struct exchange *exchange)
{
	unsigned flags = exchange->request.route->flags;
	struct MHD_Connection *connection = exchange->request.connection;
	uint64_t announced;

	exchange->body_max = WEB_BODY_MAX;
	if ((flags & WEB_UPLOAD) != 0 && begin_upload(exchange) != 0)
		return -1;
	if (str_to_u64(web_header(&exchange->request, "Content-Length"), UINT64_MAX, &announced) &&
	    announced > (uint64_t)exchange->body_max) {
		exchange->is_too_large = true;
		return body_end(exchange);
	}
	if ((flags & WEB_FORM) == 0 || !is_form(&exchange->request))
		return 0;
	exchange->fields = arena_get(&exchange->arena, WEB_FIELDS_MAX * sizeof *exchange->fields);
	exchange->post = MHD_create_post_processor(connection, POST_BUFFER, take_field, exchange);
	if (exchange->post != NULL)
		return 0;
	web_reply_error(&exchange->reply, 400, "syntax", "This form cannot be read");
	return -1;
}

void body_take(struct exchange *exchange, const char *data, size_t size)
{
	exchange->received += (int64_t)size;
	if (exchange->received > exchange->body_max)
		exchange->is_too_large = true;
	if (exchange->is_refused || exchange->is_too_large)
		return;
	if (exchange->post != NULL) {
		if (MHD_post_process(exchange->post, data, size) != MHD_YES && !exchange->is_too_large) {
			web_reply_error(&exchange->reply, 400, "syntax", "This form cannot be read");
			exchange->is_refused = true;
		}
	} else if (exchange->request.upload >= 0) {
		add_to_file(exchange, data, size);
	} else {
		buf_add(&exchange->body, data, size);
	}
}

int body_end(struct exchange *exchange)
{
	if (exchange->post != NULL) {
		enum MHD_Result result = MHD_destroy_post_processor(exchange->post);

		exchange->post = NULL;
		if (result != MHD_YES && !exchange->is_too_large && !exchange->is_refused) {
			web_reply_error(&exchange->reply, 400, "syntax", "This form is not complete");
			exchange->is_refused = true;
		}
		end_field(exchange);
	}
	if (exchange->is_too_large && !exchange->is_refused) {
		web_reply_error(&exchange->reply, 413, "too-large", "No more than %lld octets are taken here",
		                (long long)exchange->body_max);
		exchange->is_refused = true;
	}
	exchange->request.body = buf_str(&exchange->body);
	exchange->request.fields = exchange->fields;
	exchange->request.field_count = exchange->field_count;
	return exchange->is_refused ? -1 : 0;
}

void body_free(struct exchange *exchange)
{
	if (exchange->post != NULL)
		MHD_destroy_post_processor(exchange->post);
	if (exchange->request.upload >= 0)
		close(exchange->request.upload);
	buf_free(&exchange->body);
	buf_free(&exchange->value);
}
