#include "noticed/noticed.h"

#include "common/base/log.h"
#include "common/mime/encode.h"

#include <string.h>
#include <sys/time.h>

enum { TEXT_MAX = 4 * NOTICE_TEXT_MAX }; /* with line ends, and as HTML */

/* Its lines with CRLF; other control characters become blanks. */
static void add_text(struct buf *text, struct str lines)
{
	while (lines.data != NULL && lines.len > 0) {
		struct str line = str_cut(&lines, '\n');

		for (size_t i = 0; i < line.len; i++)
			buf_add_char(text, (unsigned char)line.data[i] < 0x20 || line.data[i] == 0x7f ? ' ' : line.data[i]);
		buf_add_str(text, STR("\r\n"));
	}
}

static void add_from(struct buf *text, const struct settings *settings, struct str from)
{
	struct arena arena;

	arena_init(&arena);
	if (from.len == 0)
		buf_printf(text, "From: Mail System <%.*s>\r\n", STR_ARG(settings_server_address(settings, &arena)));
	else
		buf_printf(text, "From: <%.*s>\r\n", STR_ARG(from));
	arena_free(&arena);
}

static void add_plain(struct buf *text, const struct notice *notice)
{
	buf_add_str(text, STR("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"));
	add_text(text, notice->subject);
	if (notice->text.len > 0) {
		buf_add_str(text, STR("\r\n"));
		add_text(text, notice->text);
	}
}

static void add_escaped(struct buf *text, struct str plain)
{
	for (size_t i = 0; i < plain.len; i++)
		if (plain.data[i] == '<')
			buf_add_str(text, STR("&lt;"));
		else if (plain.data[i] == '&')
			buf_add_str(text, STR("&amp;"));
		else
			buf_add_char(text, plain.data[i]);
}

/* id is a boundary: no line of a notice can be one that begins with it, since it is random. */
static void add_alternatives(struct buf *text, const struct notice *notice, const char *id)
{
	struct buf lines;

	buf_printf(text, "Content-Type: multipart/alternative; boundary=\"%s\"\r\n\r\n--%s\r\n", id, id);
	add_plain(text, notice);
	buf_printf(text, "\r\n--%s\r\n", id);
	buf_add_str(text, STR("Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
	                      "<!DOCTYPE html>\r\n<html><body><h1>"));
	add_escaped(text, notice->subject);
	buf_add_str(text, STR("</h1>\r\n<pre style=\"font-family: monospace\">\r\n"));
	buf_init(&lines, TEXT_MAX);
	add_text(&lines, notice->text);
	add_escaped(text, buf_str(&lines));
	buf_free(&lines);
	buf_printf(text, "</pre></body></html>\r\n\r\n--%s--\r\n", id);
}

static void compose(struct buf *text, const struct settings *settings, const struct notice *notice, struct str from,
                    struct str address, const char *id, int64_t now)
{
	const char *host = settings_host_name(settings);

	add_from(text, settings, from);
	buf_printf(text, "To: <%.*s>\r\nSubject: ", STR_ARG(address));
	mime_encode_text(notice->subject, strlen("Subject: "), text);
	buf_add_str(text, STR("\r\nDate: "));
	mime_format_date(now, text);
	buf_printf(text, "\r\nMessage-ID: <%s@%s>\r\n", id, host);
	/* RFC 3834 5: nobody answers it by machine */
	buf_add_str(text, STR("Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"));
	buf_printf(text, "X-Postroom-Notice: %s; %s\r\n", notice->target[0] != '\0' ? notice->target : "other",
	           notice_severity_word(notice->severity));
	if (notice->html)
		add_alternatives(text, notice, id);
	else
		add_plain(text, notice);
}

int mail_write(const struct spool_drop *drop, const struct settings *settings, const struct notice *notice,
               struct str from, struct str address, struct err *err)
{
	struct spool_recipient recipient = {.address = address, .notify = SPOOL_NOTIFY_NEVER};
	struct spool_file file;
	struct spool_envelope envelope;
	struct timeval now;
	struct buf text;
	int result;

	gettimeofday(&now, NULL);
	spool_make_id(&file, drop->producer, STR(""));
	envelope = (struct spool_envelope){
	    .id = str_of(file.id),
	    .time_us = (int64_t)now.tv_sec * 1000000 + now.tv_usec,
	    .producer = str_of(drop->producer),
	    .service = STR("notice"),
	    .from = STR(""),
	    .protocol = STR("local"),
	    .body = STR("8BITMIME"),
	    .recipients = &recipient,
	    .recipient_count = 1,
	};
	buf_init(&text, 4 * TEXT_MAX);
	compose(&text, settings, notice, from, address, file.id, now.tv_sec);
	if (spool_begin(&file, drop, &envelope, err) != 0) {
		buf_free(&text);
		return -1;
	}
	result = spool_write(&file, buf_str(&text), err);
	buf_free(&text);
	if (result != 0) {
		spool_abort(&file);
		return -1;
	}
	if (spool_commit(&file, err) != 0)
		return -1;
	log_info("id=%s notice to=<%.*s> about=%s", file.id, STR_ARG(address), notice->target);
	return 0;
}
