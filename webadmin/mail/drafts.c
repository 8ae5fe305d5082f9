#include "webadmin/mail/drafts.h"

#include "common/base/io.h"
#include "common/mime/text.h"

#include <stdio.h>
#include <unistd.h>

enum { BOUNDARY_DIGITS = 32 };

bool draft_replaces(const json_t *body, struct mail_place *place, struct web_reply *reply)
{
	const json_t *replaces = json_object_get(body, "replaces");

	*place = (struct mail_place){.uid = 0};
	return !json_is_object(replaces) || mail_place_of(replaces, place, reply);
}

/* "APPENDUID 38505 3955" (RFC 4315): where it went. */
static bool read_place(struct str code, struct mail_place *place)
{
	uint64_t uidvalidity, uid;

	if (!str_equal_nocase(str_cut_word(&code), STR("APPENDUID")) ||
	    !str_to_u64(str_cut_word(&code), UINT32_MAX, &uidvalidity) || !str_to_u64(str_trim(code), UINT32_MAX, &uid))
		return false;
	place->uidvalidity = (uint32_t)uidvalidity;
	place->uid = (uint32_t)uid;
	return true;
}

/* REPLACE says it before the message that was there goes (RFC 8508 3.2), not at its end. */
static int take_place(const struct imap_reply *reply, const struct imap_value *value, void *context, struct err *err)
{
	ptrdiff_t end = str_find_char(reply->text, ']');

	(void)err;
	if (value == NULL && end > 0 && reply->text.data[0] == '[')
		read_place(str_sub(reply->text, 1, (size_t)end - 1), context);
	return 0;
}

bool draft_store(struct mail *mail, const struct letter *letter, struct str folder, const char *flags, uint32_t uid,
                 struct mail_place *place, struct web_reply *reply)
{
	struct conn *conn = imap_talk_conn(&mail->talk);
	struct err err;

	*place = (struct mail_place){.folder = folder};
	imap_talk_begin(&mail->talk, uid != 0 ? "UID REPLACE " : "APPEND ");
	if (uid != 0)
		conn_printf(conn, "%u ", uid);
	imap_talk_mailbox(&mail->talk, folder);
	conn_printf(conn, " (%s) {%lld}", flags, (long long)letter->on_top.len + (long long)letter->size);
	if (imap_talk_continue(&mail->talk, NULL, NULL, &err) != 0)
		return mail_failed(mail, &err, reply);
	conn_write(conn, letter->on_top);
	if (conn_send_file(conn, letter->fd, 0, letter->size, false, &err) != 0 ||
	    imap_talk_finish(&mail->talk, take_place, place, &err) != 0)
		return mail_failed(mail, &err, reply);
	if (read_place(str_of(mail->talk.code), place) || place->uid != 0)
		return true;
	web_reply_error(reply, 503, "temporary", "The message was stored, and it is not known where");
	return false;
}

bool draft_remove(struct mail *mail, const struct mail_place *place, struct web_reply *reply)
{
	struct err err;

	if (!mail_select(mail, place->folder, place->uidvalidity, reply))
		return false;
	imap_talk_begin(&mail->talk, "UID STORE ");
	conn_printf(imap_talk_conn(&mail->talk), "%u +FLAGS.SILENT (\\Deleted)", place->uid);
	if (imap_talk_finish(&mail->talk, NULL, NULL, &err) != 0)
		return mail_failed(mail, &err, reply);
	imap_talk_begin(&mail->talk, "UID EXPUNGE ");
	conn_printf(imap_talk_conn(&mail->talk), "%u", place->uid);
	return imap_talk_finish(&mail->talk, NULL, NULL, &err) == 0 || mail_failed(mail, &err, reply);
}

bool draft_folder(struct mail *mail, const char *use, const char *name, char *folder, struct web_reply *reply)
{
	struct err err;

	if (!mail_special(mail, use, folder, reply))
		return false;
	if (folder[0] != '\0')
		return true;
	str_copy(str_of(name), folder, MAIL_FOLDER_MAX);
	imap_talk_begin(&mail->talk, "CREATE ");
	imap_talk_mailbox(&mail->talk, str_of(folder));
	conn_printf(imap_talk_conn(&mail->talk), " (USE (%s))", use);
	return imap_talk_finish(&mail->talk, NULL, NULL, &err) == 0 || mail_failed(mail, &err, reply);
}

static bool find_drafts(struct mail *mail, char *folder, struct web_reply *reply)
{
	return draft_folder(mail, "\\Drafts", "Drafts", folder, reply);
}

static void reply_place(const struct mail_place *place, struct web_reply *reply)
{
	web_reply_json(reply, 201,
	               json_pack("{s:s%, s:I, s:I}", "folder", place->folder.data, place->folder.len, "uidvalidity",
	                         (json_int_t)place->uidvalidity, "uid", (json_int_t)place->uid));
}

/* The draft lies where the one lay that it replaces, else where drafts are. */
static bool store_draft(struct mail *mail, const struct letter *letter, struct mail_place *replaces,
                        struct web_reply *reply)
{
	char folder[MAIL_FOLDER_MAX];
	struct mail_place place = {.uid = 0};

	if (replaces->uid != 0) {
		if (!mail_select(mail, replaces->folder, replaces->uidvalidity, reply) ||
		    !draft_store(mail, letter, replaces->folder, "\\Draft \\Seen", replaces->uid, &place, reply))
			return false;
	} else if (!find_drafts(mail, folder, reply) ||
	           !draft_store(mail, letter, str_of(folder), "\\Draft \\Seen", 0, &place, reply)) {
		return false;
	}
	reply_place(&place, reply);
	return true;
}

void mail_draft_save(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	struct mail *mail = mail_open(web, request, reply);
	json_t *body = mail != NULL ? web_json(request, reply) : NULL;
	struct mail_place replaces;
	struct letter letter = {.fd = -1};

	if (body == NULL)
		return;
	if (draft_replaces(body, &replaces, reply) && letter_compose(web, mail, request, body, true, &letter, reply)) {
		store_draft(mail, &letter, &replaces, reply);
		letter_end(&letter);
	}
	json_decref(body);
}

void mail_draft_delete(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	struct mail *mail = mail_open(web, request, reply);
	char folder[MAIL_FOLDER_MAX];
	struct mail_place place;

	if (mail == NULL || !find_drafts(mail, folder, reply) || !mail_place(request, &place, reply))
		return;
	if (str_equal(place.folder, str_of(folder)))
		draft_remove(mail, &place, reply);
	else
		web_reply_error(reply, 422, "refused", "That is no draft");
}

/* The fields of a draft but those that say how its body is made. */
static int write_fields(int fd, const struct mime_source *source, const struct mime_part *root, struct err *err)
{
	struct buf header;
	struct mime_field field;
	struct str rest;
	int result;

	buf_init(&header, MIME_HEADER_MAX);
	result = mime_read(source, root->header_at, root->header_len, &header, err);
	rest = buf_str(&header);
	while (result == 0 && mime_field_next(&rest, &field))
		if (!str_starts_nocase(field.name, STR("Content-")))
			result = io_write_all(fd, field.whole.data, field.whole.len, err);
	buf_free(&header);
	return result;
}

struct to_fd {
	struct mime_sink sink;
	int fd;
};

static int write_fd(struct mime_sink *sink, struct str bytes, struct err *err)
{
	return io_write_all(((struct to_fd *)sink)->fd, bytes.data, bytes.len, err) == 0 ? MIME_MORE : -1;
}

static int write_text(int fd, const char *format, const char *boundary, struct err *err)
{
	char text[4 * BOUNDARY_DIGITS + 100];
	int len = snprintf(text, sizeof text, format, boundary);

	return io_write_all(fd, text, (size_t)len, err);
}

/* A message that was not mixed becomes the first part of one that is. */
static int write_as_part(int fd, const char *boundary, const struct mime_source *source, const struct mime_part *root,
                         struct err *err)
{
	struct to_fd to = {{write_fd}, fd};
	struct buf header;
	struct mime_field field;
	struct str rest;
	int result;

	buf_init(&header, MIME_HEADER_MAX);
	result = mime_read(source, root->header_at, root->header_len, &header, err);
	rest = buf_str(&header);
	if (result == 0)
		result = write_text(fd, "\r\n--%s\r\n", boundary, err);
	while (result == 0 && mime_field_next(&rest, &field))
		if (str_starts_nocase(field.name, STR("Content-")))
			result = io_write_all(fd, field.whole.data, field.whole.len, err);
	buf_free(&header);
	if (result != 0 || io_write_all(fd, "\r\n", 2, err) != 0)
		return -1;
	return mime_send(source, root->body_at, root->body_len, &to.sink, err) < 0 ? -1 : 0;
}

static int write_parts(int fd, const char *boundary, const struct mime_source *source, const struct mime_part *root,
                       struct err *err)
{
	struct to_fd to = {{write_fd}, fd};

	if (!mime_is(root, "multipart", "mixed"))
		return write_as_part(fd, boundary, source, root, err);
	for (const struct mime_part *part = root->first_child; part != NULL; part = part->next)
		if (write_text(fd, "\r\n--%s\r\n", boundary, err) != 0 ||
		    mime_send(source, part->header_at, part->body_at + part->body_len - part->header_at, &to.sink, err) < 0)
			return -1;
	return 0;
}

static int add_file(int fd, const struct mime_source *source, struct mime_part *root, const struct web_request *request,
                    struct err *err)
{
	struct str type = web_header(request, "Content-Type"), name = web_query(request, "name");
	char boundary[BOUNDARY_DIGITS + 1];

	io_random_hex(boundary, BOUNDARY_DIGITS);
	if (write_fields(fd, source, root, err) != 0 ||
	    write_text(fd, "Content-Type: multipart/mixed; boundary=\"%s\"\r\n\r\n", boundary, err) != 0 ||
	    write_parts(fd, boundary, source, root, err) != 0 ||
	    attach_file(fd, boundary, request->upload, request->upload_size, str_sub(name, 0, 200),
	                type.data != NULL ? type : STR(""), err) != 0)
		return -1;
	return write_text(fd, "\r\n--%s--\r\n", boundary, err);
}

void mail_draft_attach(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	struct mail *mail = mail_open(web, request, reply);
	struct letter letter = {.arena = request->arena, .fd = -1};
	struct mail_place place;
	struct mime_source source;
	struct mime_part *root;
	struct err err;

	if (mail == NULL || !mail_place(request, &place, reply) || !mail_read(web, mail, &place, reply))
		return;
	source = mime_source_file(mail->message.fd, 0, mail->message.size);
	letter.fd = mail_scratch(web, &err);
	if (letter.fd < 0 || mime_parse(&source, request->arena, &root, &err) != 0 ||
	    add_file(letter.fd, &source, root, request, &err) != 0) {
		web_reply_err(reply, &err);
	} else {
		letter.size = lseek(letter.fd, 0, SEEK_END);
		store_draft(mail, &letter, &place, reply);
	}
	letter_end(&letter);
}
