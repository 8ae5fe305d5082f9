#include "common/mime/text.h"

#include "common/base/memory.h"

enum { PIECE_SIZE = 16 << 10 };

int mime_send(const struct mime_source *source, int64_t at, int64_t len, struct mime_sink *sink, struct err *err)
{
	size_t size = len < PIECE_SIZE ? (size_t)len : PIECE_SIZE;
	char *buffer = source->fd >= 0 ? memory_get(size) : NULL;
	int result = MIME_MORE;

	while (len > 0 && result == MIME_MORE) {
		size_t count = len < PIECE_SIZE ? (size_t)len : PIECE_SIZE;

		if (buffer == NULL && at + (int64_t)count > source->size)
			result = err_set(err, ERR_CORRUPT, "the message ends early");
		else if (buffer != NULL)
			result = mime_source_read(source, at, buffer, count, err);
		if (result == MIME_MORE)
			result = sink->write(sink, str_from(buffer != NULL ? buffer : source->data + at, count), err);
		at += (int64_t)count;
		len -= (int64_t)count;
	}
	memory_free(buffer);
	return result;
}

int mime_send_decoded(const struct mime_source *source, const struct mime_part *part, struct mime_sink *sink,
                      struct err *err)
{
	struct mime_decoder decoder;
	int result;

	mime_decoder_init(&decoder, mime_encoding(part), sink);
	result = mime_send(source, part->body_at, part->body_len, &decoder.sink, err);
	return result == MIME_MORE ? mime_decoder_finish(&decoder, err) : result;
}

struct counter {
	struct mime_sink sink;
	int64_t count;
};

static int count_write(struct mime_sink *sink, struct str bytes, struct err *err)
{
	(void)err;
	((struct counter *)sink)->count += (int64_t)bytes.len;
	return MIME_MORE;
}

int mime_decoded_size(const struct mime_source *source, const struct mime_part *part, int64_t *size_out,
                      struct err *err)
{
	struct counter counter = {.sink = {.write = count_write}};

	*size_out = part->body_len;
	if (mime_encoding(part) == MIME_IDENTITY || mime_encoding(part) == MIME_UNKNOWN_ENCODING)
		return 0;
	if (mime_send_decoded(source, part, &counter.sink, err) < 0)
		return -1;
	*size_out = counter.count;
	return 0;
}

int mime_send_text(const struct mime_source *source, const struct mime_part *part, bool as_plain,
                   struct mime_sink *sink, struct err *err)
{
	bool is_html = as_plain && mime_is(part, "text", "html");
	const struct mime_param *name = mime_param(&part->params, "charset");
	struct counter nowhere = {.sink = {.write = count_write}};
	struct mime_charset charset;
	struct mime_html html;
	int result;

	if (!mime_is(part, "text", NULL))
		return mime_send_decoded(source, part, sink, err);
	mime_html_init(&html, sink);
	mime_charset_init(&charset, name != NULL ? name->value : STR(""), is_html ? &html.sink : sink);
	result = mime_send_decoded(source, part, &charset.sink, err);
	if (result == MIME_MORE)
		result = mime_charset_finish(&charset, err);
	if (result == MIME_MORE && is_html)
		result = mime_html_finish(&html, err);
	charset.next = &nowhere.sink;
	mime_charset_finish(&charset, err); /* again where it was finished: then it does nothing */
	return result;
}

static int collect_write(struct mime_sink *sink, struct str bytes, struct err *err)
{
	struct buf *out = ((struct mime_collect *)sink)->out;
	size_t room = out->limit - out->len;

	(void)err;
	buf_add_str(out, str_sub(bytes, 0, room));
	return bytes.len >= room ? MIME_ENOUGH : MIME_MORE;
}

void mime_collect_init(struct mime_collect *collect, struct buf *out)
{
	*collect = (struct mime_collect){.sink = {.write = collect_write}, .out = out};
}
