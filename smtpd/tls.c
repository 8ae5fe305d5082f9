#include "smtpd/smtpd.h"

#include "common/base/log.h"

bool tls_is_needed(const struct session *session)
{
	/* also where the certificate is gone: what is required stays so */
	return !session->conn.tls_active && session->encryption == SERVICE_REQUIRED;
}

bool tls_is_offered(const struct session *session)
{
	return !session->conn.tls_active && session->smtpd->tls.context != NULL && session->encryption != SERVICE_CLEAR;
}

int tls_begin(struct session *session)
{
	struct err err;

	if (conn_accept_tls(&session->conn, session->smtpd->tls.context, &err) == 0) {
		status_tls(&session->status);
		return 0;
	}
	log_info("TLS failed: %s client=%s service=%s", err.text, session->peer, session->service);
	session->closing = true;
	return -1;
}

void command_starttls(struct session *session, struct str argument)
{
	(void)argument;
	if (session->conn.tls_active) {
		reply(session, 503, "5.5.1", "TLS is active already");
	} else if (!tls_is_offered(session)) {
		reply(session, 502, "5.5.1", "Command not implemented");
	} else if (conn_has_input(&session->conn)) {
		/* RFC 3207 6: what was sent in clear would be taken for a command given under TLS */
		conn_drop_input(&session->conn);
		reply(session, 501, "5.5.4", "Nothing may follow STARTTLS before its answer");
	} else {
		reply(session, 220, "2.0.0", "Ready to start TLS");
		if (tls_begin(session) != 0)
			return;
		/* RFC 3207 4.2: what the client said in clear is forgotten, and who it was: another may have said it */
		transaction_reset(session);
		session->user[0] = '\0';
		session->login_token[0] = '\0';
		session->helo[0] = '\0';
		session->is_extended = false;
	}
}
