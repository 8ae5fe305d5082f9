#include "queue-manager/queue.h"

#include "common/base/log.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum {
	LINGER_MS = 2000,       /* what is due this soon stays in memory */
	REMOVE_AGAIN_MS = 5000, /* a file that could not be removed */
	AWAY_MAX = 8,           /* after so many failures to reach a local daemon, wait in the table */
};

/* What there is to do for a message, seen at one moment. */
struct survey {
	bool local, remote; /* deliveries due now */
	bool handed;        /* of the local ones, copies that an administrator gives a user */
	bool handed_left;
	bool unresolved; /* recipients due to be resolved now */
	bool unresolved_left;
	bool open; /* of those whose targets are known something is due */
	bool left; /* something is not done */
	bool report;
	bool refused;
	bool lasting; /* something may not be done twice, or must outlive this process */
	int64_t next; /* earliest of those not due yet */
};

static void survey_delivery(const struct delivery *delivery, int64_t now, struct survey *survey)
{
	bool due = delivery->state == DELIVERY_PENDING && !delivery->busy && delivery->next <= now;

	survey->report |= delivery->report != REPORT_NONE;
	survey->refused |= delivery->state == DELIVERY_REFUSED;
	survey->left |= delivery->state == DELIVERY_PENDING || delivery->state == DELIVERY_PARKED;
	survey->local |= due && local_has(delivery->kind);
	survey->remote |= due && remote_has(delivery->kind);
	survey->handed |= due && delivery->kind == DELIVERY_HANDED;
	survey->handed_left |= delivery->state == DELIVERY_PENDING && delivery->kind == DELIVERY_HANDED;
	survey->unresolved |= due && delivery->kind == DELIVERY_UNRESOLVED;
	survey->unresolved_left |= delivery->state == DELIVERY_PENDING && delivery->kind == DELIVERY_UNRESOLVED;
	survey->open |= due && delivery->kind != DELIVERY_UNRESOLVED && delivery->kind != DELIVERY_HANDED;
	survey->lasting |= remote_has(delivery->kind) || delivery->kind == DELIVERY_HANDED ||
	                   delivery->state == DELIVERY_FAILED || delivery->attempts > 0 || delivery->report != REPORT_NONE;
	if (delivery->state == DELIVERY_PENDING && !due && !delivery->busy && delivery->next < survey->next)
		survey->next = delivery->next;
}

static struct survey take_survey(const struct message *message, int64_t now)
{
	struct survey survey = {.next = QUEUE_NEVER,
	                        .lasting = message->held || message->away > AWAY_MAX || message->prepared != 0 ||
	                                   message->release != 0};

	for (size_t i = 0; i < message->delivery_count; i++)
		survey_delivery(&message->deliveries[i], now, &survey);
	return survey;
}

/* Everybody has it, or knows that he has not. Refused recipients keep the file as evidence. */
static void finish(struct message *message, bool refused)
{
	struct queue *queue = message->queue;

	if (refused && !message->deleted) {
		message_set_aside(queue, message->id, "remote recipients without the right to relay");
	} else if (unlinkat(queue->active_folder, message->id, 0) != 0 && errno != ENOENT) {
		log_error("id=%s cannot be removed: %s", message->id, strerror(errno));
		message->again = queue_now() + REMOVE_AGAIN_MS;
		return;
	} else {
		log_info("id=%s removed", message->id);
	}
	if (message->row != 0)
		table_forget(queue, message->row);
	if (message->prepared != 0)
		forms_remove(queue, message->id);
	message_left_active(queue, message->id);
	message_free(message);
}

static void leave(struct message *message)
{
	message->leaving = true;
	message->trying = false;
	message->crashes = 0;
	table_write(message);
}

/* On durable ground: what goes out, and what is over. */
static void advance_durable(struct message *message, const struct survey *survey, int64_t now)
{
	/* before anything else may fail: a report made again after a crash must be about the same recipients */
	if (survey->report && message->jobs == 0) {
		report_want(message);
		return;
	}
	if (outgoing_expire(message))
		return; /* and comes back with a report to make */
	if (survey->remote && !message->held && !message->queue->stopping && stored_is_settled(message))
		remote_dispatch(message);
	if (message->dirty || message->ready)
		return;
	if (message->crashes > 0 && message->trying) { /* it was handed out and we live: no crash is its fault from here */
		message->trying = false;
		message->queue->turn_again = true; /* the next suspect may be tried */
		table_write(message);
		return;
	}
	if (message->jobs > 0)
		return;
	if (!survey->left)
		finish(message, survey->refused);
	else if (!(message->held && survey->handed_left) && /* in the table held ones are not looked at */
	         (message->held || message->away > AWAY_MAX || survey->next > now + LINGER_MS))
		leave(message);
	else
		message->again = survey->next;
}

static bool differs_from_row(const struct message *message)
{
	bool differs = message->row == 0;

	for (size_t i = 0; i < message->delivery_count && !differs; i++)
		differs = message->deliveries[i].dirty;
	return differs;
}

static void advance(struct message *message)
{
	int64_t now = queue_now();
	struct survey survey;

	if (message->dirty || message->reporting)
		return; /* it comes back after the commit, or the report */
	if (message->deleted && message->jobs == 0 && message->resolving == 0) {
		finish(message, false);
		return;
	}
	scheduled_settle(message);
	if (message->dirty)
		return;
	survey = take_survey(message, now);
	if (survey.remote)
		outgoing_settle(message);
	if (message->queue->stopping)
		survey.local = survey.unresolved = false;
	if (message->held || message->deleted || (survey.report && message->jobs == 0)) {
		survey.local = message->held && !message->deleted && survey.handed && !message->queue->stopping;
		survey.unresolved = false;
	}
	if (survey.unresolved)
		resolve_ask(message);
	if (message->resolving > 0)
		return;
	if (survey.open && !message->held && !message->deleted && !message->queue->stopping &&
	    !prepare_is_settled(message, !survey.unresolved_left))
		return;
	if (survey.local)
		local_dispatch(message);
	if (message->row == 0 && !survey.lasting) {
		if (message->jobs == 0 && !survey.left)
			finish(message, survey.refused);
		else if (survey.next != QUEUE_NEVER)
			message->again = survey.next; /* several may wait, each until a time of its own */
	} else if (differs_from_row(message)) {
		message->trying |= message->row == 0;
		table_write(message);
	} else {
		advance_durable(message, &survey, now);
	}
}

void advance_all(struct queue *queue)
{
	while (queue->ready != NULL) {
		struct message *message = queue->ready;

		queue->ready = message->next_ready;
		if (queue->ready == NULL)
			queue->ready_last = &queue->ready;
		message->ready = false;
		advance(message);
	}
}

void advance_tick(struct queue *queue)
{
	int64_t now = queue_now();

	for (struct message *message = queue->messages; message != NULL; message = message->next) {
		if (message->expires != 0 && message->expires <= now && !message->held)
			message_touch(message);
		if (message->again == 0 || message->again > now)
			continue;
		message->again = 0;
		message_touch(message);
	}
}
