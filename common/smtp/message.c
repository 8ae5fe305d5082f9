#include "common/smtp/message.h"

#include "common/base/io.h"

#include <stdlib.h>
#include <unistd.h>

enum {
	SLICE = 64 * 1024,      /* octets copied at once */
	ON_TOP_MAX = 1 << 20,   /* octets of fields that checks add */
	REMOVED_MAX = 10000000, /* octets of what is remembered about fields to take out */
};

/* Octets of the header. */
struct span {
	size_t at, len;
};

void message_init(struct message *message)
{
	*message = (struct message){.fd = -1};
	fields_init(&message->fields);
	buf_init(&message->text, MESSAGE_IN_MEMORY);
	buf_init(&message->on_top, ON_TOP_MAX);
	buf_init(&message->removed, REMOVED_MAX);
}

void message_free(struct message *message)
{
	if (message->fd >= 0)
		close(message->fd);
	message->fd = -1;
	buf_free(&message->text);
	buf_free(&message->on_top);
	buf_free(&message->removed);
}

/* From memory, which is full, into a file. */
static int move_to_file(struct message *message, const struct spool_drop *drop, struct err *err)
{
	message->fd = spool_scratch(drop, err);
	if (message->fd < 0 || io_write_all(message->fd, message->text.data, message->text.len, err) != 0)
		return -1;
	message->text.len = message->header_len;
	return 0;
}

int message_add(struct message *message, const struct spool_drop *drop, struct str bytes, struct err *err)
{
	message->size += bytes.len;
	if (!message->fields.ended)
		message->header_len += fields_look(&message->fields, bytes);
	if (message->fd < 0) {
		struct str first = str_sub(bytes, 0, MESSAGE_IN_MEMORY - message->text.len);

		buf_add_str(&message->text, first);
		bytes = str_skip(bytes, first.len);
	}
	if (bytes.len == 0)
		return 0;
	message->header_is_too_long = !message->fields.ended || message->header_len > MESSAGE_IN_MEMORY;
	if (message->header_is_too_long)
		return 0;
	if (message->fd < 0 && move_to_file(message, drop, err) != 0)
		return -1;
	return io_write_all(message->fd, bytes.data, bytes.len, err);
}

void message_swap(struct message *message, struct message *other)
{
	struct message kept = *message;

	*message = *other;
	*other = kept;
}

struct str message_header(const struct message *message)
{
	return str_sub(buf_str(&message->text), 0, message->header_len);
}

struct mime_source message_source(const struct message *message)
{
	if (message->fd < 0)
		return mime_source_memory(buf_str(&message->text));
	return mime_source_file(message->fd, 0, (int64_t)message->size);
}

void message_add_on_top(struct message *message, struct str fields)
{
	struct buf all;

	buf_init(&all, ON_TOP_MAX);
	if (buf_add_str(&all, fields) == 0 && buf_add_str(&all, buf_str(&message->on_top)) == 0) {
		buf_free(&message->on_top);
		message->on_top = all;
	} else {
		buf_free(&all);
	}
}

void message_remove(struct message *message, const struct mime_field *field)
{
	struct span span = {(size_t)(field->whole.data - message->text.data), field->whole.len};

	buf_add(&message->removed, &span, sizeof span);
}

static int compare_spans(const void *a, const void *b)
{
	const struct span *one = a, *other = b;

	return one->at < other->at ? -1 : one->at > other->at;
}

static int write_header(const struct message *message, struct spool_file *file, struct err *err)
{
	struct str header = message_header(message);
	struct span *removed = (struct span *)(void *)message->removed.data;
	size_t count = message->removed.len / sizeof *removed, at = 0;

	if (count > 1)
		qsort(removed, count, sizeof *removed, compare_spans);
	for (size_t i = 0; i < count; i++) {
		if (spool_write(file, str_sub(header, at, removed[i].at - at), err) != 0)
			return -1;
		at = removed[i].at + removed[i].len;
	}
	return spool_write(file, str_skip(header, at), err);
}

/* All but the header, from memory or the file. */
static int write_rest(const struct message *message, struct spool_file *file, struct err *err)
{
	uint64_t at = message->header_len;
	char slice[SLICE];

	if (message->fd < 0)
		return spool_write(file, str_skip(buf_str(&message->text), message->header_len), err);
	while (at < message->size) {
		size_t want = message->size - at < sizeof slice ? (size_t)(message->size - at) : sizeof slice;
		ssize_t count = pread(message->fd, slice, want, (off_t)at);

		if (count <= 0)
			return err_system(err, "cannot read the message again");
		if (spool_write(file, str_from(slice, (size_t)count), err) != 0)
			return -1;
		at += (size_t)count;
	}
	return 0;
}

int message_write(const struct message *message, struct str trace, struct str missing, struct spool_file *file,
                  struct err *err)
{
	if (spool_write(file, trace, err) != 0 || spool_write(file, buf_str(&message->on_top), err) != 0 ||
	    write_header(message, file, err) != 0 || spool_write(file, missing, err) != 0)
		return -1;
	if (missing.len > 0 && message->fields.is_missing && spool_write(file, STR("\r\n"), err) != 0)
		return -1;
	return write_rest(message, file, err);
}
