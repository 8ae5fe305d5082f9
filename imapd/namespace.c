/* imapd: NAMESPACE (RFC 9051 6.3.10), ID (RFC 2971), COMPRESS (RFC 4978). */
#include "common/base/log.h"
#include "common/imap/id.h"
#include "imapd/imapd.h"

void command_namespace(struct session *session)
{
	if (imap_parse_end(&session->parser))
		conn_write(&session->conn, STR("* NAMESPACE ((\"\" \"/\")) ((\"#users/\" \"/\")) NIL\r\n"));
	else
		imap_refuse(session);
}

void command_id(struct session *session)
{
	struct str client;

	if (!imap_parse_id(&session->parser, &client)) {
		imap_refuse(session);
		return;
	}
	if (client.len > 0)
		log_info("client, user=%s id=%.*s", session->user, STR_ARG(client));
	imap_write_id(&session->conn, settings_flag(&session->imapd->settings, SETTING_ANONYMISE));
}

void command_compress(struct session *session)
{
	struct imap_parser *parser = &session->parser;
	struct str mechanism;

	if (!imap_parse_space(parser) || !imap_parse_atom(parser, &mechanism) || !imap_parse_end(parser))
		imap_refuse(session);
	else if (!str_equal_nocase(mechanism, STR("DEFLATE")))
		imap_bad(session, "The only compression is DEFLATE");
	else if (session->compress)
		imap_no(session, "COMPRESSIONACTIVE", "The connection is compressed already");
	else
		session->compress = true; /* from behind the tagged answer on */
}
