/* How sessions of the web begin: by a password, or because a browser is remembered. */
#include "authd/authd.h"

#include "common/base/io.h"
#include "common/base/log.h"

#include <time.h>

enum { DAY_S = 86400, GRACE_S = 60 /* a browser may use its old token in two windows at once */ };

/* The word for the web where the caller names no service of its own. */
#define SERVICE_WORD "web"

static void read_agent(const struct ipc_incoming *incoming, char agent[WEB_AGENT_MAX])
{
	struct str text = str_sub(ipc_get(&incoming->message, "agent"), 0, WEB_AGENT_MAX - 1);

	/* it is shown to its user later; cut within a character it would not be UTF-8 */
	while (text.len > 0 && !str_is_utf8(text))
		text.len--;
	if (text.data == NULL || !str_copy(text, agent, WEB_AGENT_MAX))
		agent[0] = '\0';
}

static int read_origin(struct ipc_incoming *incoming, struct login_origin *origin, struct err *err)
{
	int64_t remember = 0;

	if (ipc_get(&incoming->message, "service").data == NULL)
		ipc_add_text(&incoming->message, "service", SERVICE_WORD);
	*origin = (struct login_origin){0};
	if (login_read_origin(incoming, origin, err) != 0)
		return -1;
	ipc_get_number(&incoming->message, "remember", 0, 1, &remember);
	origin->web.remember = remember != 0;
	read_agent(incoming, origin->web.agent);
	return 0;
}

void web_login(struct authd *authd, struct ipc_incoming *incoming)
{
	struct login_origin origin;
	struct err err;

	if (ipc_get(&incoming->message, "user").data == NULL || ipc_get(&incoming->message, "password").data == NULL) {
		err_set(&err, ERR_PROTOCOL, "a login needs user and password");
		ipc_answer_error(incoming, &err);
	} else if (read_origin(incoming, &origin, &err) != 0) {
		ipc_answer_error(incoming, &err);
	} else {
		login_by_password(authd, incoming, &origin, "web", ipc_get(&incoming->message, "user"),
		                  ipc_get(&incoming->message, "password"));
	}
}

void web_confirm(struct authd *authd, struct ipc_incoming *incoming)
{
	struct str password = ipc_get(&incoming->message, "password");
	struct web_subject subject;
	struct login_origin origin = {.caller = incoming->caller};
	struct err err;

	if (password.data == NULL) {
		err_set(&err, ERR_PROTOCOL, "web-confirm needs a password");
		ipc_answer_error(incoming, &err);
	} else if (web_subject_need(authd, incoming, false, &subject)) {
		str_copy(str_of(subject.session->service), origin.service, sizeof origin.service);
		str_copy(str_of(subject.peer), origin.peer, sizeof origin.peer);
		str_copy(str_of(subject.session->text), origin.web.session, sizeof origin.web.session);
		login_by_password(authd, incoming, &origin, "web-confirm", str_of(subject.login.name), password);
	}
}

/* Remember the browser from now on; token_out: WEB_TOKEN_MAX bytes. */
static int remember(struct authd *authd, struct web_session *session, char *token_out, struct err *err)
{
	int64_t days = settings_number(&authd->settings, SETTING_WEB_REMEMBER_DAYS);
	struct web_token token = {.uid = session->uid, .expires = time(NULL) + days * DAY_S};

	str_copy(str_of(session->agent), token.name, sizeof token.name);
	if (web_tokens_add(&authd->accounts.db, WEB_TOKEN_REMEMBER, &token, token_out, err) != 0)
		return -1;
	session->remembered = token.id;
	return 0;
}

/* Begin a session and say what it is. */
static int begin_session(struct authd *authd, struct ipc_message *reply, const struct login_origin *origin,
                         const struct login_name *login, bool by_password, struct err *err)
{
	struct web_session *session = web_sessions_add(&authd->web_sessions, login->uid, io_now_ms());
	char token[WEB_TOKEN_MAX];

	str_copy(str_of(origin->peer), session->peer, sizeof session->peer);
	str_copy(str_of(origin->service), session->service, sizeof session->service);
	str_copy(str_of(origin->web.agent), session->agent, sizeof session->agent);
	session->confirmed_ms = by_password ? io_now_ms() : -1;
	if (origin->web.remember && remember(authd, session, token, err) != 0) {
		web_sessions_end(&authd->web_sessions, session);
		return -1;
	}
	ipc_add_text(reply, "session", session->text);
	ipc_add_text(reply, "csrf", session->csrf);
	ipc_add_number(reply, "administrator", login->administrator);
	ipc_add_number(reply, "admin-area", web_in_admin_area(authd, origin->peer, login->uid));
	if (session->remembered != 0)
		ipc_add_text(reply, "remember-token", token);
	return 0;
}

int web_grant(struct authd *authd, struct ipc_message *reply, const struct login_origin *origin,
              const struct login_name *login, struct err *err)
{
	int64_t idle_ms = settings_number(&authd->settings, SETTING_WEB_SESSION_IDLE) * 1000;
	struct web_session *session;

	if (origin->web.session[0] == '\0')
		return begin_session(authd, reply, origin, login, true, err);
	session = web_sessions_find(&authd->web_sessions, str_of(origin->web.session), idle_ms, io_now_ms());
	if (session == NULL || session->uid != login->uid)
		return err_set(err, ERR_TEMPORARY, "the session ended while its password was looked at");
	session->confirmed_ms = io_now_ms();
	return 0;
}

/* The user of a token, who may log in by the web as ever; the token has done its work. -1: ERR_DENIED, or why not now.
 */
static int use_token(struct authd *authd, struct str text, struct login_name *login, struct err *err)
{
	struct web_token token = {0};
	int row = web_tokens_find(&authd->accounts.db, WEB_TOKEN_REMEMBER, text, &token, err);

	*login = (struct login_name){.uid = -1};
	if (row < 0 || (row == 1 && names_find_uid(&authd->settings, token.uid, "web", login, err) != 0))
		return -1;
	if (login->uid < 0 || !login->enabled || login->expired || !login->may_use)
		return err_set(err, ERR_DENIED, "login failed");
	return web_tokens_retire(&authd->accounts.db, &token, GRACE_S, err);
}

void web_resume(struct authd *authd, struct ipc_incoming *incoming)
{
	struct login_origin origin;
	struct ipc_message reply;
	struct login_name login;
	struct err err;

	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	if (read_origin(incoming, &origin, &err) == 0 &&
	    use_token(authd, ipc_get(&incoming->message, "remember-token"), &login, &err) == 0) {
		origin.web.remember = true;
		ipc_add_text(&reply, "user", login.name);
		ipc_add_number(&reply, "uid", login.uid);
		if (begin_session(authd, &reply, &origin, &login, false, &err) == 0) {
			log_info("login: user=%s peer=%s service=%s mechanism=remembered tls=%d", login.name, origin.peer,
			         origin.service, origin.tls);
			ipc_answer(incoming, &reply);
		} else {
			request_put_off(incoming, &err);
		}
	} else if (err.code == ERR_DENIED || err.code == ERR_PROTOCOL) {
		ipc_answer_error(incoming, &err);
	} else {
		request_put_off(incoming, &err);
	}
	ipc_message_free(&reply);
}
