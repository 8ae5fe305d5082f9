#include "statusd/historyd/historyd.h"
#include "statusd/historyd/read_log.h"
#include "statusd/historyd/summary.h"
#include "statusd/historyd/traces.h"

#include "common/base/io.h"
#include "common/base/log.h"

enum { QUERY_MAX = 100000, QUERY_USUAL = 1000 };

/* One field of a batch. What is no record was none when it was sent, and will not be one when it comes again. */
static int take_field(struct historyd *historyd, struct str key, struct str value, struct err *err)
{
	struct status_record record;

	if (str_equal(key, STR("op")))
		return 0;
	if (str_equal(key, STR("session")) && status_record_parse(value, &record)) {
		logs_connect(&historyd->logs, &record);
		return sessions_add(historyd, &record, err);
	}
	if (str_equal(key, STR("rule")) && logs_rule(&historyd->logs, LOG_SMTPRULES, value))
		return 0;
	if (str_equal(key, STR("download-rule")) && logs_rule(&historyd->logs, LOG_DLRULES, value))
		return 0;
	if (str_equal(key, STR("program-run")) && logs_rule(&historyd->logs, LOG_EXTROUTER, value))
		return 0;
	if (str_equal(key, STR("security")) && logs_security(&historyd->logs, value))
		return 0;
	if (!str_equal(key, STR("script-error")) || !errors_add(&historyd->errors, value, io_now_ms()))
		log_error("statusd sent what is no record: %.*s=%.*s", STR_ARG(key), STR_ARG(value));
	return 0;
}

static int take_batch(struct historyd *historyd, const struct ipc_message *message, struct err *err)
{
	struct str key, value;
	size_t position = 0;

	if (db_begin(&historyd->db, err) != 0)
		return -1;
	while (ipc_next(message, &position, &key, &value)) {
		if (take_field(historyd, key, value, err) != 0) {
			db_rollback(&historyd->db);
			return -1;
		}
	}
	return db_commit(&historyd->db, err);
}

static void record(struct historyd *historyd, struct ipc_incoming *incoming)
{
	struct err err;

	if (ipc_peer_data(incoming->peer) == NULL) {
		ipc_peer_set_data(incoming->peer, historyd);
		historyd->feeders++;
	}
	if (take_batch(historyd, &incoming->message, &err) == 0) {
		ipc_answer_ok(incoming);
		return;
	}
	log_error("cannot keep records of sessions: %s", err.text);
	err.code = ERR_TEMPORARY;
	ipc_answer_error(incoming, &err);
}

static bool is_session(const char *caller)
{
	return strcmp(caller, "statusd") != 0 && strcmp(caller, "postroom") != 0 && strcmp(caller, "scheduler") != 0 &&
	       strcmp(caller, "queue-manager") != 0;
}

void requests_gone(struct ipc_peer *peer, void *context)
{
	struct historyd *historyd = context;

	if (is_session(ipc_peer_caller(peer)))
		logs_end_transcript(peer);
	else if (ipc_peer_data(peer) != NULL)
		historyd->feeders--;
	if (historyd->stopping && historyd->feeders == 0)
		event_base_loopbreak(historyd->base);
}

static void add_to_reply(const struct status_record *record, void *context)
{
	struct ipc_message *reply = context;
	struct buf line;

	buf_init(&line, STATUS_RECORD_MAX);
	status_record_format(record, &line);
	ipc_add(reply, "session", buf_str(&line));
	buf_free(&line);
}

static void query(struct historyd *historyd, struct ipc_incoming *incoming)
{
	struct history_query query = {.user = ipc_get(&incoming->message, "user"), .limit = QUERY_USUAL};
	struct ipc_message reply;
	struct err err;

	ipc_get_number(&incoming->message, "since", 0, INT64_MAX, &query.since);
	ipc_get_number(&incoming->message, "limit", 1, QUERY_MAX, &query.limit);
	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	if (sessions_query(historyd, &query, add_to_reply, &reply, &err) == 0)
		ipc_answer(incoming, &reply);
	else
		ipc_answer_error(incoming, &err);
	ipc_message_free(&reply);
}

static const struct log_file *find_log(const struct historyd *historyd, struct str name)
{
	int kind = 0;

	if (str_equal(name, str_of(historyd->logs.postroom.name)))
		return &historyd->logs.postroom;
	while (kind < LOG_KINDS && !str_equal(name, str_of(log_names[kind])))
		kind++;
	switch (kind) {
	case LOG_KINDS:
		return NULL;
	case LOG_LUAERRORS:
		return &historyd->errors.log;
	case LOG_SUMMARY:
		return &historyd->summary->transfers;
	case LOG_MAIL:
		return &historyd->summary->mail;
	default:
		return &historyd->logs.files[kind];
	}
}

static void show_log(struct historyd *historyd, struct ipc_incoming *incoming)
{
	const struct log_file *log = find_log(historyd, ipc_get(&incoming->message, "name"));
	int64_t lines = READ_LOG_LINES;
	struct ipc_message reply;
	struct err err;

	ipc_get_number(&incoming->message, "lines", 1, READ_LOG_LINES_MAX, &lines);
	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	if (log == NULL)
		err_set(&err, ERR_NOT_FOUND, "there is no such log");
	if (log != NULL && read_log(log, ipc_get(&incoming->message, "match"), lines, &reply, &err) == 0)
		ipc_answer(incoming, &reply);
	else
		ipc_answer_error(incoming, &err);
	ipc_message_free(&reply);
}

static void take_summary(struct historyd *historyd, struct ipc_incoming *incoming)
{
	struct err err;

	if (summary_take(historyd->summary, &incoming->message, &err) == 0)
		ipc_answer_ok(incoming);
	else
		ipc_answer_error(incoming, &err);
}

static void hand_report(struct historyd *historyd, struct ipc_incoming *incoming)
{
	struct ipc_message reply;

	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	summary_hand_report(historyd->summary, &reply);
	ipc_answer(incoming, &reply);
	ipc_message_free(&reply);
}

/* Of the scheduler, and of the collector itself, not of one of its sessions: who lies spoils a figure of a report. */
static bool is_summary(const struct ipc_incoming *incoming)
{
	return ipc_is(&incoming->message, "summary") &&
	       (strcmp(incoming->caller, "scheduler") == 0 || strcmp(incoming->caller, "collector") == 0);
}

void requests_take(struct ipc_incoming *incoming, void *context)
{
	struct historyd *historyd = context;
	bool is_feeder = strcmp(incoming->caller, "statusd") == 0;
	struct err err;

	settings_refresh(&historyd->settings);
	if (strcmp(incoming->caller, "scheduler") == 0 && ipc_is(&incoming->message, "connector")) {
		logs_connector(&historyd->logs, ipc_get(&incoming->message, "text"));
		ipc_answer_ok(incoming);
	} else if (strcmp(incoming->caller, "queue-manager") == 0 && ipc_is(&incoming->message, "trace-add")) {
		traces_add(historyd, incoming);
	} else if (strcmp(incoming->caller, "scheduler") == 0 && ipc_is(&incoming->message, "day-report")) {
		hand_report(historyd, incoming);
	} else if (is_summary(incoming)) {
		take_summary(historyd, incoming);
	} else if (is_session(incoming->caller)) {
		logs_take_transcript(&historyd->logs, incoming);
	} else if (is_feeder && ipc_is(&incoming->message, "record")) {
		record(context, incoming);
	} else if (strcmp(incoming->caller, "postroom") == 0 && ipc_is(&incoming->message, "history")) {
		query(context, incoming);
	} else if (strcmp(incoming->caller, "postroom") == 0 && ipc_is(&incoming->message, "log")) {
		show_log(context, incoming);
	} else if (strcmp(incoming->caller, "postroom") == 0 && ipc_is(&incoming->message, "traces")) {
		traces_list(context, incoming);
	} else if (strcmp(incoming->caller, "postroom") == 0 && ipc_is(&incoming->message, "trace")) {
		traces_show(context, incoming);
	} else {
		err_set(&err, ERR_PROTOCOL, "historyd has no such request for %s", incoming->caller);
		ipc_answer_error(incoming, &err);
	}
}
