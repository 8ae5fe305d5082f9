#include "common/mime/lines.h"

#include "common/base/memory.h"

enum { BUFFER_SIZE = 32 << 10 };

void lines_open(struct lines *lines, const struct mime_source *source)
{
	*lines = (struct lines){.source = source};
	if (source->fd < 0) {
		lines->data = source->data;
		lines->end = (size_t)source->size;
		return;
	}
	lines->buffer = memory_get(source->size < BUFFER_SIZE ? (size_t)source->size + 1 : BUFFER_SIZE);
	lines->data = lines->buffer;
}

void lines_close(struct lines *lines)
{
	memory_free(lines->buffer);
	lines->buffer = NULL;
}

/* Move what is left to the front of the buffer and read behind it. */
static int refill(struct lines *lines, struct err *err)
{
	size_t left = lines->end - lines->start;
	int64_t behind = lines->source->size - lines->at - (int64_t)left;
	size_t count = BUFFER_SIZE - left;

	if (lines->buffer == NULL || behind == 0 || count == 0)
		return 0;
	if ((int64_t)count > behind)
		count = (size_t)behind;
	memmove(lines->buffer, lines->buffer + lines->start, left);
	lines->start = 0;
	lines->end = left;
	if (mime_source_read(lines->source, lines->at + (int64_t)left, lines->buffer + left, count, err) != 0)
		return -1;
	lines->end += count;
	return 0;
}

int lines_next(struct lines *lines, struct line *line, struct err *err)
{
	const char *from = lines->data + lines->start, *end;
	size_t left = lines->end - lines->start, len;

	end = left != 0 ? memchr(from, '\n', left) : NULL;
	if (end == NULL) {
		if (refill(lines, err) != 0)
			return -1;
		from = lines->data + lines->start;
		left = lines->end - lines->start;
		if (left == 0)
			return 0;
		end = memchr(from, '\n', left);
	}
	*line = (struct line){.at = lines->at, .is_rest = lines->inside};
	if (end != NULL) {
		len = (size_t)(end - from) + 1;
		line->end_len = len > 1 && end[-1] == '\r' ? 2 : 1;
	} else {
		len = left;
		/* Its line feed may come with the next piece. */
		if (left > 1 && from[left - 1] == '\r' && lines->at + (int64_t)left < lines->source->size)
			len--;
	}
	line->text = str_from(from, len - line->end_len);
	lines->inside = line->end_len == 0;
	lines->start += len;
	lines->at += (int64_t)len;
	return 1;
}
