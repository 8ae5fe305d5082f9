/* media: files as parts of an answer. */
#include "deliver/media.h"

#include "common/base/base64.h"
#include "common/base/log.h"
#include "common/items/responder.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	LINE = 57,       /* octets that make 76 characters (RFC 2045 6.8) */
	LINES = 1000,    /* encoded at once */
	PATH_MORE = 128, /* beyond the instance's path */
	SLICE = LINE * LINES,
};

/* RFC 2231 4: any name in UTF-8. */
static void add_name(const char *parameter, struct str name, struct buf *out)
{
	buf_printf(out, "%s*=utf-8''", parameter);
	for (size_t i = 0; i < name.len; i++) {
		unsigned char c = (unsigned char)name.data[i];

		if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' || c == '-' ||
		    c == '_')
			buf_add_char(out, name.data[i]);
		else
			buf_printf(out, "%%%02X", c);
	}
}

static int write_head(struct str boundary, struct str name, struct spool_file *file, struct err *err)
{
	struct buf head;
	int result;

	buf_init(&head, 4096);
	buf_printf(&head, "\r\n--%.*s\r\nContent-Type: application/octet-stream;\r\n ", STR_ARG(boundary));
	add_name("name", name, &head);
	buf_add_str(&head, STR("\r\nContent-Disposition: attachment;\r\n "));
	add_name("filename", name, &head);
	buf_add_str(&head, STR("\r\nContent-Transfer-Encoding: base64\r\n\r\n"));
	result = spool_write(file, buf_str(&head), err);
	buf_free(&head);
	return result;
}

/* Lines of base64, but the last line's end, which belongs to the next boundary. */
static int write_body(int fd, int64_t size, struct spool_file *file, struct err *err)
{
	char slice[SLICE];
	struct buf text;
	int64_t at = 0;
	int result = 0;

	buf_init(&text, 2 * SLICE);
	while (result == 0 && at < size) {
		ssize_t count = pread(fd, slice, size - at < SLICE ? (size_t)(size - at) : SLICE, at);

		if (count <= 0)
			break; /* it became shorter: what was there is sent */
		text.len = 0;
		for (ssize_t line = 0; line < count; line += LINE) {
			if (at + line > 0)
				buf_add_str(&text, STR("\r\n"));
			base64_encode(str_from(slice + line, count - line < LINE ? (size_t)(count - line) : LINE), &text);
		}
		result = spool_write(file, buf_str(&text), err);
		at += count;
	}
	buf_free(&text);
	return result;
}

int media_write(const struct instance *instance, const struct made *made, int64_t uid, struct spool_file *file,
                struct err *err)
{
	char folder[INSTANCE_PATH_MAX + PATH_MORE], path[INSTANCE_PATH_MAX + 2 * PATH_MORE + RESPONDER_FILE_NAME_MAX];
	int64_t owner = made->files_of_server ? 0 : uid, left = MEDIA_ANSWER_MAX;
	int result = 0;

	for (size_t i = 0; result == 0 && i < made->file_count; i++) {
		struct stat status;
		int fd;

		snprintf(path, sizeof path, "%s/%" PRId64 "/%.*s", media_folder(folder, sizeof folder, instance), owner,
		         STR_ARG(made->files[i]));
		fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0 || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size > left) {
			log_warning("an answer of uid=%" PRId64 " goes without the file %.*s: it is not there, or too large", uid,
			            STR_ARG(made->files[i]));
		} else {
			left -= (int64_t)status.st_size;
			result = write_head(made->boundary, made->files[i], file, err);
			if (result == 0)
				result = write_body(fd, (int64_t)status.st_size, file, err);
		}
		if (fd >= 0)
			close(fd);
	}
	return result;
}
