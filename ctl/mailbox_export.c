#include "ctl/mailbox.h"

#include "common/base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	MESSAGES_AT_ONCE = 1000,
	OUT_SIZE = 256 * 1024, /* octets gathered before they are written */
};

struct export
{
	struct mailbox *mailbox;
	bool maildir;
	int target;     /* folder of the file system, or the one mbox file */
	bool whole;     /* target is a folder for all */
	int file;       /* of the mbox that is written */
	int cur;        /* of the Maildir */
	int64_t folder; /* that is written */
	struct buf text, out;
	int64_t done;
	int result;
};

static int fail(struct export *export, const char *what)
{
	ctl_refuse("cannot write %s: %s", what, strerror(errno));
	export->result = -1;
	return -1;
}

static bool is_empty_folder(int fd)
{
	struct file_names names;
	bool empty = file_names_read(fd, ".", &names) == 0 && names.count == 0;

	file_names_free(&names);
	return empty;
}

int mailbox_export_open(const struct instance *instance, const char *format, const char *folder, const char *path,
                        int *target_out)
{
	bool is_file = strcmp(format, "mbox") == 0 && folder != NULL;
	uid_t uid;
	gid_t gid;
	struct err err;
	int fd;

	if (!is_file && mkdir(path, 0700) != 0 && errno != EEXIST)
		return ctl_refuse("cannot make %s: %s", path, strerror(errno));
	fd = is_file ? open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)
	             : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return ctl_refuse("cannot open %s: %s", path, strerror(errno));
	if (!is_file && !is_empty_folder(fd)) {
		close(fd);
		return ctl_refuse("%s is not empty", path);
	}
	/* What is in it is written as the mail user. */
	if (!is_file && instance->separate_users &&
	    (instance_user(instance, "deliver", &uid, &gid, &err) != 0 || fchown(fd, uid, gid) != 0)) {
		close(fd);
		return ctl_refuse("cannot give %s to the mail user", path);
	}
	*target_out = fd;
	return CTL_DONE;
}

static int write_out(struct export *export, int fd)
{
	struct err err;

	if (io_write_all(fd, export->out.data, export->out.len, &err) != 0) {
		ctl_refuse_err(&err);
		export->result = -1;
	}
	buf_reset(&export->out);
	return export->result;
}

/* A message in memory. False: it went meanwhile, or cannot be read (said). */
static bool read_message(struct export *export, uint32_t uid)
{
	struct err err;
	char path[64];
	int fd;

	if (mailbox_open_message(export->mailbox, export->folder, uid, &fd, &err) != 0) {
		if (err.code != ERR_NOT_FOUND)
			ctl_refuse_err(&err);
		return false;
	}
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	buf_reset(&export->text);
	if (io_read_file(path, &export->text, &err) != 0) {
		ctl_refuse_err(&err);
		close(fd);
		return false;
	}
	close(fd);
	return true;
}

/* Next line of text without its end. */
static struct str cut_line(struct str *rest)
{
	struct str line = str_cut(rest, '\n');

	if (line.len > 0 && line.data[line.len - 1] == '\r')
		line.len--;
	return line;
}

struct flag_letter {
	unsigned flag;
	char letter;
};

static void add_letters(struct buf *out, unsigned flags, const struct flag_letter *letters, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (flags & letters[i].flag)
			buf_add_char(out, letters[i].letter);
}

static bool has_keyword(struct str keywords, struct str wanted)
{
	struct str word;

	while ((word = str_cut_word(&keywords)).len > 0)
		if (str_equal_nocase(word, wanted))
			return true;
	return false;
}

static int write_maildir(struct export *export, uint32_t uid, unsigned flags, struct str keywords, int64_t date)
{
	/* In the order of the alphabet, as the format wants it. */
	static const struct flag_letter before_p[] = {{STORE_DRAFT, 'D'}, {STORE_FLAGGED, 'F'}};
	static const struct flag_letter after_p[] = {{STORE_ANSWERED, 'R'}, {STORE_SEEN, 'S'}, {STORE_DELETED, 'T'}};
	const struct timespec times[2] = {{.tv_sec = (time_t)date}, {.tv_sec = (time_t)date}};
	struct str rest = buf_str(&export->text);
	struct buf name;
	int fd;

	buf_init(&name, 256);
	buf_printf(&name, "%lld.F%lldU%u.postroom:2,", (long long)date, (long long)export->folder, uid);
	add_letters(&name, flags, before_p, 2);
	if (has_keyword(keywords, STR("$Forwarded")))
		buf_add_char(&name, 'P');
	add_letters(&name, flags, after_p, 3);
	fd = openat(export->cur, buf_text(&name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	buf_free(&name);
	if (fd < 0)
		return fail(export, "a message");
	while (rest.len > 0) {
		buf_add_str(&export->out, cut_line(&rest));
		buf_add_char(&export->out, '\n');
	}
	write_out(export, fd);
	futimens(fd, times);
	close(fd);
	return export->result;
}

static void add_status(struct buf *out, unsigned flags, struct str keywords)
{
	static const struct flag_letter letters[] = {
	    {STORE_ANSWERED, 'A'}, {STORE_FLAGGED, 'F'}, {STORE_DRAFT, 'T'}, {STORE_DELETED, 'D'}};

	buf_printf(out, "Status: %sO\n", flags & STORE_SEEN ? "R" : "");
	if (flags & ~(unsigned)STORE_SEEN) {
		buf_add_str(out, STR("X-Status: "));
		add_letters(out, flags, letters, sizeof letters / sizeof letters[0]);
		buf_add_char(out, '\n');
	}
	if (keywords.len > 0)
		buf_printf(out, "X-Keywords: %.*s\n", STR_ARG(keywords));
}

/* "From ", ">From ", ...: one '>' more, so that it can be taken away again (mboxrd). */
static bool needs_quote(struct str line)
{
	size_t i = 0;

	while (i < line.len && line.data[i] == '>')
		i++;
	return str_starts(str_skip(line, i), STR("From "));
}

static int write_mbox(struct export *export, unsigned flags, struct str keywords, int64_t date)
{
	struct str rest = buf_str(&export->text);
	bool in_header = true;
	time_t when = (time_t)date;
	struct tm utc;
	char text[64];

	gmtime_r(&when, &utc);
	strftime(text, sizeof text, "%a %b %e %H:%M:%S %Y", &utc);
	buf_printf(&export->out, "From MAILER-DAEMON %s\n", text);
	while (rest.len > 0) {
		struct str line = cut_line(&rest);

		if (in_header && line.len == 0) {
			add_status(&export->out, flags, keywords);
			in_header = false;
		}
		if (!in_header && needs_quote(line))
			buf_add_char(&export->out, '>');
		buf_add_str(&export->out, line);
		buf_add_char(&export->out, '\n');
	}
	if (in_header) {
		add_status(&export->out, flags, keywords);
		buf_add_char(&export->out, '\n');
	}
	buf_add_char(&export->out, '\n');
	return export->out.len >= OUT_SIZE ? write_out(export, export->file) : 0;
}

/* A folder's messages, gathered before any is read: the mailbox is not held for as long as writing takes. */
struct listed {
	uint32_t uid, flags;
	struct str keywords;
};
struct listing {
	struct arena arena;
	struct listed *list;
	size_t count, capacity;
};

static void gather(const struct mailbox_entry *entry, void *context)
{
	struct listing *listing = context;

	if (listing->count < listing->capacity)
		listing->list[listing->count++] =
		    (struct listed){entry->uid, entry->flags, arena_copy(&listing->arena, entry->keywords)};
}

static int write_message(struct export *export, const struct listed *message)
{
	struct mailbox_details details;
	struct err err;

	if (mailbox_details(export->mailbox, export->folder, message->uid, &details, &err) != 0 ||
	    !read_message(export, message->uid))
		return 0;
	mail_progress("messages", ++export->done, false);
	return export->maildir
	           ? write_maildir(export, message->uid, message->flags, message->keywords, details.internal_date)
	           : write_mbox(export, message->flags, message->keywords, details.internal_date);
}

static int write_messages(struct export *export, int64_t expected)
{
	struct listing listing = {.capacity = (size_t)expected + MESSAGES_AT_ONCE};
	struct mailbox_visitor visitor = {.present = gather, .context = &listing};
	struct mailbox_state state;
	struct err err;

	arena_init(&listing.arena);
	listing.list = arena_get(&listing.arena, listing.capacity * sizeof *listing.list);
	if (mailbox_changes(export->mailbox, export->folder, 0, &visitor, &state, &err) != 0) {
		ctl_refuse_err(&err);
		export->result = -1;
	}
	for (size_t i = 0; i < listing.count && export->result == 0; i++)
		write_message(export, &listing.list[i]);
	arena_free(&listing.arena);
	return export->result;
}

static int make_maildir(struct export *export, int parent, const char *name)
{
	static const char *const parts[] = {"cur", "new", "tmp"};
	int folder;

	if (strcmp(name, ".") != 0 && mkdirat(parent, name, 0700) != 0)
		return fail(export, name);
	folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return fail(export, name);
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		if (mkdirat(folder, parts[i], 0700) != 0) {
			close(folder);
			return fail(export, parts[i]);
		}
	export->cur = openat(folder, "cur", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	close(folder);
	return export->cur >= 0 ? 0 : fail(export, name);
}

/* Where a folder goes: ".A.B" of the Maildir, or "A.B.mbox". */
static int open_folder(struct export *export, const struct mailbox_folder *folder)
{
	struct buf name;
	struct err err;

	if (!export->whole) {
		export->file = export->target;
		return export->maildir ? make_maildir(export, export->target, ".") : 0;
	}
	if (export->maildir && folder->id == STORE_INBOX)
		return make_maildir(export, export->target, ".");
	buf_init(&name, 8 * STORE_NAME_MAX);
	if (export->maildir)
		buf_add_char(&name, '.');
	export->result = mailbox_encode_name(str_of(folder->name), export->maildir, &name, &err);
	if (!export->maildir)
		buf_add_str(&name, STR(".mbox"));
	if (export->result != 0) {
		ctl_refuse("%s: %s", folder->name, err.text);
	} else if (export->maildir) {
		make_maildir(export, export->target, buf_text(&name));
	} else {
		export->file = openat(export->target, buf_text(&name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (export->file < 0)
			fail(export, folder->name);
	}
	buf_free(&name);
	return export->result;
}

static bool export_folder(const struct mailbox_folder *folder, void *context)
{
	struct export *export = context;

	export->folder = folder->id;
	if (open_folder(export, folder) != 0 || write_messages(export, folder->totals.messages) != 0)
		return false;
	if (export->maildir) {
		close(export->cur);
	} else {
		write_out(export, export->file);
		if (export->whole)
			close(export->file);
	}
	return export->result == 0;
}

static int run(struct export *export, const char *name)
{
	struct mailbox_folder folder;
	struct err err;

	if (name == NULL) {
		if (mailbox_folder_each(export->mailbox, export_folder, export, &err) != 0)
			return ctl_refuse_err(&err);
	} else if (mailbox_folder_find(export->mailbox, str_of(name), &folder, &err) != 0) {
		return ctl_refuse("%s: %s", name, err.text);
	} else {
		export_folder(&folder, export);
	}
	return export->result == 0 ? CTL_DONE : CTL_REFUSED;
}

int mailbox_export(struct mailbox *mailbox, const char *format, const char *folder, int target)
{
	struct export export = {
	    .mailbox = mailbox, .maildir = strcmp(format, "maildir") == 0, .target = target, .whole = folder == NULL};
	int status;

	buf_init(&export.text, SIZE_MAX / 2);
	buf_init(&export.out, SIZE_MAX / 2);
	status = run(&export, folder);
	mail_progress("messages", export.done, true);
	printf("%lld messages exported\n", (long long)export.done);
	buf_free(&export.text);
	buf_free(&export.out);
	close(target);
	return status;
}
