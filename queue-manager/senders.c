#include "queue-manager/senders.h"

#include "common/base/log.h"
#include "common/base/memory.h"
#include "queue-manager/remote.h"

enum {
	RANK_PRIORITY_SHIFT = 48,
	RANK_PRIORITY_QUEUE = 100, /* so scripts can put a message before all others */
	PRIORITY_LAST = 18,        /* twice the least that a user can have: what is tried again and again */
	SCRIPT_NORMAL = 50,
};

static void take_limits(struct sender *sender, const struct sender_settings *settings)
{
	const int64_t *numbers = settings->numbers;

	sender->max_recipients = (unsigned)numbers[SENDER_SETTING_MAX_RECIPIENTS];
	sender->threads = (unsigned)numbers[SENDER_SETTING_THREADS];
	if (!sender->is_relay) { /* specification 04: relay restrictions do not apply */
		sender->max_recipients = REMOTE_RECIPIENTS_MAX;
		return;
	}
	sender->session_messages = numbers[SENDER_SETTING_SESSION_MESSAGES];
	sender->session_recipients = numbers[SENDER_SETTING_SESSION_RECIPIENTS];
	sender->limits[LIMIT_MESSAGES] = (struct sender_limit){numbers[SENDER_SETTING_LIMIT_MESSAGES],
	                                                       numbers[SENDER_SETTING_LIMIT_MESSAGES_MINUTES] * 60000};
	sender->limits[LIMIT_RECIPIENTS] = (struct sender_limit){numbers[SENDER_SETTING_LIMIT_RECIPIENTS],
	                                                         numbers[SENDER_SETTING_LIMIT_RECIPIENTS_MINUTES] * 60000};
}

static enum return_path_rule return_path_rule(const char *word)
{
	if (strcmp(word, "always") == 0)
		return RETURN_PATH_ALWAYS;
	if (strcmp(word, "srs") == 0)
		return RETURN_PATH_SRS;
	return strcmp(word, "foreign") == 0 ? RETURN_PATH_FOREIGN : RETURN_PATH_KEEP;
}

/* What it was doing goes on, whatever its settings are now. */
static void keep_state(struct sender *sender, struct senders *old)
{
	for (size_t i = 0; i < old->count; i++) {
		struct sender *before = &old->list[i];

		if (before->id != sender->id)
			continue;
		sender->pass = before->pass;
		sender->sent = before->sent;
		sender->asking = before->asking;
		sender->busy_messages = before->busy_messages;
		sender->busy_recipients = before->busy_recipients;
		before->pass = NULL;
		buf_init(&before->sent, SIZE_MAX / 2);
	}
}

static void take_sender(struct queue *queue, const struct sender_settings *settings, struct sender *sender)
{
	struct err err;

	*sender = (struct sender){
	    .id = settings->id,
	    .name = settings->name,
	    .is_relay = strcmp(settings->method, "relay") == 0,
	    .only_waiting = settings->numbers[SENDER_SETTING_ONLY_WAITING] != 0,
	    .small_first = settings->numbers[SENDER_SETTING_SMALL_FIRST] != 0,
	    .reverse = settings->numbers[SENDER_SETTING_REVERSE] != 0,
	    .return_path = return_path_rule(settings->texts[SENDER_SETTING_RETURN_PATH]),
	    .return_address = settings->texts[SENDER_SETTING_RETURN_PATH_ADDRESS],
	    .null_address = settings->texts[SENDER_SETTING_RETURN_PATH_NULL],
	    .uses_batv = true,
	};
	sender->filter_text = settings->texts[SENDER_SETTING_FILTER];
	buf_init(&sender->sent, SIZE_MAX / 2);
	take_limits(sender, settings);
	patience_read_sender(queue, settings->texts[SENDER_SETTING_RETRY], settings->numbers[SENDER_SETTING_WARN],
	                     settings->numbers[SENDER_SETTING_FAIL], &sender->patience);
	/* configd took it; should it not be understood, mail waits rather than goes where it must not */
	if (filter_parse(str_of(sender->filter_text), &queue->senders->arena, &sender->filter, &err) != 0) {
		log_error("the filter of the sender %s: %s", settings->name, err.text);
		sender->filter.has_attempt = true;
	}
}

static void free_sender(struct sender *sender)
{
	struct err err;

	filter_free(&sender->filter);
	buf_free(&sender->sent);
	if (sender->pass == NULL)
		return;
	err_set(&err, ERR_NOT_FOUND, "the sender was deleted");
	ipc_answer_error(sender->pass->incoming, &err);
	memory_free(sender->pass);
}

static int load(struct queue *queue, struct err *err)
{
	struct senders *senders = queue->senders;
	struct sender_settings *list;
	size_t count;

	if (senders_load(&queue->settings.objects, &senders->arena, &list, &count, err) != 0)
		return -1;
	for (; senders->count < count && senders->count < CONNECTIONS_MAX; senders->count++) {
		struct sender *sender = &senders->list[senders->count];
		struct connection_settings connection;
		int found =
		    connection_load(&queue->settings.objects, list[senders->count].id, &senders->arena, &connection, err);

		if (found < 0)
			return -1;
		take_sender(queue, &list[senders->count], sender);
		sender->is_continuous = found == 0 || connection.numbers[CONNECTION_SETTING_CONTINUOUS] != 0;
	}
	return 0;
}

void senders_settings(struct queue *queue)
{
	struct senders *senders = queue->senders;
	struct senders old = *senders;
	struct err err;

	arena_init(&senders->arena);
	senders->count = 0;
	if (load(queue, &err) != 0) {
		log_error("cannot read the senders, those of before go on: %s", err.text);
		for (size_t i = 0; i < senders->count; i++)
			free_sender(&senders->list[i]);
		arena_free(&senders->arena);
		*senders = old;
		return;
	}
	for (size_t i = 0; i < senders->count; i++)
		keep_state(&senders->list[i], &old);
	for (size_t i = 0; i < old.count; i++)
		free_sender(&old.list[i]);
	arena_free(&old.arena);
	pass_look_again(queue);
}

int senders_open(struct queue *queue, struct err *err)
{
	struct senders *senders = queue->senders = memory_get(sizeof *senders);

	arena_init(&senders->arena);
	buf_init(&senders->unwritten, SIZE_MAX / 2);
	senders->scripts = ipc_client_new(queue->base, queue->instance, "sender", "queue-manager");
	senders->scheduler = ipc_client_new(queue->base, queue->instance, "scheduler", "queue-manager");
	senders_settings(queue);
	return limits_load(queue, err);
}

struct sender *senders_find(const struct queue *queue, int64_t id)
{
	for (size_t i = 0; i < queue->senders->count; i++)
		if (queue->senders->list[i].id == id)
			return &queue->senders->list[i];
	return NULL;
}

struct sender *senders_find_name(const struct queue *queue, struct str name)
{
	for (size_t i = 0; i < queue->senders->count; i++)
		if (str_equal_nocase(name, str_of(queue->senders->list[i].name)))
			return &queue->senders->list[i];
	return NULL;
}

bool sender_is_active(const struct sender *sender)
{
	return sender != NULL && (sender->is_continuous || (sender->pass != NULL && !sender->pass->full));
}

bool sender_filter_takes(const struct sender *sender, struct message *message, const struct delivery *delivery)
{
	const struct outgoing_facts facts = {
	    .size = message_form(message, DELIVERY_REMOTE).size,
	    .age = (queue_now() - message->born) / 1000,
	    .retries = delivery->attempts,
	    .authsender = message->envelope.user,
	    .from = message->envelope.from,
	    .to = delivery->target,
	};

	return filter_attempts(&sender->filter, &facts);
}

/* As far as is known without asking its script. */
static bool may_take(const struct sender *sender, struct message *message, const struct delivery *delivery)
{
	return sender_is_active(sender) &&
	       (sender->is_continuous || !sender->only_waiting || message->born <= sender->pass->begun) &&
	       sender_filter_takes(sender, message, delivery);
}

bool sender_is_next(const struct sender *sender, struct message *message, const struct delivery *delivery)
{
	const struct sender *other = message->queue->senders->list;
	const struct verdict *verdict = verdict_known(message, sender);

	if (!may_take(sender, message, delivery) || (verdict != NULL && verdict->state == VERDICT_SKIP))
		return false;
	while (other != sender && !may_take(other, message, delivery))
		other++;
	if (other == sender)
		return true;
	verdict = verdict_known(message, other);
	return verdict != NULL && verdict->state == VERDICT_SKIP;
}

enum choice senders_choose(struct message *message, const struct delivery *delivery, struct sender **sender_out,
                           int64_t *again_out)
{
	struct senders *senders = message->queue->senders;
	enum choice choice = CHOICE_NOBODY;

	*again_out = queue_now() + SENDERS_LOOK_AGAIN_MS;
	for (size_t i = 0; i < senders->count; i++) {
		struct sender *sender = &senders->list[i];
		const struct verdict *verdict;

		if (!may_take(sender, message, delivery)) {
			choice = sender->is_continuous && sender->filter.asks_age ? CHOICE_AGAIN : choice;
			continue;
		}
		verdict = verdict_get(message, sender);
		if (verdict != NULL && verdict->state == VERDICT_ASKED)
			return CHOICE_ASKED;
		if (verdict != NULL && verdict->state == VERDICT_SKIP) {
			choice = sender->is_continuous ? CHOICE_AGAIN : choice;
			continue;
		}
		*sender_out = sender;
		return CHOICE_SENDER;
	}
	return choice;
}

/* Two scales: the queue's (small first, worse with each attempt) and the scripts' (100 first, 50: as it is). */
static int64_t priority_of(const struct sender *sender, const struct message *message, unsigned attempts)
{
	const struct verdict *verdict = verdict_known(message, sender);
	int64_t priority = message->priority + (int64_t)attempts;

	if (verdict != NULL && verdict->priority > SCRIPT_NORMAL)
		return RANK_PRIORITY_QUEUE - (verdict->priority - SCRIPT_NORMAL);
	if (verdict != NULL && verdict->priority < SCRIPT_NORMAL)
		return RANK_PRIORITY_QUEUE + PRIORITY_LAST + (SCRIPT_NORMAL - verdict->priority);
	return RANK_PRIORITY_QUEUE + (priority < PRIORITY_LAST ? priority : PRIORITY_LAST);
}

int64_t sender_rank(const struct sender *sender, const struct message *message, unsigned attempts)
{
	const int64_t largest = ((int64_t)1 << RANK_PRIORITY_SHIFT) - 1;
	int64_t order = sender->small_first ? message->size : message->envelope.time_us / 1000;

	if (order < 0 || order > largest)
		order = order < 0 ? 0 : largest;
	if (sender->reverse)
		order = largest - order;
	return (priority_of(sender, message, attempts) << RANK_PRIORITY_SHIFT) + order;
}
