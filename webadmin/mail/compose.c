#include "webadmin/mail/compose.h"

#include "common/base/io.h"
#include "common/mime/encode.h"
#include "common/mime/header.h"
#include "common/mime/markup.h"
#include "webadmin/mail/message.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum {
	HEADER_MAX = 256 << 10,
	TEXT_MAX = 8 << 20, /* octets of text, and of HTML */
	BOUNDARY_DIGITS = 32,
	REFERENCES_MAX = 20, /* ids of a thread that are named: its first one and the last of the others */
};

/* A letter while it is made. */
struct making {
	struct web *web;
	struct mail *mail;
	const struct web_request *request;
	const json_t *body;
	bool is_draft;
	struct letter *letter;
	struct web_reply *reply;
	struct buf out;
};

static bool failed(const struct making *making, const struct err *err)
{
	web_reply_err(making->reply, err);
	return false;
}

static bool add_field(struct making *making, const char *name, const char *key, bool are_recipients, struct buf *out)
{
	const struct letter_field field = {
	    .name = name, .key = key, .is_strict = !making->is_draft, .are_recipients = are_recipients};
	struct str text = mail_json_string(making->body, key);

	making->letter->first = STR("");
	return letter_add_addresses(making->web, making->letter, &field, text, out, making->reply);
}

static bool add_from(struct making *making)
{
	struct letter *letter = making->letter;

	if (!add_field(making, "From", "from", false, &making->out))
		return false;
	letter->from = letter->first;
	if (letter->from.len > 0)
		return true;
	letter->from = letter_default_from(making->web, &making->request->visitor, letter->arena);
	buf_printf(&making->out, "From: %.*s\r\n", STR_ARG(letter->from));
	return true;
}

/* What own copies have on top: Bcc, and of a draft what it answers. */
static bool add_on_top(struct making *making)
{
	static const char *const kinds[] = {"new", "reply", "forward"};
	struct letter *letter = making->letter;
	struct buf fields;
	bool added;

	buf_init(&fields, HEADER_MAX);
	added = add_field(making, "Bcc", "bcc", true, &fields);
	letter->on_top = arena_copy(letter->arena, buf_str(&fields));
	if (letter->kind != LETTER_NEW && making->is_draft) {
		buf_printf(&fields, "X-Postroom-Answers: %s %u %u ", kinds[letter->kind], letter->answers.uidvalidity,
		           letter->answers.uid);
		mime_encode_text(letter->answers.folder, 60, &fields);
		buf_add_str(&fields, STR("\r\n"));
		letter->on_top = arena_copy(letter->arena, buf_str(&fields));
	}
	buf_free(&fields);
	return added;
}

/* The ids of what is answered (RFC 5322 3.6.4). */
static bool add_ancestors(struct making *making)
{
	struct arena *arena = making->letter->arena;
	struct mime_field field;
	struct mime_part *root;
	struct mime_source source;
	struct mime_ids ids = {NULL, 0}, own;
	struct buf header;
	struct err err;

	if (!mail_read(making->web, making->mail, &making->letter->answers, making->reply))
		return false;
	source = mime_source_file(making->mail->message.fd, 0, making->mail->message.size);
	if (mime_parse_header(&source, arena, &root, &err) != 0)
		return failed(making, &err);
	mime_parse_ids(root->envelope->message_id.data != NULL ? root->envelope->message_id : STR(""), arena, &own);
	if (own.count == 0)
		return true;
	buf_init(&header, MIME_HEADER_MAX);
	if (mime_read(&source, root->header_at, root->header_len, &header, &err) == 0 &&
	    mime_field_find(buf_str(&header), STR("References"), &field))
		mime_parse_ids(arena_copy(arena, field.value), arena, &ids);
	buf_free(&header);
	buf_printf(&making->out, "In-Reply-To: <%.*s>\r\nReferences:", STR_ARG(own.list[0]));
	for (size_t i = 0; i < ids.count; i++)
		if (i == 0 || ids.count - i < REFERENCES_MAX)
			buf_printf(&making->out, " <%.*s>\r\n", STR_ARG(ids.list[i]));
	buf_printf(&making->out, " <%.*s>\r\n", STR_ARG(own.list[0]));
	return true;
}

static bool read_answers(struct making *making)
{
	const json_t *answers = json_object_get(making->body, "answers");
	struct str kind = mail_json_string(answers, "kind");

	if (!json_is_object(answers))
		return true;
	making->letter->kind = str_equal(kind, STR("forward")) ? LETTER_FORWARD : LETTER_REPLY;
	return mail_place_of(answers, &making->letter->answers, making->reply);
}

static void add_wishes(struct making *making)
{
	const json_t *body = making->body;

	if (json_is_true(json_object_get(body, "receipt")))
		buf_printf(&making->out, "Disposition-Notification-To: <%.*s>\r\n", STR_ARG(making->letter->from));
	if (str_equal(mail_json_string(body, "priority"), STR("high")))
		buf_add_str(&making->out, STR("Importance: high\r\nX-Priority: 1\r\n"));
	else if (str_equal(mail_json_string(body, "priority"), STR("low")))
		buf_add_str(&making->out, STR("Importance: low\r\nX-Priority: 5\r\n"));
}

/* When it is to go; its date is that time then, as that is when others are to see it among their mail. */
static bool read_time(struct making *making)
{
	const json_t *at = json_object_get(making->body, "at");
	json_int_t seconds = json_integer_value(at);

	if (making->is_draft || at == NULL || json_is_null(at))
		return true;
	if (!json_is_integer(at) || seconds <= (json_int_t)time(NULL)) {
		web_reply_field_error(making->reply, 422, "syntax", "at", STR("That is no time to come"));
		return false;
	}
	making->letter->at = seconds;
	return true;
}

static bool add_header(struct making *making)
{
	struct letter *letter = making->letter;
	struct buf *out = &making->out;
	char id[BOUNDARY_DIGITS + 1];

	if (!read_answers(making) || !read_time(making) || !add_from(making) || !add_field(making, "To", "to", true, out) ||
	    !add_field(making, "Cc", "cc", true, out) || !add_on_top(making))
		return false;
	if (!making->is_draft && letter->recipient_count == 0) {
		web_reply_field_error(making->reply, 422, "syntax", "to", STR("Nobody is named to whom it should go"));
		return false;
	}
	buf_add_str(out, STR("Subject: "));
	mime_encode_text(mail_json_string(making->body, "subject"), sizeof "Subject: " - 1, out);
	buf_add_str(out, STR("\r\nDate: "));
	mime_format_date(letter->at != 0 ? (time_t)letter->at : time(NULL), out);
	io_random_hex(id, BOUNDARY_DIGITS);
	buf_printf(out, "\r\nMessage-ID: <%s@%s>\r\n", id, settings_default_domain(making->web->settings));
	if (letter->kind != LETTER_NEW && !add_ancestors(making))
		return false;
	add_wishes(making);
	buf_add_str(out, STR("MIME-Version: 1.0\r\n"));
	return true;
}

static void add_text_part(struct buf *out, const char *subtype, struct str text)
{
	buf_printf(out, "Content-Type: text/%s; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n",
	           subtype);
	mime_encode_quoted(text, out);
}

/* The text, or the text and HTML as alternatives. */
static void add_text(struct making *making)
{
	struct str html = mail_json_string(making->body, "html"), text = mail_json_string(making->body, "text");
	struct buf *out = &making->out;
	char boundary[BOUNDARY_DIGITS + 1];

	if (html.len == 0) {
		add_text_part(out, "plain", text);
		return;
	}
	io_random_hex(boundary, BOUNDARY_DIGITS);
	buf_printf(out, "Content-Type: multipart/alternative; boundary=\"%s\"\r\n\r\n--%s\r\n", boundary, boundary);
	add_text_part(out, "plain", text.len > 0 ? text : mime_html_to_plain(html, making->letter->arena));
	buf_printf(out, "\r\n--%s\r\n", boundary);
	add_text_part(out, "html", html);
	buf_printf(out, "\r\n--%s--\r\n", boundary);
}

static bool flush(struct making *making)
{
	struct err err;

	if (making->out.overflow) {
		web_reply_error(making->reply, 413, "limit", "The message is too long");
		return false;
	}
	if (io_write_all(making->letter->fd, making->out.data, making->out.len, &err) != 0)
		return failed(making, &err);
	buf_reset(&making->out);
	return true;
}

static bool attach(struct making *making, const json_t *item, const char *boundary)
{
	struct arena *arena = making->letter->arena;
	const struct mime_part *part;
	struct mime_part *root;
	struct mime_source source;
	struct mail_place place;
	struct err err;
	struct str number = mail_json_string(item, "part");
	int result;

	if (!mail_place_of(item, &place, making->reply) || !mail_read(making->web, making->mail, &place, making->reply))
		return false;
	source = mime_source_file(making->mail->message.fd, 0, making->mail->message.size);
	if (mime_parse(&source, arena, &root, &err) != 0)
		return failed(making, &err);
	part = number.len > 0 ? message_find_part(root, number) : root;
	if (part == NULL || (part != root && part->kind == MIME_MULTIPART)) {
		web_reply_field_error(making->reply, 422, "not-found", "attachments", STR("There is no such part"));
		return false;
	}
	if (number.len == 0) {
		struct str subject = root->envelope->subject.data != NULL ? root->envelope->subject : STR("message");

		result = attach_message(making->letter->fd, boundary, &source,
		                        arena_printf(arena, "%.*s.eml", STR_ARG(mime_decode_words(subject, arena))), &err);
	} else {
		result = attach_part(making->letter->fd, boundary, &source, part, arena, &err);
	}
	return result == 0 || failed(making, &err);
}

static bool add_bodies(struct making *making)
{
	const json_t *attachments = json_object_get(making->body, "attachments");
	char boundary[BOUNDARY_DIGITS + 1];

	if (json_array_size(attachments) > COMPOSE_ATTACHMENTS_MAX) {
		web_reply_field_error(making->reply, 422, "limit", "attachments", STR("These are too many attachments"));
		return false;
	}
	if (json_array_size(attachments) == 0) {
		add_text(making);
		return flush(making);
	}
	io_random_hex(boundary, BOUNDARY_DIGITS);
	buf_printf(&making->out, "Content-Type: multipart/mixed; boundary=\"%s\"\r\n\r\n--%s\r\n", boundary, boundary);
	add_text(making);
	if (!flush(making))
		return false;
	for (size_t i = 0; i < json_array_size(attachments); i++)
		if (!attach(making, json_array_get(attachments, i), boundary))
			return false;
	buf_printf(&making->out, "\r\n--%s--\r\n", boundary);
	return flush(making);
}

bool letter_compose(struct web *web, struct mail *mail, const struct web_request *request, const json_t *body,
                    bool is_draft, struct letter *letter, struct web_reply *reply)
{
	struct making making = {web, mail, request, body, is_draft, letter, reply, {0}};
	struct err err;
	bool made;

	*letter = (struct letter){.arena = request->arena, .fd = mail_scratch(web, &err)};
	if (letter->fd < 0) {
		web_reply_err(reply, &err);
		return false;
	}
	buf_init(&making.out, 4 * TEXT_MAX);
	made = add_header(&making) && add_bodies(&making);
	buf_free(&making.out);
	letter->size = made ? lseek(letter->fd, 0, SEEK_END) : 0;
	if (!made)
		letter_end(letter);
	return made;
}

void letter_end(struct letter *letter)
{
	if (letter->fd >= 0)
		close(letter->fd);
	letter->fd = -1;
}
