/* imapd/shared: which commands are about other users' folders, and how they get there. */
#include "imapd/guest.h"
#include "imapd/shared.h"
#include "imapd/target.h"

#include "common/imap/text.h"

/* Where a command's first mailbox name is; a second one follows it in RENAME. */
enum place {
	NOWHERE,
	FIRST,
	BEHIND_OPTIONS, /* "(" ... ")" may be in front */
	BEHIND_SET,
};

static const struct {
	const char *command;
	enum place place;
} places[] = {
    {"SELECT", FIRST},        {"EXAMINE", FIRST},       {"STATUS", FIRST},
    {"CREATE", FIRST},        {"DELETE", FIRST},        {"RENAME", FIRST},
    {"GETQUOTA", FIRST},      {"GETQUOTAROOT", FIRST},  {"SETACL", FIRST},
    {"DELETEACL", FIRST},     {"GETACL", FIRST},        {"LISTRIGHTS", FIRST},
    {"MYRIGHTS", FIRST},      {"SETMETADATA", FIRST},   {"GETMETADATA", BEHIND_OPTIONS},
    {"COPY", BEHIND_SET},     {"UID COPY", BEHIND_SET}, {"MOVE", BEHIND_SET},
    {"UID MOVE", BEHIND_SET},
};

static enum place find_place(const struct command *command)
{
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
		if (strcmp(places[i].command, command->name) == 0)
			return places[i].place;
	return NOWHERE;
}

static bool is_named(const struct command *command, const char *name)
{
	return strcmp(command->name, name) == 0;
}

/* A command of the selected state, or one that tells what happened there. */
static bool is_about_selected(const struct command *command)
{
	return command->state == SELECTED || is_named(command, "NOOP") || is_named(command, "IDLE");
}

bool shared_is_handed_on(const struct command *command)
{
	/* REPLACE is a request of its own: the URLs in it may lead to any folder */
	return (find_place(command) != NOWHERE || is_about_selected(command)) && command->run != command_replace;
}

/* A literal that comes next becomes a quoted string: then the line can be read again from its beginning. */
static bool quote_literal(struct session *session, struct str before)
{
	struct imap_parser *parser = &session->parser;
	struct str string, line;
	struct buf quoted;

	if (!imap_peek_char(parser, '{'))
		return true;
	before.len -= parser->rest.len;
	if (!imap_parse_astring(parser, &string))
		return false;
	buf_init(&quoted, IMAP_LINE_MAX);
	for (size_t i = 0; i < string.len; i++) {
		if (string.data[i] == '\r' || string.data[i] == '\n')
			imap_fail(parser, IMAP_BAD, "A mailbox name cannot hold a line end");
		if (string.data[i] == '"' || string.data[i] == '\\')
			buf_add_char(&quoted, '\\');
		buf_add_char(&quoted, string.data[i]);
	}
	if (quoted.overflow)
		imap_fail(parser, IMAP_TOO_BIG, "A mailbox name is too long");
	line = arena_printf(&session->arena, "%.*s\"%.*s\"%.*s", STR_ARG(before), STR_ARG(buf_str(&quoted)),
	                    STR_ARG(parser->rest));
	parser->rest = str_skip(line, before.len);
	buf_free(&quoted);
	return parser->failure == IMAP_PARSED;
}

static bool skip_options(struct imap_parser *parser)
{
	ptrdiff_t end = imap_peek_char(parser, '(') ? str_find(parser->rest, STR(") ")) : -1;

	if (end >= 0)
		parser->rest = str_skip(parser->rest, (size_t)end + 2);
	return true;
}

/* The names in the command, second: of RENAME. The parser is left where it was; false: it failed. */
static bool peek_names(struct session *session, enum place place, struct str *name, struct str *second)
{
	struct imap_parser *parser = &session->parser;
	struct str line = parser->rest, set;
	bool two = is_named(session->command, "RENAME");
	size_t at;

	*second = STR("");
	if (!imap_parse_space(parser) || (place == BEHIND_OPTIONS && !skip_options(parser)) ||
	    (place == BEHIND_SET && (!imap_parse_sequence_text(parser, &set) || !imap_parse_space(parser))))
		return false;
	at = line.len - parser->rest.len;
	if (!quote_literal(session, line))
		return false;
	line = str_from(parser->rest.data - at, parser->rest.len + at);
	if (!imap_parse_mailbox(parser, name))
		return false;
	if (two) {
		if (!imap_parse_space(parser))
			return false;
		at = line.len - parser->rest.len;
		if (!quote_literal(session, line))
			return false;
		line = str_from(parser->rest.data - at, parser->rest.len + at);
		if (!imap_parse_mailbox(parser, second))
			return false;
	}
	parser->rest = line;
	return true;
}

static void take_answer(struct session *session, struct remote *remote, const struct ipc_message *reply)
{
	int64_t selected = 0, condstore = 0, ended = 0;

	ipc_get_number(reply, "selected", 0, 1, &selected);
	ipc_get_number(reply, "condstore", 0, 1, &condstore);
	ipc_get_number(reply, "ended", 0, 1, &ended);
	session->enabled.condstore |= condstore != 0;
	session->ended |= ended != 0;
	session->answered = true;
	if (selected != 0)
		session->shared->selected = remote;
	else if (session->shared->selected == remote)
		session->shared->selected = NULL;
}

/* Hand the command on as it is, and wait until it is done. */
static void hand_on(struct session *session, struct remote *remote)
{
	struct imap_enabled *enabled = &session->enabled;
	struct ipc_message request, reply;
	struct buf text;

	buf_init(&text, IMAP_COMMAND_MAX * 2);
	buf_printf(&text, "%.*s %s", STR_ARG(session->tag), session->command->name);
	if (!imap_parse_raw(&session->parser, &text)) {
		imap_refuse(session);
		buf_free(&text);
		return;
	}
	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "run");
	ipc_add(&request, "text", buf_str(&text));
	ipc_add_number(&request, "enabled", enabled->rev2 | enabled->utf8 << 1 | enabled->qresync << 2);
	ipc_add_number(&request, "condstore", enabled->condstore);
	if (shared_ask(session, remote, &request, &reply, is_named(session->command, "IDLE")) == 0)
		take_answer(session, remote, &reply);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	buf_free(&text);
}

/* A command in the selected state, whose folder is there. */
static void take_selected(struct session *session, struct remote *remote, enum place place)
{
	struct str second;

	session->shared->copy_target = STR("");
	if (place == BEHIND_SET && !peek_names(session, place, &session->shared->copy_target, &second)) {
		imap_refuse(session);
		return;
	}
	hand_on(session, remote);
	session->shared->copy_target = STR("");
}

/* SELECT of another mailbox's folder: what was selected elsewhere is not any more. */
static void leave_others(struct session *session, const struct remote *remote)
{
	const struct remote *selected = shared_selected(session);

	if (session->view == NULL && (selected == NULL || selected == remote))
		return;
	session_leave(session);
	conn_write(&session->conn, STR("* OK [CLOSED] Closed\r\n"));
}

static void take_named(struct session *session, struct str owner, struct str second)
{
	bool selects = is_named(session->command, "SELECT") || is_named(session->command, "EXAMINE");
	struct str second_owner, rest;
	struct remote *remote;

	if (is_named(session->command, "RENAME") &&
	    (!shared_split(second, &second_owner, &rest) || !str_equal_nocase(owner, second_owner))) {
		imap_no(session, "CANNOT", "A folder cannot be moved to another user");
		return;
	}
	remote = shared_open(session, owner);
	if (selects)
		leave_others(session, remote);
	if (remote != NULL)
		hand_on(session, remote);
}

bool shared_take_command(struct session *session, const struct command *command)
{
	struct remote *selected = shared_selected(session);
	enum place place = find_place(command);
	struct str name, second, owner, rest;

	if (session->guest != NULL)
		return false;
	if (selected != NULL && command->run == command_replace) { /* its message is not read into memory */
		command_replace(session);
		return true;
	}
	if (selected != NULL && is_about_selected(command)) {
		take_selected(session, selected, place);
		return true;
	}
	if (command->state == SELECTED || place == NOWHERE || !peek_names(session, place, &name, &second))
		return false;
	if (!shared_split(name, &owner, &rest)) {
		if (!shared_is_name(second))
			return false;
		imap_no(session, "CANNOT", "A folder cannot be moved to another user");
		return true;
	}
	if (rest.len == 0 && !is_named(command, "GETQUOTA"))
		return false;
	take_named(session, owner, second);
	return true;
}

void shared_leave(struct session *session)
{
	struct remote *remote = shared_selected(session);
	struct ipc_message request, reply;

	if (remote == NULL)
		return;
	session->shared->selected = NULL;
	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "leave");
	if (shared_ask(session, remote, &request, &reply, false) != 0)
		imap_ok(session, NULL, "%s completed", session->command->name);
	ipc_message_free(&request);
	ipc_message_free(&reply);
}

/* Ask the session that serves a name; request is freed. -1: noted. */
static int ask_about(struct session *session, struct str name, struct ipc_message *request, struct ipc_message *reply)
{
	struct str owner, rest;
	struct remote *remote = NULL;
	int result = -1;

	if (shared_split(name, &owner, &rest) && rest.len > 0)
		remote = shared_open(session, owner);
	else
		imap_no(session, "NONEXISTENT", "There is no such folder");
	if (remote != NULL)
		result = shared_ask(session, remote, request, reply, false);
	ipc_message_free(request);
	return result;
}

int shared_find_target(struct session *session, struct str name)
{
	struct ipc_message request, reply;
	int result;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "find");
	ipc_add(&request, "name", name);
	result = ask_about(session, name, &request, &reply);
	if (result == 0 && !bundle_take_result(session, &reply))
		result = -1;
	ipc_message_free(&reply);
	return result;
}

int shared_store(struct session *session, struct str name, struct upload *upload, struct stored *stored)
{
	struct ipc_message request, reply;
	struct err err;
	int result = -1;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "store");
	ipc_add(&request, "name", name);
	if (!bundle_add(&request, upload))
		ipc_message_free(&request);
	else if (ask_about(session, name, &request, &reply) == 0 && bundle_take_result(session, &reply)) {
		result = bundle_take_stored(session, &reply, upload->count, stored, &err);
		if (result != 0)
			imap_no_store(session, &err);
	}
	ipc_message_free(&reply);
	return result;
}

void shared_replace(struct session *session, struct str set, struct str name, struct upload *upload)
{
	struct ipc_message request, reply;
	struct str code;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "replace");
	ipc_add(&request, "set", set);
	ipc_add(&request, "name", name);
	ipc_add_number(&request, "by-uid", session->by_uid);
	session->shared->copy_target = name;
	if (bundle_add(&request, upload) && shared_ask(session, session->shared->selected, &request, &reply, false) == 0) {
		imap_ok(session, NULL, "REPLACE completed");
		code = ipc_get(&reply, "code");
		if (bundle_take_result(session, &reply) && code.len > 0)
			imap_ok(session, arena_text(&session->arena, code), "REPLACE completed");
	}
	session->shared->copy_target = STR("");
	ipc_message_free(&request);
	ipc_message_free(&reply);
}

void shared_write_status(struct session *session, struct str name, unsigned items)
{
	struct ipc_message request, reply;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "status");
	ipc_add(&request, "name", name);
	ipc_add_number(&request, "items", items);
	if (ask_about(session, name, &request, &reply) != 0)
		imap_ok(session, NULL, "%s completed", session->command->name);
	ipc_message_free(&reply);
}
