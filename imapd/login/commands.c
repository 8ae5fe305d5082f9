#include "imapd/login/login.h"

#include "common/base/log.h"
#include "common/imap/id.h"

/* Ask authd for its mechanisms, once; "" where it does not answer. */
static struct str mechanisms(struct login *login)
{
	struct err err;

	if (login->mechanisms.len == 0 && login->authd.fd >= 0 &&
	    sasl_mechanisms(&login->sasl, &login->mechanisms, &err) != 0)
		log_warning("authd names no mechanisms: %s", err.text);
	return buf_str(&login->mechanisms);
}

static bool tls_is_offered(const struct login *login)
{
	return !login->conn.tls_active && login->encryption != SERVICE_CLEAR && login->service->tls.context != NULL;
}

struct str login_capabilities(struct login *login)
{
	struct str words = STR("IMAP4rev1 IMAP4rev2 LITERAL+ ID ENABLE SASL-IR"), rest = mechanisms(login), word;

	if (tls_is_offered(login))
		words = arena_printf(&login->arena, "%.*s STARTTLS", STR_ARG(words));
	if (!login_plain_is_open(login))
		words = arena_printf(&login->arena, "%.*s LOGINDISABLED", STR_ARG(words));
	while (login_is_open(login) && (word = str_cut_word(&rest)).len != 0)
		if (sasl_is_usable(&login->sasl, word) && (login_plain_is_open(login) || !sasl_is_plain(word)))
			words = arena_printf(&login->arena, "%.*s AUTH=%.*s", STR_ARG(words), STR_ARG(word));
	return imap_hook_capabilities(&login->script, login->conn.peer, words, &login->arena);
}

void login_capability(struct login *login)
{
	if (!imap_parse_end(&login->parser)) {
		login_refuse_command(login);
		return;
	}
	conn_printf(&login->conn, "* CAPABILITY %.*s\r\n", STR_ARG(login_capabilities(login)));
	login_answer(login, "OK", NULL, "CAPABILITY completed");
}

void login_noop(struct login *login)
{
	if (imap_parse_end(&login->parser))
		login_answer(login, "OK", NULL, "NOOP completed");
	else
		login_refuse_command(login);
}

void login_logout(struct login *login)
{
	if (!imap_parse_end(&login->parser)) {
		login_refuse_command(login);
		return;
	}
	conn_write(&login->conn, STR("* BYE Good bye\r\n"));
	login_answer(login, "OK", NULL, "LOGOUT completed");
	login->ended = true;
}

void login_id(struct login *login)
{
	struct str client;

	if (!imap_parse_id(&login->parser, &client)) {
		login_refuse_command(login);
		return;
	}
	if (client.len > 0)
		log_info("client, peer=%s id=%.*s", login->conn.peer, STR_ARG(client));
	imap_write_id(&login->conn, login->anonymise);
	login_answer(login, "OK", NULL, "ID completed");
}

void login_starttls(struct login *login)
{
	struct conn *conn = &login->conn;
	struct err err;

	if (!imap_parse_end(&login->parser)) {
		login_refuse_command(login);
		return;
	}
	if (!tls_is_offered(login)) {
		login_answer(login, "BAD", NULL, conn->tls_active ? "TLS is active already" : "TLS is not available");
		return;
	}
	/* RFC 9051 6.2.1, 11.1: what came in clear behind the command may be an attacker's, to be taken for the client's
	 * own later. */
	if (conn_has_input(conn)) {
		log_info("input behind STARTTLS refused, peer=%s", conn->peer);
		login_answer(login, "BAD", NULL, "Commands may not follow STARTTLS before its answer");
		conn_write(conn, STR("* BYE Commands may not follow STARTTLS before its answer\r\n"));
		login->ended = true;
		return;
	}
	login_answer(login, "OK", NULL, "Begin TLS negotiation now");
	if (conn_flush(conn, &err) != 0 || conn_accept_tls(conn, login->service->tls.context, &err) != 0) {
		log_info("TLS did not begin, peer=%s: %s", conn->peer, err.text);
		login->ended = true;
		return;
	}
	status_tls(&login->status);
}
