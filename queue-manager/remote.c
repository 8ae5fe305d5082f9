#include "queue-manager/remote.h"

#include "common/base/memory.h"

#include <limits.h>

enum {
	LINE_LOW = 5,             /* jobs in line for each session at which parked messages are fetched */
	FETCH = REMOTE_LINE_HELD, /* so many at a time for each session */
	FETCH_SESSIONS = 4,       /* as if for so many at most */
	FETCH_UNKNOWN = 2,
	AHEAD = 10, /* lines filled for sessions that will be free */
	REFILL_POOR_MS = 1000,
};

unsigned remote_window_first(const struct remote *remote)
{
	return remote->way->window_first != 0 ? remote->way->window_first : UINT_MAX;
}

void remote_settings(struct queue *queue)
{
	for (size_t i = 0; i < QUEUE_WAYS; i++)
		queue->ways[i]->way->read_settings(queue->ways[i]);
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

void remote_job_put(struct remote_destination *destination, struct remote_job *job)
{
	struct remote_job **link = &destination->first;

	while (*link != NULL && (*link)->rank <= job->rank)
		link = &(*link)->next;
	job->destination = destination;
	job->next = *link;
	*link = job;
	destination->waiting++;
}

static struct remote_job *job_take(struct remote_destination *destination)
{
	struct remote_job *job = destination->first;

	destination->first = job->next;
	destination->waiting--;
	return job;
}

void remote_job_end(struct remote_job *job)
{
	job->message->jobs--;
	message_touch(job->message);
	memory_free(job);
}

void remote_job_defer(struct remote_job *job, const char *code, struct str host, struct str words)
{
	for (size_t i = 0; i < job->count; i++) {
		struct delivery *delivery = &job->message->deliveries[job->parts[i].delivery];

		delivery->busy = false;
		message_set_answer(job->message, delivery, code, host, words);
		outcome_deferred(job->message, delivery);
	}
	remote_job_end(job);
}

/* Jobs being put together for one message, some to the same destination where one is not enough. */
struct assembly {
	struct remote_job *first, **last;
};

static bool job_has_room(const struct remote_job *job, const struct sender *sender)
{
	return job->count < REMOTE_PARTS_MAX &&
	       job->recipients < (sender != NULL ? sender->max_recipients : REMOTE_RECIPIENTS_MAX);
}

static struct remote_job *assembly_job(struct assembly *assembly, struct message *message,
                                       struct remote_destination *destination, const struct sender *sender,
                                       unsigned attempts)
{
	const struct verdict *verdict = sender != NULL ? verdict_known(message, sender) : NULL;
	struct remote_job *job = assembly->first;

	while (job != NULL && (job->destination != destination || !job_has_room(job, sender)))
		job = job->next;
	if (job != NULL)
		return job;
	job = memory_get(sizeof *job);
	job->message = message;
	job->destination = destination;
	job->rank = sender != NULL ? sender_rank(sender, message, attempts) : 0;
	job->final = message->final || (verdict != NULL && verdict->final);
	*assembly->last = job;
	assembly->last = &job->next;
	return job;
}

/* One RCPT for each address, also where several recipients lead to it. */
static void job_add(struct remote_job *job, unsigned index)
{
	const struct delivery *deliveries = job->message->deliveries;
	unsigned place = (unsigned)job->recipients;

	for (size_t i = 0; i < job->count; i++)
		if (str_equal(deliveries[job->parts[i].delivery].target, deliveries[index].target))
			place = job->parts[i].place;
	job->recipients += place == job->recipients;
	job->parts[job->count].delivery = index;
	job->parts[job->count++].place = place;
	job->message->deliveries[index].busy = true;
	job->message->deliveries[index].sender = job->destination->sender;
}

static void park(struct message *message, struct delivery *delivery, const struct remote_destination *destination,
                 int64_t rank)
{
	delivery->state = DELIVERY_PARKED;
	delivery->destination = arena_copy(&message->arena, str_of(destination->name));
	delivery->rank = rank;
	message_change(message, delivery);
}

static void share_trouble(struct message *message, struct delivery *delivery,
                          const struct remote_destination *destination)
{
	delivery->answer = arena_copy(&message->arena, str_of(destination->trouble));
	delivery->sender = destination->sender;
	outcome_deferred(message, delivery);
}

/* A job whose message is no longer to be sent goes back as it came. */
static bool is_wanted(const struct remote_job *job)
{
	return !job->message->held && !job->message->deleted;
}

static void job_withdraw(struct remote_job *job)
{
	for (size_t i = 0; i < job->count; i++)
		job->message->deliveries[job->parts[i].delivery].busy = false;
	remote_job_end(job);
}

/* In a full line, does one of this rank come before the last, which has to give way? */
static bool line_has_room(const struct remote *remote, struct remote_destination *destination, int64_t rank)
{
	struct remote_job **last = &destination->first;

	if (standing_has_room(remote, destination, queue_now()))
		return true;
	if (destination->first == NULL)
		return false;
	while ((*last)->next != NULL)
		last = &(*last)->next;
	if ((*last)->rank <= rank)
		return false;
	job_withdraw(*last);
	*last = NULL;
	destination->waiting--;
	return true;
}

/* Into a job for its destination. sender: NULL where the way has none. */
static void assign(struct remote *remote, struct assembly *assembly, struct message *message, unsigned index,
                   const struct sender *sender)
{
	struct delivery *delivery = &message->deliveries[index];
	struct remote_destination *destination;
	char name[REMOTE_NAME_MAX];
	int64_t rank;

	if (!remote->way->name(message, delivery, sender, name)) {
		message_set_answer(message, delivery, "5.1.2", STR(""), STR("the domain of the address is not valid"));
		outcome_failed(message, delivery);
		return;
	}
	destination = remote_destination_get(remote, str_of(name));
	rank = sender != NULL ? sender_rank(sender, message, delivery->attempts) : 0;
	if (destination->rest_until > queue_now() && !remote->paused)
		share_trouble(message, delivery, destination);
	else if (remote->paused || !line_has_room(remote, destination, rank))
		park(message, delivery, destination, rank);
	else
		job_add(assembly_job(assembly, message, destination, sender, delivery->attempts), index);
}

/*
 * Who sends it. False: the message is not ready to go this way now; it is touched when it is. *sender_out is NULL where
 * the delivery has been put off.
 */
static bool choose(struct remote *remote, struct message *message, struct delivery *delivery,
                   struct sender **sender_out)
{
	int64_t again;

	*sender_out = NULL;
	if (!outgoing_is_settled(message))
		return false;
	if (message->hold_until > queue_now()) {
		delivery->next = message->hold_until;
		message_change(message, delivery);
		return true;
	}
	switch (senders_choose(message, delivery, sender_out, &again)) {
	case CHOICE_SENDER:
		return remote->way->is_settled(message);
	case CHOICE_ASKED:
		return false;
	case CHOICE_AGAIN:
		delivery->next = again;
		message_change(message, delivery);
		return true;
	default:
		pass_wait(message, delivery);
		return true;
	}
}

static void dispatch(struct remote *remote, struct message *message)
{
	struct assembly assembly = {.last = &assembly.first};
	int64_t now = queue_now();

	for (size_t i = 0; i < message->delivery_count; i++) {
		struct delivery *delivery = &message->deliveries[i];
		struct sender *sender = NULL;

		if (delivery->kind != remote->way->kind || delivery->state != DELIVERY_PENDING || delivery->busy ||
		    delivery->next > now)
			continue;
		if (remote->way->has_senders && !choose(remote, message, delivery, &sender))
			break;
		if (sender != NULL || !remote->way->has_senders)
			assign(remote, &assembly, message, (unsigned)i, sender);
	}
	while (assembly.first != NULL) {
		struct remote_job *job = assembly.first;

		assembly.first = job->next;
		message->jobs++;
		remote->waiting[standing_of(job->destination, now)]++;
		remote_job_put(job->destination, job);
	}
}

void remote_dispatch(struct message *message)
{
	for (size_t i = 0; i < QUEUE_WAYS; i++)
		dispatch(message->queue->ways[i], message);
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
	while (destination->first != NULL && !is_wanted(destination->first))
		job_withdraw(job_take(destination));
	if (destination->first == NULL || !may_be_given(remote, destination))
		return false;
	remote->poor_wait |= standing_is_poor(destination, now);
	if (!standing_may_begin(remote, destination, now) ||
	    (remote_session_idle(remote, destination) == NULL && !may_open(remote, destination))) {
		remote->others_wait |= !standing_is_poor(destination, now);
		return false;
	}
	standing_begun(remote, destination, now);
	remote_session_start(remote, destination, job_take(destination));
	return true;
}

/* What was in line when the destination turned out to be unreachable. */
static void share_with_line(struct remote_destination *destination)
{
	while (destination->first != NULL) {
		struct remote_job *job = job_take(destination);
		struct str rest = str_of(destination->trouble), code = str_cut(&rest, '\t'), host = str_cut(&rest, '\t');
		char status[16];

		str_copy(code, status, sizeof status);
		remote_job_defer(job, status, host, rest.data != NULL ? rest : STR(""));
	}
}

void remote_line_shorten(struct remote_destination *destination, unsigned keep)
{
	struct remote_job **link = &destination->first;

	for (unsigned i = 0; i < keep && *link != NULL; i++)
		link = &(*link)->next;
	while (*link != NULL) {
		struct remote_job *job = *link;

		*link = job->next;
		destination->waiting--;
		job_withdraw(job);
	}
}

static bool is_over(const struct remote_destination *destination)
{
	return destination->first == NULL && destination->sessions == 0 && !destination->parked;
}

/* Is its sender sending? */
static bool is_open(const struct remote *remote, const struct remote_destination *destination)
{
	return destination->sender == 0 || sender_is_active(senders_find(remote->queue, destination->sender));
}

/* One of poor standing: a few, when it may be served. */
static unsigned want_poor(struct remote *remote, struct remote_destination *destination, int64_t now)
{
	remote->poor_wait = true;
	if (destination->waiting > 0 || now < destination->refill_from || !standing_has_room(remote, destination, now) ||
	    !standing_may_begin(remote, destination, now))
		return 0;
	destination->refill_from = now + REFILL_POOR_MS; /* it takes a while until they stand in line */
	return REMOTE_LINE_SHORT;
}

/* How many of its parked messages? *ahead: lines that may still be filled for sessions that are not there. */
static unsigned want(struct remote *remote, struct remote_destination *destination, unsigned *ahead, int64_t now)
{
	unsigned sessions = destination->sessions < FETCH_SESSIONS ? destination->sessions : FETCH_SESSIONS;

	if (!destination->parked || destination->rest_until > now || !is_open(remote, destination))
		return 0;
	if (standing_is_poor(destination, now))
		return want_poor(remote, destination, now);
	if (sessions > 0)
		return destination->waiting < sessions * LINE_LOW ? sessions * FETCH : 0;
	if (destination->waiting > 0 || *ahead == 0 || !standing_may_begin(remote, destination, now))
		return 0;
	--*ahead;
	return standing_of(destination, now) == STANDING_PROVEN ? FETCH : FETCH_UNKNOWN;
}

size_t remote_wants(struct queue *queue, struct remote_want *wants, size_t most)
{
	int64_t now = queue_now();
	size_t count = 0;

	for (size_t i = 0; i < QUEUE_WAYS; i++) {
		struct remote *remote = queue->ways[i];
		unsigned free = remote->busy < remote->total ? remote->total - remote->busy : 0;
		unsigned ahead = AHEAD + (free < AHEAD ? free : AHEAD);
		bool poor = false; /* one of these in a turn */

		for (struct remote_destination *destination = remote->ring;
		     destination != NULL && count < most && !remote->paused; destination = destination->next_in_ring) {
			bool is_poor = standing_is_poor(destination, now);

			if (is_poor && poor)
				continue;
			wants[count] = (struct remote_want){destination, want(remote, destination, &ahead, now)};
			poor |= is_poor && wants[count].count > 0;
			count += wants[count].count > 0;
		}
	}
	return count;
}

/* Did anything of its line begin? */
static bool visit(struct remote *remote, struct remote_destination *destination, int64_t now)
{
	if (remote->paused || !is_open(remote, destination))
		remote_line_shorten(destination, 0);
	else if (destination->rest_until > now)
		share_with_line(destination);
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
