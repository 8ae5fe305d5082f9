/* An mbox, and names of folders: whatever is in it, messages have CRLF line ends and no line is lost on the way. */
// parts: ctl/mailbox_mbox.c ctl/mailbox_names.c
#include "ctl/mailbox.h"

#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In the place of mailbox_import.c. */
int import_folder(struct import *import, struct str name)
{
	(void)import, (void)name;
	return 0;
}

int import_message(struct import *import, const struct import_message *message)
{
	struct str text = message->text;

	(void)import;
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] == '\n' && (i == 0 || text.data[i - 1] != '\r'))
			abort();
	if (text.len > 0 && text.data[text.len - 1] != '\n')
		abort();
	return 0;
}

void import_skip(struct import *import, const char *label, const char *reason)
{
	(void)import, (void)label, (void)reason;
}

int import_refuse(const char *format, ...)
{
	(void)format;
	return -1;
}

static void check_names(struct str input, bool mutf7)
{
	struct buf file, name;

	buf_init(&file, 1 << 20);
	buf_init(&name, 1 << 20);
	if (str_is_utf8(input) && mailbox_encode_name(input, mutf7, &file, NULL) == 0 &&
	    (mailbox_decode_name(buf_str(&file), mutf7, &name, NULL) != 0 || !str_equal(buf_str(&name), input)))
		abort();
	buf_reset(&name);
	mailbox_decode_name(input, mutf7, &name, NULL);
	buf_free(&file);
	buf_free(&name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("mbox", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET) != 0)
		abort();
	import_mbox(NULL, fd, STR(""));
	close(fd);
	if (size <= STORE_NAME_MAX) {
		check_names(str_from((const char *)data, size), false);
		check_names(str_from((const char *)data, size), true);
	}
	return 0;
}
