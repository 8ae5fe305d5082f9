#include "lists/reader.h"

#include "common/base/memory.h"
#include "common/ipc/worker.h"

enum {
	MEMORY_MAX = 512 << 20,
	CPU_SECONDS = 30,
};

struct reader {
	struct listd *listd;
	struct reading reading;
	reader_done *done;
	void *context;
};

static int read_message(const struct reader *reader, struct arena *arena, struct report *report, struct err *err)
{
	const struct reading *reading = &reader->reading;
	struct mime_source source = mime_source_file(reading->fd, reading->offset, reading->size);

	if (reading->recipe.is_report)
		return read_failure(&source, arena, report, err);
	if (read_facts(&source, &reading->recipe, arena, report, err) != 0)
		return -1;
	if (reading->recipe.settings == NULL)
		return read_commands(&source, reading->recipe.is_control, arena, report, err);
	return rewrite_message(&source, &reading->recipe, arena, reading->out, report, err);
}

/* In the process of its own. */
static int run(struct ipc_message *reply, void *context, struct err *err)
{
	const struct reader *reader = context;
	struct report report;
	struct arena arena;
	int result;

	if (sandbox_limit(MEMORY_MAX, CPU_SECONDS, 0, err) != 0 || sandbox_enter(&reader->listd->reader_sandbox, err) != 0)
		return -1;
	arena_init(&arena);
	result = read_message(reader, &arena, &report, err);
	if (result == 0)
		report_write(&report, reply);
	arena_free(&arena);
	return result;
}

static void on_done(struct ipc_message *reply, const struct err *err, void *context)
{
	struct reader *reader = context;
	struct report report;
	struct arena arena;
	struct err reason = *err;

	arena_init(&arena);
	if (reply != NULL && report_read(reply, &arena, &report, &reason) != 0)
		reply = NULL;
	reader->done(reply != NULL ? &report : NULL, &reason, reader->context);
	arena_free(&arena);
	memory_free(reader);
}

void reader_start(struct listd *listd, const struct reading *reading, reader_done *done, void *context)
{
	struct reader *reader = memory_get(sizeof *reader);
	struct worker_job job = {.run = run, .done = on_done, .context = reader, .keep = {-1, -1, -1, -1, -1, -1, -1, -1}};

	*reader = (struct reader){listd, *reading, done, context};
	job.keep[0] = reading->fd;
	job.keep[1] = reading->out;
	job.keep[2] = listd->reader_sandbox.ruleset;
	worker_start(listd->readers, &job);
}
