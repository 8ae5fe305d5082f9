#include "authd/keeper.h"

#include "authd/approve.h"
#include "authd/pool.h"
#include "authd/translate.h"
#include "common/base/io.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/net/sandbox.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { REST_AFTER_MAX_MS = 50 }; /* on a machine that has little time for it anyway none is wasted */

struct keeper {
	const struct instance *instance;
	struct sandbox workers_sandbox;
	int rests;
	int sockets[POOL_WORKERS_MAX];
	pid_t workers[POOL_WORKERS_MAX];
	int count;
};

/* With the right to read the administrator's scripts. */
static void make_sandbox(struct sandbox *sandbox, const struct instance *instance, unsigned rights)
{
	struct err err;

	if (sandbox_init(sandbox, rights, &err) != 0 || script_allow(sandbox, instance, &err) != 0 ||
	    sandbox_prepare(sandbox, &err) != 0)
		daemon_fail(&err);
}

static void enter_sandbox(const struct sandbox *sandbox)
{
	struct err err;

	if (sandbox_enter(sandbox, &err) != 0)
		daemon_fail(&err);
}

/* After a job that took from then on. */
static void rest(const struct keeper *keeper, int64_t began_ms)
{
	int64_t took_ms = io_now_ms() - began_ms;

	usleep((useconds_t)(1000 * keeper->rests * (took_ms < REST_AFTER_MAX_MS ? took_ms : REST_AFTER_MAX_MS)));
}

static void __attribute__((noreturn)) work(const struct keeper *keeper, int fd)
{
	struct hash_request request;
	struct hash_reply reply;

	enter_sandbox(&keeper->workers_sandbox);
	for (;;) {
		ssize_t size = recv(fd, &request, sizeof request, 0);
		int64_t began_ms = io_now_ms();

		if (size < 0 && errno == EINTR)
			continue;
		if (size != (ssize_t)sizeof request)
			_exit(0); /* the loop has gone */
		if (request.kind == HASH_NAME)
			translate_name(keeper->instance, &request, &reply);
		else if (request.kind != HASH_CHECK && !approve_password(keeper->instance, &request))
			reply = (struct hash_reply){.sequence = request.sequence, .result = HASH_UNWANTED};
		else
			hash_run(&request, &reply);
		if (send(fd, &reply, sizeof reply, MSG_NOSIGNAL) != (ssize_t)sizeof reply)
			_exit(0);
		memory_wipe(&reply, sizeof reply);
		rest(keeper, began_ms);
	}
}

static void start_worker(struct keeper *keeper, int index)
{
	pid_t self = getpid();
	pid_t pid = fork();

	if (pid < 0) {
		log_error("cannot fork a worker for passwords");
		_exit(1);
	}
	keeper->workers[index] = pid;
	if (pid != 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* without its keeper a worker is not missed when it dies */
	if (getppid() != self)
		_exit(0);
	for (int i = 0; i < keeper->count; i++)
		if (i != index)
			close(keeper->sockets[i]);
	work(keeper, keeper->sockets[index]);
}

/* A worker ended: say so in its place, for a job that it may have had, and fork another. */
static void replace_worker(struct keeper *keeper, pid_t pid, int status)
{
	struct hash_reply reply = {.sequence = KEEPER_WORKER_DIED, .result = HASH_FAILED};

	for (int i = 0; i < keeper->count; i++) {
		if (keeper->workers[i] != pid)
			continue;
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
			_exit(0); /* the loop has gone */
		if (WIFSIGNALED(status))
			log_warning("a worker for passwords was killed by signal %d; starting another", WTERMSIG(status));
		else
			log_warning("a worker for passwords ended with status %d; starting another", WEXITSTATUS(status));
		if (send(keeper->sockets[i], &reply, sizeof reply, MSG_NOSIGNAL) < 0)
			_exit(0);
		usleep(100000); /* so that one that cannot start does not keep a processor busy */
		start_worker(keeper, i);
	}
}

static void __attribute__((noreturn)) keep(struct keeper *keeper)
{
	struct sandbox own;

	make_sandbox(&keeper->workers_sandbox, keeper->instance, 0); /* the keeper's own lets none be made */
	make_sandbox(&own, keeper->instance, SANDBOX_FORK);
	enter_sandbox(&own);
	sandbox_free(&own);
	for (int i = 0; i < keeper->count; i++)
		start_worker(keeper, i);
	for (;;) {
		int status;
		pid_t pid = wait(&status);

		if (pid > 0)
			replace_worker(keeper, pid, status);
		else if (errno != EINTR)
			_exit(1);
	}
}

pid_t keeper_start(const struct keeper_start *start, struct err *err)
{
	struct keeper keeper = {.instance = &start->daemon->instance, .rests = start->rests, .count = start->count};
	pid_t pid = fork();

	if (pid < 0) {
		err_system(err, "cannot fork");
		return -1;
	}
	if (pid != 0)
		return pid;
	/*
	 * Keeper and workers end when the loop's ends of the sockets close. A signal to the whole process group must not be
	 * faster, and one at the loop's death does not come: its sandbox, which this process is not in, lets none out.
	 */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	memcpy(keeper.sockets, start->sockets, (size_t)start->count * sizeof *start->sockets);
	for (int i = 0; i < start->daemon->socket_count; i++)
		close(start->daemon->sockets[i].fd);
	for (int i = 0; i < start->other_count; i++)
		close(start->others[i]);
	if (start->nice != 0) /* the sandbox lets nobody do that later */
		setpriority(PRIO_PROCESS, 0, start->nice);
	keep(&keeper);
}
