#include "ctl/mailbox.h"

#include "common/base/memory.h"
#include "common/imap/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { NAMES_MAX = 10000000 };

static const char kept[] = "./%";

static int hex_value(char c)
{
	const char *digits = "0123456789ABCDEF", *at = c != '\0' ? strchr(digits, c) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

int mailbox_encode_name(struct str name, bool mutf7, struct buf *out, struct err *err)
{
	struct buf plain;
	int result = 0;

	buf_init(&plain, 4 * STORE_NAME_MAX);
	for (size_t i = 0; i < name.len; i++)
		if (name.data[i] == '/')
			buf_add_char(&plain, '.');
		else if (name.data[i] == '.' || name.data[i] == '%')
			buf_printf(&plain, "%%%02X", (unsigned char)name.data[i]);
		else
			buf_add_char(&plain, name.data[i]);
	if (mutf7)
		result = mutf7_encode(buf_str(&plain), out, err);
	else if (buf_add_str(out, buf_str(&plain)) != 0)
		result = err_set(err, ERR_LIMIT, "the name is too long");
	buf_free(&plain);
	return result;
}

int mailbox_decode_name(struct str file, bool mutf7, struct buf *out, struct err *err)
{
	struct buf plain;

	buf_init(&plain, 4 * STORE_NAME_MAX);
	/* What other programs wrote may be anything; then it is taken as it is. */
	if (!mutf7 || mutf7_decode(file, &plain, err) != 0) {
		buf_reset(&plain);
		buf_add_str(&plain, file);
	}
	for (size_t i = 0; i < plain.len; i++) {
		char c = plain.data[i];

		if (c == '%' && i + 2 < plain.len && hex_value(plain.data[i + 1]) >= 0 && hex_value(plain.data[i + 2]) >= 0) {
			char byte = (char)(hex_value(plain.data[i + 1]) * 16 + hex_value(plain.data[i + 2]));

			if (byte != '\0' && strchr(kept, byte) != NULL) {
				c = byte;
				i += 2;
			}
		} else if (c == '.') {
			c = '/';
		}
		buf_add_char(out, c);
	}
	buf_free(&plain);
	return out->overflow ? err_set(err, ERR_LIMIT, "the name is too long") : 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int file_names_read(int parent, const char *folder, struct file_names *names)
{
	int fd = openat(parent, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *open = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;

	*names = (struct file_names){.count = 0};
	arena_init(&names->arena);
	if (open == NULL) {
		import_refuse("cannot read %s: %s", folder, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while ((entry = readdir(open)) != NULL && names->count < NAMES_MAX) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (names->count == names->capacity) {
			names->capacity = names->capacity == 0 ? 256 : 2 * names->capacity;
			names->list = memory_resize(names->list, names->capacity * sizeof *names->list);
		}
		names->list[names->count++] = arena_text(&names->arena, str_of(entry->d_name));
	}
	closedir(open);
	if (names->count > 1)
		qsort(names->list, names->count, sizeof *names->list, compare_names);
	return 0;
}

void file_names_free(struct file_names *names)
{
	memory_free(names->list);
	arena_free(&names->arena);
}
