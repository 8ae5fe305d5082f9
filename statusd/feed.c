#include "statusd/feed.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/base/memory.h"

#include <sys/queue.h>

enum {
	ENTRIES_MAX = 20000,      /* that wait */
	BATCH_OCTETS = 48 * 1024, /* of one request; it must stay below IPC_PACKET_MAX */
	RETRY_PAUSE_MS = 2000,
	ANSWER_MS = 20000,     /* who takes them may sync before it answers */
	REPORT_MS = 60 * 1000, /* between two complaints about what is lost */
};

struct entry {
	STAILQ_ENTRY(entry) next;
	const char *key; /* of the request's field: "session", "event" */
	size_t len;
	char text[];
};

struct feed {
	const char *callee, *op;
	int pause_ms; /* collect so long */
	struct ipc_client *client;
	struct event *send;
	STAILQ_HEAD(entries, entry) waiting;
	size_t count; /* of waiting */
	size_t sent;  /* of those, at the head: asked and not answered yet */
	bool asking;  /* a request waits for its answer */
	bool failing; /* the last one was in vain */
	size_t lost;  /* since the last complaint */
	int64_t next_report_ms;
};

static void wake(struct feed *feed, int pause_ms)
{
	const struct timeval pause = {pause_ms / 1000, pause_ms % 1000 * 1000};

	if (!feed->asking && !event_pending(feed->send, EV_TIMEOUT, NULL))
		event_add(feed->send, &pause);
}

static void report_loss(struct feed *feed)
{
	if (feed->lost == 0 || io_now_ms() < feed->next_report_ms)
		return;
	log_error("%zu records are lost, because %s does not take them", feed->lost, feed->callee);
	feed->lost = 0;
	feed->next_report_ms = io_now_ms() + REPORT_MS;
}

static void forget_sent(struct feed *feed)
{
	for (; feed->sent > 0; feed->sent--) {
		struct entry *entry = STAILQ_FIRST(&feed->waiting);

		STAILQ_REMOVE_HEAD(&feed->waiting, next);
		memory_free(entry);
		feed->count--;
	}
}

static void answered(struct ipc_message *reply, const struct err *err, void *context)
{
	struct feed *feed = context;
	bool failed = reply == NULL || err->code != ERR_NONE;

	/* Only a request that makes no sense to the other would never be taken; what was it is in its log. */
	if (!failed || err->code == ERR_PROTOCOL) {
		forget_sent(feed);
	} else {
		if (!feed->failing)
			log_warning("%s does not take records, which wait for it: %s", feed->callee, err->text);
		feed->sent = 0;
	}
	feed->asking = false;
	feed->failing = failed;
	report_loss(feed);
	if (feed->count > 0 || failed)
		wake(feed, failed ? RETRY_PAUSE_MS : 0);
}

static void send_batch(evutil_socket_t fd, short what, void *context)
{
	struct feed *feed = context;
	struct ipc_message request;
	const struct entry *entry;

	(void)fd, (void)what;
	if (feed->asking)
		return;
	feed->asking = true;
	ipc_message_init(&request);
	ipc_request(&request, feed->op);
	for (entry = STAILQ_FIRST(&feed->waiting); entry != NULL; entry = STAILQ_NEXT(entry, next)) {
		if (request.fields.len + entry->len > BATCH_OCTETS)
			break;
		ipc_add(&request, entry->key, str_from(entry->text, entry->len));
		feed->sent++;
	}
	ipc_client_call(feed->client, &request, ANSWER_MS, answered, feed);
	ipc_message_free(&request);
}

void feed_add(struct feed *feed, const char *key, struct str text)
{
	struct entry *entry;

	if (feed->count == ENTRIES_MAX) {
		feed->lost++;
		report_loss(feed);
		return;
	}
	entry = memory_get(sizeof *entry + text.len);
	entry->key = key;
	entry->len = text.len;
	memcpy(entry->text, text.data, text.len);
	STAILQ_INSERT_TAIL(&feed->waiting, entry, next);
	feed->count++;
	wake(feed, feed->failing ? RETRY_PAUSE_MS : feed->pause_ms);
}

bool feed_is_empty(const struct feed *feed)
{
	return feed->count == 0;
}

struct feed *feed_open(struct event_base *base, const struct instance *instance, const char *callee, const char *op,
                       int pause_ms)
{
	struct feed *feed = memory_get(sizeof *feed);

	STAILQ_INIT(&feed->waiting);
	feed->callee = callee;
	feed->op = op;
	feed->pause_ms = pause_ms;
	feed->client = ipc_client_new(base, instance, callee, "statusd");
	feed->send = evtimer_new(base, send_batch, feed);
	/* An empty batch makes the channel, by which the other knows at its end that there may be more to come. */
	event_active(feed->send, EV_TIMEOUT, 0);
	return feed;
}

void feed_free(struct feed *feed)
{
	if (feed->lost + feed->count > 0)
		log_error("%zu records for %s are lost at the end", feed->lost + feed->count, feed->callee);
	feed->sent = feed->count;
	forget_sent(feed);
	event_free(feed->send);
	ipc_client_free(feed->client);
	memory_free(feed);
}
