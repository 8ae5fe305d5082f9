/* programs: what the administrator's programs make of mail that a collector fetched, or that is about to go to a relay.
 */
#include "filterd/hooks.h"

static void refuse(struct job *job, const struct err *why)
{
	struct err err;

	err_set(&err, ERR_TEMPORARY, "%s", why->text);
	ipc_answer_error(job->incoming, &err);
	job_free(job);
}

static void answer(struct job *job, struct ipc_message *reply)
{
	ipc_answer(job->incoming, reply);
	ipc_message_free(reply);
	job_free(job);
}

/* The message as it is to go, or nothing. */
static void relay_done(struct job *job, const struct err *err)
{
	struct ipc_message reply;

	if (err->code != ERR_NONE) {
		refuse(job, err);
		return;
	}
	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	ipc_add_number(&reply, "changed", job->replaced >= 0);
	if (job->replaced >= 0)
		ipc_add_fd(&reply, job->replaced);
	answer(job, &reply);
}

void programs_start_relay(struct job *job)
{
	static const struct err none = {0};

	if (hooks_is_set(&job->filterd->settings, HOOK_RELAY))
		hooks_run(job, HOOK_RELAY, relay_done);
	else
		relay_done(job, &none);
}

/* The worker has read what was printed; found is NULL where nothing was. */
static void answer_route(struct job *job, const struct ipc_message *found)
{
	struct str key, value;
	struct ipc_message reply;
	size_t position = 0;
	int64_t drops = 0;

	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	if (found != NULL)
		ipc_get_number(found, "drop", 0, 1, &drops);
	ipc_add_number(&reply, "drop", drops);
	while (found != NULL && ipc_next(found, &position, &key, &value))
		if (str_equal(key, STR("recipient")))
			ipc_add(&reply, "recipient", value);
	answer(job, &reply);
}

static void looked(struct ipc_message *reply, const struct err *err, void *context)
{
	struct job *job = context;

	if (reply == NULL || err->code != ERR_NONE) {
		hooks_tell(job, HOOK_ROUTER,
		           arena_text(&job->arena, arena_printf(&job->arena, "printed what is no recipient: %s", err->text)));
		reply = NULL;
	}
	answer_route(job, reply);
}

static void route_done(struct job *job, const struct err *err)
{
	if (err->code != ERR_NONE)
		refuse(job, err);
	else if (job->replaced >= 0)
		job_run(job, route_run, looked);
	else
		answer_route(job, NULL);
}

void programs_start_route(struct job *job)
{
	static const struct err none = {0};

	if (hooks_is_set(&job->filterd->settings, HOOK_ROUTER))
		hooks_run(job, HOOK_ROUTER, route_done);
	else
		route_done(job, &none);
}
