#include "queue-manager/trace.h"

#include "common/base/log.h"
#include "common/base/memory.h"

#include <stdarg.h>
#include <time.h>

enum {
	RECIPIENTS_MAX = 100,         /* of a message, that are named */
	LINE_MAX_OCTETS = 1000,       /* of a line's text */
	WAITING_MAX = 2 * 1024 * 1024 /* octets that historyd has not taken yet */
};

struct trace {
	struct ipc_client *client;
	struct ipc_message waiting; /* trace-add, being made; no octets: nothing has been said */
	int64_t last_us;            /* no two lines have the same time */
	unsigned long lost;
	bool busy; /* historyd has not answered the last one */
};

struct trace *trace_new(struct event_base *base, const struct instance *instance)
{
	struct trace *trace = memory_get(sizeof *trace);

	trace->client = ipc_client_new(base, instance, "historyd", "queue-manager");
	ipc_message_init(&trace->waiting);
	return trace;
}

static bool is_wanted(const struct message *message)
{
	return settings_number(&message->queue->settings, SETTING_TRACE_DAYS) > 0;
}

static int64_t next_time(struct trace *trace)
{
	struct timespec now;
	int64_t us;

	clock_gettime(CLOCK_REALTIME, &now);
	us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
	trace->last_us = us > trace->last_us ? us : trace->last_us + 1;
	return trace->last_us;
}

/* A field: the message's id, the time, and what comes behind, separated by TAB. text: without control characters. */
static void add(struct message *message, const char *field, struct str text)
{
	struct trace *trace = message->queue->trace;
	struct buf line;

	if (trace->waiting.fields.len == 0)
		ipc_request(&trace->waiting, "trace-add");
	if (trace->waiting.fields.len > WAITING_MAX) {
		trace->lost++;
		return;
	}
	buf_init(&line, 4 * LINE_MAX_OCTETS);
	buf_printf(&line, "%s\t%lld\t%.*s", message->id, (long long)next_time(trace), STR_ARG(text));
	ipc_add(&trace->waiting, field, buf_str(&line));
	buf_free(&line);
}

static void say(struct message *message, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct message *message, const char *format, ...)
{
	struct buf text, visible;
	va_list args;

	buf_init(&text, LINE_MAX_OCTETS);
	buf_init(&visible, 4 * LINE_MAX_OCTETS);
	va_start(args, format);
	buf_vprintf(&text, format, args);
	va_end(args);
	buf_add_visible(&visible, buf_str(&text));
	add(message, "line", buf_str(&visible));
	buf_free(&text);
	buf_free(&visible);
}

static struct str shown_address(struct message *message, unsigned recipient)
{
	const struct delivery delivery = {.recipient = recipient};

	return message_shown_recipient(message, &delivery);
}

/* from, client, user, service, recipients */
static void add_head(struct message *message, size_t shown)
{
	const struct spool_envelope *envelope = &message->envelope;
	const struct str values[] = {envelope->from, envelope->peer, envelope->user, envelope->service};
	struct buf head;

	buf_init(&head, 3 * LINE_MAX_OCTETS);
	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		buf_add_visible(&head, values[i]);
		buf_add_char(&head, '\t');
	}
	for (size_t i = 0; i < shown; i++) {
		buf_add_str(&head, i > 0 ? STR(", ") : STR(""));
		buf_add_visible(&head, shown_address(message, (unsigned)i));
	}
	add(message, "message", buf_str(&head));
	buf_free(&head);
}

void trace_begin(struct message *message)
{
	const struct spool_envelope *envelope = &message->envelope;
	size_t count = envelope->recipient_count, shown = count < RECIPIENTS_MAX ? count : RECIPIENTS_MAX;

	if (!is_wanted(message))
		return;
	add_head(message, shown);
	if (envelope->parent.len != 0)
		say(message, "Made out of %.*s", STR_ARG(envelope->parent));
	say(message, "MAIL FROM:<%.*s>", STR_ARG(envelope->from));
	for (size_t i = 0; i < shown; i++)
		say(message, "RCPT TO:<%.*s>", STR_ARG(shown_address(message, (unsigned)i)));
	if (count > shown)
		say(message, "and %zu recipients more", count - shown);
}

void trace_target(struct message *message, const struct delivery *delivery, struct str cause)
{
	static const char *const kinds[] = {[DELIVERY_REMOTE] = "another server for ",
	                                    [DELIVERY_LIST] = "the list ",
	                                    [DELIVERY_LAN] = "the LAN for ",
	                                    [DELIVERY_NOBODY] = "nobody: "};
	struct str how = cause, word = str_cut_word(&how), address = message_shown_recipient(message, delivery);
	const char *kind = (size_t)delivery->kind < sizeof kinds / sizeof *kinds ? kinds[delivery->kind] : NULL;
	/* a target of the LAN may hold a password */
	struct str target = delivery->kind == DELIVERY_LAN ? address : delivery->target;

	if (!is_wanted(message))
		return;
	if (str_equal(word, STR("mapping")))
		say(message, "Found Mapping %.*s to %.*s", STR_ARG(str_trim(how)), STR_ARG(target));
	else if (!str_equal(word, STR("user")) && !str_equal(word, STR("remote")) && word.len != 0)
		say(message, "Expand Recipient %.*s by %.*s", STR_ARG(address), STR_ARG(cause));
	say(message, "Distribute message to %s%.*s", kind != NULL ? kind : "", STR_ARG(target));
}

void trace_stored(struct message *message, const struct delivery *delivery, struct str where)
{
	if (!is_wanted(message))
		return;
	if (where.len != 0)
		say(message, "Stored in %.*s:%.*s", STR_ARG(delivery->target), STR_ARG(where));
	else
		say(message, "Taken for %.*s, without a new copy: rules kept none, or it is there already",
		    STR_ARG(delivery->target));
}

void trace_outcome(struct message *message, const struct delivery *delivery, const char *what, struct str host,
                   struct str words)
{
	if (is_wanted(message))
		say(message, "%s: %.*s, host %.*s: %.*s", what, STR_ARG(message_shown_recipient(message, delivery)),
		    STR_ARG(host), STR_ARG(words));
}

void trace_summary(struct message *message, enum summary_item item, int64_t octets, struct str who, struct str to)
{
	struct buf text;

	buf_init(&text, 4 * LINE_MAX_OCTETS);
	buf_printf(&text, "%d\t%lld\t", item, (long long)octets);
	buf_add_visible(&text, str_sub(who, 0, SUMMARY_USER_MAX / 4)); /* an octet may become four */
	buf_add_char(&text, '\t');
	buf_add_visible(&text, message->envelope.from);
	buf_add_char(&text, '\t');
	buf_add_visible(&text, str_sub(to, 0, LINE_MAX_OCTETS / 2));
	add(message, "summary", buf_str(&text));
	buf_free(&text);
}

static void on_answer(struct ipc_message *reply, const struct err *err, void *context)
{
	struct trace *trace = context;

	(void)reply;
	trace->busy = false;
	if (err->code != ERR_NONE)
		log_info("what became of some messages is in this log alone: %s", err->text);
}

void trace_flush(const struct queue *queue)
{
	struct trace *trace = queue->trace;

	if (trace->busy || trace->waiting.fields.len == 0)
		return;
	if (trace->lost > 0)
		log_warning("%lu lines about what became of messages are in this log alone: historyd is too slow", trace->lost);
	trace->lost = 0;
	trace->busy = true;
	ipc_client_call(trace->client, &trace->waiting, IPC_TIMEOUT_MS, on_answer, trace);
	ipc_message_reset(&trace->waiting);
}

bool trace_is_told(const struct queue *queue)
{
	return !queue->trace->busy && queue->trace->waiting.fields.len == 0;
}
