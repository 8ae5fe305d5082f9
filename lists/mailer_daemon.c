/*
 * The mailer daemon: a message to the server's own address, from its command to the answer.
 *
 * Who it is about is known by the login that sent it, or by a name and password in it where the settings allow that;
 * authd looks at these. What may be changed configd decides, by that user's own rights. Answers go to the user who
 * logged in, else to the return path. A crash before the answer is committed repeats the change, which is harmless.
 */
#include "lists/reader.h"

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/settings/attributes.h"

#include <sys/stat.h>
#include <unistd.h>

enum { TEXT_MAX = 16 * 1024, ANSWERS_PER_HOUR = 20 /* to one address */, HOUR_SECONDS = 3600 };

struct request {
	struct listd *listd;
	struct ipc_incoming *incoming;
	struct arena arena;
	struct str id, from; /* from: the reverse-path, normalised */
	struct str login;    /* who logged in, proven; or empty */
	struct str peer;     /* his address */
	struct str address;  /* of ours, that was written to */
	bool is_passed_on;   /* it is made of another message: nobody wrote it to us */
	int fd;
	struct str subject;
	struct control control;
	struct str user; /* whom the command is about */
	int64_t uid;
	bool is_changed, is_bad;
	struct buf text; /* the answer */
};

bool mailer_daemon_is(const struct listd *listd, struct str address)
{
	struct str name = str_sub(address, 0, (size_t)(str_find_last_char(address, '@') + 1));

	if (name.len == 0)
		return false;
	name.len--;
	return str_equal_nocase(name, STR("mailer-daemon")) ||
	       str_equal_nocase(name, str_of(settings_text(&listd->settings, SETTING_MAILER_DAEMON)));
}

static void free_request(struct request *request)
{
	if (request->fd >= 0)
		close(request->fd);
	memory_wipe((char *)request->control.password.data, request->control.password.len);
	if (request->control.kind == CONTROL_PASSWORD)
		memory_wipe((char *)request->control.value.data, request->control.value.len);
	buf_free(&request->text);
	arena_free(&request->arena);
	memory_free(request);
}

static void end(struct request *request, const char *word, const char *why)
{
	log_info("id=%.*s mailer daemon from=<%.*s> %s%s%s", STR_ARG(request->id), STR_ARG(request->from), word,
	         *why != '\0' ? ": " : "", why);
	posts_answer(request->incoming, word, strcmp(word, "delivered") == 0 ? "" : "commands cannot be done now");
	free_request(request);
}

static struct str user_address(const struct request *request, struct str user, struct arena *arena)
{
	return list_member_address(request->listd, user, arena);
}

static int write_mail(struct request *request, struct str to, struct str subject, struct str text, struct err *err)
{
	struct mail mail = {
	    .name = "Mail System",
	    .server = settings_server_address(&request->listd->settings, &request->arena),
	    .to = to,
	    .subject = subject,
	    .text = text,
	    .parent = arena_printf(&request->arena, "%.*s/control", STR_ARG(request->id)),
	    .is_answer = true,
	    .attached = -1,
	};

	return mail_send(request->listd, &mail, err);
}

/* RFC 3834: to the return path, or to who is known; not for ever where two machines talk. */
static int answer(struct request *request, struct err *err)
{
	struct db *db = &request->listd->db;
	struct str to = request->login.len > 0 ? user_address(request, request->login, &request->arena) : request->from;
	int64_t count;

	if (db_query_number(db, &count, err, "SELECT count(*) FROM answered WHERE address = ? AND time > ?", "tn", to,
	                    listd_time() - HOUR_SECONDS) != 1)
		return -1;
	if (count >= ANSWERS_PER_HOUR) {
		log_warning("id=%.*s mailer daemon: %.*s gets no answer, it had %d within the hour", STR_ARG(request->id),
		            STR_ARG(to), ANSWERS_PER_HOUR);
		return 0;
	}
	return write_mail(request, to, arena_printf(&request->arena, "Re: %.*s", STR_ARG(request->subject)),
	                  buf_str(&request->text), err) != 0 ||
	               db_query_run(db, err, "INSERT INTO answered VALUES(?, ?)", "tn", to, listd_time()) != 0
	           ? -1
	           : 0;
}

/* Whose settings somebody else changed hears of it. */
static int inform(struct request *request, struct err *err)
{
	struct str text;

	if (!request->is_changed || str_equal_nocase(request->user, request->login))
		return 0;
	text = arena_printf(&request->arena,
	                    "Your settings were changed by a message from %.*s (client %.*s),\n"
	                    "which knew your password. Its subject was: %.*s\n",
	                    STR_ARG(request->login.len > 0 ? request->login : request->from), STR_ARG(request->peer),
	                    STR_ARG(request->subject));
	return write_mail(request, user_address(request, request->user, &request->arena), STR("Your settings were changed"),
	                  text, err);
}

static void report_bad(struct request *request)
{
	const struct notice notice = {
	    .target = "BadMailerDaemonMessage",
	    .component = NOTICE_MISC,
	    .severity = NOTICE_WARNING,
	    .subject = STR("A message to the mailer daemon was not understood"),
	    .text = arena_printf(&request->arena, "From: %.*s\nSubject: %.*s\nId: %.*s\n", STR_ARG(request->from),
	                         STR_ARG(request->subject), STR_ARG(request->id)),
	};

	if (request->is_bad && settings_flag(&request->listd->settings, SETTING_CONTROL_REPORT_BAD))
		notice_send(request->listd->notices, &notice);
}

static int commit_answer(struct request *request, struct err *err)
{
	struct listd *listd = request->listd;

	if (table_begin(listd, err) != 0)
		return -1;
	if (answer(request, err) == 0 && inform(request, err) == 0 &&
	    db_query_run(&listd->db, err, "INSERT INTO command VALUES(?, ?)", "tn", request->id, listd_time()) == 0)
		return table_commit(listd, err);
	table_rollback(listd);
	return -1;
}

static void finish(struct request *request)
{
	struct err err;

	if (commit_answer(request, &err) != 0) {
		end(request, "deferred", err.text);
		return;
	}
	report_bad(request);
	end(request, "delivered", request->is_changed ? "settings changed" : "");
}

static void refuse(struct request *request, const char *sentence)
{
	buf_printf(&request->text, "Nothing was changed: %s.\n", sentence);
	finish(request);
}

static void say_list(struct request *request, const char *what, const char *list, const char *none)
{
	if (list[0] == '\0')
		buf_printf(&request->text, "%s\n", none);
	else
		buf_printf(&request->text, "%s: %s\n", what, list);
}

/* What is set now: asked for, or after a change. */
static int say_state(struct request *request, struct err *err)
{
	struct attributes attributes;

	settings_refresh(&request->listd->settings);
	if (attributes_load(&request->listd->settings, request->uid, &request->arena, &attributes, err) != 0)
		return -1;
	if (request->control.kind == CONTROL_SET_ASSISTANT || request->control.kind == CONTROL_QUERY_ASSISTANT) {
		say_list(request, "Assistants", attributes_text(&attributes, ATTRIBUTE_ASSISTANT), "There is no assistant.");
		return 0;
	}
	say_list(request, "Forward to", attributes_text(&attributes, ATTRIBUTE_FORWARD), "There is no forward address.");
	buf_printf(&request->text, "Forwarding is %s.\n",
	           attributes_flag(&attributes, ATTRIBUTE_FORWARD_ENABLED) ? "on" : "off");
	return 0;
}

static void finish_with_state(struct request *request)
{
	struct err err;

	if (say_state(request, &err) != 0)
		end(request, "deferred", err.text);
	else
		finish(request);
}

static void on_changed(struct ipc_message *reply, const struct err *err, void *context)
{
	struct request *request = context;

	(void)reply;
	if (err->code == ERR_DENIED || err->code == ERR_SYNTAX || err->code == ERR_LIMIT || err->code == ERR_NOT_FOUND) {
		refuse(request, err->text);
	} else if (err->code != ERR_NONE) {
		end(request, "deferred", err->text);
	} else {
		request->is_changed = true;
		buf_printf(&request->text, "The settings of %.*s were changed.\n", STR_ARG(request->user));
		if (request->control.kind == CONTROL_PASSWORD)
			finish(request);
		else
			finish_with_state(request);
	}
}

static void add_change(struct ipc_message *message, const char *key, struct str value)
{
	ipc_add_text(message, "key", key);
	ipc_add(message, "value", value);
}

/* As settings have them: separated by commas. */
static struct str address_list(struct request *request)
{
	struct str list = arena_copy(&request->arena, request->control.value);
	char *bytes = (char *)list.data;

	for (size_t i = 0; i < list.len; i++)
		if (bytes[i] == ';')
			bytes[i] = ',';
	return list;
}

static void change(struct request *request)
{
	const struct control *control = &request->control;
	struct ipc_message message;

	ipc_message_init(&message);
	ipc_request(&message, control->kind == CONTROL_PASSWORD ? "own-password" : "own-set");
	ipc_add_number(&message, "uid", request->uid);
	if (control->kind == CONTROL_PASSWORD) {
		ipc_add(&message, "password", control->value);
	} else if (control->kind == CONTROL_SET_ASSISTANT) {
		add_change(&message, "assistant", control->change == CONTROL_TO ? address_list(request) : STR(""));
	} else {
		if (control->change == CONTROL_TO)
			add_change(&message, "forward", address_list(request));
		add_change(&message, "forward.enabled", control->change == CONTROL_OFF ? STR("off") : STR("on"));
	}
	ipc_client_call(request->listd->configd, &message, IPC_TIMEOUT_MS, on_changed, request);
	ipc_message_free(&message);
}

static void act(struct request *request)
{
	enum control_kind kind = request->control.kind;

	if (kind == CONTROL_QUERY_ASSISTANT || kind == CONTROL_QUERY_FORWARDING)
		finish_with_state(request);
	else
		change(request);
}

static void on_login(struct ipc_message *reply, const struct err *err, void *context)
{
	struct request *request = context;

	if (err->code == ERR_DENIED) {
		refuse(request, "name or password is wrong");
		return;
	}
	if (reply == NULL || err->code != ERR_NONE || !ipc_get_number(reply, "uid", 1, INT64_MAX, &request->uid)) {
		end(request, "deferred", err->text);
		return;
	}
	request->user = arena_copy(&request->arena, ipc_get(reply, "user"));
	act(request);
}

static void check_password(struct request *request)
{
	struct ipc_message message;

	ipc_message_init(&message);
	ipc_request(&message, "login");
	ipc_add(&message, "user", request->control.user);
	ipc_add(&message, "password", request->control.password);
	ipc_add_text(&message, "service", "control");
	ipc_add(&message, "peer", request->peer);
	ipc_add_number(&message, "tls", 0);
	ipc_client_call(request->listd->authd, &message, IPC_TIMEOUT_MS, on_login, request);
	ipc_message_free(&message);
}

static void use_login(struct request *request)
{
	struct err err;
	int found = db_query_number(&request->listd->settings.objects, &request->uid, &err,
	                            "SELECT uid FROM user WHERE name = ?", "t", request->login);

	request->user = request->login;
	if (found == 1)
		act(request);
	else if (found == 0)
		refuse(request, "there is no such account any more");
	else
		end(request, "deferred", err.text);
}

static void not_understood(struct request *request)
{
	request->is_bad = true;
	buf_printf(&request->text, "Your message was not understood. What can be done here:\n\n%s", control_help);
	finish(request);
}

static void on_fetched(struct ipc_message *reply, const struct err *err, void *context)
{
	struct request *request = context;

	(void)reply;
	if (err->code == ERR_NOT_FOUND)
		refuse(request, "there is no such question, or it was answered, or its message is gone");
	else if (err->code != ERR_NONE)
		end(request, "deferred", err->text);
	else {
		buf_printf(&request->text, "The message will be fetched.\n");
		finish(request);
	}
}

/* The token is the right to it: only who was asked knows it. */
static void fetch(struct request *request)
{
	struct ipc_message message;

	ipc_message_init(&message);
	ipc_request(&message, "query-answer");
	ipc_add(&message, "token", request->control.value);
	ipc_add(&message, "from", request->from);
	ipc_client_call(request->listd->collector, &message, IPC_TIMEOUT_MS, on_fetched, request);
	ipc_message_free(&message);
}

static void run(struct request *request)
{
	const struct control *control = &request->control;
	bool by_login =
	    request->login.len > 0 && (control->user.len == 0 || str_equal_nocase(control->user, request->login));

	if (control->kind == CONTROL_UNKNOWN || (control->change == CONTROL_TO && control->value.len == 0))
		not_understood(request);
	else if (control->kind == CONTROL_FETCH)
		fetch(request);
	else if (by_login)
		use_login(request);
	else if (!settings_flag(&request->listd->settings, SETTING_CONTROL_BY_PASSWORD))
		refuse(request, request->login.len > 0 ? "only your own settings can be changed by mail"
		                                       : "commands are taken only from who logged in to send them");
	else if (control->user.len == 0 || control->password.len == 0)
		refuse(request, "lines USERNAME and PASSWORD have to say who you are");
	else
		check_password(request);
}

static void on_report(const struct report *report, const struct err *err, void *context)
{
	struct request *request = context;

	if (report == NULL) {
		end(request, "deferred", err->text);
		return;
	}
	if (report->is_automatic) {
		end(request, "delivered", "an automatic message is not answered");
		return;
	}
	request->subject = arena_copy(&request->arena, report->subject);
	request->control = report->control;
	request->control.user = arena_copy(&request->arena, report->control.user);
	request->control.password = arena_copy(&request->arena, report->control.password);
	request->control.value = arena_copy(&request->arena, report->control.value);
	run(request);
}

static struct str take_text(struct request *request, const char *key)
{
	struct str value = ipc_get(&request->incoming->message, key);

	return arena_copy(&request->arena, value.data != NULL ? value : STR(""));
}

static int take_fields(struct request *request, struct reading *reading, struct err *err)
{
	struct ipc_message *message = &request->incoming->message;
	struct stat info;

	request->id = take_text(request, "id");
	request->from = list_normal_address(take_text(request, "from"), &request->arena);
	request->login = take_text(request, "user");
	request->peer = take_text(request, "peer");
	request->is_passed_on = ipc_get(message, "parent").len > 0;
	request->fd = ipc_take_fd(message, 0);
	if (!spool_id_is_valid(request->id) || request->fd < 0 || fstat(request->fd, &info) != 0 ||
	    !S_ISREG(info.st_mode) || !ipc_get_number(message, "offset", 0, info.st_size, &reading->offset))
		return err_set(err, ERR_PROTOCOL, "a message to the mailer daemon is a file with a message in it, with an id");
	reading->fd = request->fd;
	reading->size = info.st_size - reading->offset;
	return 0;
}

void mailer_daemon_take(struct listd *listd, struct ipc_incoming *incoming)
{
	struct request *request = memory_get(sizeof *request);
	struct reading reading = {.out = -1, .recipe = {.is_control = true}};
	struct err err;
	int known;

	request->listd = listd;
	request->incoming = incoming;
	arena_init(&request->arena);
	buf_init(&request->text, TEXT_MAX);
	if (take_fields(request, &reading, &err) != 0) {
		log_error("%s", err.text);
		ipc_answer_error(incoming, &err);
		free_request(request);
		return;
	}
	known = db_query_number(&listd->db, NULL, &err, "SELECT 1 FROM command WHERE id = ?", "t", request->id);
	if (known < 0)
		end(request, "deferred", err.text);
	else if (known == 1)
		end(request, "delivered", "it was worked off before");
	else if (request->from.len == 0 || request->is_passed_on)
		end(request, "delivered", "a message without a return path, or made out of another, is no command");
	else
		reader_start(listd, &reading, on_report, request);
}
