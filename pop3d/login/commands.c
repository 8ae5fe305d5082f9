#include "pop3d/login/login.h"

#include "common/base/log.h"
#include "common/pop3/capa.h"

/* The mechanisms that may be used now; authd names them, once; "" where it does not answer. */
static const char *mechanisms(struct login *login)
{
	struct str rest, word;
	struct err err;

	if (login->mechanisms.len == 0 && login->authd.fd >= 0 &&
	    sasl_mechanisms(&login->sasl, &login->mechanisms, &err) != 0)
		log_warning("authd names no mechanisms: %s", err.text);
	buf_reset(&login->usable);
	rest = buf_str(&login->mechanisms);
	while ((word = str_cut_word(&rest)).len != 0)
		if (sasl_is_usable(&login->sasl, word) && (login_plain_is_open(login) || !sasl_is_plain(word)))
			buf_printf(&login->usable, "%s%.*s", login->usable.len > 0 ? " " : "", STR_ARG(word));
	return buf_text(&login->usable);
}

void login_capa(struct login *login, const struct pop3_command *command)
{
	bool open = login_is_open(login);
	const struct pop3_capabilities capabilities = {
	    .stls = !login->conn.tls_active && login->encryption != SERVICE_CLEAR && login->service->tls.context != NULL,
	    .login = login_plain_is_open(login),
	    .mechanisms = open ? mechanisms(login) : "",
	    .implementation = !login->anonymise,
	};

	(void)command;
	pop3_write_capabilities(&login->conn, &capabilities);
}

void login_quit(struct login *login, const struct pop3_command *command)
{
	(void)command;
	conn_write(&login->conn, STR("+OK signing off\r\n"));
	login->ended = true;
}

void login_stls(struct login *login, const struct pop3_command *command)
{
	struct conn *conn = &login->conn;
	struct err err;

	(void)command;
	if (conn->tls_active) {
		conn_write(conn, STR("-ERR Command not permitted when TLS active\r\n"));
		return;
	}
	if (login->encryption == SERVICE_CLEAR || login->service->tls.context == NULL) {
		conn_write(conn, STR("-ERR TLS is not available\r\n"));
		return;
	}
	/* What came in clear behind the command may be an attacker's, to be taken for the client's own later. */
	if (conn_has_input(conn)) {
		log_info("input behind STLS refused, peer=%s", conn->peer);
		conn_write(conn, STR("-ERR Commands may not follow STLS before its answer\r\n"));
		login->ended = true;
		return;
	}
	conn_write(conn, STR("+OK Begin TLS negotiation\r\n"));
	if (conn_flush(conn, &err) != 0 || conn_accept_tls(conn, login->service->tls.context, &err) != 0) {
		log_info("TLS did not begin, peer=%s: %s", conn->peer, err.text);
		login->ended = true;
	} else {
		status_tls(&login->status);
	}
	/* RFC 2595 section 4: nothing the client said before counts */
	buf_reset(&login->user);
}

void login_user(struct login *login, const struct pop3_command *command)
{
	buf_reset(&login->user);
	buf_add_str(&login->user, str_trim(command->argument));
	/* the same for every name: who exists is not told */
	conn_write(&login->conn, STR("+OK Enter password\r\n"));
}

/* The login is right: pop3d goes on, or the client hears that it cannot. */
static void hand_over(struct login *login, const struct sasl_grant *grant)
{
	struct conn *conn = &login->conn;
	const struct handover handover = {
	    .ticket = grant->ticket, .service = login->service_id, .mechanisms = mechanisms(login)};
	struct err err;

	login->ended = true;
	conn->deadline_ms = 0;
	ipc_close(&login->authd); /* under TLS this process lives on, and needs nothing more of it */
	status_hand_over(&login->status);
	transcript_end(&login->transcript);
	if (conn_flush(conn, &err) != 0 || handover_send(&login->pop3d, conn, &handover, &err) == 0)
		return;
	log_warning("cannot hand the session to pop3d: %s", err.text);
	conn_write(conn, STR("-ERR [SYS/TEMP] The mailbox cannot be opened at the moment\r\n"));
}

static void fail(struct login *login, const struct sasl_grant *tried)
{
	status_event(&login->status, POLICY_BAD_LOGIN, str_of(tried->user));
	conn_write(&login->conn, STR("-ERR [AUTH] Login Failed\r\n"));
	login->ended = ++login->failures >= settings_number(&login->service->settings, SETTING_LOGIN_MAX_FAILURES) ||
	               gate_was_shut(&login->service->known, login->conn.peer);
}

/* Rules of the access list may be for some users: to anybody else it looks like a wrong password. */
static bool is_welcome(struct login *login, const struct sasl_grant *grant)
{
	if (access_allows_user(&login->service->decision, grant->uid))
		return true;
	log_info("login refused by the access list, service=pop3 user=%s peer=%s", grant->user, login->conn.peer);
	status_security(&login->status, grant->user, STATUS_BY_ACCESS_LIST);
	return false;
}

/* authd has logged who it was; here the client is told. */
static void conclude(struct login *login, enum sasl_result result, const struct sasl_grant *grant,
                     const struct err *err)
{
	struct conn *conn = &login->conn;

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
		conn_write(conn, STR("-ERR [SYS/TEMP] Login is not possible at the moment\r\n"));
		login->ended = login->authd.fd < 0;
		break;
	case SASL_UNKNOWN:
		conn_write(conn, STR("-ERR Unknown authentication mechanism\r\n"));
		break;
	case SASL_CANCELLED:
		conn_write(conn, STR("-ERR Authentication cancelled\r\n"));
		break;
	case SASL_MALFORMED:
		conn_write(conn, STR("-ERR The response cannot be decoded\r\n"));
		break;
	case SASL_LOST:
		login->ended = true;
		break;
	}
}

void login_pass(struct login *login, const struct pop3_command *command)
{
	struct sasl_grant grant;
	struct err err = {0};
	enum sasl_result result;

	if (login->user.len == 0) {
		conn_write(&login->conn, STR("-ERR USER comes first\r\n"));
		return;
	}
	result = sasl_password(&login->sasl, buf_str(&login->user), command->argument, &grant, &err);
	buf_reset(&login->user);
	conclude(login, result, &grant, &err);
}

/* RFC 1939 7. The challenge is good for one try: who fails and could try on would make it a list of guesses. */
void login_apop(struct login *login, const struct pop3_command *command)
{
	struct str digest = command->argument, user = str_trim(digest);
	ptrdiff_t at = (ptrdiff_t)user.len;
	struct sasl_grant grant;
	struct err err = {0};
	enum sasl_result result;

	while (at > 0 && user.data[at - 1] != ' ')
		at--;
	digest = str_skip(user, (size_t)at);
	user = str_trim(str_sub(user, 0, (size_t)at));
	if (user.len == 0 || digest.len == 0) {
		conn_write(&login->conn, STR("-ERR Say APOP, name and digest\r\n"));
		return;
	}
	if (!login->has_challenge) {
		conn_write(&login->conn, STR("-ERR APOP cannot be used now\r\n"));
		return;
	}
	login->has_challenge = false;
	result = sasl_apop(&login->sasl, user, digest, &grant, &err);
	conclude(login, result, &grant, &err);
}

/* AUTH alone lists the mechanisms: older clients ask so (it was usual before CAPA). */
static void list_mechanisms(struct login *login)
{
	struct str rest = str_of(mechanisms(login));

	conn_write(&login->conn, STR("+OK Mechanisms follow\r\n"));
	for (struct str word = str_cut_word(&rest); word.len != 0; word = str_cut_word(&rest))
		conn_printf(&login->conn, "%.*s\r\n", STR_ARG(word));
	conn_write(&login->conn, STR(".\r\n"));
}

void login_auth(struct login *login, const struct pop3_command *command)
{
	struct str rest = command->argument, mechanism = str_cut_word(&rest), initial = str_trim(rest);
	struct sasl_grant grant;
	struct err err = {0};
	enum sasl_result result;

	if (mechanism.len == 0) {
		list_mechanisms(login);
		return;
	}
	if (sasl_is_plain(mechanism) && !login_plain_is_open(login)) {
		conn_write(&login->conn, STR("-ERR Issue a STLS command first\r\n"));
		return;
	}
	if (initial.len == 0)
		initial.data = NULL;
	login->has_challenge = false; /* authd keeps one exchange of a connection */
	result = sasl_exchange(&login->sasl, mechanism, initial, &grant, &err);
	conclude(login, result, &grant, &err);
}
