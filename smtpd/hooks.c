#include "smtpd/smtpd.h"

#include "common/base/log.h"
#include "common/script/message.h"
#include "smtpd/collect.h"
#include "smtpd/rbl.h"

enum { REPLY_OCTETS_MAX = 510, LINE_SHOWN = 100 };

void hooks_open(struct session *session)
{
	struct hooks *hooks = &session->hooks;

	*hooks =
	    (struct hooks){.max_size = -1, .max_messages = -1, .max_recipients = -1, .max_sessions = -1, .max_line = -1};
	script_open(&hooks->script, &session->smtpd->daemon->instance, HOOKS_SCRIPT, NULL, &session->status);
	script_settle(&hooks->script);
	hooks->script.offer = script_message_offer();
	arena_init(&hooks->rbl.arena);
}

static struct str encryption_text(struct session *session)
{
	return session->conn.tls_active ? str_of(conn_tls_text(&session->conn, &session->command_arena)) : STR("");
}

/* What the script may see, and may not change. */
static void set_globals(struct session *session)
{
	const struct relay *relay = &session->relay;
	const struct transaction *transaction = &session->transaction;
	struct hooks *hooks = &session->hooks;
	struct str *recipients = arena_get(&session->command_arena, (transaction->count + 1) * sizeof *recipients);
	const struct script_field globals[] = {
	    {"IPAddress", script_text(str_of(session->peer))},
	    {"ServerID", script_number(session->service_id)},
	    {"ServerName", script_text(str_of(session->service))},
	    {"Encryption", script_flag(session->conn.tls_active)},
	    {"EncryptionDetails", script_text(encryption_text(session))},
	    {"HeloName", script_text(str_of(session->helo))},
	    {"AuthUser", script_text(str_of(session->user))},
	    {"MailFrom", script_text(transaction->open ? transaction->mail.from.text : STR(""))},
	    {"Recipients", script_list(recipients, transaction->count)},
	    {"ValidClientAddress", script_flag(relay->decision.allow && !session->hooks.no_relay)},
	    {"LocalClientAddress", script_flag(session->address_token[0] != '\0' && !hooks->no_relay)},
	    {"AuthenticationRequired", script_flag(session_login_is_needed(session))},
	    {"AllowedUsers", script_text(str_of(hooks->users))},
	    {"MaxLineLength", script_number(hooks->max_line >= 0 ? hooks->max_line : 0)},
	    {"CheckRBL", script_flag(rbl_is_wanted(session))},
	    {"AddUserAddresses", script_flag(collect_is_wanted(session))},
	};

	for (size_t i = 0; i < transaction->count; i++)
		recipients[i] = transaction->recipients[i].address;
	script_set_globals(&hooks->script, globals, sizeof globals / sizeof globals[0]);
}

static void get_globals(struct session *session)
{
	struct hooks *hooks = &session->hooks;
	enum { VALID, LOCAL, LOGIN, USERS, LINE, RBL, COLLECT, COUNT };
	struct script_field globals[COUNT] = {
	    [VALID] = {"ValidClientAddress", script_flag(true)},
	    [LOCAL] = {"LocalClientAddress", script_flag(true)},
	    [LOGIN] = {"AuthenticationRequired", script_flag(hooks->needs_login)},
	    [USERS] = {"AllowedUsers", script_text(STR(""))},
	    [LINE] = {"MaxLineLength", script_number(0)},
	    [RBL] = {"CheckRBL", script_flag(rbl_is_wanted(session))},
	    [COLLECT] = {"AddUserAddresses", script_flag(collect_is_wanted(session))},
	};

	if (script_get_globals(&hooks->script, globals, COUNT, &session->command_arena) == 0)
		return;
	hooks->no_relay |= !globals[VALID].value.flag || (session->address_token[0] != '\0' && !globals[LOCAL].value.flag);
	hooks->needs_login |= globals[LOGIN].value.flag;
	if (!str_copy(globals[USERS].value.text, hooks->users, sizeof hooks->users))
		script_report(&hooks->script, "AllowedUsers", STR("is too long"));
	if (globals[RBL].value.flag != rbl_is_wanted(session))
		hooks->rbl.check = globals[RBL].value.flag ? HOOKS_YES : HOOKS_NO;
	if (globals[COLLECT].value.flag != collect_is_wanted(session))
		hooks->collect = globals[COLLECT].value.flag ? HOOKS_YES : HOOKS_NO;
	if (globals[LINE].value.number > 0)
		hooks->max_line = globals[LINE].value.number;
}

bool hooks_ask(struct session *session, const char *function, const struct script_value *argument, size_t count,
               struct script_value *result)
{
	struct hooks *hooks = &session->hooks;
	int called;

	if (session->is_local || !script_has_function(&hooks->script, function))
		return false;
	set_globals(session);
	called = script_call(&hooks->script, function, argument, count, result, 1, &session->command_arena);
	get_globals(session);
	return called == 1 && result->type != SCRIPT_NIL;
}

bool hooks_is_reply(struct str text)
{
	if (text.len < 3 || text.len > REPLY_OCTETS_MAX || text.data[0] < '2' || text.data[0] > '5' || text.data[1] < '0' ||
	    text.data[1] > '5' || text.data[2] < '0' || text.data[2] > '9' || (text.len > 3 && text.data[3] != ' '))
		return false;
	for (size_t i = 3; i < text.len; i++)
		if ((unsigned char)text.data[i] < 0x20 || (unsigned char)text.data[i] > 0x7e)
			return false;
	return true;
}

/* The reply that a function gives; "" where it leaves all to us. */
static struct str ask_reply(struct session *session, const char *function, struct str argument)
{
	const struct script_value arguments[] = {script_text(argument)};
	struct script_value result = {.type = SCRIPT_TEXT};

	if (!hooks_ask(session, function, arguments, 1, &result) || result.text.len == 0)
		return STR("");
	if (hooks_is_reply(result.text))
		return result.text;
	script_report(&session->hooks.script, function,
	              arena_printf(&session->command_arena, "returned \"%.*s\", which is no reply",
	                           STR_ARG(str_sub(result.text, 0, REPLY_OCTETS_MAX))));
	return STR("");
}

bool hooks_is_refusal(struct str reply)
{
	return reply.data[0] >= '4';
}

void hooks_send(struct session *session, struct str text)
{
	conn_printf(&session->conn, "%.*s\r\n", STR_ARG(text));
}

bool hooks_permit(struct session *session, const char *function, struct str argument)
{
	struct str answer = ask_reply(session, function, argument);

	if (answer.len == 0)
		return true;
	if (!hooks_is_refusal(answer)) {
		session->hooks.instead = answer;
		return true;
	}
	hooks_send(session, answer);
	return false;
}

bool hooks_unrecognised(struct session *session, struct str line)
{
	struct str answer = ask_reply(session, "DoUnrecognised", line);

	if (answer.len == 0)
		return true;
	hooks_send(session, answer);
	return false;
}

static int64_t ask_number(struct session *session, const char *function)
{
	struct script_value result = {.type = SCRIPT_NUMBER};

	return hooks_ask(session, function, NULL, 0, &result) && result.number >= 0 ? result.number : -1;
}

/* Limits of this connection alone (8.7 of the original): globals that the function may change. */
static void load_limits(struct session *session)
{
	struct hooks *hooks = &session->hooks;
	struct script_value result = {.type = SCRIPT_NIL};
	struct script_field limits[] = {{"MaxMessagesPerSession", script_number(-1)},
	                                {"MaxRecipientsPerMessage", script_number(-1)},
	                                {"MaxSessionsPerClient", script_number(-1)}};

	if (!script_has_function(&hooks->script, "LoadLimits"))
		return;
	script_set_globals(&hooks->script, limits, sizeof limits / sizeof limits[0]);
	hooks_ask(session, "LoadLimits", NULL, 0, &result);
	script_get_globals(&hooks->script, limits, sizeof limits / sizeof limits[0], &session->command_arena);
	hooks->max_messages = limits[0].value.number;
	hooks->max_recipients = limits[1].value.number;
	hooks->max_sessions = limits[2].value.number;
}

/* The listener has let the client in, by its own limit. False: it has too many sessions for the script, and was told.
 */
static bool may_have_another(struct session *session)
{
	int64_t limit = session->hooks.max_sessions;

	if (limit <= 0 || listen_address_count() <= limit)
		return true;
	reply(session, 421, "4.3.2", "Too many connections from your IP address - try again later");
	session->closing = true;
	return false;
}

bool hooks_at_start(struct session *session)
{
	struct hooks *hooks = &session->hooks;
	struct script_value result = {.type = SCRIPT_TEXT};
	bool asked;

	if (session->is_local || !script_exists(&hooks->script))
		return true;
	load_limits(session);
	if (!may_have_another(session))
		return false;
	hooks->max_size = ask_number(session, "GetMaxMessageSize");
	hooks_offer_lists(session);
	asked = hooks_ask(session, "Start", NULL, 0, &result);
	hooks_take_lists(session);
	if (!asked || result.text.len == 0)
		return true;
	if (!hooks_is_reply(result.text)) {
		script_report(&hooks->script, "Start", STR("returned what is no reply"));
		return true;
	}
	hooks_send(session, result.text);
	session->closing = hooks_is_refusal(result.text);
	return false;
}

void hooks_at_helo(struct session *session)
{
	int64_t size = ask_number(session, "GetMaxMessageSize");

	if (size >= 0)
		session->hooks.max_size = size;
}

/* Is line one of those that are there? */
static bool has_line(struct str lines, struct str line)
{
	while (lines.data != NULL)
		if (str_equal(str_cut(&lines, '\n'), line))
			return true;
	return false;
}

struct str hooks_capabilities(struct session *session, struct str lines)
{
	const struct script_value arguments[] = {script_text(lines)};
	struct script_value result = {.type = SCRIPT_TEXT};
	struct str rest, kept = STR("");

	if (!hooks_ask(session, "GetEHLOCapabilities", arguments, 1, &result))
		return lines;
	for (rest = result.text; rest.data != NULL;) {
		struct str line = str_trim(str_cut(&rest, '\n'));

		if (line.len == 0)
			continue;
		if (has_line(lines, line) || str_starts_nocase(line, STR("SIZE ")))
			kept = arena_printf(&session->command_arena, "%.*s%.*s\n", STR_ARG(kept), STR_ARG(line));
		else
			script_report(&session->hooks.script, "GetEHLOCapabilities",
			              arena_printf(&session->command_arena, "\"%.*s\" is nothing that this server can",
			                           STR_ARG(str_sub(line, 0, LINE_SHOWN))));
	}
	return str_sub(kept, 0, kept.len > 0 ? kept.len - 1 : 0);
}

bool hooks_allow_user(const struct session *session, const char *user)
{
	struct str rest = str_of(session->hooks.users), name;

	if (rest.len == 0)
		return true;
	while ((name = str_cut_word(&rest)).len != 0)
		if (str_equal_nocase(name, str_of(user)))
			return true;
	return false;
}

void hooks_at_end(struct session *session)
{
	struct script_value result = {.type = SCRIPT_NIL};

	hooks_ask(session, "End", NULL, 0, &result);
	script_close(&session->hooks.script);
}
