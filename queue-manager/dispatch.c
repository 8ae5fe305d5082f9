#include "queue-manager/remote.h"

#include "common/base/memory.h"

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

/* Into a job for its destination. sender: NULL where the way has none. */
static void assign(struct remote *remote, struct assembly *assembly, struct message *message, unsigned index,
                   const struct sender *sender)
{
	struct delivery *delivery = &message->deliveries[index];
	struct remote_destination *destination;
	char name[REMOTE_NAME_MAX];
	bool has_place;
	int64_t rank;

	if (!remote->way->name(message, delivery, sender, name)) {
		message_set_answer(message, delivery, "5.1.2", STR(""), STR("the domain of the address is not valid"));
		outcome_failed(message, delivery);
		return;
	}
	destination = remote_destination_get(remote, str_of(name));
	has_place = message->fetched_for == destination;
	remote_fetched(message);
	rank = sender != NULL ? sender_rank(sender, message, delivery->attempts) : 0;
	if (destination->rest_until > queue_now() && !remote->paused)
		share_trouble(message, delivery, destination);
	else if (remote->paused || !(has_place || remote_line_make_room(remote, destination, rank)))
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
