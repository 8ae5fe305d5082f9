#include "smtpd/smtpd.h"

#include <time.h>

const char *session_protocol(const struct session *session)
{
	static const char *const words[2][2][2] = {
	    {{"ESMTP", "ESMTPA"}, {"ESMTPS", "ESMTPSA"}},
	    {{"UTF8SMTP", "UTF8SMTPA"}, {"UTF8SMTPS", "UTF8SMTPSA"}},
	};

	if (!session->is_extended)
		return "SMTP";
	return words[session->transaction.mail.smtputf8][session->conn.tls_active][session->user[0] != '\0'];
}

/* RFC 5322 3.3 date-time, in local time. */
static const char *date_text(char *out, size_t size)
{
	time_t now = time(NULL);
	struct tm local;

	localtime_r(&now, &local);
	strftime(out, size, "%a, %d %b %Y %H:%M:%S %z", &local);
	return out;
}

/* The client's address as RFC 5321 4.1.3 writes one. */
static struct str peer_literal(struct session *session)
{
	if (session->is_local)
		return STR("local");
	return arena_printf(&session->command_arena, "[%s%s]", strchr(session->peer, ':') != NULL ? "IPv6:" : "",
	                    session->peer);
}

/* Where it came from: RFC 5321 4.4 From-domain, or what hides it. */
static struct str origin(struct session *session)
{
	if (settings_flag(&session->smtpd->settings, SETTING_HIDE_ADDRESSES) && !session->is_local)
		return STR("user");
	return arena_printf(&session->command_arena, "%s (%.*s)", session->helo, STR_ARG(peer_literal(session)));
}

struct str received_field(struct session *session, const char *id)
{
	struct arena *arena = &session->command_arena;
	const struct transaction *transaction = &session->transaction;
	bool anonymous = settings_flag(&session->smtpd->settings, SETTING_ANONYMISE);
	struct str tls = STR(""), recipient = STR("");
	char date[64];

	if (session->conn.tls_active)
		tls = arena_printf(arena, "\r\n\t(%s)", conn_tls_text(&session->conn, arena));
	if (transaction->count == 1) /* of several, each would see the others (RFC 5321 7.6) */
		recipient = arena_printf(arena, "\r\n\tfor <%.*s>", STR_ARG(transaction->recipients[0].address));
	return arena_printf(arena, "Received: from %.*s\r\n\tby %s%s with %s%.*s\r\n\tid %s%.*s;\r\n\t%s\r\n",
	                    STR_ARG(origin(session)), session_host(session), anonymous ? "" : " (Postroom)",
	                    session_protocol(session), STR_ARG(tls), id, STR_ARG(recipient), date_text(date, sizeof date));
}

struct str missing_fields(struct session *session, const char *id, bool date, bool message_id)
{
	struct arena *arena = &session->command_arena;
	struct str date_field = STR(""), id_field = STR("");
	char text[64];

	if (date)
		date_field = arena_printf(arena, "Date: %s\r\n", date_text(text, sizeof text));
	if (message_id)
		id_field = arena_printf(arena, "Message-ID: <%s@%s>\r\n", id, session_host(session));
	return arena_printf(arena, "%.*s%.*s", STR_ARG(date_field), STR_ARG(id_field));
}
