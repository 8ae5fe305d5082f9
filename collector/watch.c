/*
 * Staying connected: after each run the session waits by IDLE (RFC 2177) for more in the first folder, for the daemon
 * to say that it is time, or where there are more folders until it is time to look at these; then it collects all of
 * them once more. A connection that ends meanwhile is no failure: the next run that is due makes a new one. So does a
 * session that has collected often, as it remembers what it saw. Where dnsd was restarted meanwhile, which a session
 * cannot reach again from its sandbox, another one takes over.
 */
#include "collector/session.h"

#include "common/base/io.h"
#include "common/base/log.h"

#include <poll.h>
#include <time.h>
#include <unistd.h>

enum {
	IDLE_MS = 25 * 60 * 1000, /* RFC 2177: servers may end the connection after half an hour */
	ROUNDS_MAX = 200,
};

static struct str first_folder(struct session *session, bool *is_alone_out)
{
	struct str lines = str_of(session_text(session, COLLECTOR_SETTING_IMAP_FOLDERS)), line;
	struct collect_folder folder = {.name = STR("INBOX")};

	if (collect_folder_next(&lines, &line))
		collect_folder_parse(line, &session->arena, &folder, NULL);
	*is_alone_out = !collect_folder_next(&lines, &line);
	return folder.name;
}

/*
 * Wait until there is reason to collect. Between the last look at the folder and now something may have come: what was
 * left there then, the server has said. 1, 0: it does not go on; -1: the connection is lost.
 */
static int wait_for_mail(struct session *session, struct err *err)
{
	struct imap_client_selected selected;
	int64_t now = io_now_ms(), look = now + session_number(session, COLLECTOR_SETTING_IMAP_LOOK) * 1000;
	bool is_alone;
	struct str folder = first_folder(session, &is_alone);
	uint64_t said;
	int found = 0;

	if (imap_client_select(&session->imap, folder, &selected, err) != 0)
		return -1;
	if (selected.exists > session->left)
		return 1;
	while (found == 0) {
		int64_t left = is_alone ? IDLE_MS : look - now;

		found =
		    left > 0 ? imap_client_idle(&session->imap, session->nudge, left < IDLE_MS ? (int)left : IDLE_MS, err) : 1;
		now = io_now_ms();
	}
	while (read(session->nudge, &said, sizeof said) == sizeof said)
		;
	return found;
}

static bool has_dnsd(const struct session *session)
{
	struct pollfd channel = {.fd = session->sources.dnsd.fd};

	return channel.fd >= 0 && poll(&channel, 1, 0) == 0; /* else it was closed there */
}

static void prepare_round(struct session *session)
{
	session->now = time(NULL);
	session->result.messages = session->result.octets = 0;
	session->is_full = false;
	session->put_off = 0;
	digests_free(&session->copies);
}

int watch_collect(struct session *session, struct err *err)
{
	struct err reason;

	for (int round = 0; round < ROUNDS_MAX; round++) {
		if ((session->imap.offered & IMAP_OFFER_IDLE) == 0)
			return 0;
		keeper_result(session);
		if (wait_for_mail(session, &reason) != 1) {
			log_info("collector %s: the connection was lost while nothing came: %s", session->collector.name,
			         reason.text);
			return 0;
		}
		if (!has_dnsd(session))
			return keeper_leave(session, err);
		prepare_round(session);
		if (keeper_begin(session, err) != 0 || folders_collect_once(session, err) != 0)
			return -1;
	}
	return 0;
}
