/*
 * The mailboxes of users who were deleted: deliver removes them, each when it can.
 *
 * Who is deleted gets a row in the same change, so that no crash forgets him. deliver is asked one mailbox after
 * another; the row goes when a minute after the deletion there is nothing to be removed any more: a session that was
 * about to begin may have made the folder again. Numbers of users are never given twice, so it is nobody else's.
 */
#include "configd/configd.h"

#include "common/base/log.h"
#include "common/base/memory.h"

#include <time.h>

enum {
	ASK_MS = 600 * 1000, /* many messages take long */
	SETTLED_S = 60,      /* so old a deletion concerns nobody who is beginning any more: longer than a ticket lives */
	LOOK_AGAIN_S = 61,
	AWAY_S = 5,
};

/* One round: all that are to go, in the order of their numbers. */
static struct round {
	struct gone {
		int64_t uid, since;
	} * list;
	size_t count, room, at;
	bool running, away;
} current;

static bool due; /* there may be something to do */
static struct event *again;

static void ask_next(struct config *config);

static int load(struct config *config, struct err *err)
{
	struct db_statement statement;
	int row;

	current.count = current.at = 0;
	if (config_query(config, &statement, err, "SELECT uid, since FROM deleted_user ORDER BY uid", "") != 0)
		return -1;
	while ((row = db_step(&statement, err)) == 1) {
		if (current.count == current.room) {
			current.room = current.room != 0 ? 2 * current.room : 16;
			current.list = memory_resize(current.list, current.room * sizeof *current.list);
		}
		current.list[current.count++] = (struct gone){db_number(&statement, 0), db_number(&statement, 1)};
	}
	db_finalize(&statement);
	return row;
}

static bool is_settled(const struct gone *gone)
{
	int64_t moment = time(NULL);

	return gone->since > moment || gone->since + SETTLED_S <= moment; /* a clock that was set back keeps no row */
}

static void end_round(void)
{
	const struct timeval pause = {current.away ? AWAY_S : LOOK_AGAIN_S, 0};

	current.running = false;
	memory_free(current.list);
	current.list = NULL;
	current.room = 0;
	if (current.count > 0)
		evtimer_add(again, &pause);
}

/*
 * A change may have its transaction open: what is deleted here then belongs to it, and is there again if it is rolled
 * back; so much the worse, deliver is asked once more.
 */
static void answered(struct ipc_message *reply, const struct err *err, void *context)
{
	const struct gone *gone = &current.list[current.at++];
	struct config *config = context;
	struct err failure;
	int64_t found;

	current.away = reply == NULL;
	if (reply != NULL && err->code == ERR_NONE && ipc_get_number(reply, "found", 0, 1, &found) && found == 0 &&
	    is_settled(gone) && config_run(config, &failure, "DELETE FROM deleted_user WHERE uid = ?", "n", gone->uid) != 0)
		log_error("a deleted user stays in the list of those whose mailbox goes: %s", failure.text);
	ask_next(config);
}

static void ask_next(struct config *config)
{
	struct ipc_message request;

	if (current.at == current.count || current.away) {
		end_round();
		return;
	}
	ipc_message_init(&request);
	ipc_request(&request, "mailbox-discard");
	ipc_add_number(&request, "uid", current.list[current.at].uid);
	ipc_client_call(config->deliver, &request, ASK_MS, answered, config);
	ipc_message_free(&request);
}

void mailboxes_look(struct config *config)
{
	struct err err;

	if (!due || current.running)
		return;
	due = false;
	evtimer_del(again);
	current.away = false;
	if (load(config, &err) != 0) {
		log_error("it cannot be told whose mailboxes are to go: %s", err.text);
		return;
	}
	current.running = true;
	ask_next(config);
}

int mailboxes_add(struct change *change, int64_t uid, struct err *err)
{
	due = true;
	return config_run(change->config, err, "INSERT INTO deleted_user VALUES(?, ?)", "nn", uid, (int64_t)time(NULL));
}

static void on_again(evutil_socket_t fd, short what, void *context)
{
	(void)fd, (void)what;
	due = true;
	request_between(context);
}

void mailboxes_start(struct config *config, struct event_base *base)
{
	const struct timeval at_once = {0, 0};

	again = evtimer_new(base, on_again, config);
	evtimer_add(again, &at_once);
}
