/* Who asks by the web: the user of a session or of a token of scripts, as the settings have him now. */
#include "authd/authd.h"

#include "common/base/io.h"
#include "common/base/log.h"

bool web_in_admin_area(struct authd *authd, const char *peer, int64_t uid)
{
	struct access_decision decision;
	struct cidr address;

	if (cidr_parse(str_of(peer), &address, NULL, NULL) != 0)
		return false;
	access_refresh(&authd->access);
	access_decide(&authd->access, ACCESS_LIST_ADMIN, &address, &decision);
	return decision.allow && access_allows_user(&decision, uid);
}

static int deny(struct err *err)
{
	return err_set(err, ERR_DENIED, "nobody is logged in by that");
}

/* -1: ERR_DENIED where he may not use the web (any more). */
static int find_user(struct authd *authd, int64_t uid, struct web_subject *subject, struct err *err)
{
	struct login_name *login = &subject->login;

	if (names_find_uid(&authd->settings, uid, "web", login, err) != 0)
		return -1;
	return login->uid >= 0 && login->enabled && !login->expired && login->may_use ? 0 : deny(err);
}

static int find_by_token(struct authd *authd, struct str text, struct web_subject *subject, struct err *err)
{
	struct web_token token;
	struct err reason;
	int row = web_tokens_find(&authd->accounts.db, WEB_TOKEN_API, text, &token, err);

	if (row != 1)
		return row == 0 ? deny(err) : -1;
	if (find_user(authd, token.uid, subject, err) != 0)
		return -1;
	if (web_tokens_touch(&authd->accounts.db, &token, &reason) != 0)
		log_warning("the use of a token of user=%s is not noted: %s", subject->login.name, reason.text);
	subject->administrator = subject->login.administrator && token.scope >= WEB_SCOPE_ADMIN;
	subject->confirmed = token.scope == WEB_SCOPE_FULL ? 0 : -1;
	return 0;
}

static int find_by_session(struct authd *authd, struct str text, struct web_subject *subject, struct err *err)
{
	int64_t now_ms = io_now_ms(), idle_ms = settings_number(&authd->settings, SETTING_WEB_SESSION_IDLE) * 1000;
	struct web_session *session = web_sessions_find(&authd->web_sessions, text, idle_ms, now_ms);

	/* a cookie that came from elsewhere does not end the session of whom it was stolen from */
	if (session == NULL ||
	    (strcmp(session->peer, subject->peer) != 0 && !settings_flag(&authd->settings, SETTING_WEB_ANY_ADDRESS)))
		return deny(err);
	if (find_user(authd, session->uid, subject, err) != 0) {
		if (err->code == ERR_DENIED)
			web_sessions_end(&authd->web_sessions, session);
		return -1;
	}
	subject->session = session;
	subject->administrator = subject->login.administrator;
	subject->confirmed = session->confirmed_ms < 0 ? -1 : (now_ms - session->confirmed_ms) / 1000;
	return 0;
}

int web_subject_find(struct authd *authd, const struct ipc_incoming *incoming, struct web_subject *subject,
                     struct err *err)
{
	struct str text = ipc_get(&incoming->message, "session");

	*subject = (struct web_subject){.confirmed = -1};
	if (text.data == NULL || !ipc_get_text(&incoming->message, "peer", subject->peer, sizeof subject->peer))
		return err_set(err, ERR_PROTOCOL, "session and peer are needed");
	return web_token_is_api(text) ? find_by_token(authd, text, subject, err)
	                              : find_by_session(authd, text, subject, err);
}

/* Answer a refusal; the page is to do what code says about it. */
static void refuse(struct ipc_incoming *incoming, const char *code, const char *text)
{
	struct ipc_message reply;
	struct err err;

	err_set(&err, ERR_DENIED, "%s", text);
	ipc_message_init(&reply);
	ipc_reply_error(&reply, &err);
	ipc_add_text(&reply, "code", code);
	ipc_answer(incoming, &reply);
	ipc_message_free(&reply);
}

bool web_subject_need(struct authd *authd, struct ipc_incoming *incoming, bool confirmed, struct web_subject *subject)
{
	struct err err;

	if (web_subject_find(authd, incoming, subject, &err) != 0) {
		if (err.code == ERR_DENIED)
			refuse(incoming, "login", err.text);
		else if (err.code == ERR_PROTOCOL)
			ipc_answer_error(incoming, &err);
		else
			request_put_off(incoming, &err);
		return false;
	}
	if (subject->session == NULL) {
		refuse(incoming, "login", "a token of scripts cannot do that");
		return false;
	}
	if (confirmed && (subject->confirmed < 0 || subject->confirmed > WEB_CONFIRMED_S)) {
		refuse(incoming, "confirm", "this takes the password again");
		return false;
	}
	return true;
}
