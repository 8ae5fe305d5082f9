#include "webadmin/mail/export.h"

#include "webadmin/mail/session.h"
#include "webadmin/mail/zip.h"

#include <time.h>
#include <unistd.h>

enum { SLICE = 64 << 10 };

struct exporting {
	struct web *web;
	struct mail *mail;
	const struct web_request *request;
	struct web_reply *reply;
	struct zip zip;
	uint32_t *uids;
	size_t count;
	bool too_many;
};

static int take_uids(const struct imap_reply *reply, const struct imap_value *value, void *context, struct err *err)
{
	struct exporting *exporting = context;
	uint64_t uid;

	(void)reply, (void)err;
	if (!imap_value_is(imap_value_at(value, 0), "SEARCH"))
		return 0;
	for (const struct imap_value *at = imap_value_at(value, 1); at != NULL; at = at->next) {
		if (!imap_value_number(at, UINT32_MAX, &uid))
			continue;
		if (exporting->count == ZIP_FILES_MAX)
			exporting->too_many = true;
		else
			exporting->uids[exporting->count++] = (uint32_t)uid;
	}
	return 0;
}

static bool find_messages(struct exporting *exporting)
{
	struct err err;

	if (!mail_select(exporting->mail, web_name(exporting->request, "folder"), 0, exporting->reply))
		return false;
	exporting->uids = arena_get(exporting->request->arena, ZIP_FILES_MAX * sizeof *exporting->uids);
	imap_talk_begin(&exporting->mail->talk, "UID SEARCH ALL");
	if (imap_talk_finish(&exporting->mail->talk, take_uids, exporting, &err) != 0)
		return mail_failed(exporting->mail, &err, exporting->reply);
	if (exporting->too_many)
		web_reply_error(exporting->reply, 422, "limit", "The folder has more than %d messages", ZIP_FILES_MAX);
	return !exporting->too_many;
}

/* A message on its way into an mbox: line ends become LF. */
struct mbox {
	struct buf out;
	struct buf line; /* of which the end is not known yet */
};

static bool is_separator(struct str line)
{
	while (line.len > 0 && line.data[0] == '>')
		line = str_skip(line, 1);
	return str_starts(line, STR("From "));
}

static int add_line(struct exporting *exporting, struct mbox *mbox, struct err *err)
{
	struct str line = buf_str(&mbox->line);

	if (line.len > 0 && line.data[line.len - 1] == '\r')
		line.len--;
	if (is_separator(line))
		buf_add_char(&mbox->out, '>');
	buf_add_str(&mbox->out, line);
	buf_add_char(&mbox->out, '\n');
	buf_reset(&mbox->line);
	if (mbox->out.len < SLICE)
		return 0;
	if (zip_write(&exporting->zip, buf_str(&mbox->out), err) != 0)
		return -1;
	buf_reset(&mbox->out);
	return 0;
}

static int add_lines(struct exporting *exporting, struct mbox *mbox, struct str bytes, struct err *err)
{
	ptrdiff_t end;

	while ((end = str_find_char(bytes, '\n')) >= 0) {
		buf_add_str(&mbox->line, str_sub(bytes, 0, (size_t)end));
		if (add_line(exporting, mbox, err) != 0)
			return -1;
		bytes = str_skip(bytes, (size_t)end + 1);
	}
	buf_add_str(&mbox->line, bytes);
	return 0;
}

/* The message that was read last, piece by piece: as it is, or (mbox not NULL) as a part of an mbox. */
static int copy_message(struct exporting *exporting, struct mbox *mbox, struct err *err)
{
	const struct mail_message *message = &exporting->mail->message;
	char slice[SLICE];

	for (int64_t at = 0; at < message->size;) {
		ssize_t got = pread(message->fd, slice, sizeof slice, (off_t)at);

		if (got <= 0)
			return err_system(err, "cannot read a message");
		if ((mbox != NULL ? add_lines(exporting, mbox, str_from(slice, (size_t)got), err)
		                  : zip_write(&exporting->zip, str_from(slice, (size_t)got), err)) != 0)
			return -1;
		at += got;
	}
	return 0;
}

static bool read_message(struct exporting *exporting, uint32_t uid)
{
	const struct mail_place place = {
	    .folder = web_name(exporting->request, "folder"), .uidvalidity = exporting->mail->uidvalidity, .uid = uid};

	return mail_read(exporting->web, exporting->mail, &place, exporting->reply);
}

static bool failed(const struct exporting *exporting, const struct err *err)
{
	web_reply_err(exporting->reply, err);
	return false;
}

static bool export_eml(struct exporting *exporting, struct str path)
{
	struct err err;

	for (size_t i = 0; i < exporting->count; i++) {
		struct str name = arena_printf(exporting->request->arena, "%.*s/%u.eml", STR_ARG(path), exporting->uids[i]);

		if (!read_message(exporting, exporting->uids[i]))
			return false;
		if (zip_begin(&exporting->zip, name, time(NULL), &err) != 0 || copy_message(exporting, NULL, &err) != 0 ||
		    zip_end(&exporting->zip, &err) != 0)
			return failed(exporting, &err);
	}
	return true;
}

static bool export_messages(struct exporting *exporting, struct mbox *mbox, struct err *err)
{
	char separator[64];
	time_t now = time(NULL);
	struct tm tm;

	strftime(separator, sizeof separator, "From MAILER-DAEMON %a %b %e %H:%M:%S %Y\n", gmtime_r(&now, &tm));
	for (size_t i = 0; i < exporting->count; i++) {
		if (!read_message(exporting, exporting->uids[i]))
			return false;
		buf_add_str(&mbox->out, str_of(separator));
		if (copy_message(exporting, mbox, err) != 0 || (mbox->line.len > 0 && add_line(exporting, mbox, err) != 0))
			return failed(exporting, err);
		buf_add_char(&mbox->out, '\n');
	}
	return true;
}

static bool export_mbox(struct exporting *exporting, struct str path)
{
	struct mbox mbox;
	struct err err;
	bool done;

	if (zip_begin(&exporting->zip, arena_printf(exporting->request->arena, "%.*s.mbox", STR_ARG(path)), time(NULL),
	              &err) != 0)
		return failed(exporting, &err);
	buf_init(&mbox.out, MAIL_MESSAGE_MAX);
	buf_init(&mbox.line, MAIL_MESSAGE_MAX);
	done = export_messages(exporting, &mbox, &err);
	if (done && (zip_write(&exporting->zip, buf_str(&mbox.out), &err) != 0 || zip_end(&exporting->zip, &err) != 0))
		done = failed(exporting, &err);
	buf_free(&mbox.out);
	buf_free(&mbox.line);
	return done;
}

/* Folders become folders of the archive; nothing in a name leads out of it. */
static struct str path_of(struct str folder, struct arena *arena)
{
	char *path = arena_text(arena, folder);

	for (char *c = path; *c != '\0'; c++)
		if (*c == '\\' || (unsigned char)*c < ' ' || (*c == '.' && (c == path || c[-1] == '/' || c[-1] == '_')))
			*c = '_';
	return str_of(path);
}

void mail_export(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	struct exporting exporting = {.web = web, .request = request, .reply = reply};
	bool is_mbox = str_equal(web_query(request, "form"), STR("mbox")), done;
	struct str path = path_of(web_name(request, "folder"), request->arena);
	struct err err;
	int fd;

	exporting.mail = mail_open(web, request, reply);
	if (exporting.mail == NULL || !find_messages(&exporting))
		return;
	fd = mail_scratch(web, &err);
	if (fd < 0) {
		web_reply_err(reply, &err);
		return;
	}
	zip_init(&exporting.zip, fd);
	done = is_mbox ? export_mbox(&exporting, path) : export_eml(&exporting, path);
	if (done && zip_finish(&exporting.zip, &err) != 0)
		done = failed(&exporting, &err);
	if (done) {
		web_reply_file(request, reply, "application/zip", fd, 0, (int64_t)exporting.zip.at);
		web_reply_header(reply, "Content-Disposition", "attachment; filename=\"folder.zip\"");
	} else {
		close(fd);
	}
	zip_free(&exporting.zip);
}
