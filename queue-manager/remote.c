#include "queue-manager/remote.h"

#include "common/base/memory.h"

#include <limits.h>

unsigned remote_window_first(const struct remote *remote)
{
	return remote->way->window_first != 0 ? remote->way->window_first : UINT_MAX;
}

void remote_settings(struct queue *queue)
{
	for (size_t i = 0; i < QUEUE_WAYS; i++) {
		queue->ways[i]->way->read_settings(queue->ways[i]);
		queue->ways[i]->may_exceed = true;
	}
}

bool remote_has(enum delivery_kind kind)
{
	for (size_t i = 0; i < QUEUE_WAYS; i++)
		if (remote_ways[i].kind == kind)
			return true;
	return false;
}

int remote_open(struct queue *queue, struct err *err)
{
	struct db_statement statement;
	int row;

	for (size_t i = 0; i < QUEUE_WAYS; i++) {
		struct remote *remote = queue->ways[i] = memory_get(sizeof *remote);

		remote->queue = queue;
		remote->way = &remote_ways[i];
		remote->ring_last = &remote->ring;
	}
	remote_settings(queue);
	if (db_prepare(table_db(queue), &statement, "SELECT DISTINCT destination FROM delivery WHERE state = ?1", err) != 0)
		return -1;
	db_bind_number(&statement, 1, DELIVERY_PARKED);
	while ((row = db_step(&statement, err)) == 1)
		remote_note_parked(queue, db_text(&statement, 0));
	db_finalize(&statement);
	return row;
}

void remote_note_parked(struct queue *queue, struct str destination)
{
	size_t way = 0;

	if (str_equal(destination, STR(SENDERS_LATER)))
		return; /* a pass brings it back */
	while (way + 1 < QUEUE_WAYS && !str_starts(destination, str_of(remote_ways[way].prefix)))
		way++;
	remote_destination_get(queue->ways[way], destination)->parked = true;
}

/* May it have one session more now, where room is made by ending an idle one? */
static bool may_open(struct remote *remote, const struct remote_destination *destination)
{
	unsigned allowed = destination->window < remote->concurrency ? destination->window : remote->concurrency;
	const struct sender *sender = senders_find(remote->queue, destination->sender);

	if (destination->sessions >= allowed)
		return false;
	if (sender != NULL && sender->threads != 0 && remote_sessions_by(remote, sender->id) >= sender->threads &&
	    !remote_session_make_room(remote, NULL, sender->id))
		return false;
	if (destination->server[0] != '\0' &&
	    remote_sessions_of(remote, destination->server) >= remote_ceiling(remote, destination->server) &&
	    !remote_session_make_room(remote, destination->server, 0))
		return false;
	return remote->session_count < remote->total || remote_session_make_room(remote, NULL, 0);
}

/* A relay's restrictions: where a pass has used them up, what is left waits for the next. */
static bool may_be_given(struct remote *remote, const struct remote_destination *destination)
{
	const struct sender *sender = senders_find(remote->queue, destination->sender);
	struct pass *pass = sender != NULL ? sender->pass : NULL;
	size_t recipients = destination->first->recipients;
	bool allowed = sender == NULL || limits_allow(sender, recipients);

	if (pass == NULL || sender->is_continuous)
		return allowed;
	if (sender->asking > 0 || remote->queue->ready != NULL)
		return false; /* what its script says of others may put them first */
	pass->full |= !allowed && sender->busy_messages == 0;
	pass->full |= sender->session_messages != 0 && pass->messages >= sender->session_messages;
	pass->full |= sender->session_recipients != 0 && pass->recipients != 0 &&
	              pass->recipients + recipients > (uint64_t)sender->session_recipients;
	return allowed && !pass->full;
}

/* One step for one destination: false where it has nothing that can start now. */
static bool serve(struct remote *remote, struct remote_destination *destination, int64_t now)
{
	remote_line_drop_unwanted(destination);
	if (destination->first == NULL || !may_be_given(remote, destination))
		return false;
	remote->poor_wait |= standing_is_poor(destination, now);
	if (!standing_may_begin(remote, destination, now) ||
	    (remote_session_idle(remote, destination) == NULL && !may_open(remote, destination))) {
		remote->others_wait |= !standing_is_poor(destination, now);
		return false;
	}
	destination->first->brief_ms = standing_patience(remote, destination, now);
	standing_begun(remote, destination, now);
	remote_session_start(remote, destination, remote_job_take(destination));
	return true;
}

static bool is_over(const struct remote_destination *destination)
{
	return destination->first == NULL && destination->sessions == 0 && destination->coming == 0 && !destination->parked;
}

bool remote_is_open(const struct remote *remote, const struct remote_destination *destination)
{
	return destination->sender == 0 || sender_is_active(senders_find(remote->queue, destination->sender));
}

/* Did anything of its line begin? */
static bool visit(struct remote *remote, struct remote_destination *destination, int64_t now)
{
	if (remote->paused || !remote_is_open(remote, destination))
		remote_line_shorten(destination, 0);
	else if (destination->rest_until > now)
		remote_line_share_trouble(destination);
	return !remote->queue->stopping && destination->rest_until <= now && serve(remote, destination, now);
}

struct ring {
	struct remote_destination *first, **last;
};

static void ring_add(struct ring *ring, struct remote_destination *destination)
{
	destination->next_in_ring = NULL;
	*ring->last = destination;
	ring->last = &destination->next_in_ring;
}

/* Once around those of one standing; who is served goes to the end, so that next time others come first. */
static bool circle(struct remote *remote, bool poor, int64_t now)
{
	struct ring waiting = {.last = &waiting.first}, served = {.last = &served.first};
	struct remote_destination *next = remote->ring;

	while (next != NULL) {
		struct remote_destination *destination = next;

		next = destination->next_in_ring;
		if (standing_is_poor(destination, now) == poor && visit(remote, destination, now))
			ring_add(&served, destination);
		else if (is_over(destination))
			remote_destination_rest(remote, destination, now);
		else
			ring_add(&waiting, destination);
	}
	*waiting.last = served.first;
	remote->ring = waiting.first;
	remote->ring_last = served.first != NULL ? served.last : waiting.last;
	if (remote->ring == NULL)
		remote->ring_last = &remote->ring;
	return served.first != NULL;
}

/*
 * A session that has just become free takes the next of its destination's line, for some seconds: to begin another one
 * costs more than a message, here and there. Who waits for a session has one all the same, a little later.
 */
static void go_on(struct remote *remote, int64_t now)
{
	for (struct remote_session *session = remote->sessions, *next; session != NULL; session = next) {
		next = session->next;
		if (session->job == NULL && !session->broken && session->destination->first != NULL &&
		    now - session->held_from < REMOTE_HOLD_MS && !standing_is_poor(session->destination, now))
			visit(remote, session->destination, now);
	}
}

static void turn(struct remote *remote)
{
	int64_t now = queue_now();

	remote_session_close_idle(remote, now);
	remote_session_keep_within(remote);
	standing_survey(remote, now);
	remote->others_wait = false;
	go_on(remote, now);
	while (circle(remote, false, now))
		remote->others_wait = false; /* those who wait still say so again */
	remote->poor_wait = false;
	while (circle(remote, true, now))
		;
	remote_destinations_forget(remote, now);
}

void remote_turn(struct queue *queue)
{
	for (size_t i = 0; i < QUEUE_WAYS; i++)
		turn(queue->ways[i]);
}
