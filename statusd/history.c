#include "statusd/statusd.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/base/memory.h"

enum {
	ENTRIES_MAX = 20000,      /* that wait for historyd */
	BATCH_OCTETS = 48 * 1024, /* of one request; it must stay below IPC_PACKET_MAX */
	BATCH_PAUSE_MS = 500,     /* collect so long */
	RETRY_PAUSE_MS = 2000,
	ANSWER_MS = 20000,     /* historyd syncs before it answers */
	REPORT_MS = 60 * 1000, /* between two complaints about what is lost */
};

struct entry {
	STAILQ_ENTRY(entry) next;
	const char *key; /* of the request's field: "session", "script-error" */
	size_t len;
	char text[];
};

struct history {
	struct ipc_client *historyd;
	struct event *send;
	STAILQ_HEAD(entries, entry) waiting;
	size_t count; /* of waiting */
	size_t sent;  /* of those, at the head: asked and not answered yet */
	bool asking;  /* a request waits for its answer */
	bool failing; /* the last one was in vain */
	size_t lost;  /* since the last complaint */
	int64_t next_report_ms;
};

static void wake(struct history *history, int pause_ms)
{
	const struct timeval pause = {pause_ms / 1000, pause_ms % 1000 * 1000};

	if (!history->asking && !event_pending(history->send, EV_TIMEOUT, NULL))
		event_add(history->send, &pause);
}

static void report_loss(struct history *history)
{
	if (history->lost == 0 || io_now_ms() < history->next_report_ms)
		return;
	log_error("%zu records are lost, because historyd does not take them", history->lost);
	history->lost = 0;
	history->next_report_ms = io_now_ms() + REPORT_MS;
}

static void forget_sent(struct history *history)
{
	for (; history->sent > 0; history->sent--) {
		struct entry *entry = STAILQ_FIRST(&history->waiting);

		STAILQ_REMOVE_HEAD(&history->waiting, next);
		memory_free(entry);
		history->count--;
	}
}

static void answered(struct ipc_message *reply, const struct err *err, void *context)
{
	struct history *history = context;
	bool failed = reply == NULL || err->code != ERR_NONE;

	/* Only a request that makes no sense to historyd would never be taken; what was it is in its log. */
	if (!failed || err->code == ERR_PROTOCOL) {
		forget_sent(history);
	} else {
		if (!history->failing)
			log_warning("historyd does not take records, which wait for it: %s", err->text);
		history->sent = 0;
	}
	history->asking = false;
	history->failing = failed;
	report_loss(history);
	if (history->count > 0 || failed)
		wake(history, failed ? RETRY_PAUSE_MS : 0);
}

static void send_batch(evutil_socket_t fd, short what, void *context)
{
	struct history *history = context;
	struct ipc_message request;
	const struct entry *entry;

	(void)fd, (void)what;
	if (history->asking)
		return;
	history->asking = true;
	ipc_message_init(&request);
	ipc_request(&request, "record");
	for (entry = STAILQ_FIRST(&history->waiting); entry != NULL; entry = STAILQ_NEXT(entry, next)) {
		if (request.fields.len + entry->len > BATCH_OCTETS)
			break;
		ipc_add(&request, entry->key, str_from(entry->text, entry->len));
		history->sent++;
	}
	ipc_client_call(history->historyd, &request, ANSWER_MS, answered, history);
	ipc_message_free(&request);
}

static void add(struct history *history, const char *key, struct str text)
{
	struct entry *entry;

	if (history->count == ENTRIES_MAX) {
		history->lost++;
		report_loss(history);
		return;
	}
	entry = memory_get(sizeof *entry + text.len);
	entry->key = key;
	entry->len = text.len;
	memcpy(entry->text, text.data, text.len);
	STAILQ_INSERT_TAIL(&history->waiting, entry, next);
	history->count++;
	wake(history, history->failing ? RETRY_PAUSE_MS : BATCH_PAUSE_MS);
}

void history_session(struct history *history, const struct status_record *record)
{
	struct buf line;

	buf_init(&line, STATUS_RECORD_MAX);
	status_record_format(record, &line);
	add(history, "session", buf_str(&line));
	buf_free(&line);
}

void history_script_error(struct history *history, struct str line)
{
	add(history, "script-error", line);
}

bool history_is_empty(const struct history *history)
{
	return history->count == 0;
}

struct history *history_open(struct event_base *base, const struct instance *instance)
{
	struct history *history = memory_get(sizeof *history);

	STAILQ_INIT(&history->waiting);
	history->historyd = ipc_client_new(base, instance, "historyd", "statusd");
	history->send = evtimer_new(base, send_batch, history);
	/* An empty batch makes the channel, by which historyd knows at its end that there may be more to come. */
	event_active(history->send, EV_TIMEOUT, 0);
	return history;
}

void history_free(struct history *history)
{
	if (history->lost + history->count > 0)
		log_error("%zu records are lost at the end", history->lost + history->count);
	history->sent = history->count;
	forget_sent(history);
	event_free(history->send);
	ipc_client_free(history->historyd);
	memory_free(history);
}
