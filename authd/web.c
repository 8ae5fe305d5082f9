/* What sessions of the web ask: who they are, a way to the mailbox, a right to send, what else is open, their end. */
#include "authd/authd.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/base/memory.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void add_object(struct ipc_message *reply, const char *key, json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT);

	json_decref(object);
	ipc_add_text(reply, key, text != NULL ? text : "{}");
	free(text);
}

/* Of a session or of a token of scripts. False: it is answered. */
static bool need_subject(struct authd *authd, struct ipc_incoming *incoming, struct web_subject *subject)
{
	struct err err;

	if (web_subject_find(authd, incoming, subject, &err) == 0)
		return true;
	if (err.code == ERR_DENIED || err.code == ERR_PROTOCOL)
		ipc_answer_error(incoming, &err);
	else
		request_put_off(incoming, &err);
	return false;
}

static void touch(struct authd *authd, const struct ipc_incoming *incoming, const struct web_subject *subject)
{
	int64_t wanted = 1;

	ipc_get_number(&incoming->message, "touch", 0, 1, &wanted);
	if (subject->session != NULL && wanted != 0)
		web_sessions_touch(&authd->web_sessions, subject->session, io_now_ms());
}

void web_session(struct authd *authd, struct ipc_incoming *incoming)
{
	struct web_subject subject;
	struct ipc_message reply;

	if (!need_subject(authd, incoming, &subject))
		return;
	touch(authd, incoming, &subject);
	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	ipc_add_text(&reply, "user", subject.login.name);
	ipc_add_number(&reply, "uid", subject.login.uid);
	ipc_add_number(&reply, "administrator", subject.administrator);
	ipc_add_number(&reply, "admin-area", web_in_admin_area(authd, subject.peer, subject.login.uid));
	ipc_add_number(&reply, "confirmed", subject.confirmed);
	ipc_add_number(&reply, "shut", subject.administrator && guard_is_shut(authd, subject.session));
	ipc_add_text(&reply, "kind", subject.session != NULL ? "cookie" : "token");
	if (subject.session != NULL)
		ipc_add_text(&reply, "csrf", subject.session->csrf);
	ipc_answer(incoming, &reply);
	ipc_message_free(&reply);
}

/* Whoever has the cookie may throw it away, from wherever; the browser is forgotten with it. */
void web_logout(struct authd *authd, struct ipc_incoming *incoming)
{
	struct str text = ipc_get(&incoming->message, "session");
	struct web_session *session = web_sessions_find(&authd->web_sessions, text, INT64_MAX, io_now_ms());
	struct err err;

	if (session != NULL && session->remembered != 0 &&
	    web_tokens_delete(&authd->accounts.db, WEB_TOKEN_REMEMBER, session->uid, session->remembered, &err) < 0) {
		request_put_off(incoming, &err);
		return;
	}
	if (session != NULL)
		web_sessions_end(&authd->web_sessions, session);
	ipc_answer_ok(incoming);
}

void web_ticket(struct authd *authd, struct ipc_incoming *incoming)
{
	const char *redeemer = str_equal(ipc_get(&incoming->message, "service"), STR("smtp")) ? "smtpd" : "imapd";
	struct ticket_right right = {0};
	struct web_subject subject;
	char ticket[TICKET_LEN + 1];
	struct ipc_message reply;
	struct err err;

	if (!need_subject(authd, incoming, &subject))
		return;
	right.uid = subject.login.uid;
	str_copy(str_of(subject.login.name), right.user, sizeof right.user);
	if (tickets_issue(&authd->tickets, redeemer, STR("web"), &right, io_now_ms(), ticket, &err) != 0) {
		request_put_off(incoming, &err);
		return;
	}
	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	ipc_add_text(&reply, "ticket", ticket);
	ipc_answer(incoming, &reply);
	memory_wipe(ticket, sizeof ticket);
	ipc_message_free(&reply);
}

void web_token(struct authd *authd, struct ipc_incoming *incoming)
{
	struct web_subject subject;
	struct ipc_message reply;
	char token[TOKEN_MAX];

	if (!need_subject(authd, incoming, &subject))
		return;
	token_make(&authd->relay_key, "authd", STR("web"), str_of(subject.peer), str_of(subject.login.name), token);
	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	ipc_add_text(&reply, "token", token);
	ipc_add_text(&reply, "service", "web");
	ipc_add_text(&reply, "user", subject.login.name);
	ipc_answer(incoming, &reply);
	ipc_message_free(&reply);
}

static void add_browser(const struct web_token *token, void *context)
{
	char id[24];

	snprintf(id, sizeof id, "b%lld", (long long)token->id);
	add_object(context, "entry",
	           json_pack("{s:s, s:s, s:s, s:I, s:I, s:b}", "id", id, "kind", "browser", "agent", token->name, "begun",
	                     (json_int_t)token->made, "expires", (json_int_t)token->expires, "current", 0));
}

static void add_session(const struct web_session *session, bool is_current, struct ipc_message *reply)
{
	char id[24];

	snprintf(id, sizeof id, "s%lld", (long long)session->number);
	add_object(reply, "entry",
	           json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:b}", "id", id, "kind", "session", "agent", session->agent,
	                     "peer", session->peer, "begun", (json_int_t)session->begun, "idle",
	                     (json_int_t)((io_now_ms() - session->used_ms) / 1000), "current", (int)is_current));
}

void web_list(struct authd *authd, struct ipc_incoming *incoming)
{
	const struct web_session *session = NULL;
	struct web_subject subject;
	struct ipc_message reply;
	struct err err;

	if (!web_subject_need(authd, incoming, false, &subject))
		return;
	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	while ((session = web_sessions_next(&authd->web_sessions, subject.login.uid, session)) != NULL)
		add_session(session, session == subject.session, &reply);
	if (web_tokens_each(&authd->accounts.db, WEB_TOKEN_REMEMBER, subject.login.uid, add_browser, &reply, &err) == 0)
		ipc_answer(incoming, &reply);
	else
		request_put_off(incoming, &err);
	ipc_message_free(&reply);
}

/* 1: ended, 0: the user has no such session. */
static int end_session(struct authd *authd, int64_t uid, uint64_t number)
{
	struct web_session *session = NULL;

	while ((session = web_sessions_next(&authd->web_sessions, uid, session)) != NULL)
		if ((uint64_t)session->number == number) {
			web_sessions_end(&authd->web_sessions, session);
			return 1;
		}
	return 0;
}

/* 1: forgotten, and what it began has ended; 0: it is none of the user's; -1. */
static int end_browser(struct authd *authd, int64_t uid, uint64_t number, struct err *err)
{
	int gone = web_tokens_delete(&authd->accounts.db, WEB_TOKEN_REMEMBER, uid, (int64_t)number, err);

	if (gone == 1)
		web_sessions_end_user(&authd->web_sessions, uid, (int64_t)number);
	return gone;
}

/* All sessions and browsers but the one that asks. */
static int end_others(struct authd *authd, const struct web_subject *subject, struct err *err)
{
	struct web_session *session = web_sessions_next(&authd->web_sessions, subject->login.uid, NULL);

	while (session != NULL) {
		struct web_session *next = web_sessions_next(&authd->web_sessions, subject->login.uid, session);

		if (session != subject->session)
			web_sessions_end(&authd->web_sessions, session);
		session = next;
	}
	return web_tokens_forget_browsers(&authd->accounts.db, subject->login.uid, subject->session->remembered, err) == 0
	           ? 1
	           : -1;
}

static int revoke(struct authd *authd, const struct web_subject *subject, struct str id, struct err *err)
{
	uint64_t number;

	if (id.data == NULL)
		return end_others(authd, subject, err);
	if (id.len < 2 || !str_to_u64(str_skip(id, 1), INT64_MAX, &number) || number == 0)
		return 0;
	if (id.data[0] == 's')
		return end_session(authd, subject->login.uid, number);
	return id.data[0] == 'b' ? end_browser(authd, subject->login.uid, number, err) : 0;
}

void web_revoke(struct authd *authd, struct ipc_incoming *incoming)
{
	struct web_subject subject;
	struct err err;
	int done;

	if (!web_subject_need(authd, incoming, false, &subject))
		return;
	done = revoke(authd, &subject, ipc_get(&incoming->message, "id"), &err);
	if (done == 1) {
		ipc_answer_ok(incoming);
	} else if (done == 0) {
		err_set(&err, ERR_NOT_FOUND, "there is no such session or browser");
		ipc_answer_error(incoming, &err);
	} else {
		request_put_off(incoming, &err);
	}
}

void web_forget(struct authd *authd, int64_t uid)
{
	struct err err;

	web_sessions_end_user(&authd->web_sessions, uid, 0);
	if (web_tokens_forget(&authd->accounts.db, uid, false, &err) != 0)
		log_error("browsers of uid=%lld are remembered still: %s", (long long)uid, err.text);
}
