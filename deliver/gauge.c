#include "deliver/gauge.h"

#include "common/base/memory.h"

#include <sys/stat.h>
#include <time.h>

enum {
	LOCK_MS = 100,         /* patience with a mailbox that is written to */
	FRESH_NS = 1000000000, /* what changed so lately may change again without a sign */
	BUCKETS = 4096,
};

/* What is known of a mailbox. Times are of the index and its log, nanoseconds. */
struct reading {
	int64_t uid;
	int64_t index_time, log_time, log_size;
	int64_t octets, inbox; /* -1: it could not be looked at */
};

struct entry {
	struct reading reading;
	struct entry *next;
};

/* What the process knows. */
struct memory {
	const struct instance *instance;
	struct entry *buckets[BUCKETS];
};

static struct reading *find(struct memory *memory, int64_t uid)
{
	for (struct entry *entry = memory->buckets[uid % BUCKETS]; entry != NULL; entry = entry->next)
		if (entry->reading.uid == uid)
			return &entry->reading;
	return NULL;
}

static void remember(struct memory *memory, const struct reading *reading)
{
	struct reading *known = find(memory, reading->uid);
	struct entry *entry;

	if (known != NULL) {
		*known = *reading;
		return;
	}
	entry = memory_get(sizeof *entry);
	entry->reading = *reading;
	entry->next = memory->buckets[reading->uid % BUCKETS];
	memory->buckets[reading->uid % BUCKETS] = entry;
}

/* false: there is no such file. */
static bool look_at(const char *folder, const char *name, int64_t *time_out, int64_t *size_out)
{
	char path[INSTANCE_PATH_MAX + 64];
	struct stat st;

	*time_out = *size_out = 0;
	instance_path(path, sizeof path, folder, name);
	if (stat(path, &st) != 0)
		return false;
	*time_out = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
	*size_out = st.st_size;
	return true;
}

static bool is_fresh(const struct reading *reading)
{
	struct timespec now;
	int64_t limit;

	clock_gettime(CLOCK_REALTIME, &now);
	limit = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec - FRESH_NS;
	return reading->index_time > limit || reading->log_time > limit;
}

static int open_and_measure(const struct memory *memory, struct reading *reading)
{
	struct mailbox_totals totals;
	struct mailbox_folder inbox;
	struct mailbox *mailbox;
	struct err err;
	int result;

	if (mailbox_open(&mailbox, memory->instance, reading->uid, LOCK_MS, &err) != 0)
		return -1;
	result = mailbox_stat(mailbox, &totals, &err);
	if (result == 0)
		result = mailbox_folder_find(mailbox, STR("INBOX"), &inbox, &err);
	if (result == 0) {
		reading->octets = totals.bytes + totals.held_bytes;
		reading->inbox = inbox.totals.messages;
	}
	mailbox_close(mailbox);
	return result;
}

/* A mailbox that nothing was ever put into is not made by being looked at. */
static void measure(struct memory *memory, int64_t uid, struct reading *reading)
{
	const struct reading *known = find(memory, uid);
	char folder[INSTANCE_PATH_MAX + 64];
	int64_t size;

	*reading = (struct reading){.uid = uid};
	mailbox_path(folder, sizeof folder, memory->instance, uid);
	if (!look_at(folder, "index.db", &reading->index_time, &size))
		return;
	look_at(folder, "index.db-wal", &reading->log_time, &reading->log_size);
	if (known != NULL && known->octets >= 0 && known->index_time == reading->index_time &&
	    known->log_time == reading->log_time && known->log_size == reading->log_size) {
		*reading = *known;
	} else if (open_and_measure(memory, reading) != 0) {
		reading->octets = reading->inbox = -1;
	} else if (is_fresh(reading)) {
		reading->index_time = -1;
	}
}

/* All numbers of users that are asked for; -1: ERR_SYNTAX. */
static int answer(const struct ipc_message *request, struct ipc_message *reply, void *context, struct err *err)
{
	struct memory *memory = context;
	struct str key, value;
	size_t count = 0;

	for (size_t position = 0; ipc_next(request, &position, &key, &value);) {
		struct reading reading;
		uint64_t uid;

		if (!str_equal(key, STR("uid")))
			continue;
		if (!str_to_u64(value, INT64_MAX, &uid) || uid == 0 || count++ == GAUGE_MAX)
			return err_set(err, ERR_SYNTAX, "usage takes the numbers of %d users at most", GAUGE_MAX);
		measure(memory, (int64_t)uid, &reading);
		remember(memory, &reading);
		ipc_add_number(reply, "octets", reading.octets);
		ipc_add_number(reply, "inbox", reading.inbox);
	}
	return 0;
}

int gauge_start(struct helper **gauge_out, const struct daemon *daemon, struct event_base *base, struct err *err)
{
	static struct memory memory;

	memory.instance = &daemon->instance;
	return helper_start(gauge_out, "gauge", answer, &memory, daemon, base, err);
}
