#include "common/base/buf.h"

#include "common/base/memory.h"

#include <stdio.h>

void buf_init(struct buf *buf, size_t limit)
{
	*buf = (struct buf){.limit = limit};
}

void buf_free(struct buf *buf)
{
	memory_free(buf->data);
	*buf = (struct buf){.limit = buf->limit};
}

void buf_reset(struct buf *buf)
{
	buf->len = 0;
	buf->overflow = false;
}

char *buf_reserve(struct buf *buf, size_t len)
{
	size_t wanted;

	if (len > buf->limit || buf->len > buf->limit - len) {
		buf->overflow = true;
		return NULL;
	}
	wanted = buf->len + len + 1; /* room for buf_text's NUL */
	if (wanted > buf->capacity) {
		size_t capacity = buf->capacity != 0 ? buf->capacity : 64;

		while (capacity < wanted)
			capacity *= 2;
		buf->data = memory_resize(buf->data, capacity);
		buf->capacity = capacity;
	}
	return buf->data + buf->len;
}

int buf_add(struct buf *buf, const void *data, size_t len)
{
	char *at = buf_reserve(buf, len);

	if (at == NULL)
		return -1;
	if (len != 0)
		memcpy(at, data, len);
	buf->len += len;
	return 0;
}

int buf_add_str(struct buf *buf, struct str s)
{
	return buf_add(buf, s.data, s.len);
}

int buf_add_char(struct buf *buf, char c)
{
	return buf_add(buf, &c, 1);
}

int buf_vprintf(struct buf *buf, const char *format, va_list args)
{
	va_list again;
	int len;
	char *at;

	va_copy(again, args);
	len = vsnprintf(NULL, 0, format, again);
	va_end(again);
	at = len >= 0 ? buf_reserve(buf, (size_t)len) : NULL;
	if (at == NULL)
		return -1;
	vsnprintf(at, (size_t)len + 1, format, args);
	buf->len += (size_t)len;
	return 0;
}

int buf_printf(struct buf *buf, const char *format, ...)
{
	va_list args;
	int result;

	va_start(args, format);
	result = buf_vprintf(buf, format, args);
	va_end(args);
	return result;
}

void buf_consume(struct buf *buf, size_t count)
{
	if (count >= buf->len) {
		buf->len = 0;
		return;
	}
	memmove(buf->data, buf->data + count, buf->len - count);
	buf->len -= count;
}

struct str buf_str(const struct buf *buf)
{
	return (struct str){buf->data != NULL ? buf->data : "", buf->len};
}

const char *buf_text(struct buf *buf)
{
	if (buf->data == NULL)
		return "";
	buf->data[buf->len] = '\0';
	return buf->data;
}

int buf_add_visible(struct buf *buf, struct str text)
{
	int result = 0;

	while (text.len > 0 && result == 0) {
		size_t count = str_utf8_sequence(text);
		unsigned char c = (unsigned char)text.data[0];

		if (c == '\n')
			result = buf_add_str(buf, STR("\\n"));
		else if (c == '\t')
			result = buf_add_char(buf, ' ');
		else if (count == 0 || c < 0x20 || c == 0x7f)
			result = buf_printf(buf, "\\x%02x", c);
		else
			result = buf_add(buf, text.data, count);
		text = str_skip(text, count != 0 ? count : 1);
	}
	return result;
}
