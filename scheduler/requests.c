/* scheduler: what postroom asks, and what queue-manager tells. */
#include "scheduler/scheduler.h"

#include "common/base/log.h"
#include "common/base/memory.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* A connect whose caller waits for the end. */
struct waiting {
	struct ipc_incoming *incoming;
	struct ipc_message reply;
	size_t left;
};

static void add_row(struct ipc_message *reply, const char *key, json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT);

	json_decref(object);
	ipc_add_text(reply, key, text != NULL ? text : "{}");
	free(text);
}

static void run_ended(struct scheduler *scheduler, const struct track *track, bool ok, const char *result,
                      void *context)
{
	struct waiting *waiting = context;

	(void)scheduler;
	add_row(&waiting->reply, "result",
	        json_pack("{s:s%, s:b, s:s}", "connection", track != NULL ? track->plan.name.data : "",
	                  track != NULL ? track->plan.name.len : 0, "ok", (int)ok, "result", result));
	if (--waiting->left > 0)
		return;
	ipc_answer(waiting->incoming, &waiting->reply);
	ipc_message_free(&waiting->reply);
	memory_free(waiting);
}

/* The connections that a request names, or the default ones. -1: ERR_NOT_FOUND. */
static int find_connections(struct scheduler *scheduler, const struct ipc_message *request, int64_t *ids,
                            size_t *count_out, struct err *err)
{
	const struct connection_settings *connection;
	struct str key, value;
	size_t count = 0;

	for (size_t position = 0; ipc_next(request, &position, &key, &value) && count < 2 * CONNECTIONS_MAX;) {
		if (!str_equal(key, STR("connection")))
			continue;
		connection = scheduler_named(scheduler, value);
		if (connection == NULL)
			return err_set(err, ERR_NOT_FOUND, "there is no connection \"%.*s\"", STR_ARG(str_sub(value, 0, 80)));
		ids[count++] = connection->id;
	}
	for (size_t i = 0; ipc_get(request, "connection").data == NULL && i < scheduler->connection_count; i++)
		if (scheduler->connections[i].numbers[CONNECTION_SETTING_DEFAULT] != 0 && count < 2 * CONNECTIONS_MAX)
			ids[count++] = scheduler->connections[i].id;
	*count_out = count;
	return count > 0 ? 0 : err_set(err, ERR_NOT_FOUND, "there is no default connection: name one");
}

static int take_connect(struct scheduler *scheduler, struct ipc_incoming *incoming, struct err *err)
{
	int64_t ids[2 * CONNECTIONS_MAX], waits = 0;
	struct waiting *waiting = NULL;
	size_t count = 0;

	if (find_connections(scheduler, &incoming->message, ids, &count, err) != 0)
		return -1;
	ipc_get_number(&incoming->message, "wait", 0, 1, &waits);
	if (waits != 0) {
		waiting = memory_get(sizeof *waiting);
		waiting->incoming = incoming;
		waiting->left = count;
		ipc_message_init(&waiting->reply);
		ipc_reply_ok(&waiting->reply);
	}
	for (size_t i = 0; i < count; i++)
		run_start(scheduler, ids[i], RUN_ALL, "by hand", waits != 0 ? run_ended : NULL, waiting);
	if (waits == 0)
		ipc_answer_ok(incoming);
	return 0;
}

static void rest_answered(struct ipc_message *reply, const struct err *err, void *context)
{
	(void)context;
	if (reply == NULL || (err != NULL && err->code != ERR_NONE))
		log_warning("collectors that stay connected were not ended: %s", err != NULL ? err->text : "no answer");
}

/* Collectors that stay connected do what they do without being asked. */
static void end_resting(struct scheduler *scheduler)
{
	struct ipc_message request;

	ipc_message_init(&request);
	ipc_request(&request, "rest");
	ipc_client_call(scheduler->collector, &request, IPC_TIMEOUT_MS, rest_answered, NULL);
	ipc_message_free(&request);
}

static int take_pause(struct scheduler *scheduler, struct ipc_incoming *incoming, bool paused)
{
	state_set_paused(scheduler, paused);
	if (paused)
		end_resting(scheduler);
	log_info("the schedule is %s", paused ? "paused" : "active");
	ipc_answer_ok(incoming);
	return 0;
}

static int take_status(struct scheduler *scheduler, struct ipc_incoming *incoming)
{
	struct ipc_message reply;

	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	for (size_t i = 0; i < scheduler->connection_count; i++) {
		const struct track *track = scheduler_track(scheduler, scheduler->connections[i].id);

		add_row(&reply, "connection",
		        json_pack("{s:s, s:s, s:I, s:s, s:s}", "name", scheduler->connections[i].name, "state",
		                  run_is_known(scheduler, track->plan.id) ? "running" : "idle", "last",
		                  (json_int_t)track->finished, "outcome", state_outcome(track), "result", track->result));
	}
	if (scheduler->paused)
		ipc_add_text(&reply, "warning", "the schedule is paused: \"postroom resume\" lets it go on");
	if (state_is_held(scheduler))
		ipc_add_text(&reply, "warning", "the schedule is silent while the file CONNECT.PAUSE is there");
	ipc_answer(incoming, &reply);
	ipc_message_free(&reply);
	return 0;
}

/* Always there: it needs no command, or that has run. */
static bool is_online(const struct scheduler *scheduler, const struct connection_settings *connection)
{
	return *connection->texts[CONNECTION_SETTING_CONNECT_COMMAND] == '\0' || run_is_up(scheduler, connection->id);
}

/* Those that are set, or the sender's own; never one that has to be brought up first. */
static void send_immediately(struct scheduler *scheduler, int64_t sender)
{
	struct str list = str_of(settings_text(&scheduler->settings, SETTING_SCHEDULE_IMMEDIATE)), name;
	const struct connection_settings *connection = scheduler_connection(scheduler, sender);
	static const char why[] = "because mail came";

	if (list.len == 0 && connection != NULL && is_online(scheduler, connection))
		run_start(scheduler, connection->id, RUN_SENDER, why, NULL, NULL);
	while ((name = str_cut_item(&list)).len != 0) {
		connection = scheduler_named(scheduler, name);
		if (connection != NULL && is_online(scheduler, connection))
			run_start(scheduler, connection->id, RUN_SENDER, why, NULL, NULL);
	}
}

static void take_arrived(struct scheduler *scheduler, struct ipc_incoming *incoming)
{
	int64_t sender;

	if (ipc_get_number(&incoming->message, "sender", 1, INT64_MAX, &sender) && !scheduler->paused &&
	    settings_flag(&scheduler->settings, SETTING_SCHEDULE_SEND_IMMEDIATELY))
		send_immediately(scheduler, sender);
	ipc_answer_ok(incoming);
}

static int take_question(struct scheduler *scheduler, struct ipc_incoming *incoming, struct err *err)
{
	const struct ipc_message *request = &incoming->message;

	if (strcmp(incoming->caller, "postroom") != 0)
		return err_set(err, ERR_DENIED, "%s cannot ask for that", incoming->caller);
	if (ipc_is(request, "connect"))
		return take_connect(scheduler, incoming, err);
	if (ipc_is(request, "pause") || ipc_is(request, "resume"))
		return take_pause(scheduler, incoming, ipc_is(request, "pause"));
	if (ipc_is(request, "status"))
		return take_status(scheduler, incoming);
	if (ipc_is(request, "script-run"))
		return script_runs_take(scheduler->script_runs, incoming, err);
	return err_set(err, ERR_PROTOCOL, "scheduler does not know this request");
}

void request_take(struct ipc_incoming *incoming, void *context)
{
	struct scheduler *scheduler = context;
	struct err err;

	scheduler_refresh(scheduler);
	if (ipc_is(&incoming->message, "arrived") && strcmp(incoming->caller, "queue-manager") == 0)
		take_arrived(scheduler, incoming);
	else if (take_question(scheduler, incoming, &err) != 0)
		ipc_answer_error(incoming, &err);
}
