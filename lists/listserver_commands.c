/*
 * What each command does.
 */
#include "lists/listserver.h"

#include "common/base/log.h"

enum { USERS_SHOWN_MAX = 10000 };

/* The list that a command names, if this ListServer knows it; a word is said where not. */
static const struct list *find_list(struct session *session, struct str name)
{
	struct list *list = arena_get(&session->arena, sizeof *list);
	struct err err;
	int found = list_find(session->listd, name, &session->arena, list, &err);

	if (found == 1 && session_knows(session, list))
		return list;
	if (found < 0) {
		session->is_temporary = true;
		log_error("%s", err.text);
	}
	session_say(session, "There is no list \"%.*s\" here.", STR_ARG(name));
	return NULL;
}

static bool is_moderator(struct session *session, const struct list *list)
{
	struct err err;
	int found = list_is_moderator(session->listd, list, session->from, &err);

	session->is_temporary |= found < 0;
	return found == 1;
}

static void joined(struct session *session)
{
	const struct list_settings *settings = &session->list->settings;
	bool was_added = str_equal(session->token.action, STR("add"));

	session_say(session, "%.*s is a member of %.*s now.", STR_ARG(session->token.address),
	            STR_ARG(session->list->name));
	if (!was_added || list_settings_flag(settings, LIST_SETTING_WELCOME_ADDED))
		session_add_letter(session, LETTER_WELCOME, session->list, session->token.address);
	if (list_settings_flag(settings, LIST_SETTING_INFORM))
		session_add_letter(session, LETTER_INFORM, session->list, session->token.address)->joined = true;
}

static void left(struct session *session)
{
	const struct list_settings *settings = &session->list->settings;

	session_say(session, "Unsubscription of %.*s from \"%.*s\" succeeded.", STR_ARG(session->token.address),
	            STR_ARG(session->list->name));
	if (!str_equal(session->token.action, STR("remove")))
		session_add_letter(session, LETTER_GOODBYE, session->list, session->token.address);
	if (list_settings_flag(settings, LIST_SETTING_INFORM) || list_settings_flag(settings, LIST_SETTING_INFORM_LEAVING))
		session_add_letter(session, LETTER_INFORM, session->list, session->token.address);
}

static bool joins(struct str action)
{
	return str_equal(action, STR("subscribe")) || str_equal(action, STR("add"));
}

static void on_changed(struct ipc_message *reply, const struct err *err, void *context)
{
	struct session *session = context;
	bool is_known = err->code == ERR_EXISTS || err->code == ERR_NOT_FOUND;

	(void)reply;
	if (err->code == ERR_NONE && joins(session->token.action))
		joined(session);
	else if (err->code == ERR_NONE)
		left(session);
	else if (is_known)
		session_say(session, "%.*s is %s %.*s.", STR_ARG(session->token.address),
		            joins(session->token.action) ? "a member already of" : "not a member of",
		            STR_ARG(session->list->name));
	else if (err->code == ERR_DENIED || err->code == ERR_SYNTAX || err->code == ERR_LIMIT)
		session_say(session, "That is refused: %s.", err->text);
	else {
		log_warning("id=%.*s members cannot be changed now: %s", STR_ARG(session->id), err->text);
		session->is_temporary = true;
	}
	if (session->is_confirmed && !session->is_temporary)
		session_add_letter(session, LETTER_USED, session->list, session->token.address)->token = session->token;
	session_go_on(session);
}

/* Ask configd for the membership in session->token. */
static void change(struct session *session)
{
	struct ipc_message request;

	ipc_message_init(&request);
	ipc_request(&request, joins(session->token.action) ? "list-join" : "list-leave");
	ipc_add_number(&request, "list", session->list->id);
	ipc_add(&request, "address", session->token.address);
	ipc_add_number(&request, "by-moderator",
	               str_equal(session->token.action, STR("add")) || str_equal(session->token.action, STR("remove")));
	ipc_client_call(session->listd->configd, &request, IPC_TIMEOUT_MS, on_changed, session);
	ipc_message_free(&request);
}

/* Send a token to whom it concerns, or say that there is one on its way. */
static bool ask_first(struct session *session, const struct list *list, const char *action, struct str address,
                      struct str moderator)
{
	struct letter *letter = session_add_letter(session, LETTER_TOKEN, list, address);

	letter->token.list = list->id;
	letter->token.action = str_of(action);
	letter->token.moderator = moderator;
	session_say(session, "A message to %.*s asks for confirmation; it has to be answered within %d days.",
	            STR_ARG(moderator.len > 0 ? moderator : address), TOKEN_DAYS);
	return true;
}

static bool change_member(struct session *session, const struct list *list, const char *action, struct str address)
{
	session->list = list;
	session->token = (struct token){.list = list->id, .action = str_of(action), .address = address};
	session->is_confirmed = false;
	change(session);
	return false;
}

/* For changes by members and moderators alike. */
static bool is_fixed(struct session *session, const struct list *list)
{
	if (list->is_database)
		session_say(session, "The members of \"%.*s\" come from a database.", STR_ARG(list->name));
	return list->is_database;
}

static bool subscribe(struct session *session, struct step *step)
{
	const struct list *list = find_list(session, step->command.first);

	if (list == NULL || is_fixed(session, list))
		return true;
	if (!list_settings_flag(&list->settings, LIST_SETTING_SUBSCRIBE)) {
		session_say(session, "People cannot subscribe themselves to \"%.*s\".", STR_ARG(list->name));
		return true;
	}
	if (list_settings_flag(&list->settings, LIST_SETTING_VERIFY))
		return ask_first(session, list, "subscribe", session->from, STR(""));
	return change_member(session, list, "subscribe", session->from);
}

/* Each list that has the address among its own members. */
static int add_if_member(const struct list *list, void *context, struct err *err)
{
	struct session *session = context;
	struct list *copy;
	int member;

	if (list->is_database || !session_knows(session, list))
		return 0;
	member = list_has_own_member(session->listd, list, session->from, err);
	if (member <= 0)
		return member;
	copy = arena_get(&session->arena, sizeof *copy);
	*copy = *list;
	session_add_step(session, &(struct command){.kind = COMMAND_UNSUBSCRIBE, .line = list->name, .first = list->name},
	                 copy);
	return 0;
}

static bool unsubscribe_all(struct session *session)
{
	unsigned before = session->step_count;
	struct err err;

	if (list_each(session->listd, &session->arena, add_if_member, session, &err) != 0) {
		session->is_temporary = true;
		log_error("%s", err.text);
	} else if (session->step_count == before) {
		session_say(session, "%.*s is a member of no list here.", STR_ARG(session->from));
	}
	return true;
}

static bool unsubscribe(struct session *session, struct step *step)
{
	const struct list *list = step->list;
	struct str address = session->from;
	bool is_other;

	if (list == NULL && str_equal(step->command.first, STR("*")) && step->command.second.len == 0)
		return unsubscribe_all(session);
	if (list == NULL)
		list = find_list(session, step->command.first);
	if (list == NULL || is_fixed(session, list))
		return true;
	if (step->command.second.len > 0)
		address = list_normal_address(step->command.second, &session->arena);
	if (address.len == 0) {
		session_say(session, "\"%.*s\" is not an address.", STR_ARG(step->command.second));
		return true;
	}
	is_other = !str_equal_nocase(address, session->from);
	/* whoever asks: what somebody else's address is to lose has to be confirmed there */
	if (is_other || list_settings_flag(&list->settings, LIST_SETTING_VERIFY)) {
		struct err err;
		int member = list_has_own_member(session->listd, list, address, &err);

		session->is_temporary |= member < 0;
		if (member == 1)
			return ask_first(session, list, "unsubscribe", address, STR(""));
		if (member == 0 && !is_other)
			session_say(session, "%.*s is not a member of %.*s.", STR_ARG(address), STR_ARG(list->name));
		else if (member == 0) /* who is a member is nobody else's business */
			session_say(session, "A message to %.*s asks for confirmation, if it is a member.", STR_ARG(address));
		return true;
	}
	return change_member(session, list, "unsubscribe", address);
}

static int say_list(const struct list *list, void *context, struct err *err)
{
	struct session *session = context;

	(void)err;
	if (session_knows(session, list) && !list_settings_flag(&list->settings, LIST_SETTING_CONFIDENTIAL))
		session_say(session, "%-24.*s %s", STR_ARG(list->name),
		            list_settings_text(&list->settings, LIST_SETTING_COMMENT));
	return 0;
}

static bool say_lists(struct session *session)
{
	struct err err;

	if (list_each(session->listd, &session->arena, say_list, session, &err) != 0) {
		session->is_temporary = true;
		log_error("%s", err.text);
	}
	return true;
}

static bool may_see_members(struct session *session, const struct list *list)
{
	struct err err;
	int member;

	if (is_moderator(session, list))
		return true;
	if (!list_settings_flag(&list->settings, LIST_SETTING_MEMBER_LIST))
		return false;
	member = list_has_member(session->listd, list, session->from, &err);
	session->is_temporary |= member < 0;
	return member == 1;
}

static bool say_users(struct session *session, struct step *step)
{
	const struct list *list = find_list(session, step->command.first);
	struct db_statement query;
	struct err err;
	int row;

	if (list == NULL || is_fixed(session, list))
		return true;
	if (!may_see_members(session, list)) {
		session_say(session, "You may not see the members of \"%.*s\".", STR_ARG(list->name));
		return true;
	}
	if (db_query(&session->listd->settings.objects, &query, &err,
	             "SELECT address FROM list_member WHERE list = ? ORDER BY address LIMIT ?", "nn", list->id,
	             (int64_t)USERS_SHOWN_MAX) != 0) {
		session->is_temporary = true;
		return true;
	}
	while ((row = db_step(&query, &err)) == 1)
		session_say(session, "%.*s", STR_ARG(list_show_address(session->listd, db_text(&query, 0), &session->arena)));
	db_finalize(&query);
	session->is_temporary |= row < 0;
	return true;
}

/* From is easily forged: moderators confirm what they want. */
static bool change_by_moderator(struct session *session, struct step *step, const char *action)
{
	const struct list *list = find_list(session, step->command.first);
	struct str address = list_normal_address(step->command.second, &session->arena);

	if (list == NULL || is_fixed(session, list))
		return true;
	if (!list_settings_flag(&list->settings, LIST_SETTING_REMOTE) || !is_moderator(session, list)) {
		session_say(session, "You may not change the members of \"%.*s\".", STR_ARG(list->name));
		return true;
	}
	if (address.len == 0) {
		session_say(session, "\"%.*s\" is not an address.", STR_ARG(step->command.second));
		return true;
	}
	return ask_first(session, list, action, address, session->from);
}

static bool confirm(struct session *session, struct step *step)
{
	struct listd *listd = session->listd;
	struct list *list = arena_get(&session->arena, sizeof *list);
	struct err err;
	int found = token_find(listd, step->command.first, &session->arena, &session->token, &err);

	if (found == 1)
		found = list_load(listd, session->token.list, &session->arena, list, &err);
	if (found < 0) {
		session->is_temporary = true;
		log_error("%s", err.text);
		return true;
	}
	if (found == 0) {
		session_say(session, "That token is unknown, or it was used or is too old.");
		return true;
	}
	session->list = list;
	session->is_confirmed = true;
	change(session);
	return false;
}

/* In a transaction of its own: what was decided once is not to be decided. */
static int decide_post(struct listd *listd, struct post *post, bool approve, struct err *err)
{
	if (table_begin(listd, err) != 0)
		return -1;
	if (held_decide(listd, post, approve, err) != 0) {
		table_rollback(listd);
		return -1;
	}
	return table_commit(listd, err);
}

static bool moderate(struct session *session, struct step *step, bool approve)
{
	struct listd *listd = session->listd;
	struct list list = {0};
	struct post post = {0};
	struct err err;
	int found = table_get_post(listd, &session->arena, &post, &err, "token = lower(?) AND token <> '' AND state = ?",
	                           step->command.first, POST_HELD);

	if (found == 1)
		found = list_load(listd, post.list, &session->arena, &list, &err);
	if (found == 1 && !is_moderator(session, &list))
		found = 0;
	if (found == 0) {
		session_say(session, "That token is unknown, or a decision was made already.");
	} else if (found < 0 || decide_post(listd, &post, approve, &err) != 0) {
		session->is_temporary = true;
		log_error("%s", err.text);
	} else {
		session_say(session, "The message to \"%.*s\" is %s.", STR_ARG(list.name), approve ? "approved" : "rejected");
		expand_wake(listd);
	}
	return true;
}

bool session_do(struct session *session, struct step *step)
{
	switch (step->command.kind) {
	case COMMAND_SUBSCRIBE:
		return subscribe(session, step);
	case COMMAND_UNSUBSCRIBE:
		return unsubscribe(session, step);
	case COMMAND_LISTS:
		return say_lists(session);
	case COMMAND_USERS:
		return say_users(session, step);
	case COMMAND_HELP:
		buf_add_str(&session->text, str_of(command_help));
		return true;
	case COMMAND_CONFIRM:
		return confirm(session, step);
	case COMMAND_APPROVE:
		return moderate(session, step, true);
	case COMMAND_REJECT:
		return moderate(session, step, false);
	case COMMAND_ADD:
		return change_by_moderator(session, step, "add");
	case COMMAND_REMOVE:
		return change_by_moderator(session, step, "remove");
	default:
		if (step->command.usage != NULL)
			session_say(session, "It is written: %s", step->command.usage);
		else
			session_say(session, "That is no command; \"help\" lists them.");
		return true;
	}
}
