/*
 * Tokens of scripts: what a user gives a program so that it can use the web's API for him. He makes them after giving
 * his password; the administrator may at the command line, by the user's name.
 */
#include "authd/authd.h"

#include "common/base/log.h"
#include "common/base/memory.h"

#include <jansson.h>
#include <stdlib.h>
#include <time.h>

enum { DAYS_MAX = 3660, DAY_S = 86400 };

static void answer_error(struct ipc_incoming *incoming, int code, const char *text)
{
	struct err err;

	err_set(&err, code, "%s", text);
	ipc_answer_error(incoming, &err);
}

/* Whose tokens are meant. False: it is answered. */
static bool find_owner(struct authd *authd, struct ipc_incoming *incoming, bool changes, struct login_name *owner)
{
	struct str name = ipc_get(&incoming->message, "user");
	struct web_subject subject;
	struct err err;

	if (strcmp(incoming->caller, "postroom") != 0) {
		if (!web_subject_need(authd, incoming, changes, &subject))
			return false;
		*owner = subject.login;
		return true;
	}
	if (names_find(&authd->settings, name, NULL, owner, &err) != 0) {
		request_put_off(incoming, &err);
		return false;
	}
	if (owner->uid >= 0)
		return true;
	answer_error(incoming, ERR_NOT_FOUND, "there is no such user");
	return false;
}

/* Name, scope and days of a new token. -1: ERR_SYNTAX, ERR_LIMIT. */
static int read_wishes(const struct ipc_message *request, struct web_token *token, struct err *err)
{
	struct str name = ipc_get(request, "name"), scope = ipc_get(request, "scope");
	int64_t days = 0;

	if (name.len == 0 || name.len > WEB_TOKEN_NAME_MAX || !str_is_utf8(name))
		return err_set(err, ERR_SYNTAX, "the name of a token is UTF-8 text of 1 to %d octets", WEB_TOKEN_NAME_MAX);
	for (size_t i = 0; i < name.len; i++)
		if ((unsigned char)name.data[i] < 0x20 || name.data[i] == 0x7f)
			return err_set(err, ERR_SYNTAX, "the name of a token must not hold control characters");
	str_copy(name, token->name, sizeof token->name);
	if (ipc_get(request, "days").data != NULL && !ipc_get_number(request, "days", 0, DAYS_MAX, &days))
		return err_set(err, ERR_SYNTAX, "a token is good for 1 to %d days, or 0 for ever", DAYS_MAX);
	token->expires = days > 0 ? time(NULL) + days * DAY_S : 0;
	token->scope = WEB_SCOPE_OWN;
	if (scope.data == NULL)
		return 0;
	for (int i = 0; i < WEB_SCOPES; i++)
		if (str_equal(scope, str_of(web_scope_words[i]))) {
			token->scope = (enum web_scope)i;
			return 0;
		}
	return err_set(err, ERR_SYNTAX, "what a token may is own, admin or full");
}

void web_key_add(struct authd *authd, struct ipc_incoming *incoming)
{
	struct web_token token = {0};
	struct login_name owner;
	struct ipc_message reply;
	char text[WEB_TOKEN_MAX];
	struct err err;

	if (!find_owner(authd, incoming, true, &owner))
		return;
	token.uid = owner.uid;
	if (read_wishes(&incoming->message, &token, &err) != 0) {
		ipc_answer_error(incoming, &err);
	} else if (token.scope != WEB_SCOPE_OWN && !owner.administrator) {
		answer_error(incoming, ERR_DENIED, "administrators alone have tokens that may administer");
	} else if (web_tokens_add(&authd->accounts.db, WEB_TOKEN_API, &token, text, &err) != 0) {
		request_put_off(incoming, &err);
	} else {
		log_info("user=%s has a new token \"%s\" that may %s", owner.name, token.name, web_scope_words[token.scope]);
		ipc_message_init(&reply);
		ipc_reply_ok(&reply);
		ipc_add_text(&reply, "token", text);
		ipc_add_number(&reply, "id", token.id);
		ipc_answer(incoming, &reply);
		memory_wipe(reply.fields.data, reply.fields.len);
		ipc_message_free(&reply);
	}
	memory_wipe(text, sizeof text);
}

static void add_token(const struct web_token *token, void *context)
{
	json_t *object = json_pack("{s:I, s:s, s:s, s:I, s:I, s:I}", "id", (json_int_t)token->id, "name", token->name,
	                           "scope", web_scope_words[token->scope], "made", (json_int_t)token->made, "used",
	                           (json_int_t)token->used, "expires", (json_int_t)token->expires);
	char *text = json_dumps(object, JSON_COMPACT);

	json_decref(object);
	ipc_add_text(context, "token", text != NULL ? text : "{}");
	free(text);
}

void web_key_list(struct authd *authd, struct ipc_incoming *incoming)
{
	struct login_name owner;
	struct ipc_message reply;
	struct err err;

	if (!find_owner(authd, incoming, false, &owner))
		return;
	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	if (web_tokens_each(&authd->accounts.db, WEB_TOKEN_API, owner.uid, add_token, &reply, &err) == 0)
		ipc_answer(incoming, &reply);
	else
		request_put_off(incoming, &err);
	ipc_message_free(&reply);
}

void web_key_delete(struct authd *authd, struct ipc_incoming *incoming)
{
	struct login_name owner;
	struct err err;
	int64_t id = 0;
	int gone;

	if (!find_owner(authd, incoming, false, &owner))
		return;
	ipc_get_number(&incoming->message, "id", 1, INT64_MAX, &id);
	gone = web_tokens_delete(&authd->accounts.db, WEB_TOKEN_API, owner.uid, id, &err);
	if (gone < 0) {
		request_put_off(incoming, &err);
	} else if (gone == 0) {
		answer_error(incoming, ERR_NOT_FOUND, "there is no token of that number");
	} else {
		log_info("a token of user=%s was deleted", owner.name);
		ipc_answer_ok(incoming);
	}
}
