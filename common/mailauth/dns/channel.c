#include "common/mailauth/dns/channel.h"

#include "common/base/io.h"
#include "common/base/memory.h"

enum { SLACK_MS = 2000, NXDOMAIN = 3 }; /* dnsd answers in time where it can; the channel is kept until a bit later */

struct mailauth_question {
	struct mailauth_question *next;
	uint32_t sequence;
	enum mailauth_type type;
	char name[MAILAUTH_NAME_MAX + 1];
	bool is_answered;
	struct ipc_message reply;
};

void mailauth_channel_init(struct mailauth_channel *channel, struct ipc_channel *ipc)
{
	*channel = (struct mailauth_channel){.ipc = ipc};
}

static void drop(struct mailauth_channel *channel, struct mailauth_question *question)
{
	struct mailauth_question **at = &channel->questions;

	while (*at != question)
		at = &(*at)->next;
	*at = question->next;
	channel->count--;
	ipc_message_free(&question->reply);
	memory_free(question);
}

void mailauth_channel_forget(struct mailauth_channel *channel)
{
	while (channel->questions != NULL)
		drop(channel, channel->questions);
}

static struct mailauth_question *find(const struct mailauth_channel *channel, const char *name, enum mailauth_type type)
{
	struct mailauth_question *question = channel->questions;

	while (question != NULL && (question->type != type || strcmp(question->name, name) != 0))
		question = question->next;
	return question;
}

/* NULL: the channel is closed. */
static struct mailauth_question *ask(struct mailauth_channel *channel, const char *name, enum mailauth_type type,
                                     int timeout_ms, struct err *err)
{
	struct mailauth_question *question;
	struct ipc_message request;
	uint32_t sequence;
	int result;

	ipc_message_init(&request);
	ipc_request(&request, "query");
	ipc_add_text(&request, "name", name);
	ipc_add_number(&request, "type", type);
	ipc_add_number(&request, "limit", timeout_ms);
	result = ipc_ask(channel->ipc, &request, &sequence, err);
	ipc_message_free(&request);
	if (result != 0)
		return NULL;
	question = memory_get(sizeof *question);
	*question = (struct mailauth_question){.next = channel->questions, .sequence = sequence, .type = type};
	str_copy(str_of(name), question->name, sizeof question->name);
	ipc_message_init(&question->reply);
	channel->questions = question;
	channel->count++;
	return question;
}

/* Give an answer to the question that it is for; nobody wants to know it where that was forgotten. */
static void deliver(struct mailauth_channel *channel, uint32_t sequence, struct ipc_message *reply)
{
	struct mailauth_question *question = channel->questions;

	while (question != NULL && question->sequence != sequence)
		question = question->next;
	if (question == NULL || question->is_answered) {
		ipc_message_free(reply);
		return;
	}
	question->reply = *reply;
	question->is_answered = true;
}

/* -1: the channel is closed. */
static int await(struct mailauth_channel *channel, const struct mailauth_question *question, int timeout_ms,
                 struct err *err)
{
	int64_t until = io_now_ms() + timeout_ms;

	while (!question->is_answered) {
		int64_t left = until - io_now_ms();
		struct ipc_message reply;
		uint32_t sequence;

		ipc_message_init(&reply);
		if (ipc_await(channel->ipc, &reply, &sequence, left > 0 ? (int)left : 0, err) != 0) {
			ipc_message_free(&reply);
			return -1;
		}
		deliver(channel, sequence, &reply);
	}
	return 0;
}

/* The records of an answer, out of the message into the arena. */
static void take_records(const struct ipc_message *reply, struct arena *arena, struct mailauth_answer *answer)
{
	struct str key, value;
	size_t position = 0, capacity = 0;

	while (ipc_next(reply, &position, &key, &value))
		capacity += str_equal(key, STR("rr"));
	answer->records = arena_get(arena, (capacity + 1) * sizeof *answer->records);
	position = 0;
	while (ipc_next(reply, &position, &key, &value))
		if (str_equal(key, STR("rr")))
			answer->records[answer->count++] = arena_copy(arena, value);
}

static void take_answer(const struct ipc_message *reply, struct arena *arena, struct mailauth_answer *answer)
{
	int64_t rcode = 0, secure = 0;

	take_records(reply, arena, answer);
	ipc_get_number(reply, "rcode", 0, INT32_MAX, &rcode);
	ipc_get_number(reply, "secure", 0, 1, &secure);
	answer->secure = secure != 0;
	answer->status = rcode == NXDOMAIN ? MAILAUTH_NXDOMAIN : answer->count == 0 ? MAILAUTH_NODATA : MAILAUTH_FOUND;
}

static int query(void *context, const char *name, enum mailauth_type type, int timeout_ms, struct arena *arena,
                 struct mailauth_answer *answer_out, struct err *err)
{
	struct mailauth_channel *channel = context;
	struct mailauth_question *question = find(channel, name, type);
	int result = -1;

	*answer_out = (struct mailauth_answer){.status = MAILAUTH_TEMPORARY};
	if (question == NULL)
		question = ask(channel, name, type, timeout_ms, err);
	if (question == NULL || await(channel, question, timeout_ms + SLACK_MS, err) != 0) {
		mailauth_channel_forget(channel);
		return -1;
	}
	result = ipc_check_answer(&question->reply, err);
	if (result == 0)
		take_answer(&question->reply, arena, answer_out);
	drop(channel, question);
	return result;
}

static void foresee(void *context, const char *name, enum mailauth_type type, int timeout_ms)
{
	struct mailauth_channel *channel = context;

	if (channel->ipc->fd >= 0 && channel->count < MAILAUTH_CHANNEL_QUESTIONS && find(channel, name, type) == NULL)
		ask(channel, name, type, timeout_ms, NULL);
}

struct mailauth_dns mailauth_channel_dns(struct mailauth_channel *channel)
{
	return (struct mailauth_dns){.query = query, .foresee = foresee, .context = channel};
}
