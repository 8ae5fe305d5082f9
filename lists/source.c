/*
 * The side of listd: one question at a time to the fetcher, the others wait.
 */
#include "lists/source.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

struct wanted {
	int64_t list;
	source_done *done;
	void *context;
	struct wanted *next;
};

struct sources {
	struct listd *listd;
	int channel; /* to the fetcher */
	struct event *readable;
	struct wanted *first, **last;
	int file; /* what the first one's addresses go to */
	uint32_t sequence;
};

static void ask_next(struct sources *sources);

/* Tell who waits, and go on with the next one. */
static void finish(struct sources *sources, const struct source_result *result)
{
	struct wanted *wanted = sources->first;

	sources->first = wanted->next;
	if (sources->first == NULL)
		sources->last = &sources->first;
	if (sources->file >= 0)
		close(sources->file);
	sources->file = -1;
	wanted->done(result, wanted->context);
	memory_free(wanted);
	ask_next(sources);
}

static void fail(struct sources *sources, const struct err *err)
{
	const struct source_result result = {.err = *err, .lines = STR("")};

	finish(sources, &result);
}

static void on_answer(evutil_socket_t fd, short what, void *context)
{
	struct source_result result = {.lines = STR("")};
	struct sources *sources = context;
	struct ipc_message reply;
	uint32_t sequence;
	struct buf lines;

	(void)what;
	buf_init(&lines, SOURCE_OCTETS_MAX);
	ipc_message_init(&reply);
	if (ipc_receive(fd, &reply, &sequence, 0, &result.err) != 1) {
		/* started again, listd has another */
		log_error("the process that asks databases is gone");
		event_base_loopbreak(sources->listd->base);
	} else if (sequence == sources->sequence && sources->first != NULL) {
		char path[32];

		snprintf(path, sizeof path, "/proc/self/fd/%d", sources->file);
		if (!str_equal(ipc_get(&reply, "status"), STR("ok")))
			err_set(&result.err, ERR_TEMPORARY, "%.*s", STR_ARG(ipc_get(&reply, "text")));
		else if (io_read_file(path, &lines, &result.err) == 0)
			result.lines = buf_str(&lines);
		ipc_get_number(&reply, "count", 0, SOURCE_ROWS_MAX, &result.count);
		ipc_get_number(&reply, "skipped", 0, SOURCE_ROWS_MAX, &result.skipped);
		finish(sources, &result);
	}
	ipc_message_free(&reply);
	buf_free(&lines);
}

static void ask_next(struct sources *sources)
{
	struct ipc_message request;
	struct err err;

	if (sources->first == NULL)
		return;
	sources->file = archive_create(sources->listd, &err);
	if (sources->file < 0) {
		fail(sources, &err);
		return;
	}
	ipc_message_init(&request);
	ipc_request(&request, "fetch");
	ipc_add_number(&request, "list", sources->first->list);
	ipc_add_fd(&request, sources->file);
	if (ipc_send(sources->channel, &request, ++sources->sequence, &err) != 0)
		fail(sources, &err);
	ipc_message_free(&request);
}

void source_fetch(struct listd *listd, const struct list *list, source_done *done, void *context)
{
	struct sources *sources = listd->sources;
	struct wanted *wanted = memory_get(sizeof *wanted);
	bool is_idle = sources->first == NULL;

	*wanted = (struct wanted){list->id, done, context, NULL};
	*sources->last = wanted;
	sources->last = &wanted->next;
	if (is_idle)
		ask_next(sources);
}

bool source_holds(const struct source_result *result, struct str address)
{
	struct str lines = result->lines;

	while (lines.len > 0)
		if (str_equal_nocase(str_cut(&lines, '\n'), address))
			return true;
	return false;
}

int source_open(struct listd *listd, struct err *err)
{
	struct sources *sources = memory_get(sizeof *sources);

	sources->listd = listd;
	sources->last = &sources->first;
	sources->file = -1;
	sources->channel = fetcher_start(&listd->daemon, err);
	if (sources->channel < 0)
		return -1;
	listd->sources = sources;
	return 0;
}

void source_listen(struct listd *listd)
{
	struct sources *sources = listd->sources;

	sources->readable = event_new(listd->base, sources->channel, EV_READ | EV_PERSIST, on_answer, sources);
	event_add(sources->readable, NULL);
}
