#include "sender/scripts.h"

#include "common/addr/addr.h"
#include "common/addr/server.h"
#include "common/base/log.h"
#include "common/settings/connectors.h"
#include "sender/check_file.h"
#include "sender/outmessage.h"
#include "sender/story.h"
#include "sender/talk.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { PATH_MAX_OCTETS = 256 };

/* One session is one process; what it is at now. */
static struct {
	const struct instance *instance;
	struct script relay, mx, rules, out;
	struct status status; /* their errors go there */
	bool open;
	int64_t started;          /* the sender for which Start was called; 0: none */
	struct stat started_file; /* the script as it was then */
	char connected[256];
} scripts;

int scripts_allow(struct sandbox *sandbox, const struct instance *instance, struct err *err)
{
	scripts.instance = instance;
	return script_allow(sandbox, instance, err);
}

static void open_scripts(void)
{
	static const struct {
		struct script *script;
		const char *name;
	} all[] = {{&scripts.relay, "relayout"},
	           {&scripts.mx, "mxout"},
	           {&scripts.rules, "mxserverrules"},
	           {&scripts.out, "outmessage"}};

	for (size_t i = 0; i < sizeof all / sizeof all[0] && !scripts.open; i++)
		script_open(all[i].script, scripts.instance, all[i].name, NULL, &scripts.status);
	scripts.open = true;
}

/* To tell of errors; a script that is there only after the session began tells the ordinary log. */
void scripts_connect(const struct instance *instance)
{
	struct err err;

	scripts.status.channel.fd = -1;
	open_scripts();
	if ((script_is_installed(&scripts.relay) || script_is_installed(&scripts.mx) ||
	     script_is_installed(&scripts.rules) || script_is_installed(&scripts.out)) &&
	    ipc_connect_now(&scripts.status.channel, instance, "statusd", "sender", &err) != 0)
		log_warning("errors of scripts go to the ordinary log: %s", err.text);
}

static struct script *script_for(bool is_relay)
{
	open_scripts();
	return is_relay ? &scripts.relay : &scripts.mx;
}

/* Globals of mxout.lua and mxserverrules.lua. */
static void set_connection(struct script *script, int64_t id, struct str name)
{
	const struct script_field globals[] = {{"ConnectionId", script_number(id)}, {"ConnectionName", script_text(name)}};

	script_set_globals(script, globals, 2);
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Globals of relayout.lua, as the settings have them; what Start makes of them stays. Whether it was called now. */
static bool start_relay(struct script *script, const struct sender_settings *settings)
{
	const int64_t *numbers = settings->numbers;
	const struct script_field globals[] = {
	    {"senderid", script_number(settings->id - 1)},
	    {"sendername", script_text(str_of(settings->name))},
	    {"UseBATV", script_flag(true)},
	    {"MaxMessagesPerConnection", script_number(numbers[SENDER_SETTING_SESSION_MESSAGES])},
	    {"MaxRecipientsPerConnection", script_number(numbers[SENDER_SETTING_SESSION_RECIPIENTS])},
	    {"MaxRecipientsPerMessage", script_number(numbers[SENDER_SETTING_MAX_RECIPIENTS])},
	    {"BindAddress", script_text(STR(""))},
	};
	struct arena arena;

	if (!script_exists(script) || (scripts.started == settings->id && is_same(&scripts.started_file, &script->file)))
		return false;
	scripts.started = settings->id;
	scripts.started_file = script->file;
	arena_init(&arena);
	script_set_globals(script, globals, sizeof globals / sizeof globals[0]);
	script_call(script, "Start", NULL, 0, NULL, 0, &arena);
	arena_free(&arena);
	return true;
}

static void answer_check(struct route_sources *sources, struct ipc_message *request, struct ipc_message *reply,
                         struct arena *arena)
{
	bool is_relay = str_equal(ipc_get(request, "script"), STR("relayout"));
	struct sender_settings settings;
	struct script *script;
	int64_t id = 0;
	int file;

	ipc_get_number(request, "sender", 1, INT64_MAX, &id);
	script = script_for(is_relay);
	if (!is_relay)
		set_connection(script, id, ipc_get(request, "name"));
	else if (sender_load(&sources->settings->objects, id, arena, &settings, NULL) == 1)
		start_relay(script, &settings);
	file = ipc_take_fd(request, 0);
	if (file >= 0) {
		check_file_answer(script, is_relay, request, file, reply, arena);
		close(file);
	}
	if (is_relay)
		check_file_add_limits(script, reply, arena);
}

bool scripts_answer(struct route_sources *sources, struct ipc_message *request, struct ipc_message *reply,
                    struct arena *arena)
{
	bool is_new = ipc_is(request, "enter");

	if (!is_new && !ipc_is(request, "check"))
		return false;
	ipc_reply_ok(reply);
	open_scripts();
	if (is_new)
		outmessage_answer(&scripts.out, request, reply, arena, time(NULL));
	else
		answer_check(sources, request, reply, arena);
	return true;
}

/* A reply as the server sent it: every line with its code. */
static struct str full_text(const struct smtp_reply *reply, struct arena *arena, struct str *last_out)
{
	struct str rest = buf_str(&reply->lines);
	struct buf text;
	size_t begin = 0;

	buf_init(&text, SMTP_REPLY_MAX + 4 * (size_t)SMTP_REPLY_LINES_MAX);
	while (rest.len != 0) {
		struct str line = str_cut(&rest, '\n');

		begin = text.len;
		buf_printf(&text, "%d%c", reply->code, rest.len != 0 ? '-' : ' ');
		buf_add_str(&text, line);
		buf_add_str(&text, rest.len != 0 ? STR("\r\n") : STR(""));
	}
	*last_out = arena_copy(arena, str_skip(buf_str(&text), begin));
	rest = arena_copy(arena, buf_str(&text));
	buf_free(&text);
	return rest;
}

/* Put a script's text in the reply's place; false: it is no reply. */
static bool replace_reply(struct smtp_reply *reply, struct str text)
{
	struct smtp_reply other;
	int more = 1;

	smtp_reply_init(&other);
	while (more == 1 && text.data != NULL) {
		struct str line = str_cut(&text, '\n');

		more = smtp_reply_add_line(&other, str_trim(line), NULL);
	}
	if (more != 0) {
		smtp_reply_free(&other);
		return false;
	}
	smtp_reply_free(reply);
	*reply = other;
	return true;
}

/* ReturnCodeHandler of relayout.lua: after every reply. */
static void heard(struct smtp_client *client, const char *shown, void *context)
{
	struct script_value result = {.type = SCRIPT_TEXT}, arguments[3];
	struct str last;
	struct arena arena;

	(void)context;
	if (!script_has_function(&scripts.relay, "ReturnCodeHandler"))
		return;
	arena_init(&arena);
	arguments[0] = script_text(str_of(shown));
	arguments[1] = script_text(full_text(&client->reply, &arena, &last));
	arguments[2] = script_text(last);
	if (script_call(&scripts.relay, "ReturnCodeHandler", arguments, 3, &result, 1, &arena) == 1 &&
	    result.type == SCRIPT_TEXT && !replace_reply(&client->reply, result.text))
		script_report(
		    &scripts.relay, "ReturnCodeHandler",
		    arena_printf(&arena, "\"%.*s\" is no reply, since it has no code", STR_ARG(str_sub(result.text, 0, 100))));
	arena_free(&arena);
}

static struct script_value recipients_of(const struct delivery *delivery, struct arena *arena)
{
	struct str *list = arena_get(arena, delivery->message.recipient_count * sizeof *list);

	for (size_t i = 0; i < delivery->message.recipient_count; i++)
		list[i] = delivery->message.recipients[i].address;
	return script_list(list, delivery->message.recipient_count);
}

/* A path without its brackets that may stand in MAIL FROM; empty: <>. */
static bool is_path(struct str path, struct arena *arena)
{
	struct addr address;

	return path.len == 0 || (path.len <= PATH_MAX_OCTETS && addr_parse_mailbox(path, arena, &address, NULL) == 0 &&
	                         address.domain.len != 0);
}

static void modify_return_path(struct script *script, struct delivery *delivery, struct arena *arena)
{
	const struct smtp_message *message = &delivery->message;
	struct script_value result = {.type = SCRIPT_TEXT};
	struct story story;

	if (!script_has_function(script, "ModifyReturnPath"))
		return;
	story_read(message->file, message->offset, message->size, arena, &story);
	const struct script_value arguments[] = {
	    script_text(message->from),
	    script_text(delivery->mail_from),
	    script_text(delivery->mail_from),
	    script_text(delivery->user),
	    recipients_of(delivery, arena),
	    script_text(story_time(delivery->time_us, arena)),
	    story.lines,
	    script_number(message->size),
	    script_text(delivery->peer),
	    script_text(story.subject),
	    script_list(delivery->all, delivery->all_count),
	};
	if (script_call(script, "ModifyReturnPath", arguments, sizeof arguments / sizeof arguments[0], &result, 1, arena) !=
	        1 ||
	    result.type != SCRIPT_TEXT)
		return;
	if (is_path(result.text, arena))
		delivery->message.from = result.text;
	else
		script_report(script, "ModifyReturnPath", STR("what it returned is no address"));
}

void scripts_begin(struct attempt *attempt, struct delivery *delivery, struct arena *arena)
{
	struct script *script = script_for(delivery->is_relay);
	struct sender_settings settings;
	bool found = sender_load(&attempt->sources.settings->objects, delivery->sender, arena, &settings, NULL) == 1;

	talk_log(attempt, found ? &settings : NULL);
	if (found && settings.texts[SENDER_SETTING_HELO][0] != '\0')
		str_copy(str_of(settings.texts[SENDER_SETTING_HELO]), attempt->client.helo, sizeof attempt->client.helo);
	if (!script_exists(script))
		return;
	if (delivery->is_relay) {
		if (found && start_relay(script, &settings))
			smtp_client_close(&attempt->client); /* it shall see the whole of a conversation */
		attempt->client.heard = heard;
	} else {
		set_connection(script, delivery->sender, found ? str_of(settings.name) : STR(""));
	}
	modify_return_path(script, delivery, arena);
}

enum detail {
	DETAIL_TRY_TLS,
	DETAIL_USE_SSL,
	DETAIL_REQUIRE_TLS,
	DETAIL_VERIFY,
	DETAIL_SERVER,
	DETAIL_PORT,
	DETAIL_USERNAME,
	DETAIL_PASSWORD,
	DETAIL_EHLO,
	DETAIL_RETURN_PATH,
	DETAIL_FROM,
	DETAILS
};

static void take_security(const struct script_field *actions, struct host_details *details)
{
	if (actions[DETAIL_TRY_TLS].value.type != SCRIPT_NIL && !script_is_true(&actions[DETAIL_TRY_TLS].value))
		details->encryption = ROUTE_CLEAR;
	if (script_is_true(&actions[DETAIL_REQUIRE_TLS].value))
		details->encryption = ROUTE_STARTTLS;
	if (script_is_true(&actions[DETAIL_USE_SSL].value))
		details->encryption = ROUTE_TLS;
	if (actions[DETAIL_VERIFY].value.type != SCRIPT_NIL)
		details->verify = script_is_true(&actions[DETAIL_VERIFY].value);
}

/* The address to connect from. */
static void take_from(const struct script *script, const char *function, const struct script_value *from,
                      struct host_details *details, struct arena *arena)
{
	struct server parsed;

	if (from->type != SCRIPT_TEXT || from->text.len == 0)
		return;
	if (server_parse(from->text, 0, arena, &parsed, NULL) == 0 && parsed.is_address)
		details->from = parsed.host;
	else
		script_report(script, function,
		              arena_printf(arena, "%s is no address", script == &scripts.mx ? "bindAddress" : "BindAddress"));
}

static void take_details(const struct script_field *actions, struct delivery *delivery, struct route_host *host,
                         struct host_details *details, struct arena *arena)
{
	const struct script_value *server = &actions[DETAIL_SERVER].value, *port = &actions[DETAIL_PORT].value;
	const struct script_value *path = &actions[DETAIL_RETURN_PATH].value;
	struct server parsed;

	take_security(actions, details);
	if (server->type == SCRIPT_TEXT && server_parse(server->text, host->port, arena, &parsed, NULL) == 0) {
		host->is_override |= !str_equal_nocase(host->name, parsed.host);
		host->name = parsed.host;
		host->port = parsed.port;
		host->is_address = parsed.is_address;
	}
	if (port->type == SCRIPT_NUMBER && port->number > 0 && port->number <= UINT16_MAX)
		host->port = (unsigned)port->number;
	if (actions[DETAIL_USERNAME].value.type == SCRIPT_TEXT && actions[DETAIL_PASSWORD].value.type == SCRIPT_TEXT) {
		host->username = actions[DETAIL_USERNAME].value.text;
		host->password = actions[DETAIL_PASSWORD].value.text;
	}
	if (actions[DETAIL_EHLO].value.type == SCRIPT_TEXT && addr_is_domain(actions[DETAIL_EHLO].value.text))
		details->helo = actions[DETAIL_EHLO].value.text;
	if (path->type == SCRIPT_TEXT && is_path(path->text, arena))
		delivery->message.from = path->text;
	take_from(&scripts.mx, "ServerDetails", &actions[DETAIL_FROM].value, details, arena);
}

/* relayout.lua has it in a global. */
static void prepare_relay(struct host_details *details, struct arena *arena)
{
	struct script_field from = {"BindAddress", {.type = SCRIPT_TEXT}};

	if (script_exists(&scripts.relay) && script_get_globals(&scripts.relay, &from, 1, arena) == 1)
		take_from(&scripts.relay, "Start", &from.value, details, arena);
}

/* ServerDetails of mxout.lua: before each delivery; what relayout.lua has to say of that. */
void scripts_prepare(struct delivery *delivery, struct route_host *host, struct host_details *details,
                     struct arena *arena)
{
	struct str rest = delivery->destination, kind = str_cut_word(&rest), domain = str_cut_word(&rest);
	const struct smtp_message *message = &delivery->message;
	const struct script_field parameters[] = {{"authsender", script_text(delivery->user)},
	                                          {"originator", script_text(message->from)},
	                                          {"server", script_text(host->name)},
	                                          {"domain", script_text(domain)},
	                                          {"length", script_number(message->size)},
	                                          {"connnid", script_number(delivery->sender)},
	                                          {"connection", script_number(delivery->sender)}};
	const struct script_field given[] = {{"tryTLS", script_number(1)}};
	struct script_field actions[DETAILS] = {
	    [DETAIL_TRY_TLS] = {"tryTLS", {.type = SCRIPT_TEXT_OR_FLAG}},
	    [DETAIL_USE_SSL] = {"useSSL", {.type = SCRIPT_TEXT_OR_FLAG}},
	    [DETAIL_REQUIRE_TLS] = {"requireTLS", {.type = SCRIPT_TEXT_OR_FLAG}},
	    [DETAIL_VERIFY] = {"verifyCert", {.type = SCRIPT_TEXT_OR_FLAG}},
	    [DETAIL_SERVER] = {"server", {.type = SCRIPT_TEXT}},
	    [DETAIL_PORT] = {"port", {.type = SCRIPT_NUMBER}},
	    [DETAIL_USERNAME] = {"username", {.type = SCRIPT_TEXT}},
	    [DETAIL_PASSWORD] = {"password", {.type = SCRIPT_TEXT}},
	    [DETAIL_EHLO] = {"ehloName", {.type = SCRIPT_TEXT}},
	    [DETAIL_RETURN_PATH] = {"returnPath", {.type = SCRIPT_TEXT}},
	    [DETAIL_FROM] = {"bindAddress", {.type = SCRIPT_TEXT}},
	};
	struct script_value result = script_table(actions, DETAILS), arguments[3];
	struct story story;

	(void)kind;
	if (delivery->is_relay)
		prepare_relay(details, arena);
	if (delivery->is_relay || !script_has_function(script_for(false), "ServerDetails"))
		return;
	story_read(message->file, message->offset, message->size, arena, &story);
	arguments[0] = script_table(parameters, sizeof parameters / sizeof parameters[0]);
	arguments[1] = story.lines;
	arguments[2] = script_table(given, 1);
	if (script_call(&scripts.mx, "ServerDetails", arguments, 3, &result, 1, arena) == 1 && result.type == SCRIPT_TABLE)
		take_details(actions, delivery, host, details, arena);
}

void scripts_connected(const struct delivery *delivery, const char *host)
{
	const struct script_field globals[] = {{"ConnectedServer", script_text(str_of(host))}};
	struct arena arena;

	if (!delivery->is_relay || !script_has_function(script_for(true), "ServerConnected"))
		return;
	arena_init(&arena);
	script_set_globals(&scripts.relay, globals, 1);
	script_call(&scripts.relay, "ServerConnected", NULL, 0, NULL, 0, &arena);
	arena_free(&arena);
}

struct script *scripts_rules(const struct delivery *delivery)
{
	open_scripts();
	if (script_exists(&scripts.rules))
		set_connection(&scripts.rules, delivery->sender, STR(""));
	return &scripts.rules;
}

bool scripts_choose_servers(void)
{
	open_scripts();
	return script_exists(&scripts.rules) || script_has_function(&scripts.mx, "ServerDetails");
}
