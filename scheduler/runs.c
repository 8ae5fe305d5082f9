/* scheduler: the runs of connections, one after another. */
#include "scheduler/scheduler.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/base/memory.h"

/* A collector that is to run. */
struct work {
	int64_t collector;
	int64_t priority;
	int64_t wait_seconds; /* for an incoming session, after ETRN */
	const char *name;
};

struct waiter {
	run_done *done;
	void *context;
	struct waiter *next;
};

struct run {
	struct scheduler *scheduler;
	int64_t origin;                 /* the connection that was started */
	int64_t connection;             /* the one that runs: that, or a fallback */
	int64_t tried[CONNECTIONS_MAX]; /* in this run, all */
	size_t tried_count;
	enum run_part part;
	const char *why;
	struct waiter *waiters;
	bool has_begun;
	struct run *next;

	/* Of the connection that runs. */
	struct arena arena;
	int64_t up_since_ms; /* io_now_ms(); 0: it has no commands */
	bool is_up, sender_runs, sender_is_done;
	struct work *works;
	size_t work_count, work_next, works_running;
	int64_t wait_until_ms;  /* for an incoming session, io_now_ms(); 0: for none */
	bool has_seen_incoming; /* one has come */
	bool has_attempted, has_connected, has_succeeded, ok;
	char text[SCHEDULER_TEXT_MAX]; /* of what failed first */
};

/* A question to a daemon that belongs to a run. */
struct question {
	struct run *run;
	const char *name; /* the collector's; lives as long as the run's arena */
	int64_t collector;
};

static void begin(struct run *run);
static void go_on(struct run *run);

static const char *name_of(const struct run *run)
{
	const struct connection_settings *connection = scheduler_connection(run->scheduler, run->connection);

	return connection != NULL ? connection->name : "(deleted)";
}

/* The summary for people: in the log, and in connect.log. */
static void note(struct run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void note(struct run *run, const char *format, ...)
{
	char text[SCHEDULER_TEXT_MAX + 200];
	va_list args;
	int length = snprintf(text, sizeof text, "connection %s: ", name_of(run));

	va_start(args, format);
	vsnprintf(text + length, sizeof text - (size_t)length, format, args);
	va_end(args);
	tell_log(run->scheduler, text);
}

static void fail(struct run *run, const char *what, const char *why)
{
	if (run->ok)
		snprintf(run->text, sizeof run->text, "%s%s%s", what, *what != '\0' ? ": " : "", why);
	run->ok = false;
}

static void add_waiter(struct run *run, run_done *done, void *context)
{
	struct waiter *waiter;

	if (done == NULL)
		return;
	waiter = memory_get(sizeof *waiter);
	*waiter = (struct waiter){done, context, run->waiters};
	run->waiters = waiter;
}

/* The end of a run, and of the fallbacks it led to: the next one's turn. */
static void finish(struct run *run)
{
	struct scheduler *scheduler = run->scheduler;
	const struct track *track = scheduler_track(scheduler, run->connection);

	scheduler->runs = run->next;
	while (run->waiters != NULL) {
		struct waiter *waiter = run->waiters;

		run->waiters = waiter->next;
		waiter->done(scheduler, track, run->ok, run->text, waiter->context);
		memory_free(waiter);
	}
	arena_free(&run->arena);
	memory_free(run);
	if (scheduler->runs != NULL)
		begin(scheduler->runs);
}

/* Its fallback, if that was not tried before in this run. */
static bool take_fallback(struct run *run)
{
	const struct connection_settings *connection = scheduler_connection(run->scheduler, run->connection);
	const struct connection_settings *other;

	if (connection == NULL || *connection->texts[CONNECTION_SETTING_FALLBACK] == '\0')
		return false;
	other = scheduler_named(run->scheduler, str_of(connection->texts[CONNECTION_SETTING_FALLBACK]));
	if (other == NULL || run->tried_count == CONNECTIONS_MAX)
		return false;
	for (size_t i = 0; i < run->tried_count; i++)
		if (run->tried[i] == other->id)
			return false;
	note(run, "failed totally, %s is tried", other->name);
	run->connection = other->id;
	return true;
}

static void conclude(struct run *run)
{
	struct track *track = scheduler_track(run->scheduler, run->connection);
	bool failed_totally = !run->is_up || (run->has_attempted && !run->has_connected);

	if (run->ok)
		snprintf(run->text, sizeof run->text, "Connection successful");
	note(run, "%s", run->text);
	if (track != NULL) {
		track->finished = scheduler_now();
		track->outcome = run->ok ? OUTCOME_OK : run->has_succeeded ? OUTCOME_PARTLY : OUTCOME_FAILED;
		str_copy(str_of(run->text), track->result, sizeof track->result);
		state_save_results(run->scheduler);
	}
	if (failed_totally && take_fallback(run))
		begin(run);
	else
		finish(run);
}

/* How long a connection that is brought up and down was up (specification 09-11). */
static void account(const struct run *run)
{
	if (run->up_since_ms != 0)
		tell_online(run->scheduler, (io_now_ms() - run->up_since_ms + 500) / 1000);
}

static void on_down(bool ok, const char *why, void *context)
{
	struct run *run = context;

	if (!ok)
		fail(run, "disconnect-command", why);
	note(run, "disconnect-command: %s", ok ? "down" : why);
	account(run);
	conclude(run);
}

static void take_down(struct run *run)
{
	const struct connection_settings *connection = scheduler_connection(run->scheduler, run->connection);

	if (connection != NULL && *connection->texts[CONNECTION_SETTING_DISCONNECT_COMMAND] != '\0')
		hooks_run(run->scheduler->hooks, connection->texts[CONNECTION_SETTING_DISCONNECT_COMMAND], connection, on_down,
		          run);
	else {
		account(run);
		conclude(run);
	}
}

static void look_for_incoming(evutil_socket_t fd, short what, void *context);

/* Until a session has come and gone, or the time is over. */
static void incoming_answered(struct ipc_message *reply, const struct err *err, void *context)
{
	static const struct timeval again = {1, 0};
	struct run *run = context;
	int64_t count = 0;

	(void)err; /* statusd away: nobody can tell, the time decides */
	if (reply != NULL)
		ipc_get_number(reply, "count", 0, INT64_MAX, &count);
	run->has_seen_incoming |= count > 0;
	if (count > 0 || (!run->has_seen_incoming && io_now_ms() < run->wait_until_ms))
		event_base_once(run->scheduler->base, -1, EV_TIMEOUT, look_for_incoming, run, &again);
	else
		take_down(run);
}

static void look_for_incoming(evutil_socket_t fd, short what, void *context)
{
	struct run *run = context;
	struct ipc_message request;

	(void)fd, (void)what;
	ipc_message_init(&request);
	ipc_request(&request, "incoming");
	ipc_client_call(run->scheduler->statusd, &request, IPC_TIMEOUT_MS, incoming_answered, run);
	ipc_message_free(&request);
}

/* What was asked for by ETRN comes over a connection that has to stay up for it. */
static void wait_or_take_down(struct run *run)
{
	const struct connection_settings *connection = scheduler_connection(run->scheduler, run->connection);
	int64_t seconds = 0;

	for (size_t i = 0; i < run->work_count; i++)
		if (run->works[i].wait_seconds > seconds)
			seconds = run->works[i].wait_seconds;
	if (seconds == 0 || connection == NULL || *connection->texts[CONNECTION_SETTING_DISCONNECT_COMMAND] == '\0') {
		take_down(run);
		return;
	}
	run->wait_until_ms = io_now_ms() + seconds * 1000;
	run->has_seen_incoming = false;
	look_for_incoming(-1, 0, run);
}

/* What sender and collectors answer alike. */
static bool take_answer(struct run *run, const struct ipc_message *reply, const char *what, const struct err *err)
{
	int64_t connected = 0;

	if (reply == NULL || (err != NULL && err->code != ERR_NONE)) {
		run->has_attempted = true;
		fail(run, what, err != NULL ? err->text : "no answer");
		note(run, "%s: %s", what, err != NULL ? err->text : "no answer");
		return false;
	}
	ipc_get_number(reply, "connected", 0, 1, &connected);
	run->has_connected |= connected != 0;
	return true;
}

static void sender_answered(struct ipc_message *reply, const struct err *err, void *context)
{
	struct run *run = context;
	int64_t sent = 0, deferred = 0, failed = 0, connected = 0;
	char result[SCHEDULER_TEXT_MAX] = "";

	run->sender_runs = false;
	run->sender_is_done = true;
	if (take_answer(run, reply, "sender", err)) {
		ipc_get_number(reply, "sent", 0, INT64_MAX, &sent);
		ipc_get_number(reply, "deferred", 0, INT64_MAX, &deferred);
		ipc_get_number(reply, "failed", 0, INT64_MAX, &failed);
		ipc_get_number(reply, "connected", 0, 1, &connected);
		ipc_get_text(reply, "result", result, sizeof result);
		if (connected != 0 || sent + deferred + failed > 0)
			run->has_attempted = true;
		if (connected == 0 && deferred + failed > 0)
			fail(run, "sender", *result != '\0' ? result : "no server could be connected to");
		run->has_succeeded |= connected != 0;
		note(run, "sender: %lld sent, %lld deferred, %lld failed%s%s", (long long)sent, (long long)deferred,
		     (long long)failed, *result != '\0' ? ": " : "", result);
	}
	go_on(run);
}

static void start_sender(struct run *run)
{
	struct scheduler *scheduler = run->scheduler;
	struct sender_settings sender;
	struct ipc_message request;
	struct err err;

	if (sender_load(&scheduler->settings.objects, run->connection, &run->arena, &sender, &err) != 1) {
		run->sender_is_done = true;
		return;
	}
	ipc_message_init(&request);
	ipc_request(&request, "send");
	ipc_add_number(&request, "sender", sender.id);
	ipc_add_number(&request, "again", run->tried_count > 1); /* a fallback is there for what just failed */
	run->sender_runs = true;
	ipc_client_call(scheduler->queue_manager, &request, SCHEDULER_RUN_MS, sender_answered, run);
	ipc_message_free(&request);
}

static void collector_answered(struct ipc_message *reply, const struct err *err, void *context)
{
	struct question *question = context;
	struct run *run = question->run;
	char result[SCHEDULER_TEXT_MAX] = "", what[100];
	int64_t ok = 0;

	run->works_running--;
	snprintf(what, sizeof what, "collector %s (%lld)", question->name, (long long)question->collector);
	memory_free(question);
	if (take_answer(run, reply, what, err)) {
		run->has_attempted = true;
		ipc_get_number(reply, "ok", 0, 1, &ok);
		ipc_get_text(reply, "result", result, sizeof result);
		if (ok == 0)
			fail(run, what, result);
		run->has_succeeded |= ok != 0;
		note(run, "%s: %s", what, result);
	}
	go_on(run);
}

static void start_collector(struct run *run, const struct work *work)
{
	struct question *question = memory_get(sizeof *question);
	struct ipc_message request;

	*question = (struct question){run, work->name, work->collector};
	note(run, "collector %s (%lld) begins", work->name, (long long)work->collector);
	ipc_message_init(&request);
	ipc_request(&request, "collect");
	ipc_add_number(&request, "collector", work->collector);
	ipc_add_number(&request, "connection", run->connection);
	run->works_running++;
	ipc_client_call(run->scheduler->collector, &request, SCHEDULER_RUN_MS, collector_answered, question);
	ipc_message_free(&request);
}

/* Those of the lowest priority number first; of the next only when all these have ended. */
static void start_collectors(struct run *run)
{
	while (run->work_next < run->work_count && run->works_running < SCHEDULER_PARALLEL &&
	       (run->works_running == 0 || run->works[run->work_next].priority == run->works[run->work_next - 1].priority))
		start_collector(run, &run->works[run->work_next++]);
}

/* Whatever can be started now; or all is done. */
static void go_on(struct run *run)
{
	bool collectors_are_done;

	start_collectors(run);
	collectors_are_done = run->work_next == run->work_count && run->works_running == 0;
	if (!run->sender_runs && !run->sender_is_done &&
	    (collectors_are_done || !settings_flag(&run->scheduler->settings, SETTING_SCHEDULE_POP3_FIRST)))
		start_sender(run);
	if (collectors_are_done && run->sender_is_done)
		wait_or_take_down(run);
}

static bool belongs(const struct collector_settings *collector, int64_t connection)
{
	for (size_t i = 0; i < collector->connection_count; i++)
		if (collector->connections[i] == connection)
			return true;
	return false;
}

static void list_collectors(struct run *run)
{
	struct collector_settings *list;
	struct err err;
	size_t count;

	run->works = NULL;
	run->work_count = run->work_next = 0;
	if (run->part == RUN_SENDER)
		return;
	if (collectors_load(&run->scheduler->settings.objects, &run->arena, &list, &count, &err) != 0) {
		fail(run, "", err.text);
		return;
	}
	run->works = arena_get(&run->arena, (count + 1) * sizeof *run->works);
	for (size_t i = 0; i < count; i++)
		if (list[i].numbers[COLLECTOR_SETTING_ENABLED] != 0 && belongs(&list[i], run->connection))
			run->works[run->work_count++] = (struct work){
			    .collector = list[i].id,
			    .priority = list[i].numbers[COLLECTOR_SETTING_PRIORITY],
			    .wait_seconds = strcmp(list[i].texts[COLLECTOR_SETTING_METHOD], "etrn") == 0
			                        ? list[i].numbers[COLLECTOR_SETTING_ETRN_WAIT]
			                        : 0,
			    .name = list[i].name,
			};
}

static void on_up(bool ok, const char *why, void *context)
{
	struct run *run = context;

	if (!ok) {
		fail(run, "connect-command", why);
		tell_not_up(run->scheduler, name_of(run), why);
		conclude(run);
		return;
	}
	run->is_up = true;
	list_collectors(run);
	go_on(run);
}

static void on_hook_up(bool ok, const char *why, void *context)
{
	struct run *run = context;

	note(run, "connect-command: %s", ok ? "up" : why);
	run->up_since_ms = ok ? io_now_ms() : 0;
	on_up(ok, why, run);
}

static void begin(struct run *run)
{
	struct scheduler *scheduler = run->scheduler;
	const struct connection_settings *connection;
	struct track *track;

	scheduler_refresh(scheduler);
	connection = scheduler_connection(scheduler, run->connection);
	arena_reset(&run->arena);
	run->has_begun = true;
	run->is_up = run->sender_runs = run->sender_is_done = false;
	run->has_attempted = run->has_connected = run->has_succeeded = false;
	run->ok = true;
	run->up_since_ms = 0;
	if (connection == NULL) {
		fail(run, "", "the connection was deleted");
		finish(run);
		return;
	}
	run->tried[run->tried_count++] = connection->id;
	track = scheduler_track(scheduler, connection->id);
	track->plan.started = scheduler->minute;
	note(run, "started %s", run->why);
	if (*connection->texts[CONNECTION_SETTING_CONNECT_COMMAND] != '\0')
		hooks_run(scheduler->hooks, connection->texts[CONNECTION_SETTING_CONNECT_COMMAND], connection, on_hook_up, run);
	else
		on_up(true, "", run);
}

void run_start(struct scheduler *scheduler, int64_t connection, enum run_part part, const char *why, run_done *done,
               void *context)
{
	struct run **at = &scheduler->runs, *run;

	for (; *at != NULL; at = &(*at)->next)
		if ((*at)->origin == connection && !(*at)->has_begun) {
			if (part == RUN_ALL)
				(*at)->part = RUN_ALL;
			add_waiter(*at, done, context);
			return;
		}
	run = memory_get(sizeof *run);
	run->scheduler = scheduler;
	run->origin = run->connection = connection;
	run->part = part;
	run->why = why;
	arena_init(&run->arena);
	add_waiter(run, done, context);
	*at = run;
	if (scheduler->runs == run)
		begin(run);
}

size_t run_start_defaults(struct scheduler *scheduler, const char *why)
{
	int64_t ids[CONNECTIONS_MAX * 2];
	size_t count = 0;

	scheduler_refresh(scheduler);
	for (size_t i = 0; i < scheduler->connection_count && count < sizeof ids / sizeof *ids; i++)
		if (scheduler->connections[i].numbers[CONNECTION_SETTING_DEFAULT] != 0)
			ids[count++] = scheduler->connections[i].id;
	for (size_t i = 0; i < count; i++)
		run_start(scheduler, ids[i], RUN_ALL, why, NULL, NULL);
	return count;
}

bool run_is_up(const struct scheduler *scheduler, int64_t connection)
{
	return scheduler->runs != NULL && scheduler->runs->connection == connection && scheduler->runs->is_up;
}

bool run_is_known(const struct scheduler *scheduler, int64_t connection)
{
	for (const struct run *run = scheduler->runs; run != NULL; run = run->next)
		if (run->origin == connection || (run->has_begun && run->connection == connection))
			return true;
	return false;
}
