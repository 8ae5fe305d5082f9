#include "lists/listserver.h"

#include "common/addr/addr.h"
#include "common/base/log.h"
#include "common/base/memory.h"

#include <sys/stat.h>
#include <unistd.h>

enum { ANSWERS_PER_HOUR = 20 /* to one address */, HOUR_SECONDS = 3600 };

static void free_session(struct session *session)
{
	if (session->fd >= 0)
		close(session->fd);
	buf_free(&session->text);
	arena_free(&session->arena);
	memory_free(session);
}

static void end(struct session *session, const char *word, const char *text)
{
	log_info("id=%.*s ListServer from=<%.*s> %s%s%s", STR_ARG(session->id), STR_ARG(session->from), word,
	         *text != '\0' ? ": " : "", text);
	posts_answer(session->incoming, word, text);
	free_session(session);
}

static void put_off(struct session *session, const char *why)
{
	log_warning("id=%.*s ListServer: put off: %s", STR_ARG(session->id), why);
	posts_answer(session->incoming, "deferred", "the ListServer cannot work now");
	free_session(session);
}

void session_say(struct session *session, const char *format, ...)
{
	va_list args;

	buf_add_str(&session->text, STR("  "));
	va_start(args, format);
	buf_vprintf(&session->text, format, args);
	va_end(args);
	buf_add_char(&session->text, '\n');
}

struct letter *session_add_letter(struct session *session, enum letter_kind kind, const struct list *list,
                                  struct str address)
{
	struct letter *letter = arena_get(&session->arena, sizeof *letter);

	letter->kind = kind;
	letter->list = list;
	letter->token.address = address;
	*session->letters_last = letter;
	session->letters_last = &letter->next;
	return letter;
}

void session_add_step(struct session *session, const struct command *command, const struct list *list)
{
	struct step *step;

	if (session->step_count++ >= SESSION_STEPS_MAX)
		return;
	step = arena_get(&session->arena, sizeof *step);
	step->command = *command;
	step->list = list;
	*session->steps_last = step;
	session->steps_last = &step->next;
}

bool session_knows(const struct session *session, const struct list *list)
{
	struct str server = str_of(list_settings_text(&list->settings, LIST_SETTING_LISTSERVER));

	return str_equal(server, STR("*")) ? session->is_general : str_equal_nocase(server, session->address);
}

/* Who wrote so often in the last hour gets no more answers: two machines would else talk for ever. */
static int may_answer(struct session *session, bool *may, struct err *err)
{
	int64_t count;

	if (db_query_number(&session->listd->db, &count, err,
	                    "SELECT count(*) FROM answered WHERE address = ? AND time > ?", "tn", session->from,
	                    listd_time() - HOUR_SECONDS) != 1)
		return -1;
	*may = count < ANSWERS_PER_HOUR;
	return 0;
}

/* RFC 3834 4, 5: to the address that wrote, with the null return path, and named an answer. */
static int answer(struct session *session, struct err *err)
{
	const struct settings *settings = &session->listd->settings;
	struct mail mail = {
	    .server = session->address,
	    .to = session->from,
	    .reply_to = str_of(settings_text(settings, SETTING_LISTSERVER_REPLY_TO)),
	    .subject = arena_printf(&session->arena, "Re: %.*s", STR_ARG(session->subject)),
	    .text = buf_str(&session->text),
	    .parent = arena_printf(&session->arena, "%.*s/listserver", STR_ARG(session->id)),
	    .is_answer = true,
	    .attached = -1,
	};
	bool may;

	if (may_answer(session, &may, err) != 0)
		return -1;
	if (!may) {
		log_warning("id=%.*s ListServer: %.*s gets no answer, it had %d within the hour", STR_ARG(session->id),
		            STR_ARG(session->from), ANSWERS_PER_HOUR);
		return 0;
	}
	return mail_send(session->listd, &mail, err) != 0 ||
	               db_query_run(&session->listd->db, err, "INSERT INTO answered VALUES(?, ?)", "tn", session->from,
	                            listd_time()) != 0
	           ? -1
	           : 0;
}

static void report_bad(struct session *session)
{
	struct notice notice = {
	    .target = "ListServerBadMessageAlert",
	    .component = NOTICE_MISC,
	    .severity = NOTICE_WARNING,
	    .item = STR("Mailing Lists"),
	    .subject = STR("The ListServer got a message without a command"),
	    .text = arena_printf(&session->arena, "From: %.*s\nSubject: %.*s\nId: %.*s\n", STR_ARG(session->from),
	                         STR_ARG(session->subject), STR_ARG(session->id)),
	};

	notice_send(session->listd->notices, &notice);
}

static int finish(struct session *session, struct err *err)
{
	const struct settings *settings = &session->listd->settings;
	bool is_bad = session->valid == 0;

	if (table_begin(session->listd, err) != 0)
		return -1;
	if (letters_send(session, err) != 0 ||
	    (!(is_bad && settings_flag(settings, SETTING_LISTSERVER_IGNORE_BAD)) && answer(session, err) != 0) ||
	    db_query_run(&session->listd->db, err, "INSERT INTO command VALUES(?, ?)", "tn", session->id, listd_time()) !=
	        0) {
		table_rollback(session->listd);
		return -1;
	}
	if (table_commit(session->listd, err) != 0)
		return -1;
	if (is_bad && settings_flag(settings, SETTING_LISTSERVER_REPORT_BAD))
		report_bad(session);
	return 0;
}

void session_go_on(struct session *session)
{
	struct err err;

	while (session->steps != NULL && !session->is_temporary) {
		struct step *step = session->steps;

		session->steps = step->next;
		if (session->steps == NULL)
			session->steps_last = &session->steps;
		buf_printf(&session->text, "> %.*s\n", STR_ARG(step->command.line));
		session->valid += step->command.kind != COMMAND_UNKNOWN;
		if (!session_do(session, step))
			return;
	}
	if (session->is_temporary)
		put_off(session, "a command could not be done");
	else if (finish(session, &err) != 0)
		put_off(session, err.text);
	else
		end(session, "delivered", "");
}

static void on_report(const struct report *report, const struct err *err, void *context)
{
	struct session *session = context;

	if (report == NULL) {
		put_off(session, err->text);
		return;
	}
	session->from = arena_copy(&session->arena, report->from.len != 0 ? report->from : session->envelope_from);
	session->subject = arena_copy(&session->arena, report->subject);
	if (report->is_automatic || session->from.len == 0) {
		end(session, "delivered", "an automatic message is not answered");
		return;
	}
	for (size_t i = 0; i < report->commands.count; i++) {
		struct command command = report->commands.list[i];

		command.line = arena_copy(&session->arena, command.line);
		command.first = arena_copy(&session->arena, command.first);
		command.second = arena_copy(&session->arena, command.second);
		session_add_step(session, &command, NULL);
	}
	if (report->commands.count == 0)
		session_say(session, "There is no command in the message; \"help\" lists them.");
	session_go_on(session);
}

static int take_fields(struct session *session, struct reading *reading, struct err *err)
{
	const struct ipc_message *request = &session->incoming->message;
	struct str id = ipc_get(request, "id"), from = ipc_get(request, "from"), address = ipc_get(request, "address");
	struct str local_part;
	struct stat info;

	if (!spool_id_is_valid(id) || from.data == NULL || address.data == NULL)
		return err_set(err, ERR_PROTOCOL, "a message to the ListServer has an id, a reverse-path and an address");
	session->id = arena_copy(&session->arena, id);
	session->envelope_from = list_normal_address(arena_copy(&session->arena, from), &session->arena);
	session->address = list_normal_address(arena_copy(&session->arena, address), &session->arena);
	local_part = str_sub(session->address, 0, (size_t)str_find_last_char(session->address, '@'));
	session->is_general =
	    str_equal_nocase(local_part, str_of(settings_text(&session->listd->settings, SETTING_LISTSERVER_NAME)));
	session->fd = ipc_take_fd(&session->incoming->message, 0);
	if (session->fd < 0 || fstat(session->fd, &info) != 0 || !S_ISREG(info.st_mode) ||
	    !ipc_get_number(request, "offset", 0, info.st_size, &reading->offset))
		return err_set(err, ERR_PROTOCOL, "a message to the ListServer is a file with a message in it");
	reading->fd = session->fd;
	reading->size = info.st_size - reading->offset;
	return 0;
}

void listserver_take(struct listd *listd, struct ipc_incoming *incoming)
{
	struct session *session = memory_get(sizeof *session);
	struct reading reading = {.out = -1};
	struct err err;
	int known;

	session->listd = listd;
	session->incoming = incoming;
	session->fd = -1;
	session->steps_last = &session->steps;
	session->letters_last = &session->letters;
	arena_init(&session->arena);
	buf_init(&session->text, SESSION_TEXT_MAX);
	if (take_fields(session, &reading, &err) != 0) {
		log_error("%s", err.text);
		ipc_answer_error(incoming, &err);
		free_session(session);
		return;
	}
	known = db_query_number(&listd->db, NULL, &err, "SELECT 1 FROM command WHERE id = ?", "t", session->id);
	if (known < 0)
		put_off(session, err.text);
	else if (known == 1)
		end(session, "delivered", "it was worked off before");
	else if (session->envelope_from.len == 0)
		end(session, "delivered", "a message without a return path is not answered");
	else
		reader_start(listd, &reading, on_report, session);
}
