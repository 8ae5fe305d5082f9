#include "smtpd/smtpd.h"

#include <stdio.h>

/*
 * Keep the client's name with characters that are harmless in a header field and in an answer. RFC 5321 4.1.4: a name
 * that is wrong, or not the client's, is no reason to refuse mail.
 */
static bool keep_helo(struct session *session, struct str name)
{
	struct str kept = name;

	if (name.len == 0 || name.len >= HELO_MAX || str_find_char(name, ' ') >= 0 || str_find_char(name, '\t') >= 0)
		return false;
	if (addr_is_domain(name) && addr_normalise_domain(name, &session->command_arena, &kept, NULL) == 0 &&
	    str_equal_nocase(kept, name))
		kept = name; /* nothing but the case would differ */
	str_copy(kept, session->helo, sizeof session->helo);
	for (char *c = session->helo; *c != '\0'; c++)
		if (strchr("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-_:[]", *c) == NULL)
			*c = '?';
	return true;
}

void command_helo(struct session *session, struct str argument)
{
	if (!keep_helo(session, argument)) {
		reply(session, 501, "5.5.4", "Say HELO and your host name");
		return;
	}
	session->is_extended = false;
	transaction_reset(session);
	reply(session, 250, NULL, "%s Hello %s, I'm pleased to meet you", session_host(session), session->helo);
}

/* RFC 5321 4.1.1.1; the order is that of the specification's sample, HELP last. */
void command_ehlo(struct session *session, struct str argument)
{
	struct str mechanisms;

	if (!keep_helo(session, argument)) {
		reply(session, 501, "5.5.4", "Say EHLO and your host name");
		return;
	}
	session->is_extended = true;
	transaction_reset(session);
	reply_line(session, 250, "%s Hello %s, I'm pleased to meet you", session_host(session), session->helo);
	mechanisms = auth_mechanisms(session);
	if (mechanisms.len != 0)
		reply_line(session, 250, "AUTH %.*s", STR_ARG(mechanisms));
	reply_line(session, 250, "SIZE %lld", (long long)settings_number(&session->smtpd->settings, SETTING_SMTP_MAX_SIZE));
	reply_line(session, 250, "PIPELINING");
	reply_line(session, 250, "8BITMIME");
	reply_line(session, 250, "SMTPUTF8");
	reply_line(session, 250, "DSN");
	reply_line(session, 250, "ENHANCEDSTATUSCODES");
	if (tls_is_offered(session))
		reply_line(session, 250, "STARTTLS");
	if (session->relay.may_verify) {
		reply_line(session, 250, "VRFY");
		reply_line(session, 250, "EXPN");
	}
	if (session_default_domain(session).len != 0) /* for sendmail(1), which has no settings to read */
		reply_line(session, 250, "XDOMAIN %.*s", STR_ARG(session_default_domain(session)));
	reply(session, 250, NULL, "HELP");
}

void command_noop(struct session *session, struct str argument)
{
	(void)argument; /* RFC 5321 4.1.1.9: a parameter is ignored */
	reply(session, 250, "2.0.0", "OK");
}

void command_rset(struct session *session, struct str argument)
{
	(void)argument;
	transaction_reset(session);
	reply(session, 250, "2.0.0", "OK");
}

void command_quit(struct session *session, struct str argument)
{
	(void)argument;
	reply(session, 221, "2.0.0", "Bye, see you later");
	session->closing = true;
}

void command_help(struct session *session, struct str argument)
{
	(void)argument;
	reply(session, 214, "2.0.0", "EHLO HELO MAIL RCPT DATA RSET NOOP QUIT HELP STARTTLS AUTH: RFC 5321");
}

/* A browser, or what a web page made it send (RFC 5321 knows no such verbs): its lines are no mail. */
void command_http(struct session *session, struct str argument)
{
	(void)argument;
	reply(session, 421, "4.7.0", "This is a mail server");
	session->closing = true;
}
