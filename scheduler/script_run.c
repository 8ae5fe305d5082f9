/* scheduler: texts of scripts that administrators run by hand, each in a process of its own. */
#include "scheduler/scheduler.h"

#include "common/base/memory.h"
#include "common/ipc/worker.h"
#include "common/script/script.h"

enum {
	AT_ONCE = 2,
	RUN_MS = 60 * 1000,
	LIMIT_MS = RUN_MS + 2000,
	CPU_SECONDS = 61,
	MEMORY_MAX = 256 << 20,
	PRINTED_MAX = 512 * 1024,
	ERRORS_MAX = 4000,
};

struct script_runs {
	const struct instance *instance;
	struct worker_pool *pool;
	struct sandbox sandbox;
};

struct job {
	struct script_runs *runs;
	struct ipc_incoming *incoming;
};

int script_runs_new(struct script_runs **runs_out, struct event_base *base, const struct instance *instance,
                    struct err *err)
{
	struct script_runs *runs = memory_get(sizeof *runs);

	*runs_out = runs;
	runs->instance = instance;
	runs->pool = worker_pool_new(base, AT_ONCE, LIMIT_MS);
	return sandbox_init(&runs->sandbox, 0, err) != 0 || script_allow(&runs->sandbox, instance, err) != 0 ||
	               sandbox_prepare(&runs->sandbox, err) != 0
	           ? -1
	           : 0;
}

/* In the process of its own. */
static int run(struct ipc_message *reply, void *context, struct err *err)
{
	static const struct script_limits limits = {SCRIPT_MEMORY_MAX, INT64_MAX, RUN_MS};
	const struct job *job = context;
	struct script script;
	struct buf printed, errors;

	if (sandbox_limit(MEMORY_MAX, CPU_SECONDS, 0, err) != 0 || sandbox_enter(&job->runs->sandbox, err) != 0)
		return -1;
	buf_init(&printed, PRINTED_MAX);
	buf_init(&errors, ERRORS_MAX);
	script_open_inline(&script, job->runs->instance, "script", &limits, NULL);
	script.errors = &errors;
	script_chunk(&script, ipc_get(&job->incoming->message, "text"), &printed);
	ipc_add(reply, "printed", buf_str(&printed));
	if (errors.len > 0)
		ipc_add(reply, "error", buf_str(&errors));
	return 0;
}

static void on_done(struct ipc_message *reply, const struct err *err, void *context)
{
	struct job *job = context;

	if (reply != NULL && err->code == ERR_NONE)
		ipc_answer(job->incoming, reply);
	else
		ipc_answer_error(job->incoming, err);
	memory_free(job);
}

int script_runs_take(struct script_runs *runs, struct ipc_incoming *incoming, struct err *err)
{
	struct worker_job work = {.run = run, .done = on_done, .keep = {-1, -1, -1, -1, -1, -1, -1, -1}};
	struct str text = ipc_get(&incoming->message, "text");
	struct job *job;

	if (text.data == NULL)
		return err_set(err, ERR_SYNTAX, "script-run needs the field text");
	if (text.len > SCRIPT_FILE_MAX)
		return err_set(err, ERR_LIMIT, "a script has %d octets at most", SCRIPT_FILE_MAX);
	job = memory_get(sizeof *job);
	*job = (struct job){runs, incoming};
	work.context = job;
	work.keep[0] = runs->sandbox.ruleset;
	worker_start(runs->pool, &work);
	return 0;
}
