/* imapd: CATENATE (RFC 4469): a message put together from texts and parts of messages that are there. */
#include "imapd/upload.h"
#include "imapd/url.h"

static bool refused(struct session *session)
{
	imap_refuse(session);
	return false;
}

/* Where the octets of a URL go. */
struct catenating {
	struct mime_sink sink;
	struct upload *upload;
};

static int add_piece(struct mime_sink *sink, struct str bytes, struct err *err)
{
	if (upload_add(((struct catenating *)sink)->upload, bytes))
		return MIME_MORE;
	return err_set(err, ERR_LIMIT, "the message is too large"); /* upload_add has noted what to answer */
}

static int copy_url(struct upload *upload, const struct imap_url *url, struct err *err)
{
	struct catenating catenating = {.sink = {add_piece}, .upload = upload};
	struct url_target target;
	int result;

	if (url_open(upload->session, url, &target, err) != 0)
		return -1;
	result = url_send(&target, &catenating.sink, err);
	url_close(&target);
	return result < 0 ? -1 : 0;
}

/* RFC 4469 4.1: the response code holds the URL; what may not stand in a code is left out of it. */
static void note_bad_url(struct session *session, struct str url, const struct err *err)
{
	char *shown = arena_text(&session->arena, url);
	size_t kept = 0;

	for (size_t i = 0; i < url.len; i++)
		if (url.data[i] >= ' ' && url.data[i] < 0x7f && url.data[i] != ']' && url.data[i] != '\\')
			shown[kept++] = url.data[i];
	shown[kept] = '\0';
	imap_no(session, arena_printf(&session->arena, "BADURL %s", shown).data, "%s", err->text);
}

static bool take_url(struct upload *upload)
{
	struct session *session = upload->session;
	struct imap_url url;
	struct str text;
	struct err err;

	if (!imap_parse_space(&session->parser) || !imap_parse_astring(&session->parser, &text))
		return refused(session);
	/* RFC 4469 section 3: relative ones alone */
	if (!url_parse(session, text, &url) || url.is_absolute) {
		err_set(&err, ERR_SYNTAX, "That is not a relative URL of a message");
		note_bad_url(session, text, &err);
		return false;
	}
	if (copy_url(upload, &url, &err) == 0)
		return true;
	if (err.code == ERR_NOT_FOUND)
		note_bad_url(session, text, &err);
	else if (err.code != ERR_LIMIT)
		imap_no_store(session, &err);
	return false;
}

bool catenate_take(struct upload *upload)
{
	struct session *session = upload->session;
	struct imap_parser *parser = &session->parser;

	if (!imap_parse_space(parser) || !imap_parse_open(parser))
		return refused(session);
	do {
		if (imap_skip_word(parser, "TEXT")) {
			if (!imap_parse_space(parser))
				return refused(session);
			if (!upload_literal(upload, false))
				return false;
		} else if (imap_skip_word(parser, "URL")) {
			if (!take_url(upload))
				return false;
		} else {
			imap_fail(parser, IMAP_BAD, "TEXT or URL is expected");
			return refused(session);
		}
	} while (imap_skip_char(parser, ' '));
	return imap_parse_close(parser) || refused(session);
}
