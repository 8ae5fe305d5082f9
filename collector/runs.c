#include "collector/runs.h"

#include "collector/outbox.h"
#include "collector/session.h"
#include "collector/staying.h"
#include "common/base/io.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/daemon/logs.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	RUN_MAX_S = 24 * 3600,
	LOOK_S = 3, /* between looks at what was set of collectors that stay connected */
};

struct waiter {
	runs_done *done;
	void *context;
	struct waiter *next;
};

struct run {
	struct runs *runs;
	struct dialogue dialogue;
	struct run_record record;
	const char *client; /* what it is: POP3, IMAP, SMTP */
	pid_t pid;          /* 0: it waits for its turn */
	int channel;
	int storer; /* to whom an account is copied, -1: it is collected */
	int nudge;  /* readable for a session that stays: it is to collect now; -1: it does not stay */
	bool rests; /* it stayed, and waits for more */
	unsigned char settings[DIGEST_LEN]; /* that it began with, of those that concern it */
	struct event *readable, *late;
	struct waiter *waiters;
	struct run *next;
};

struct runs {
	struct collectord *collectord;
	struct run *list;    /* in the order in which they were asked for */
	unsigned running;    /* those that do not rest */
	uint64_t generation; /* of the settings that sessions that stay have */
	struct event *turn, *look;
};

static void on_turn(evutil_socket_t fd, short what, void *context);
static void on_look(evutil_socket_t fd, short what, void *context);

struct runs *runs_new(struct collectord *collectord)
{
	static const struct timeval often = {LOOK_S, 0};
	struct runs *runs = memory_get(sizeof *runs);

	runs->collectord = collectord;
	runs->generation = collectord->settings.generation;
	runs->turn = evtimer_new(collectord->base, on_turn, runs);
	runs->look = event_new(collectord->base, -1, EV_PERSIST, on_look, runs);
	event_add(runs->look, &often);
	return runs;
}

static struct run *find(const struct runs *runs, int64_t collector)
{
	for (struct run *run = runs->list; run != NULL; run = run->next)
		if (run->record.collector == collector)
			return run;
	return NULL;
}

bool runs_is_active(const struct runs *runs, int64_t collector)
{
	return find(runs, collector) != NULL;
}

/* The process ends; the run stands as if it had not begun. */
static void end_process(struct run *run)
{
	if (run->pid > 0) {
		kill(run->pid, SIGKILL);
		while (waitpid(run->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (run->readable != NULL)
		event_free(run->readable);
	if (run->late != NULL)
		event_free(run->late);
	if (run->channel >= 0)
		close(run->channel);
	run->readable = run->late = NULL;
	run->channel = -1;
	run->pid = 0;
	run->rests = false;
}

static void free_run(struct run *run)
{
	end_process(run);
	if (run->storer >= 0)
		close(run->storer);
	if (run->nudge >= 0)
		close(run->nudge);
	while (run->waiters != NULL) {
		struct waiter *waiter = run->waiters;

		run->waiters = waiter->next;
		memory_free(waiter);
	}
	memory_free(run);
}

void runs_free(struct runs *runs)
{
	while (runs->list != NULL) {
		struct run *run = runs->list;

		runs->list = run->next;
		free_run(run);
	}
	event_free(runs->turn);
	event_free(runs->look);
	memory_free(runs);
}

/* Of a method; ETRN and ODMR are SMTP's. */
static const char *client_of(const char *method)
{
	if (strcmp(method, "pop3") == 0)
		return "POP3";
	return strcmp(method, "imap") == 0 ? "IMAP" : "SMTP";
}

/* The words are those of the specification (04, Logs and notices). */
static void tell_problem(const struct run *run)
{
	const struct run_result *result = &run->dialogue.result;
	char subject[NOTICE_SUBJECT_MAX], text[COLLECT_RESULT_MAX + 200];
	struct notice notice = {
	    .target = "CollectErrors",
	    .component = NOTICE_COLLECTOR,
	    .kind = result->connected ? NOTICE_PROTOCOL : NOTICE_TCPIP,
	    .severity = NOTICE_ERROR,
	    .item = str_of(run->dialogue.name),
	};

	snprintf(subject, sizeof subject, "%s Client%s Problem", run->client, result->connected ? "" : " Connection");
	snprintf(text, sizeof text, "Error with %s Client (%s (%lld))\n%s\n",
	         strcmp(run->client, "POP3") == 0 ? "Pop3" : run->client, run->dialogue.name,
	         (long long)run->record.collector, result->text);
	notice.subject = str_of(subject);
	notice.text = str_of(text);
	notice_send(run->runs->collectord->notices, &notice);
}

static void on_told(struct ipc_message *reply, const struct err *err, void *context)
{
	(void)reply, (void)context;
	if (err->code != ERR_NONE)
		log_info("what was collected is missing in summary.log: %s", err->text);
}

static void tell_summary(const struct run *run)
{
	struct ipc_message request;

	if (run->dialogue.result.octets == 0)
		return;
	ipc_message_init(&request);
	ipc_request(&request, "summary");
	ipc_add_number(&request, "item", SUMMARY_COLLECTED);
	ipc_add_number(&request, "value", run->dialogue.result.octets);
	ipc_client_call(run->runs->collectord->historyd, &request, IPC_TIMEOUT_MS, on_told, NULL);
	ipc_message_free(&request);
}

static void record_end(struct run *run)
{
	struct err err;

	run->record.ended = time(NULL);
	run->record.result = run->dialogue.result;
	tell_summary(run);
	if (history_add(run->runs->collectord, &run->record, &err) != 0)
		log_error("the end of a run cannot be written down: %s", err.text);
	if (run->dialogue.result.ok) {
		log_info("collector %s (%lld): %s", run->dialogue.name, (long long)run->record.collector,
		         run->dialogue.result.text);
	} else {
		log_warning("collector %s (%lld) failed: %s", run->dialogue.name, (long long)run->record.collector,
		            run->dialogue.result.text);
		tell_problem(run);
	}
}

static void unlink_run(struct run *run)
{
	struct run **link = &run->runs->list;

	while (*link != run)
		link = &(*link)->next;
	*link = run->next;
}

static void tell_waiters(struct run *run)
{
	while (run->waiters != NULL) {
		struct waiter *waiter = run->waiters;

		run->waiters = waiter->next;
		waiter->done(&run->dialogue.result, waiter->context);
		memory_free(waiter);
	}
}

/* A session that rested is gone. Where somebody waits for it, it is begun anew. */
static void lose(struct run *run)
{
	static const struct timeval at_once = {0, 0};
	struct runs *runs = run->runs;

	end_process(run);
	event_add(runs->turn, &at_once);
	if (run->waiters != NULL)
		return;
	unlink_run(run);
	free_run(run);
}

/* It has collected, and stays: told to who waits, and written down where there is something to be told. */
static void rest(struct run *run)
{
	static const struct timeval at_once = {0, 0};

	if (run->waiters != NULL || run->dialogue.result.messages > 0 || run->record.ended == 0)
		record_end(run);
	tell_waiters(run);
	run->dialogue.has_result = run->dialogue.stays = false;
	run->rests = true;
	run->runs->running--;
	event_del(run->late);
	event_add(run->runs->turn, &at_once);
}

static const struct timeval run_limit = {RUN_MAX_S, 0};

static void begin_again(struct run *run)
{
	run->dialogue.has_begun = run->rests = false;
	run->record.began = run->dialogue.began;
	run->runs->running++;
	event_add(run->late, &run_limit);
}

/* By another process, which has all channels. */
static void renew(struct run *run)
{
	static const struct timeval at_once = {0, 0};

	run->dialogue.has_left = false;
	end_process(run);
	event_add(run->runs->turn, &at_once);
}

/* why: how a run ended that did not say so itself. */
static void finish(struct run *run, const char *why)
{
	static const struct timeval at_once = {0, 0};
	struct runs *runs = run->runs;
	struct run_result *result = &run->dialogue.result;

	if (run->rests) {
		lose(run);
		return;
	}

	if (!run->dialogue.has_result)
		str_copy(str_of(why), result->text, sizeof result->text);
	unlink_run(run);
	if (run->pid > 0)
		runs->running--;
	record_end(run);
	tell_waiters(run);
	free_run(run);
	if (runs->running == 0)
		outbox_sweep(runs->collectord);
	event_add(runs->turn, &at_once);
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
	struct run *run = context;
	struct ipc_message request, reply;
	uint32_t sequence;
	struct err err;
	int received, sent = 0;

	(void)what;
	ipc_message_init(&request);
	ipc_message_init(&reply);
	received = ipc_receive(fd, &request, &sequence, 0, &err);
	if (received == 1) {
		dialogue_answer(&run->dialogue, &request, &reply);
		sent = ipc_send(fd, &reply, sequence, &err);
	}
	ipc_message_free(&request);
	ipc_message_free(&reply);
	if (received == 0)
		finish(run, "The session ended unexpectedly");
	else if (received < 0 || sent != 0)
		finish(run, err.text);
	else if (run->rests && run->dialogue.has_left)
		renew(run);
	else if (run->rests && run->dialogue.has_begun)
		begin_again(run);
	else if (!run->rests && run->dialogue.has_result && run->dialogue.stays)
		rest(run);
}

static void on_late(evutil_socket_t fd, short what, void *context)
{
	(void)fd, (void)what;
	finish(context, "The session took too long");
}

static int fork_session(struct run *run, struct err *err)
{
	const struct session_task task = {run->record.collector, run->record.connection, run->storer, run->nudge};
	struct collectord *collectord = run->runs->collectord;
	pid_t parent = getpid();
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return err_system(err, "cannot make a pair of sockets");
	run->pid = fork();
	if (run->pid == 0) {
		daemon_follow_parent(parent);
		_exit(session_run(collectord, &task, pair[1]));
	}
	close(pair[1]);
	run->channel = pair[0];
	if (run->pid > 0)
		return 0;
	run->pid = 0;
	return err_system(err, "cannot fork");
}

static void start(struct run *run)
{
	struct event_base *base = run->runs->collectord->base;
	struct err err;

	run->record.began = run->dialogue.began = time(NULL);
	staying_digest(run->runs->collectord, run->record.collector, run->settings);
	if (fork_session(run, &err) != 0) {
		finish(run, err.text);
		return;
	}
	run->runs->running++;
	run->readable = event_new(base, run->channel, EV_READ | EV_PERSIST, on_readable, run);
	run->late = evtimer_new(base, on_late, run);
	event_add(run->readable, NULL);
	event_add(run->late, &run_limit);
}

static void on_turn(evutil_socket_t fd, short what, void *context)
{
	struct runs *runs = context;
	const struct settings *settings = &runs->collectord->settings;

	(void)fd, (void)what;
	for (struct run *run = runs->list, *next; run != NULL; run = next) {
		next = run->next;
		if (run->pid == 0 && runs->running < settings_number(settings, SETTING_COLLECT_SESSIONS))
			start(run);
	}
}

/* Sessions that rest have the settings with which they began: where theirs changed they begin anew, or end. */
static void on_look(evutil_socket_t fd, short what, void *context)
{
	static const struct timeval at_once = {0, 0};
	struct runs *runs = context;
	struct collectord *collectord = runs->collectord;

	(void)fd, (void)what;
	settings_refresh(&collectord->settings);
	if (collectord->settings.generation == runs->generation)
		return;
	runs->generation = collectord->settings.generation;
	for (struct run *run = runs->list, *next; run != NULL; run = next) {
		next = run->next;
		if (run->rests && !staying_is_wanted(collectord, run->record.collector))
			lose(run);
		else if (run->rests && staying_has_changed(collectord, run->record.collector, run->settings))
			end_process(run);
	}
	event_add(runs->turn, &at_once);
}

void runs_end_resting(struct runs *runs)
{
	for (struct run *run = runs->list, *next; run != NULL; run = next) {
		next = run->next;
		if (run->rests)
			lose(run);
	}
}

static int add_run(struct runs *runs, const struct session_task *task, struct run **run_out, struct err *err)
{
	struct collectord *collectord = runs->collectord;
	struct collector_settings settings;
	struct run *run, **last = &runs->list;
	struct arena arena;
	int found, result = 0;

	settings_refresh(&collectord->settings);
	arena_init(&arena);
	found = collector_load(&collectord->settings.objects, task->collector, &arena, &settings, err);
	if (found == 0)
		result = err_set(err, ERR_NOT_FOUND, "there is no collector %lld", (long long)task->collector);
	else if (found > 0 && task->storer < 0 && settings.numbers[COLLECTOR_SETTING_ENABLED] == 0)
		result = err_set(err, ERR_DENIED, "the collector %s is not enabled", settings.name);
	if (found <= 0 || result != 0) {
		arena_free(&arena);
		return -1;
	}
	run = memory_get(sizeof *run);
	run->runs = runs;
	run->channel = -1;
	run->storer = task->storer;
	run->nudge = task->storer < 0 && staying_is_set(&settings) ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;
	run->record.collector = task->collector;
	run->record.connection = task->connection;
	run->dialogue.collectord = collectord;
	run->dialogue.collector = task->collector;
	run->client = client_of(settings.texts[COLLECTOR_SETTING_METHOD]);
	str_copy(str_of(settings.name), run->dialogue.name, sizeof run->dialogue.name);
	arena_free(&arena);
	while (*last != NULL)
		last = &(*last)->next;
	*last = run;
	*run_out = run;
	return 0;
}

static void add_waiter(struct run *run, runs_done *done, void *context)
{
	struct waiter *waiter = memory_get(sizeof *waiter);

	*waiter = (struct waiter){done, context, run->waiters};
	run->waiters = waiter;
}

int runs_start(struct runs *runs, int64_t collector, int64_t connection, runs_done *done, void *context,
               struct err *err)
{
	static const struct timeval at_once = {0, 0};
	const struct session_task task = {collector, connection, -1, -1};
	struct run *run = find(runs, collector);

	if (run == NULL && add_run(runs, &task, &run, err) != 0)
		return -1;
	if (done != NULL)
		add_waiter(run, done, context);
	if (run->rests)
		eventfd_write(run->nudge, 1);
	event_add(runs->turn, &at_once);
	return 0;
}

int runs_copy(struct runs *runs, int64_t collector, int storer, runs_done *done, void *context, struct err *err)
{
	static const struct timeval at_once = {0, 0};
	const struct session_task task = {collector, 0, storer, -1};
	struct run *run = find(runs, collector);

	if (run != NULL && run->rests)
		lose(run);
	if (find(runs, collector) != NULL)
		return err_set(err, ERR_EXISTS, "this collector runs now");
	if (add_run(runs, &task, &run, err) != 0)
		return -1;
	add_waiter(run, done, context);
	event_add(runs->turn, &at_once);
	return 0;
}
