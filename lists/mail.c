#include "lists/lists.h"

#include "common/base/io.h"
#include "common/mime/encode.h"

#include <stdio.h>

enum { HEADER_MAX = 16 * 1024, BOUNDARY_DIGITS = 32 };

static void add_header(const struct listd *listd, const struct mail *mail, const char *id, struct buf *out)
{
	buf_printf(out, "From: %s <%.*s>\r\nTo: <%.*s>\r\n", mail->name != NULL ? mail->name : "ListServer",
	           STR_ARG(mail->server), STR_ARG(mail->to));
	if (mail->reply_to.len > 0)
		buf_printf(out, "Reply-To: <%.*s>\r\n", STR_ARG(mail->reply_to));
	buf_add_str(out, STR("Subject: "));
	mime_encode_text(mail->subject, sizeof "Subject: ", out);
	buf_add_str(out, STR("\r\nDate: "));
	mime_format_date(listd_time(), out);
	buf_printf(out, "\r\nMessage-ID: <%s@%s>\r\nAuto-Submitted: %s\r\nMIME-Version: 1.0\r\n", id,
	           settings_host_name(&listd->settings), mail->is_answer ? "auto-replied" : "auto-generated");
}

static void add_text(const struct mail *mail, struct buf *out)
{
	buf_add_str(out, STR("Content-Type: text/plain; charset=utf-8\r\n"
	                     "Content-Transfer-Encoding: quoted-printable\r\n\r\n"));
	mime_encode_quoted(mail->text, out);
}

/* The message as one member would get it. */
static int copy_attached(const struct mail *mail, struct spool_file *file, struct err *err)
{
	char to[512];
	int len = mail->to_at < 0 ? 0 : snprintf(to, sizeof to, "To: <%.*s>\r\n", STR_ARG(mail->attached_to));
	int64_t at = mail->to_at < 0 ? 0 : mail->to_at;

	if (len < 0 || (size_t)len >= sizeof to)
		len = 0;
	return outbox_copy(file, mail->attached, 0, at, err) != 0 ||
	               spool_write(file, str_from(to, (size_t)len), err) != 0 ||
	               outbox_copy(file, mail->attached, at, mail->attached_size - at, err) != 0
	           ? -1
	           : 0;
}

static int write_mail(const struct listd *listd, const struct mail *mail, struct spool_file *file, struct buf *out,
                      struct err *err)
{
	char boundary[BOUNDARY_DIGITS + 1];

	add_header(listd, mail, file->id, out);
	if (mail->attached < 0) {
		add_text(mail, out);
		return spool_write(file, buf_str(out), err);
	}
	io_random_hex(boundary, BOUNDARY_DIGITS);
	buf_printf(out, "Content-Type: multipart/mixed; boundary=\"%s\"\r\n\r\n--%s\r\n", boundary, boundary);
	add_text(mail, out);
	buf_printf(out, "\r\n--%s\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\n", boundary);
	if (spool_write(file, buf_str(out), err) != 0 || copy_attached(mail, file, err) != 0)
		return -1;
	buf_reset(out);
	buf_printf(out, "\r\n--%s--\r\n", boundary);
	return spool_write(file, buf_str(out), err);
}

int mail_send(struct listd *listd, const struct mail *mail, struct err *err)
{
	struct spool_recipient to = {.address = mail->to, .notify = SPOOL_NOTIFY_NEVER};
	struct spool_envelope envelope = {
	    .service = STR("listserver"),
	    .parent = mail->parent,
	    .body = mail->attached >= 0 ? STR("8BITMIME") : STR("7BIT"),
	    .recipients = &to,
	    .recipient_count = 1,
	};
	struct spool_file file;
	struct buf out;
	int result;

	if (outbox_begin(listd, &file, &envelope, err) != 0)
		return -1;
	buf_init(&out, HEADER_MAX + 4 * mail->text.len);
	result = write_mail(listd, mail, &file, &out, err);
	if (result == 0 && out.overflow)
		result = err_set(err, ERR_LIMIT, "the mail is too long");
	buf_free(&out);
	if (result == 0)
		return outbox_add(listd, &file, err);
	spool_abort(&file);
	return -1;
}
