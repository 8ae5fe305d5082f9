#include "resolver/scripted.h"

#include "common/base/memory.h"
#include "common/ipc/worker.h"
#include "resolver/lan_script.h"

enum {
	AT_ONCE = 8,
	LIMIT_MS = 9000, /* smtpd waits for ten seconds */
	MEMORY_MAX = 256 << 20,
	CPU_SECONDS = 9,
};

struct scripted {
	const struct instance *instance;
	struct worker_pool *pool;
	struct sandbox sandbox;
	scripted_answer *answer;
	scripted_done *done;
	void *context;
};

struct job {
	struct scripted *scripted;
	struct ipc_incoming *incoming;
};

int scripted_new(struct scripted **scripted_out, struct event_base *base, const struct instance *instance,
                 scripted_answer *answer, scripted_done *done, void *context, struct err *err)
{
	struct scripted *scripted = memory_get(sizeof *scripted);
	char folder[INSTANCE_PATH_MAX + 128];

	*scripted = (struct scripted){.instance = instance, .answer = answer, .done = done, .context = context};
	scripted->pool = worker_pool_new(base, AT_ONCE, LIMIT_MS);
	*scripted_out = scripted;
	instance_path(folder, sizeof folder, instance->state, "settings");
	return sandbox_init(&scripted->sandbox, 0, err) != 0 ||
	               sandbox_allow(&scripted->sandbox, folder, SANDBOX_READ, err) != 0 ||
	               script_allow(&scripted->sandbox, instance, err) != 0 || sandbox_prepare(&scripted->sandbox, err) != 0
	           ? -1
	           : 0;
}

/* Who asks decides what the script is told of the message. */
static void describe(const struct ipc_incoming *incoming, struct lan_script *script)
{
	bool queued = strcmp(incoming->caller, "queue-manager") == 0;
	bool internal = str_equal(ipc_get(&incoming->message, "internal"), STR("1"));

	script->is_queued = queued;
	script->type = !queued ? "check" : internal ? "internal" : "message";
	script->stage = queued ? "queue" : incoming->caller;
	script->from = ipc_get(&incoming->message, "from");
	if (script->from.data == NULL)
		script->from = STR("");
}

/* In the process of its own. */
static int run(struct ipc_message *reply, void *context, struct err *err)
{
	const struct job *job = context;
	struct lan_script script = {.type = ""};
	struct settings settings;

	if (sandbox_limit(MEMORY_MAX, CPU_SECONDS, 0, err) != 0 || sandbox_enter(&job->scripted->sandbox, err) != 0 ||
	    settings_open(&settings, job->scripted->instance, true, err) != 0)
		return -1;
	describe(job->incoming, &script);
	script_open(&script.script, job->scripted->instance, LAN_SCRIPT, NULL, NULL);
	return job->scripted->answer(job->incoming, &settings, &script, reply, err);
}

static void on_done(struct ipc_message *reply, const struct err *err, void *context)
{
	struct job *job = context;

	job->scripted->done(job->incoming, reply, err, job->scripted->context);
	memory_free(job);
}

bool scripted_take(struct scripted *scripted, struct ipc_incoming *incoming)
{
	struct worker_job work = {.run = run, .done = on_done, .keep = {-1, -1, -1, -1, -1, -1, -1, -1}};
	struct script script;
	struct job *job;

	script_open(&script, scripted->instance, LAN_SCRIPT, NULL, NULL);
	if (!script_is_installed(&script))
		return false;
	job = memory_get(sizeof *job);
	*job = (struct job){scripted, incoming};
	work.context = job;
	work.keep[0] = scripted->sandbox.ruleset;
	worker_start(scripted->pool, &work);
	return true;
}
