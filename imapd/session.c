/* imapd: the conversation: read a command, act, say what is new, answer. */
#include "common/base/io.h"
#include "common/base/log.h"
#include "common/net/bell.h"
#include "imapd/guest.h"
#include "imapd/imapd.h"
#include "imapd/notify.h"
#include "imapd/shared.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum {
	TEXT_MAX = 512,           /* octets of an answer's human part */
	PROGRESS_FIRST_MS = 1000, /* RFC 9585 section 3: not for what is done at once */
	PROGRESS_EVERY_MS = 5000,
};

bool session_utf8(const struct session *session)
{
	return session->enabled.rev2 || session->enabled.utf8;
}

static void note(struct session *session, enum imap_status status, const char *code, const char *format, va_list args)
{
	char text[TEXT_MAX];

	vsnprintf(text, sizeof text, format, args);
	session->status = status;
	session->code = code != NULL ? arena_copy(&session->arena, str_of(code)) : STR("");
	session->text = arena_copy(&session->arena, str_of(text));
}

void imap_ok(struct session *session, const char *code, const char *text, ...)
{
	va_list args;

	va_start(args, text);
	note(session, IMAP_OK, code, text, args);
	va_end(args);
}

void imap_no(struct session *session, const char *code, const char *text, ...)
{
	va_list args;

	va_start(args, text);
	note(session, IMAP_NO, code, text, args);
	va_end(args);
}

void imap_bad(struct session *session, const char *text, ...)
{
	va_list args;

	va_start(args, text);
	note(session, IMAP_BAD_COMMAND, NULL, text, args);
	va_end(args);
}

void imap_refuse(struct session *session)
{
	if (session->parser.failure == IMAP_TOO_BIG || session->parser.failure == IMAP_TOO_LONG)
		log_info("limit exceeded, user=%s peer=%s: %s", session->user, session->conn.peer, session->parser.message);
	if (session->parser.failure == IMAP_TOO_BIG)
		imap_no(session, "TOOBIG", "%s", session->parser.message);
	else
		imap_bad(session, "%s", session->parser.message != NULL ? session->parser.message : "That is not the grammar");
}

void imap_no_store(struct session *session, const struct err *err)
{
	switch (err->code) {
	case STORE_BUSY:
		imap_no(session, "INUSE", "The mailbox is busy, try again");
		break;
	case ERR_NOT_FOUND:
		imap_no(session, "NONEXISTENT", "There is no such folder");
		break;
	case ERR_EXISTS:
		imap_no(session, "ALREADYEXISTS", "%s", err->text);
		break;
	case ERR_SYNTAX:
		imap_no(session, "CANNOT", "%s", err->text);
		break;
	case ERR_DENIED:
		imap_no(session, "NOPERM", "%s", err->text);
		break;
	case ERR_LIMIT:
		imap_no(session, "LIMIT", "%s", err->text);
		break;
	default:
		log_error("mailbox of user=%s: %s", session->user, err->text);
		imap_no(session, "UNAVAILABLE", "The mailbox cannot do that at the moment");
	}
}

void session_bye(struct session *session, const char *text)
{
	if (!session->ended)
		conn_printf(&session->conn, "* BYE %s\r\n", text);
	session->ended = true;
}

void session_ring(struct session *session)
{
	session->rang = true;
	if (session->view != NULL)
		session->view->behind = true;
	if (session->notify != NULL)
		session->notify->due = true;
}

void session_ring_now(struct session *session)
{
	if (!session->rang)
		return;
	session->rang = false;
	conn_flush(&session->conn, NULL); /* the client's own answer first */
	bell_ring(session->bell);
}

void session_hear(struct session *session, bool anyway)
{
	int heard = bell_take(session->bell);

	if (heard < 0)
		session->bell = -1; /* the listener is gone: look now and then */
	if (session->notify != NULL && (heard != 0 || anyway))
		session->notify->due = true;
}

int session_news(struct session *session)
{
	session->progress_ms = 0; /* what takes long here is not the command that ran before */
	if (session->guest != NULL && !guest_may_stay(session))
		return -1;
	/* first: what rings while the folder is looked at is for the next look */
	if (session->notify != NULL)
		session_hear(session, false);
	if (session->view != NULL && session_follow(session) != 0)
		return -1;
	notify_tell(session);
	return 0;
}

void session_progress(struct session *session, uint64_t done, uint64_t goal)
{
	int64_t now = io_now_ms();

	if (goal != 0 && done >= goal) /* RFC 9585 4: the goal is greater */
		return;
	if (session->progress_ms == 0)
		session->progress_ms = now + PROGRESS_FIRST_MS - PROGRESS_EVERY_MS;
	if (now - session->progress_ms < PROGRESS_EVERY_MS)
		return;
	session->progress_ms = now;
	if (session->tag.len != 0)
		conn_printf(&session->conn, "* OK [INPROGRESS (\"%.*s\" %" PRIu64 " ", STR_ARG(session->tag), done);
	else
		conn_printf(&session->conn, "* OK [INPROGRESS (NIL %" PRIu64 " ", done);
	if (goal != 0)
		conn_printf(&session->conn, "%" PRIu64 ")] Still at it\r\n", goal);
	else
		conn_write(&session->conn, STR("NIL)] Still at it\r\n"));
	conn_flush(&session->conn, NULL);
	session_ring_now(session);
}

const struct command *session_find_command(struct str name)
{
	for (const struct command *command = commands; command->name != NULL; command++)
		if (str_equal(str_of(command->name), name))
			return command;
	return NULL;
}

static void run_command(struct session *session, struct str name)
{
	const struct command *command = session_find_command(name);

	if (command == NULL || (command->is_offered != NULL && !command->is_offered(session)) ||
	    (session->guest != NULL && !shared_is_handed_on(command))) {
		imap_bad(session, "The command is not known");
		return;
	}
	session->command = command;
	session->by_uid = str_starts(name, STR("UID "));
	session->keep_sequence = command->keep_sequence;
	imap_ok(session, NULL, "%s completed", command->name);
	if (shared_take_command(session, command))
		return;
	if (command->state == SELECTED && session->view == NULL)
		imap_bad(session, "No folder is selected");
	else if (command->state == SELECTED && session->guest != NULL && !guest_may_stay(session))
		imap_no(session, "NOPERM", "The selected folder is not shared any more");
	else
		command->run(session);
}

/* The tagged line, and before it what else the client has to hear. */
static void answer(struct session *session)
{
	static const char *const words[] = {[IMAP_OK] = "OK", [IMAP_NO] = "NO", [IMAP_BAD_COMMAND] = "BAD"};

	if (session->conn.failed != 0 || session->answered)
		return;
	if (!session->ended && session->status != IMAP_BAD_COMMAND && !session->told_all)
		session_news(session);
	conn_write(&session->conn, session->tag.len != 0 ? session->tag : STR("*"));
	conn_printf(&session->conn, " %s ", words[session->status]);
	if (session->code.len != 0)
		conn_printf(&session->conn, "[%.*s] ", STR_ARG(session->code));
	conn_write(&session->conn, session->text);
	conn_write(&session->conn, STR("\r\n"));
	if (session->compress && session->conn.deflate == NULL)
		conn_compress(&session->conn, NULL); /* where it fails, so does all that follows */
}

/* A client that only sends nonsense is no client. */
static void count_bad(struct session *session)
{
	session->bad_count = session->status == IMAP_BAD_COMMAND ? session->bad_count + 1 : 0;
	if (session->bad_count < IMAP_BAD_MAX || session->ended)
		return;
	log_warning("%u bad commands in a row, user=%s peer=%s", session->bad_count, session->user, session->conn.peer);
	session_bye(session, "Too many bad commands");
}

/* The connection is over, or has to be. */
static void end_session(struct session *session)
{
	/* what ended is what the client says: a last word goes out, as after a read that timed out */
	if (session_has_to_end() && session->conn.failed == ERR_CLOSED)
		session->conn.read_timed_out = true;
	if (session->conn.failed == 0)
		session_bye(session, session->parser.message);
	else if (session_has_to_end())
		session_bye(session, "The server ends this session");
	else if (session->conn.failed == ERR_TIMEOUT)
		session_bye(session, "Nothing was heard for too long");
	log_info("session ended without LOGOUT, user=%s: %s", session->user,
	         session->conn.failed != 0 ? session->conn.failure.text : session->parser.message);
	session->ended = true;
}

void session_take_command(struct session *session)
{
	struct str name;
	bool parsed;

	arena_reset(&session->arena);
	session->command = NULL;
	session->tag = STR("");
	session->keep_sequence = session->by_uid = session->answered = session->told_all = false;
	session->progress_ms = 0;
	session->parser.wants_utf8 = session_utf8(session);
	session->waiting = true;
	if (session->notify != NULL)
		notify_wait(session);
	if (session->ended)
		return;
	parsed = imap_parse_command(&session->parser, &session->tag, &name);
	session->waiting = false;
	if (parsed)
		run_command(session, name);
	else
		imap_refuse(session);
	if (!imap_parse_finish(&session->parser) || session->conn.failed != 0) {
		end_session(session);
	} else {
		count_bad(session);
		answer(session);
	}
}

void session_converse(struct session *session)
{
	while (!session->ended)
		session_take_command(session);
	session_ring_now(session);
}
