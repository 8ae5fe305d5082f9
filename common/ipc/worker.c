#include "common/ipc/worker.h"

#include "common/base/io.h"
#include "common/base/memory.h"
#include "common/daemon/daemon.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct worker {
	struct worker_pool *pool;
	struct worker_job job;
	pid_t pid;
	int channel;
	struct err err; /* why it could not be started */
	struct event *readable, *late;
	struct worker *next;
};

struct worker_pool {
	struct event_base *base;
	unsigned at_once, running;
	struct timeval limit;
	struct worker *active;
	struct worker *waiting, **waiting_last;
};

struct worker_pool *worker_pool_new(struct event_base *base, unsigned at_once, int limit_ms)
{
	struct worker_pool *pool = memory_get(sizeof *pool);

	pool->base = base;
	pool->at_once = at_once;
	pool->limit = (struct timeval){limit_ms / 1000, (suseconds_t)(limit_ms % 1000) * 1000};
	pool->waiting_last = &pool->waiting;
	return pool;
}

static void free_worker(struct worker *worker)
{
	if (worker->pid > 0) {
		kill(worker->pid, SIGKILL);
		waitpid(worker->pid, NULL, 0);
	}
	if (worker->channel >= 0)
		close(worker->channel);
	if (worker->readable != NULL)
		event_free(worker->readable);
	if (worker->late != NULL)
		event_free(worker->late);
	memory_free(worker);
}

static void free_list(struct worker *list)
{
	while (list != NULL) {
		struct worker *worker = list;

		list = worker->next;
		free_worker(worker);
	}
}

void worker_pool_free(struct worker_pool *pool)
{
	if (pool == NULL)
		return;
	free_list(pool->active);
	free_list(pool->waiting);
	memory_free(pool);
}

static __attribute__((noreturn)) void run(const struct worker_job *job, int channel)
{
	int keep[WORKER_KEEP_MAX + 1];
	struct ipc_message reply;
	struct err err;

	memcpy(keep, job->keep, sizeof job->keep);
	keep[WORKER_KEEP_MAX] = channel;
	io_close_all_but(keep, WORKER_KEEP_MAX + 1);
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	if (job->run(&reply, job->context, &err) != 0) {
		ipc_message_reset(&reply);
		ipc_reply_error(&reply, &err);
	}
	ipc_send(channel, &reply, 0, &err);
	_exit(0);
}

static void start_waiting(struct worker_pool *pool);

static void unlink_worker(struct worker *worker)
{
	struct worker **link = &worker->pool->active;

	while (*link != worker)
		link = &(*link)->next;
	*link = worker->next;
	worker->pool->running--;
}

/* The worker is dead before anybody hears of its answer. */
static void finish(struct worker *worker, bool answered)
{
	struct worker_pool *pool = worker->pool;
	struct worker_job job = worker->job;
	struct err err = worker->err;
	struct ipc_message reply;
	uint32_t sequence;
	int received = 0;

	ipc_message_init(&reply);
	if (answered)
		received = ipc_receive(worker->channel, &reply, &sequence, 0, &err);
	if (answered && received == 0)
		err_set(&err, ERR_CLOSED, "the process for it died");
	if (received == 1 && str_equal(ipc_get(&reply, "status"), STR("ok")))
		err = (struct err){0};
	else if (received == 1)
		err_set(&err, ipc_status_code(ipc_get(&reply, "status")), "%.*s", STR_ARG(ipc_get(&reply, "text")));
	unlink_worker(worker);
	free_worker(worker);
	job.done(err.code == ERR_NONE ? &reply : NULL, &err, job.context);
	ipc_message_free(&reply);
	start_waiting(pool);
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
	(void)fd, (void)what;
	finish(context, true);
}

static void on_late(evutil_socket_t fd, short what, void *context)
{
	struct worker *worker = context;

	(void)fd, (void)what;
	if (worker->err.code == ERR_NONE)
		err_set(&worker->err, ERR_TIMEOUT, "it took longer than %ld seconds", (long)worker->pool->limit.tv_sec);
	finish(worker, false);
}

static int fork_worker(struct worker *worker, struct err *err)
{
	pid_t parent = getpid();
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return err_system(err, "cannot make a pair of sockets");
	worker->pid = fork();
	if (worker->pid == 0) {
		daemon_follow_parent(parent);
		run(&worker->job, pair[1]);
	}
	close(pair[1]);
	worker->channel = pair[0];
	return worker->pid > 0 ? 0 : err_system(err, "cannot fork");
}

/* What cannot be started is told as late at once: never from within the caller's own call. */
static void start(struct worker *worker)
{
	static const struct timeval at_once = {0, 0};
	struct worker_pool *pool = worker->pool;
	bool failed = fork_worker(worker, &worker->err) != 0;

	worker->next = pool->active;
	pool->active = worker;
	pool->running++;
	worker->late = evtimer_new(pool->base, on_late, worker);
	event_add(worker->late, failed ? &at_once : &pool->limit);
	if (failed)
		return;
	worker->readable = event_new(pool->base, worker->channel, EV_READ, on_readable, worker);
	event_add(worker->readable, NULL);
}

static void start_waiting(struct worker_pool *pool)
{
	while (pool->waiting != NULL && pool->running < pool->at_once) {
		struct worker *worker = pool->waiting;

		pool->waiting = worker->next;
		if (pool->waiting == NULL)
			pool->waiting_last = &pool->waiting;
		start(worker);
	}
}

void worker_start(struct worker_pool *pool, const struct worker_job *job)
{
	struct worker *worker = memory_get(sizeof *worker);

	worker->pool = pool;
	worker->job = *job;
	worker->channel = -1;
	*pool->waiting_last = worker;
	pool->waiting_last = &worker->next;
	start_waiting(pool);
}
