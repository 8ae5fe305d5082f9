#include "ctl/mailbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_KEPT = 1 << 20 }; /* octets of a line; a longer one comes in pieces */

/* One message of a file while it is read. */
struct mbox {
	struct import *import;
	const char *label; /* of the file */
	int64_t number;    /* of the message in it */
	bool begun, in_header, dropping;
	bool blank;       /* the body's last line was empty: it may belong to the next "From ", so it is not added yet */
	bool after_empty; /* so may that one, or the one behind the header */
	struct buf text, from_line, keywords;
	int64_t date;
	unsigned flags;
};

/* "From sender Sat Jan  3 01:05:34 1996", read as UTC; now where there is no date. */
static int64_t parse_from_line(struct str line)
{
	char text[64];
	struct tm when = {0};
	struct str date = line.len > 24 ? str_skip(line, line.len - 24) : line;

	str_copy(date, text, sizeof text);
	return strptime(text, "%a %b %d %H:%M:%S %Y", &when) != NULL ? (int64_t)timegm(&when) : (int64_t)time(NULL);
}

static int finish_message(struct mbox *mbox)
{
	struct import_message message = {
	    .text = buf_str(&mbox->text), .date = mbox->date, .flags = mbox->flags, .keywords = buf_str(&mbox->keywords)};
	char label[300];
	struct buf source;
	int result = 0;

	if (!mbox->begun)
		return 0;
	snprintf(label, sizeof label, "%s: message %lld", mbox->label, (long long)mbox->number);
	message.label = label;
	if (mbox->text.overflow) {
		import_skip(mbox->import, label, "it is too large");
		return 0;
	}
	buf_init(&source, 2 * (size_t)MAILBOX_MESSAGE_MAX);
	buf_add_str(&source, buf_str(&mbox->from_line));
	buf_add_char(&source, '\n');
	buf_add_str(&source, message.text);
	message.source = buf_str(&source);
	result = import_message(mbox->import, &message);
	buf_free(&source);
	return result;
}

static int begin_message(struct mbox *mbox, struct str line)
{
	if (finish_message(mbox) != 0)
		return -1;
	mbox->begun = mbox->in_header = true;
	mbox->blank = mbox->after_empty = mbox->dropping = false;
	mbox->number++;
	mbox->flags = 0;
	mbox->date = parse_from_line(line);
	buf_reset(&mbox->text);
	buf_reset(&mbox->keywords);
	buf_reset(&mbox->from_line);
	buf_add_str(&mbox->from_line, line);
	return 0;
}

static void read_letters(struct str letters, unsigned *flags)
{
	static const struct {
		char letter;
		unsigned flag;
	} known[] = {
	    {'R', STORE_SEEN}, {'A', STORE_ANSWERED}, {'F', STORE_FLAGGED}, {'D', STORE_DELETED}, {'T', STORE_DRAFT}};

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (str_find_char(letters, known[i].letter) >= 0)
			*flags |= known[i].flag;
}

/* What the mailbox's program wrote into the header: it becomes flags, and is left out. */
static bool take_status(struct mbox *mbox, struct str line)
{
	if (str_starts_nocase(line, STR("Status:")))
		read_letters(str_skip(line, strlen("Status:")), &mbox->flags);
	else if (str_starts_nocase(line, STR("X-Status:")))
		read_letters(str_skip(line, strlen("X-Status:")), &mbox->flags);
	else if (str_starts_nocase(line, STR("X-Keywords:")))
		buf_add_str(&mbox->keywords, str_trim(str_skip(line, strlen("X-Keywords:"))));
	else
		return str_starts_nocase(line, STR("X-UID:")) || str_starts_nocase(line, STR("X-IMAP:")) ||
		       str_starts_nocase(line, STR("X-IMAPbase:"));
	return true;
}

static bool is_quoted_from(struct str line)
{
	size_t i = 0;

	while (i < line.len && line.data[i] == '>')
		i++;
	return i > 0 && str_starts(str_skip(line, i), STR("From "));
}

static void add_line(struct mbox *mbox, struct str line)
{
	if (mbox->blank)
		buf_add_str(&mbox->text, STR("\r\n"));
	mbox->after_empty = line.len == 0;
	mbox->blank = line.len == 0 && !mbox->in_header;
	if (mbox->in_header) {
		bool folded = line.len > 0 && (line.data[0] == ' ' || line.data[0] == '\t');

		mbox->dropping = folded ? mbox->dropping : take_status(mbox, line);
		if (line.len == 0)
			mbox->in_header = false;
		if (mbox->dropping)
			return;
	}
	if (mbox->blank)
		return;
	if (!mbox->in_header && is_quoted_from(line))
		line = str_skip(line, 1);
	buf_add_str(&mbox->text, line);
	buf_add_str(&mbox->text, STR("\r\n"));
}

/* A line, without its end. */
static int take_line(struct mbox *mbox, struct str line)
{
	bool separates = !mbox->begun || mbox->after_empty;

	if (line.len > 0 && line.data[line.len - 1] == '\r')
		line.len--;
	if (separates && str_starts(line, STR("From ")))
		return begin_message(mbox, line);
	if (mbox->begun)
		add_line(mbox, line);
	else if (line.len > 0)
		return -1;
	return 0;
}

static int read_lines(struct mbox *mbox, FILE *file)
{
	struct buf line;
	int c, result = 0;

	buf_init(&line, LINE_MAX_KEPT);
	while (result == 0 && (c = getc_unlocked(file)) != EOF) {
		if (c != '\n' && buf_add_char(&line, (char)c) == 0)
			continue;
		result = take_line(mbox, buf_str(&line));
		buf_reset(&line);
		if (c != '\n')
			buf_add_char(&line, (char)c);
	}
	if (result == 0 && line.len > 0)
		result = take_line(mbox, buf_str(&line));
	buf_free(&line);
	return result;
}

/* Takes fd. */
static int import_file(struct import *import, int fd, const char *label, struct str folder)
{
	struct mbox mbox = {.import = import, .label = label};
	FILE *file = fdopen(fd, "r");
	int result;

	if (file == NULL) {
		close(fd);
		return import_refuse("%s: %s", label, strerror(errno));
	}
	buf_init(&mbox.text, MAILBOX_MESSAGE_MAX);
	buf_init(&mbox.from_line, LINE_MAX_KEPT);
	buf_init(&mbox.keywords, STORE_KEYWORDS_MAX);
	result = import_folder(import, folder);
	if (result == 0 && read_lines(&mbox, file) != 0)
		result = mbox.begun ? -1 : import_refuse("%s: this is no mbox: it does not begin with \"From \"", label);
	if (result == 0 && ferror(file))
		result = import_refuse("%s: it cannot be read", label);
	if (result == 0)
		result = finish_message(&mbox);
	buf_free(&mbox.text);
	buf_free(&mbox.from_line);
	buf_free(&mbox.keywords);
	fclose(file);
	return result;
}

/* "A.B.mbox" in a folder of the file system. */
static int import_entry(struct import *import, int root, const char *entry, struct str base)
{
	struct str file = str_of(entry);
	struct buf name;
	struct stat info;
	struct err err;
	int fd, result = 0;

	if (!str_ends_nocase(file, STR(".mbox")))
		return 0;
	fd = openat(root, entry, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
		import_skip(import, entry, fd < 0 ? strerror(errno) : "it is not a regular file");
		if (fd >= 0)
			close(fd);
		return 0;
	}
	buf_init(&name, STORE_NAME_MAX);
	buf_add_str(&name, base);
	if (base.len > 0)
		buf_add_char(&name, '/');
	if (mailbox_decode_name(str_sub(file, 0, file.len - strlen(".mbox")), false, &name, &err) == 0) {
		result = import_file(import, fd, entry, buf_str(&name));
	} else {
		import_skip(import, entry, err.text);
		close(fd);
	}
	buf_free(&name);
	return result;
}

int import_mbox(struct import *import, int root, struct str base)
{
	struct file_names names;
	struct stat info;
	int fd = dup(root), result;

	if (fd < 0 || fstat(fd, &info) != 0)
		return import_refuse("cannot read it: %s", strerror(errno));
	if (S_ISREG(info.st_mode))
		return import_file(import, fd, "mbox", base.len > 0 ? base : STR("INBOX"));
	close(fd);
	result = file_names_read(root, ".", &names);
	for (size_t i = 0; i < names.count && result == 0; i++)
		result = import_entry(import, root, names.list[i], base);
	file_names_free(&names);
	return result;
}
