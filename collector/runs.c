#include "collector/runs.h"

#include "collector/outbox.h"
#include "collector/session.h"
#include "common/base/io.h"
#include "common/base/log.h"
#include "common/base/memory.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { RUN_MAX_S = 24 * 3600 };

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
	struct event *readable, *late;
	struct waiter *waiters;
	struct run *next;
};

struct runs {
	struct collectord *collectord;
	struct run *list; /* in the order in which they were asked for */
	unsigned running;
	struct event *turn;
};

static void on_turn(evutil_socket_t fd, short what, void *context);

struct runs *runs_new(struct collectord *collectord)
{
	struct runs *runs = memory_get(sizeof *runs);

	runs->collectord = collectord;
	runs->turn = evtimer_new(collectord->base, on_turn, runs);
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

static void free_run(struct run *run)
{
	if (run->pid > 0) {
		kill(run->pid, SIGKILL);
		while (waitpid(run->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (run->channel >= 0)
		close(run->channel);
	if (run->storer >= 0)
		close(run->storer);
	if (run->readable != NULL)
		event_free(run->readable);
	if (run->late != NULL)
		event_free(run->late);
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

static void record_end(struct run *run)
{
	struct err err;

	run->record.ended = time(NULL);
	run->record.result = run->dialogue.result;
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

/* why: how a run ended that did not say so itself. */
static void finish(struct run *run, const char *why)
{
	static const struct timeval at_once = {0, 0};
	struct runs *runs = run->runs;
	struct run_result *result = &run->dialogue.result;

	if (!run->dialogue.has_result)
		str_copy(str_of(why), result->text, sizeof result->text);
	unlink_run(run);
	if (run->pid > 0)
		runs->running--;
	record_end(run);
	for (const struct waiter *waiter = run->waiters; waiter != NULL; waiter = waiter->next)
		waiter->done(result, waiter->context);
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
}

static void on_late(evutil_socket_t fd, short what, void *context)
{
	(void)fd, (void)what;
	finish(context, "The session took too long");
}

static int fork_session(struct run *run, struct err *err)
{
	const struct session_task task = {run->record.collector, run->record.connection, run->storer};
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
	static const struct timeval limit = {RUN_MAX_S, 0};
	struct event_base *base = run->runs->collectord->base;
	struct err err;

	run->record.began = run->dialogue.began = time(NULL);
	if (fork_session(run, &err) != 0) {
		finish(run, err.text);
		return;
	}
	run->runs->running++;
	run->readable = event_new(base, run->channel, EV_READ | EV_PERSIST, on_readable, run);
	run->late = evtimer_new(base, on_late, run);
	event_add(run->readable, NULL);
	event_add(run->late, &limit);
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
	const struct session_task task = {collector, connection, -1};
	struct run *run = find(runs, collector);

	if (run == NULL && add_run(runs, &task, &run, err) != 0)
		return -1;
	if (done != NULL)
		add_waiter(run, done, context);
	event_add(runs->turn, &at_once);
	return 0;
}

int runs_copy(struct runs *runs, int64_t collector, int storer, runs_done *done, void *context, struct err *err)
{
	static const struct timeval at_once = {0, 0};
	const struct session_task task = {collector, 0, storer};
	struct run *run;

	if (find(runs, collector) != NULL)
		return err_set(err, ERR_EXISTS, "this collector runs now");
	if (add_run(runs, &task, &run, err) != 0)
		return -1;
	add_waiter(run, done, context);
	event_add(runs->turn, &at_once);
	return 0;
}
