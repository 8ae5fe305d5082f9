/* imap-login: LOGIN and AUTHENTICATE, and what follows when they are right. */
#include "imapd/login/login.h"

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/login/handover.h"

/*
 * The limits of logins, tested where the connection can stay; imapd takes the slots for as long as its session lasts.
 * NULL: there is room.
 */
static const char *full(struct login *login, const char *user)
{
	const struct settings *settings = &login->service->settings;
	char address[STATUS_TEXT_MAX];
	const struct status_slot of_user = {
	    .class = STATUS_IMAP_LOGIN, .key = user, .limit = (long)settings_number(settings, SETTING_IMAP_LOGINS)};
	const struct status_slot of_address = {.class = STATUS_IMAP_CONNECTION,
	                                       .key = status_address_key(login->conn.peer, address),
	                                       .limit = (long)settings_number(settings, SETTING_IMAP_CONNECTIONS)};
	struct err err;
	const char *text = NULL;

	if (status_acquire(&login->status, &of_user, &err) != 0)
		return "Too many logins for this user";
	if (address[0] != '\0') {
		if (status_acquire(&login->status, &of_address, &err) != 0)
			text = "Too many connections from this address!";
		else
			status_release(&login->status, STATUS_IMAP_CONNECTION);
	}
	status_release(&login->status, STATUS_IMAP_LOGIN);
	return text;
}

/* The login is right: imapd answers it and goes on, or the client hears that it cannot. */
static void hand_over(struct login *login, const struct sasl_grant *grant)
{
	struct conn *conn = &login->conn;
	char tag[IMAP_TAG_MAX + 1];
	const struct handover handover = {
	    .ticket = grant->ticket, .service = login->service_id, .tag = str_from(tag, login->tag.len)};
	const char *limit = full(login, grant->user);
	struct err err;

	if (limit != NULL) {
		log_info("login refused, user=%s peer=%s: %s", grant->user, conn->peer, limit);
		login_answer(login, "NO", "LIMIT", limit);
		return;
	}
	login->ended = true;
	conn->deadline_ms = 0;
	ipc_close(&login->authd); /* under TLS this process lives on, and needs nothing more of these */
	status_hand_over(&login->status);
	transcript_end(&login->transcript);
	script_close(&login->script);
	str_copy(login->tag, tag, sizeof tag);
	arena_wipe(&login->arena);
	arena_free(&login->arena);
	login->tag = handover.tag;
	if (conn_flush(conn, &err) != 0 || handover_send(&login->imapd, conn, &handover, &err) == 0)
		return;
	log_warning("cannot hand the session to imapd: %s", err.text);
	login_answer(login, "NO", "UNAVAILABLE", "The mailbox cannot be opened at the moment");
	conn_write(conn, STR("* BYE The mailbox cannot be opened at the moment\r\n"));
}

/* 05-13.2: the last failure is answered too, then the connection closes. */
static void fail(struct login *login, const struct sasl_grant *tried)
{
	status_event(&login->status, POLICY_BAD_LOGIN, str_of(tried->user));
	login_answer(login, "NO", "AUTHENTICATIONFAILED", "Login failed");
	if (++login->failures < settings_number(&login->service->settings, SETTING_LOGIN_MAX_FAILURES) &&
	    !gate_was_shut(&login->service->known, login->conn.peer))
		return;
	conn_write(&login->conn, STR("* BYE Too many failed logins\r\n"));
	login->ended = true;
}

/* Rules of the access list may be for some users: to anybody else it looks like a wrong password. */
static bool is_welcome(struct login *login, const struct sasl_grant *grant)
{
	if (access_allows_user(&login->service->decision, grant->uid))
		return true;
	log_info("login refused by the access list, service=imap user=%s peer=%s", grant->user, login->conn.peer);
	status_security(&login->status, grant->user, STATUS_BY_ACCESS_LIST);
	return false;
}

/* authd has logged who it was; here the client is told. */
static void conclude(struct login *login, enum sasl_result result, const struct sasl_grant *grant,
                     const struct err *err)
{
	if (result == SASL_GRANTED && !is_welcome(login, grant))
		result = SASL_DENIED;
	switch (result) {
	case SASL_GRANTED:
		hand_over(login, grant);
		break;
	case SASL_DENIED:
		fail(login, grant);
		break;
	case SASL_TEMPORARY:
		log_warning("authd cannot decide a login: %s", err->text);
		login_answer(login, "NO", "UNAVAILABLE", "Login is not possible at the moment");
		login->ended = login->authd.fd < 0;
		break;
	case SASL_UNKNOWN:
		login_answer(login, "NO", NULL, "Unknown authentication mechanism");
		break;
	case SASL_CANCELLED:
		login_answer(login, "BAD", NULL, "Authentication cancelled");
		break;
	case SASL_MALFORMED:
		login_answer(login, "BAD", NULL, "The response cannot be decoded");
		break;
	case SASL_LOST:
		login->ended = true;
		break;
	}
}

static void need_tls(struct login *login)
{
	login_answer(login, "NO", "PRIVACYREQUIRED", "Issue a STARTTLS command first");
}

void login_login(struct login *login)
{
	struct imap_parser *parser = &login->parser;
	struct str user, password;
	struct sasl_grant grant;
	struct err err = {0};
	enum sasl_result result;

	if (!imap_parse_space(parser) || !imap_parse_astring(parser, &user) || !imap_parse_space(parser) ||
	    !imap_parse_astring(parser, &password) || !imap_parse_end(parser)) {
		login_refuse_command(login);
		return;
	}
	if (!login_plain_is_open(login)) {
		need_tls(login);
		return;
	}
	result = sasl_password(&login->sasl, user, password, &grant, &err);
	conclude(login, result, &grant, &err);
	memory_wipe(&grant, sizeof grant);
}

void login_authenticate(struct login *login)
{
	struct imap_parser *parser = &login->parser;
	struct str mechanism, initial = {NULL, 0};
	struct sasl_grant grant;
	struct err err = {0};
	enum sasl_result result;

	/* RFC 4959: "=" is an empty initial response; base64 may end in "=", which is an atom's character */
	if (!imap_parse_space(parser) || !imap_parse_atom(parser, &mechanism) ||
	    (!imap_at_end(parser) && (!imap_parse_space(parser) || !imap_parse_atom(parser, &initial))) ||
	    !imap_parse_end(parser)) {
		login_refuse_command(login);
		return;
	}
	if (!login_is_open(login) || (!login_plain_is_open(login) && sasl_is_plain(mechanism))) {
		need_tls(login);
		return;
	}
	result = sasl_exchange(&login->sasl, mechanism, initial, &grant, &err);
	conclude(login, result, &grant, &err);
	memory_wipe(&grant, sizeof grant);
}
