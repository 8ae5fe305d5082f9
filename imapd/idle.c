/* imapd: IDLE (RFC 2177): waits for the client and for the bell at once. */
#include "common/base/io.h"
#include "imapd/imapd.h"

enum { LOOK_EVERY_MS = 120000 }; /* a ring may get lost; nobody waits longer than this for it */

bool session_offers_idle(const struct session *session)
{
	return settings_flag(&session->imapd->settings, SETTING_IMAP_IDLE) && !session->hides_idle;
}

/* The line that ends IDLE. */
static void read_done(struct session *session)
{
	struct str line;
	struct err err;

	if (conn_read_line(&session->conn, IMAP_LINE_MAX, true, &line, &err) != 0) {
		if (session->conn.failed == 0) {
			imap_fail(&session->parser, IMAP_TOO_LONG, "The line is too long");
			imap_refuse(session);
		}
		return;
	}
	if (!str_equal_nocase(line, STR("DONE")))
		imap_bad(session, "DONE is expected");
}

/* Wait until the client says something. False: it was silent for too long, or is gone. */
static bool wait_for_client(struct session *session, int64_t until)
{
	for (;;) {
		int64_t left = until - io_now_ms();
		struct err err;
		int events;

		if (session_news(session) != 0)
			return false;
		if (left <= 0) {
			session_bye(session, "Nothing was heard for too long");
			return false;
		}
		events = conn_wait_input(&session->conn, session->bell, left < LOOK_EVERY_MS ? (int)left : LOOK_EVERY_MS, &err);
		if (events < 0)
			return false;
		session_hear(session, events == 0);
		if ((events & CONN_INPUT) != 0)
			return true;
	}
}

void command_idle(struct session *session)
{
	if (!imap_parse_end(&session->parser)) {
		imap_refuse(session);
		return;
	}
	conn_write(&session->conn, STR("+ idling\r\n"));
	if (wait_for_client(session, io_now_ms() + session->conn.timeout_ms))
		read_done(session);
}
