#include "pop3d/extent.h"

#include "common/base/str.h"

#include <errno.h>
#include <unistd.h>

enum { READ_SIZE = 16384, TAIL_SIZE = 512 };

/* Exactly len octets from offset on. */
static int read_part(int fd, char *data, size_t len, int64_t offset, struct err *err)
{
	while (len > 0) {
		ssize_t count = pread(fd, data, len, (off_t)offset);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return err_system(err, "cannot read a message");
		if (count == 0)
			return err_set(err, ERR_CORRUPT, "a message is shorter than its index says");
		data += count;
		len -= (size_t)count;
		offset += count;
	}
	return 0;
}

/* Where a walk over the lines of a message has come to. */
struct walk {
	bool in_body;
	uint32_t left;      /* lines of the body still wanted */
	int64_t line_begin; /* offset in the file */
	char before;        /* the octet before the part being looked at */
};

/* Walk on through a part that begins at offset. Returns the offset behind the last line wanted, -1: not there yet. */
static int64_t walk_part(struct walk *walk, struct str part, int64_t offset)
{
	struct str rest = part;
	ptrdiff_t newline;

	while ((newline = str_find_char(rest, '\n')) >= 0) {
		const char *at = rest.data + newline;
		char before = at > part.data ? at[-1] : walk->before;
		int64_t position = offset + (at - part.data), len = position - walk->line_begin;

		if (walk->in_body)
			walk->left--;
		else
			walk->in_body = len == 0 || (len == 1 && before == '\r');
		if (walk->in_body && walk->left == 0)
			return position + 1;
		walk->line_begin = position + 1;
		rest = str_skip(rest, (size_t)newline + 1);
	}
	walk->before = part.data[part.len - 1];
	return -1;
}

/* As extent_top, but *length_out is -1 where the message ends before. */
static int find_end(int fd, int64_t size, uint32_t lines, int64_t *length_out, struct err *err)
{
	struct walk walk = {.left = lines};
	char part[READ_SIZE];

	*length_out = -1;
	for (int64_t offset = 0; offset < size && *length_out < 0;) {
		size_t len = size - offset < READ_SIZE ? (size_t)(size - offset) : READ_SIZE;

		if (read_part(fd, part, len, offset, err) != 0)
			return -1;
		*length_out = walk_part(&walk, str_from(part, len), offset);
		offset += (int64_t)len;
	}
	return 0;
}

int extent_top(int fd, int64_t size, uint32_t lines, int64_t *length_out, struct err *err)
{
	if (find_end(fd, size, lines, length_out, err) != 0)
		return -1;
	if (*length_out < 0)
		*length_out = size;
	return 0;
}

int extent_strip(int fd, int64_t size, int64_t *length_out, struct err *err)
{
	int64_t end = size, body;
	char tail[TAIL_SIZE];

	for (bool more = true; more && end >= 4;) {
		size_t len = end < TAIL_SIZE ? (size_t)end : TAIL_SIZE, kept = len;

		if (read_part(fd, tail, len, end - (int64_t)len, err) != 0)
			return -1;
		while (kept >= 4 && memcmp(tail + kept - 4, "\r\n\r\n", 4) == 0)
			kept -= 2;
		more = kept != len && kept < 4;
		end -= (int64_t)(len - kept);
	}
	if (end != size) {
		if (find_end(fd, end, 0, &body, err) != 0)
			return -1;
		if (body < 0)
			end += 2; /* all of the body was empty lines: the one that ends the header went with them */
	}
	*length_out = end;
	return 0;
}
