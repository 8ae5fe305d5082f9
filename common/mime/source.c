#include "common/mime/mime.h"

#include <errno.h>
#include <unistd.h>

struct mime_source mime_source_file(int fd, int64_t offset, int64_t size)
{
	return (struct mime_source){.fd = fd, .offset = offset, .size = size};
}

struct mime_source mime_source_memory(struct str message)
{
	return (struct mime_source){.fd = -1, .data = message.data, .size = (int64_t)message.len};
}

int mime_source_read(const struct mime_source *source, int64_t at, void *out, size_t len, struct err *err)
{
	char *next = out;

	if (at < 0 || at > source->size || len > (uint64_t)(source->size - at))
		return err_set(err, ERR_CORRUPT, "the message ends early");
	if (source->fd < 0) {
		if (len != 0)
			memcpy(out, source->data + at, len);
		return 0;
	}
	while (len > 0) {
		ssize_t count = pread(source->fd, next, len, source->offset + at);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return err_system(err, "cannot read a message");
		if (count == 0)
			return err_set(err, ERR_CORRUPT, "the message's file is shorter than the message");
		next += count;
		at += count;
		len -= (size_t)count;
	}
	return 0;
}

int mime_read(const struct mime_source *source, int64_t at, int64_t len, struct buf *out, struct err *err)
{
	char *to = buf_reserve(out, (size_t)len);

	if (to == NULL)
		return err_set(err, ERR_LIMIT, "a part of a message is longer than %zu bytes", out->limit);
	if (mime_source_read(source, at, to, (size_t)len, err) != 0)
		return -1;
	out->len += (size_t)len;
	return 0;
}
