#include "ctl/mailbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* The letters behind ":2,". */
static void read_flags(const char *name, struct import_message *message)
{
	static const struct {
		char letter;
		unsigned flag;
	} letters[] = {
	    {'D', STORE_DRAFT}, {'F', STORE_FLAGGED}, {'R', STORE_ANSWERED}, {'S', STORE_SEEN}, {'T', STORE_DELETED}};
	const char *info = strstr(name, ":2,");

	for (size_t i = 0; i < sizeof letters / sizeof letters[0] && info != NULL; i++)
		if (strchr(info + 3, letters[i].letter) != NULL)
			message->flags |= letters[i].flag;
	if (info != NULL && strchr(info + 3, 'P') != NULL)
		message->keywords = STR("$Forwarded");
}

/* A file as a message, CRLF. NULL, or why it cannot be read. */
static const char *read_file(int fd, int64_t size, struct buf *text)
{
	static char chunk[64 * 1024];
	char last = '\0';
	ssize_t count;

	if (size > MAILBOX_MESSAGE_MAX)
		return "it is too large";
	while ((count = read(fd, chunk, sizeof chunk)) > 0)
		import_add_text(text, str_from(chunk, (size_t)count), &last);
	if (count < 0)
		return strerror(errno);
	if (text->len > 0 && last != '\n')
		buf_add_str(text, STR("\r\n"));
	return text->overflow ? "it is too large" : NULL;
}

static int import_file(struct import *import, int folder, const char *name, bool seen_before, struct buf *text)
{
	struct str unique = str_of(name);
	struct import_message message = {.keywords = STR(""), .label = name};
	const char *wrong = "it is not a regular file";
	struct stat info;
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0) {
		import_skip(import, name, strerror(errno));
		return 0;
	}
	buf_reset(text);
	if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode))
		wrong = read_file(fd, info.st_size, text);
	close(fd);
	if (wrong != NULL) {
		import_skip(import, name, wrong);
		return 0;
	}
	message.text = buf_str(text);
	message.source = str_cut(&unique, ':'); /* flags may change between two runs */
	message.date = info.st_mtime;
	if (seen_before)
		read_flags(name, &message);
	return import_message(import, &message);
}

static int import_part(struct import *import, int maildir, const char *part)
{
	int folder = openat(maildir, part, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW), result;
	struct file_names names;
	struct buf text;

	if (folder < 0)
		return errno == ENOENT ? 0 : import_refuse("cannot read %s: %s", part, strerror(errno));
	result = file_names_read(maildir, part, &names);
	buf_init(&text, (size_t)MAILBOX_MESSAGE_MAX + MAILBOX_MESSAGE_MAX / 8);
	for (size_t i = 0; i < names.count && result == 0; i++)
		if (names.list[i][0] != '.')
			result = import_file(import, folder, names.list[i], strcmp(part, "cur") == 0, &text);
	buf_free(&text);
	file_names_free(&names);
	close(folder);
	return result;
}

static int import_one(struct import *import, int maildir, struct str name)
{
	if (import_folder(import, name) != 0 || import_part(import, maildir, "cur") != 0)
		return -1;
	return import_part(import, maildir, "new");
}

/* ".A.B": folder A/B, below base where there is one. */
static int import_below(struct import *import, int root, const char *entry, struct str base)
{
	int maildir = openat(root, entry, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct buf name;
	struct stat info;
	struct err err;
	int result = 0;

	if (maildir < 0)
		return 0; /* a file of another program */
	buf_init(&name, STORE_NAME_MAX);
	buf_add_str(&name, base);
	if (base.len > 0)
		buf_add_char(&name, '/');
	if (fstatat(maildir, "cur", &info, AT_SYMLINK_NOFOLLOW) == 0) {
		if (mailbox_decode_name(str_of(entry + 1), true, &name, &err) != 0)
			import_skip(import, entry, err.text);
		else
			result = import_one(import, maildir, buf_str(&name));
	}
	buf_free(&name);
	close(maildir);
	return result;
}

int import_maildir(struct import *import, int root, struct str base)
{
	struct file_names names;
	struct stat info;
	int result;

	if (fstatat(root, "cur", &info, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR(info.st_mode))
		return import_refuse("this is no Maildir: it has no folder cur");
	if (import_one(import, root, base.len > 0 ? base : STR("INBOX")) != 0)
		return -1;
	result = file_names_read(root, ".", &names);
	for (size_t i = 0; i < names.count && result == 0; i++)
		if (names.list[i][0] == '.')
			result = import_below(import, root, names.list[i], base);
	file_names_free(&names);
	return result;
}
