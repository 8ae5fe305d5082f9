#include "smtpd/smtpd.h"

#include "common/base/log.h"
#include "common/base/moment.h"

#include <stdio.h>
#include <time.h>

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

/* Is the client's name one that smtp.refuse-helo does not want? It is told so then. */
static bool is_unwanted(struct session *session)
{
	struct str rest = str_of(settings_text(&session->smtpd->settings, SETTING_SMTP_REFUSE_HELO)), part;

	while ((part = str_cut_item(&rest)).len > 0)
		if (str_matches_wildcard(str_of(session->helo),
		                         arena_printf(&session->command_arena, "*%.*s*", STR_ARG(part)))) {
			log_info("connection refused by its name, helo=%s client=%s service=%s", session->helo, session->peer,
			         session->service);
			session->helo[0] = '\0';
			reply(session, 550, "5.7.1", "Connections from there are not accepted");
			return true;
		}
	return false;
}

void command_helo(struct session *session, struct str argument)
{
	if (!keep_helo(session, argument)) {
		reply(session, 501, "5.5.4", "Say HELO and your host name");
		return;
	}
	if (is_unwanted(session))
		return;
	session->is_extended = false;
	transaction_reset(session);
	hooks_at_helo(session);
	reply(session, 250, NULL, "%s Hello %s, I'm pleased to meet you", session_host(session), session->helo);
}

/* One a line; the order is that of the specification's sample, HELP last. */
static struct str capabilities(struct session *session)
{
	struct arena *arena = &session->command_arena;
	struct str mechanisms = auth_mechanisms(session), domain = session_default_domain(session), lines = STR("");
	int64_t future = session_future_release(session);

	if (mechanisms.len != 0)
		lines = arena_printf(arena, "AUTH %.*s\n", STR_ARG(mechanisms));
	lines = arena_printf(arena, "%.*sSIZE %llu\nPIPELINING\n8BITMIME\nSMTPUTF8\n%sENHANCEDSTATUSCODES\nCHUNKING\n",
	                     STR_ARG(lines), (unsigned long long)session_max_size(session),
	                     settings_flag(&session->smtpd->settings, SETTING_SMTP_DSN) ? "DSN\n" : "");
	if (session->conn.tls_active) /* RFC 8689 section 2: never before */
		lines = arena_printf(arena, "%.*sREQUIRETLS\n", STR_ARG(lines));
	if (tls_is_offered(session))
		lines = arena_printf(arena, "%.*sSTARTTLS\n", STR_ARG(lines));
	if (future > 0)
		lines = arena_printf(arena, "%.*sFUTURERELEASE %lld %.*s\n", STR_ARG(lines), (long long)future,
		                     STR_ARG(moment_format((int64_t)time(NULL) + future, arena)));
	if (session->relay.may_verify)
		lines = arena_printf(arena, "%.*sVRFY\nEXPN\n", STR_ARG(lines));
	if (domain.len != 0) /* for sendmail(1), which has no settings to read */
		lines = arena_printf(arena, "%.*sXDOMAIN %.*s\n", STR_ARG(lines), STR_ARG(domain));
	return arena_printf(arena, "%.*sHELP", STR_ARG(lines));
}

/* RFC 5321 4.1.1.1 */
void command_ehlo(struct session *session, struct str argument)
{
	struct str rest, line;

	if (!keep_helo(session, argument)) {
		reply(session, 501, "5.5.4", "Say EHLO and your host name");
		return;
	}
	if (is_unwanted(session))
		return;
	session->is_extended = true;
	transaction_reset(session);
	hooks_at_helo(session);
	rest = hooks_capabilities(session, capabilities(session));
	reply_line(session, 250, "%s Hello %s, I'm pleased to meet you", session_host(session), session->helo);
	for (line = str_cut(&rest, '\n'); rest.data != NULL; line = str_cut(&rest, '\n'))
		reply_line(session, 250, "%.*s", STR_ARG(line));
	reply(session, 250, NULL, "%.*s", STR_ARG(line));
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
