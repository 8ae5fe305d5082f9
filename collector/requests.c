#include "collector/runs.h"
#include "common/base/log.h"
#include "common/base/memory.h"

#include <string.h>
#include <unistd.h>

enum { HISTORY_MAX = 10000 };

/* A collector by its name or number. -1: ERR_NOT_FOUND. */
static int find_collector(struct collectord *collectord, struct str name, int64_t *id_out, struct err *err)
{
	settings_refresh(&collectord->settings);
	if (db_query_number(&collectord->settings.objects, id_out, err,
	                    "SELECT id FROM collector WHERE name = ?1 COLLATE NOCASE OR CAST(id AS TEXT) = ?1"
	                    " ORDER BY name = ?1 COLLATE NOCASE DESC",
	                    "t", name) == 1)
		return 0;
	return err_set(err, ERR_NOT_FOUND, "there is no collector \"%.*s\"", STR_ARG(str_sub(name, 0, 64)));
}

static void answer_result(const struct run_result *result, void *context)
{
	struct ipc_incoming *incoming = context;
	struct ipc_message reply;

	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	ipc_add_number(&reply, "connected", result->connected);
	ipc_add_number(&reply, "ok", result->ok);
	ipc_add_number(&reply, "messages", result->messages);
	ipc_add_text(&reply, "result", result->text);
	ipc_answer(incoming, &reply);
	ipc_message_free(&reply);
}

/* The scheduler's: answered when the run is over. */
static int take_collect(struct collectord *collectord, struct ipc_incoming *incoming, struct err *err)
{
	int64_t collector, connection;

	if (!ipc_get_number(&incoming->message, "collector", 1, INT64_MAX, &collector) ||
	    !ipc_get_number(&incoming->message, "connection", 0, INT64_MAX, &connection))
		return err_set(err, ERR_PROTOCOL, "collect needs a collector and a connection");
	return runs_start(collectord->runs, collector, connection, answer_result, incoming, err);
}

static int take_run(struct collectord *collectord, struct ipc_incoming *incoming, struct err *err)
{
	int64_t collector, wait;
	bool waits = ipc_get_number(&incoming->message, "wait", 0, 1, &wait) && wait == 1;

	if (find_collector(collectord, ipc_get(&incoming->message, "name"), &collector, err) != 0 ||
	    runs_start(collectord->runs, collector, 0, waits ? answer_result : NULL, incoming, err) != 0)
		return -1;
	if (!waits)
		ipc_answer_ok(incoming);
	return 0;
}

/* The account is copied to who asks, on the socket that came with it. */
static int take_copy(struct collectord *collectord, struct ipc_incoming *incoming, struct err *err)
{
	int storer = ipc_take_fd(&incoming->message, 0);
	int64_t collector;

	if (storer < 0)
		return err_set(err, ERR_PROTOCOL, "copy needs a socket");
	if (find_collector(collectord, ipc_get(&incoming->message, "name"), &collector, err) == 0 &&
	    runs_copy(collectord->runs, collector, storer, answer_result, incoming, err) == 0)
		return 0;
	close(storer);
	return -1;
}

static int take_history(struct collectord *collectord, const struct ipc_message *request, struct ipc_message *reply,
                        struct err *err)
{
	struct str name = ipc_get(request, "name");
	int64_t collector = 0, limit;

	if (!ipc_get_number(request, "limit", 1, HISTORY_MAX, &limit))
		limit = HISTORY_MAX;
	if (name.len != 0 && find_collector(collectord, name, &collector, err) != 0)
		return -1;
	return history_list(collectord, collector, limit, reply, err);
}

static int take_messages(struct collectord *collectord, const struct ipc_message *request, struct ipc_message *reply,
                         struct err *err)
{
	int64_t collector;

	return find_collector(collectord, ipc_get(request, "name"), &collector, err) != 0
	           ? -1
	           : table_list(collectord, collector, reply, err);
}

static int get_mark(const struct ipc_message *request, const char *key)
{
	int64_t value;

	return ipc_get_number(request, key, 0, 1, &value) ? (int)value : -1;
}

static int take_mark(struct collectord *collectord, const struct ipc_message *request, struct ipc_message *reply,
                     struct err *err)
{
	struct str identity = ipc_get(request, "message");
	int64_t collector, count;

	if (find_collector(collectord, ipc_get(request, "name"), &collector, err) != 0 ||
	    table_mark(collectord, collector, identity, get_mark(request, "get"), get_mark(request, "delete"), &count,
	               err) != 0)
		return -1;
	if (count == 0 && identity.len != 0)
		return err_set(err, ERR_NOT_FOUND, "no message with this identity is known");
	ipc_add_number(reply, "count", count);
	return 0;
}

static int take_query_answer(struct collectord *collectord, const struct ipc_message *request,
                             struct ipc_message *reply, struct err *err)
{
	struct str from = ipc_get(request, "from");

	(void)reply;
	if (table_answer(collectord, ipc_get(request, "token"), err) != 0)
		return -1;
	log_info("a message that was asked about is wanted by <%.*s>", STR_ARG(from));
	return 0;
}

static int take_rest(struct collectord *collectord, const struct ipc_message *request, struct ipc_message *reply,
                     struct err *err)
{
	(void)request, (void)reply, (void)err;
	runs_end_resting(collectord->runs);
	return 0;
}

static const struct operation {
	const char *op;
	const char *caller;
	/* One that answers itself, now or later, if it returns 0; or one that is answered at once. */
	int (*take)(struct collectord *collectord, struct ipc_incoming *incoming, struct err *err);
	int (*answer)(struct collectord *collectord, const struct ipc_message *request, struct ipc_message *reply,
	              struct err *err);
} operations[] = {
    {"collect", "scheduler", take_collect, NULL},  {"run", "postroom", take_run, NULL},
    {"copy", "postroom", take_copy, NULL},         {"history", "postroom", NULL, take_history},
    {"messages", "postroom", NULL, take_messages}, {"mark", "postroom", NULL, take_mark},
    {"history", "scheduler", NULL, take_history},  {"query-answer", "listd", NULL, take_query_answer},
    {"rest", "scheduler", NULL, take_rest},
};

static void answer_now(struct collectord *collectord, const struct operation *operation, struct ipc_incoming *incoming)
{
	struct ipc_message reply;
	struct err err;

	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	if (operation->answer(collectord, &incoming->message, &reply, &err) == 0)
		ipc_answer(incoming, &reply);
	else
		ipc_answer_error(incoming, &err);
	ipc_message_free(&reply);
}

void requests_take(struct ipc_incoming *incoming, void *context)
{
	const struct operation *operation = NULL;
	struct err err;

	for (size_t i = 0; operation == NULL && i < sizeof operations / sizeof operations[0]; i++)
		if (ipc_is(&incoming->message, operations[i].op) && strcmp(incoming->caller, operations[i].caller) == 0)
			operation = &operations[i];
	if (operation == NULL) {
		err_set(&err, ERR_PROTOCOL, "%s may not ask that of the collector", incoming->caller);
		ipc_answer_error(incoming, &err);
	} else if (operation->answer != NULL) {
		answer_now(context, operation, incoming);
	} else if (operation->take(context, incoming, &err) != 0) {
		ipc_answer_error(incoming, &err);
	}
}
