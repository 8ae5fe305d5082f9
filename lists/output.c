#include "lists/output.h"

#include "common/base/io.h"

enum { PART_MAX = 64 * 1024 };

void output_init(struct output *output, int fd)
{
	*output = (struct output){.fd = fd};
	buf_init(&output->buf, (size_t)2 * PART_MAX);
}

void output_free(struct output *output)
{
	buf_free(&output->buf);
}

int output_flush(struct output *output, struct err *err)
{
	if (io_write_all(output->fd, output->buf.data, output->buf.len, err) != 0)
		return -1;
	buf_reset(&output->buf);
	return 0;
}

static void watch(struct output *output, struct str bytes)
{
	for (size_t i = 0; i < bytes.len && !output->is_8bit; i++)
		output->is_8bit = (unsigned char)bytes.data[i] >= 0x80;
	for (size_t i = bytes.len > 3 ? bytes.len - 3 : 0; i < bytes.len; i++) {
		output->last[0] = output->last[1];
		output->last[1] = output->last[2];
		output->last[2] = bytes.data[i];
	}
	output->size += (int64_t)bytes.len;
}

int output_add(struct output *output, struct str bytes, struct err *err)
{
	watch(output, bytes);
	while (bytes.len > 0) {
		struct str part = str_sub(bytes, 0, PART_MAX);

		if (output->buf.len + part.len > PART_MAX && output_flush(output, err) != 0)
			return -1;
		buf_add_str(&output->buf, part);
		bytes = str_skip(bytes, part.len);
	}
	return 0;
}

int output_add_lines(struct output *output, struct str text, struct err *err)
{
	while (text.len > 0) {
		struct str line = str_cut(&text, '\n');

		if (line.len > 0 && line.data[line.len - 1] == '\r')
			line.len--;
		if (output_add(output, line, err) != 0 || output_add(output, STR("\r\n"), err) != 0)
			return -1;
	}
	return 0;
}

int output_copy(struct output *output, const struct mime_source *source, int64_t at, int64_t len, struct err *err)
{
	static char part[PART_MAX];

	while (len > 0) {
		size_t count = len < PART_MAX ? (size_t)len : PART_MAX;

		if (mime_source_read(source, at, part, count, err) != 0 || output_add(output, str_from(part, count), err) != 0)
			return -1;
		at += (int64_t)count;
		len -= (int64_t)count;
	}
	return 0;
}

int output_end_line(struct output *output, struct err *err)
{
	return output->size == 0 || output->last[2] == '\n' ? 0 : output_add(output, STR("\r\n"), err);
}
