#include "deliver/clerk.h"
#include "deliver/deliver.h"
#include "deliver/helper.h"
#include "deliver/media.h"
#include "deliver/warden.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/base/memory.h"

#include <time.h>

/* One delivery in the batch, beside its append. */
struct slot {
	struct job *job;
	struct delivery *delivery;
};

struct writer {
	const struct instance *instance;
	struct cache *cache;
	struct clerk *clerk; /* NULL: nobody has anything to decide */
	struct warden *warden;
	struct helper *gauge, *inbox, *remover;
	size_t mailboxes_max; /* open at a time */
	struct job *first, **last;
	size_t waiting;      /* deliveries of all jobs that have no result */
	size_t arrived;      /* of them, since the last batch */
	struct event *run;   /* active: there is work */
	struct event *later; /* a locked mailbox is tried again */
	struct ipc_message reply;
	struct store_append appends[BATCH_MAX];
	struct slot slots[BATCH_MAX];
	size_t count, mailboxes;
	struct event_base *base;
	int ringer;                 /* hears which mailboxes changed */
	int64_t changed[BATCH_MAX]; /* users whose mailbox got something in this batch */
	size_t changed_count;
	int64_t locked[BATCH_MAX]; /* users whose mailbox was found locked, until `later` */
	size_t locked_count;
};

static bool found_locked(const struct writer *writer, int64_t uid)
{
	for (size_t i = 0; i < writer->locked_count; i++)
		if (writer->locked[i] == uid)
			return true;
	return false;
}

/* The mailbox is locked: later, or deferred where that has lasted too long. */
static void put_off(struct writer *writer, struct job *job, struct delivery *delivery, struct store_append *append)
{
	if (io_now_ms() >= job->give_up_ms) {
		job_end(job, delivery, append);
		writer->waiting--;
	}
	if (!found_locked(writer, delivery->addressee->uid) && writer->locked_count < BATCH_MAX)
		writer->locked[writer->locked_count++] = delivery->addressee->uid;
}

/* The folder that a delivery names, made where it is missing; INBOX where that cannot be. -1: STORE_BUSY. */
static int find_folder(const struct job *job, const struct delivery *delivery, struct mailbox *mailbox, int64_t *id_out,
                       struct err *err)
{
	struct mailbox_folder folder;

	*id_out = STORE_INBOX;
	if (delivery->folder.len == 0)
		return 0;
	if (mailbox_folder_find(mailbox, delivery->folder, &folder, err) == 0) {
		*id_out = folder.id;
		return 0;
	}
	if (err->code == ERR_NOT_FOUND && mailbox_folder_create(mailbox, delivery->folder, 0, id_out, err) == 0)
		return 0;
	if (err->code == STORE_BUSY)
		return -1;
	*id_out = STORE_INBOX;
	log_warning("id=%s goes to INBOX of user uid=%lld, as the folder %.*s cannot be made: %s", job->id,
	            (long long)delivery->addressee->uid, STR_ARG(delivery->folder), err->text);
	return 0;
}

/* Take one delivery into the batch; false: the batch is full. */
static bool add_to_batch(struct writer *writer, struct job *job, struct delivery *delivery)
{
	struct store_append *append = &writer->appends[writer->count];
	struct mailbox *mailbox;

	if (writer->count == BATCH_MAX || writer->locked_count == BATCH_MAX || writer->mailboxes == writer->mailboxes_max)
		return false;
	*append = (struct store_append){.folder = STORE_INBOX,
	                                .source = delivery->source,
	                                .internal_date = (int64_t)time(NULL),
	                                .flags = delivery->flags,
	                                .keywords = delivery->keywords,
	                                .result = STORE_FAILED};
	if (cache_get(writer->cache, delivery->addressee->uid, &mailbox, &append->err) != 0 ||
	    find_folder(job, delivery, mailbox, &append->folder, &append->err) != 0) {
		if (append->err.code == STORE_BUSY) {
			put_off(writer, job, delivery, append);
			return true;
		}
		job_end(job, delivery, append);
		writer->waiting--;
		return true;
	}
	append->mailbox = mailbox;
	writer->slots[writer->count] = (struct slot){job, delivery};
	/* As many as there may be, counted roughly: a neighbour's mailbox is not new. */
	if (writer->count == 0 || writer->appends[writer->count - 1].mailbox != mailbox)
		writer->mailboxes++;
	writer->count++;
	return true;
}

static void gather(struct writer *writer)
{
	writer->count = writer->mailboxes = writer->arrived = 0;
	for (struct job *job = writer->first; job != NULL; job = job->next)
		for (size_t i = 0; i < job->count; i++) {
			struct delivery *delivery = &job->deliveries[i];

			if (delivery->ended || (found_locked(writer, delivery->addressee->uid) && io_now_ms() < job->give_up_ms))
				continue;
			if (!add_to_batch(writer, job, delivery))
				return;
		}
}

/* Deliveries of one user are neighbours mostly; a second ring would do no harm. */
static void note_change(struct writer *writer, int64_t uid, const struct store_append *append)
{
	if (writer->warden != NULL)
		warden_note(writer->warden, uid, append->source->size + (int64_t)append->source->prefix.len);
	if (writer->changed_count == 0 || writer->changed[writer->changed_count - 1] != uid)
		writer->changed[writer->changed_count++] = uid;
}

static void take_results(struct writer *writer)
{
	for (size_t i = 0; i < writer->count; i++) {
		struct store_append *append = &writer->appends[i];
		struct slot *slot = &writer->slots[i];

		if (append->result == STORE_FAILED && append->err.code == STORE_BUSY) {
			put_off(writer, slot->job, slot->delivery, append);
			continue;
		}
		/* An index that fails is opened anew next time, which looks for what is wrong and mends what it can. */
		if (append->result == STORE_FAILED)
			cache_drop(writer->cache, slot->delivery->addressee->uid);
		if (append->result == STORE_ADDED)
			note_change(writer, slot->delivery->addressee->uid, append);
		job_end(slot->job, slot->delivery, append);
		writer->waiting--;
	}
}

static void answer_ended(struct writer *writer)
{
	struct job **at = &writer->first;

	while (*at != NULL) {
		struct job *job = *at;

		if (job->ended < job->count) {
			at = &job->next;
			continue;
		}
		*at = job->next;
		job_answer(job, &writer->reply);
	}
	writer->last = at;
}

/* Whether IMAP sessions hear of it is nothing that a delivery waits for, or fails by. */
static void ring(struct writer *writer)
{
	if (writer->changed_count == 0)
		return;
	if (ringer_tell(writer->ringer, writer->changed, writer->changed_count) != 0) {
		log_error("the process that rings at IMAP sessions is gone; starting again");
		event_base_loopbreak(writer->base);
	}
	writer->changed_count = 0;
}

/* One batch, and when the next one comes: at once while there is progress, else when a locked mailbox may be free. */
static void run_batch(struct writer *writer)
{
	const struct timeval pause = {.tv_usec = LOCKED_RETRY_MS * 1000};

	gather(writer);
	store_append(writer->appends, writer->count, 0);
	take_results(writer);
	answer_ended(writer);
	ring(writer);
	if (writer->warden != NULL)
		warden_tell(writer->warden);
	if (writer->locked_count > 0 && !event_pending(writer->later, EV_TIMEOUT, NULL))
		event_add(writer->later, &pause);
	if (writer->waiting > 0 && writer->count > 0)
		event_active(writer->run, EV_TIMEOUT, 0);
}

static void on_run(evutil_socket_t fd, short what, void *context)
{
	(void)fd, (void)what;
	run_batch(context);
}

static void on_later(evutil_socket_t fd, short what, void *context)
{
	struct writer *writer = context;

	(void)fd, (void)what;
	writer->locked_count = 0;
	run_batch(writer);
}

struct writer *writer_new(struct event_base *base, const struct instance *instance, size_t mailboxes_max,
                          const struct beside *beside)
{
	struct writer *writer = memory_get(sizeof *writer);

	writer->instance = instance;
	writer->cache = cache_new(instance, mailboxes_max, beside->settings);
	writer->gauge = beside->gauge;
	writer->inbox = beside->inbox;
	writer->remover = beside->remover;
	writer->mailboxes_max = mailboxes_max;
	writer->base = base;
	writer->ringer = beside->ringer;
	writer->clerk = beside->clerk;
	writer->warden = beside->warden;
	if (writer->warden != NULL)
		warden_serve(writer->warden, base, writer->cache);
	writer->last = &writer->first;
	ipc_message_init(&writer->reply);
	writer->run = event_new(base, -1, 0, on_run, writer);
	writer->later = event_new(base, -1, 0, on_later, writer);
	/* After all requests that wait have been read, so that they share a batch. */
	event_priority_set(writer->run, event_base_get_npriorities(base) - 1);
	return writer;
}

void writer_free(struct writer *writer)
{
	event_free(writer->run);
	event_free(writer->later);
	cache_free(writer->cache);
	ipc_message_free(&writer->reply);
	memory_free(writer);
}

/* What is to become of every copy is known: it waits for the next batch. */
static void enqueue(struct writer *writer, struct job *job)
{
	job->give_up_ms = io_now_ms() + LOCKED_PATIENCE_MS;
	job->next = NULL;
	*writer->last = job;
	writer->last = &job->next;
	writer->waiting += job->count;
	writer->arrived += job->count;
	if (writer->arrived >= BATCH_MAX)
		run_batch(writer);
	else
		event_active(writer->run, EV_TIMEOUT, 0);
}

/* The clerk's answer. What it says nothing of is deferred. */
static void on_decided(void *owner, void *asked, const struct decision *decisions, size_t count, const struct err *err)
{
	const struct writer *writer = owner;
	struct job *job = asked;
	struct err refused;

	if (err->code != ERR_NONE)
		log_warning("id=%s not decided now: %s", job->id, err->text);
	for (size_t i = 0; i < job->addressee_count; i++) {
		struct addressee *addressee = &job->addressees[i];
		const struct decision *decision = decisions;

		while (decision != NULL && decision < decisions + count && decision->uid != addressee->uid)
			decision++;
		if (addressee->is_decided)
			continue;
		if (decision != NULL && decision < decisions + count && decision->failing > 0 && writer->warden != NULL)
			warden_failing(writer->warden, addressee->uid, decision->failing);
		if (decision == NULL || decision == decisions + count)
			job_defer(job, addressee, STR("it cannot be decided now what is to become of it"));
		else if (decision->deferred.len > 0)
			job_defer(job, addressee, decision->deferred);
		else if (job_add_decided(job, addressee, decision, &refused) != 0)
			job_defer(job, addressee, str_of(refused.text));
	}
	enqueue(owner, job);
}

/* Does any of the users have something to decide? The others need not wait to be asked about. */
static bool must_decide(struct writer *writer, struct job *job)
{
	int64_t plain = 0;
	bool must = false;

	ipc_get_number(&job->incoming->message, "plain", 0, 1, &plain);
	if (writer->clerk != NULL)
		clerk_look(writer->clerk);
	for (size_t i = 0; i < job->addressee_count; i++) {
		int64_t uid = job->addressees[i].uid;
		struct err err;

		/* About the copy of who is no user any more there is nothing to decide. */
		if (plain == 0 && writer->clerk != NULL && clerk_is_wanted(writer->clerk, uid) &&
		    cache_knows_user(writer->cache, uid, &err) != 0)
			must = true;
		else
			job_add_plain(job, &job->addressees[i]);
	}
	return must;
}

/* smtpd asks how large a sender's mailbox is. */
static void answer_usage(struct writer *writer, struct ipc_incoming *incoming)
{
	int64_t uid, octets;
	struct err err;

	if (!ipc_get_number(&incoming->message, "uid", 1, INT64_MAX, &uid))
		err_set(&err, ERR_PROTOCOL, "usage needs uid");
	else if (warden_measure(writer->cache, uid, &octets, &err) == 0) {
		ipc_reply_ok(&writer->reply);
		ipc_add_number(&writer->reply, "octets", octets);
		ipc_answer(incoming, &writer->reply);
		return;
	}
	ipc_answer_error(incoming, &err);
}

/* configd says that a user is gone: the settings, which it published before, must say so too. */
static void remove_mailbox(struct writer *writer, struct ipc_incoming *incoming)
{
	struct err err;
	int64_t uid;
	int known;

	if (!ipc_is(&incoming->message, "mailbox-discard") ||
	    !ipc_get_number(&incoming->message, "uid", 1, INT64_MAX, &uid)) {
		err_set(&err, ERR_PROTOCOL, "deliver knows no such request of configd");
		ipc_answer_error(incoming, &err);
		return;
	}
	known = cache_knows_user(writer->cache, uid, &err);
	if (known == 1)
		err_set(&err, ERR_DENIED, "the user uid=%lld is there", (long long)uid);
	if (known != 0) {
		log_error("the mailbox of user uid=%lld is not removed: %s", (long long)uid, err.text);
		ipc_answer_error(incoming, &err);
		return;
	}
	cache_drop(writer->cache, uid);
	helper_ask(writer->remover, incoming);
}

void writer_handle(struct ipc_incoming *incoming, void *context)
{
	struct writer *writer = context;
	struct job *job;
	struct err err;

	if (strcmp(incoming->caller, "configd") == 0) {
		remove_mailbox(writer, incoming);
		return;
	}
	if (strcmp(incoming->caller, "queue-manager") != 0 && ipc_is(&incoming->message, "usage")) {
		if (strcmp(incoming->caller, "postroom") == 0)
			helper_ask(writer->gauge, incoming);
		else
			answer_usage(writer, incoming);
		return;
	}
	if (strcmp(incoming->caller, "postroom") == 0 &&
	    (ipc_is(&incoming->message, "answers") || ipc_is(&incoming->message, "answers-forget"))) {
		control_handle(incoming, writer->instance);
		return;
	}
	if (strcmp(incoming->caller, "postroom") == 0 &&
	    (ipc_is(&incoming->message, "inbox-empty") || ipc_is(&incoming->message, "inbox-copy"))) {
		helper_ask(writer->inbox, incoming);
		return;
	}
	if (strcmp(incoming->caller, "postroom") == 0 && media_handle(incoming, writer->instance, writer->cache))
		return;
	if (strcmp(incoming->caller, "queue-manager") == 0 &&
	    (ipc_is(&incoming->message, "stored") || ipc_is(&incoming->message, "unstore"))) {
		stored_answer(writer->cache, incoming, &writer->reply);
		return;
	}
	if (strcmp(incoming->caller, "queue-manager") != 0 || !ipc_is(&incoming->message, "deliver")) {
		err_set(&err, ERR_PROTOCOL, "deliver knows no such request");
		ipc_answer_error(incoming, &err);
		return;
	}
	job = job_new(incoming, &err);
	if (job == NULL) {
		log_warning("a request of %s is refused: %s", incoming->caller, err.text);
		ipc_answer_error(incoming, &err);
		return;
	}
	if (must_decide(writer, job))
		clerk_ask(writer->clerk, job, on_decided, writer);
	else
		enqueue(writer, job);
}
