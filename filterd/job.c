#include "filterd/filterd.h"

#include "common/base/log.h"
#include "common/base/memory.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FILE_MODE = 0660 };

static void run_waiting(struct filterd *filterd);

static void close_file(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void job_free(struct job *job)
{
	close_file(&job->message);
	close_file(&job->internal);
	close_file(&job->outgoing);
	close_file(&job->channel);
	if (job->readable != NULL)
		event_free(job->readable);
	if (job->late != NULL)
		event_free(job->late);
	buf_free(&job->text);
	arena_free(&job->arena);
	memory_free(job);
}

/* How often a message went wrong, with this time. */
static unsigned count_failure(struct filterd *filterd, const char *id)
{
	struct failure *failure = filterd->failures;

	while (failure < filterd->failures + FAILURES_MAX && strcmp(failure->id, id) != 0)
		failure++;
	if (failure == filterd->failures + FAILURES_MAX) {
		failure = &filterd->failures[filterd->next_failure++ % FAILURES_MAX];
		*failure = (struct failure){.count = 0};
		str_copy(str_of(id), failure->id, sizeof failure->id);
	}
	return ++failure->count;
}

static void answer_unchanged(struct job *job)
{
	struct ipc_message reply;

	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	ipc_add_number(&reply, "internal", 0);
	ipc_add_number(&reply, "outgoing", 0);
	ipc_add_number(&reply, "urgent", 0);
	ipc_add_number(&reply, "receipt", 0);
	ipc_answer(job->incoming, &reply);
	ipc_message_free(&reply);
}

static void answer_failure(struct job *job, const char *why)
{
	unsigned count = count_failure(job->filterd, job->id);
	struct err err;

	if (count >= JOB_ATTEMPTS) {
		log_error("id=%s goes on as it is, without changes: %s, %u times", job->id, why, count);
		answer_unchanged(job);
		return;
	}
	log_warning("id=%s cannot be prepared now: %s", job->id, why);
	err_set(&err, ERR_TEMPORARY, "%s", why);
	ipc_answer_error(job->incoming, &err);
}

/* Its words, as far as they may go. */
static int answer(struct job *job, const struct ipc_message *words, struct err *err)
{
	struct ipc_message reply;
	int64_t internal, outgoing, urgent, receipt;
	struct str from = ipc_get(words, "outgoing-from");

	if (!ipc_get_number(words, "internal", 0, job->internal >= 0, &internal) ||
	    !ipc_get_number(words, "outgoing", 0, job->outgoing >= 0, &outgoing) ||
	    !ipc_get_number(words, "urgent", 0, 1, &urgent) || !ipc_get_number(words, "receipt", 0, 1, &receipt))
		return err_set(err, ERR_PROTOCOL, "the child's answer is incomplete");
	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	ipc_add_number(&reply, "internal", internal);
	ipc_add_number(&reply, "outgoing", outgoing);
	ipc_add_number(&reply, "urgent", urgent);
	ipc_add_number(&reply, "receipt", receipt);
	if (from.data != NULL)
		ipc_add(&reply, "outgoing-from", from);
	if (internal == 1)
		ipc_add_fd(&reply, job->internal);
	if (outgoing == 1)
		ipc_add_fd(&reply, job->outgoing);
	ipc_answer(job->incoming, &reply);
	ipc_message_free(&reply);
	return 0;
}

/* The child is dead before anybody else gets its files. */
static void end_child(struct job *job)
{
	kill(job->child, SIGKILL);
	waitpid(job->child, NULL, 0);
}

static void finish(struct job *job, bool in_time)
{
	struct filterd *filterd = job->filterd;
	struct ipc_message words;
	struct err err;
	uint32_t sequence;
	int result = 0;

	ipc_message_init(&words);
	if (in_time)
		result = ipc_receive(job->channel, &words, &sequence, 0, &err);
	else
		err_set(&err, ERR_TIMEOUT, "it took longer than %d seconds", JOB_MS / 1000);
	end_child(job);
	if (in_time && result == 0)
		result = err_set(&err, ERR_TEMPORARY, "the process for it died");
	if (in_time && result == 1 && ipc_is(&words, "failed"))
		result = err_set(&err, ERR_TEMPORARY, "%.*s", STR_ARG(ipc_get(&words, "text")));
	if (!in_time || result != 1 || answer(job, &words, &err) != 0)
		answer_failure(job, err.text);
	ipc_message_free(&words);
	job_free(job);
	filterd->running--;
	run_waiting(filterd);
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
	(void)fd, (void)what;
	finish(context, true);
}

static void on_late(evutil_socket_t fd, short what, void *context)
{
	(void)fd, (void)what;
	finish(context, false);
}

/* An unnamed file for another form of the message, to which queue-manager can give a name. */
static int make_file(const struct job *job, struct err *err)
{
	int fd = openat(job->filterd->drop.tmp_folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, FILE_MODE);

	return fd >= 0 ? fd : err_system(err, "cannot make a file in the spool of filterd");
}

static int open_files(struct job *job, struct err *err)
{
	if (job->has_internal && (job->internal = make_file(job, err)) < 0)
		return -1;
	if (job->has_outgoing && (job->outgoing = make_file(job, err)) < 0)
		return -1;
	return 0;
}

static int fork_child(struct job *job, struct err *err)
{
	int pair[2];
	pid_t parent = getpid();

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return err_system(err, "cannot make a pair of sockets");
	job->child = fork();
	if (job->child == 0) {
		daemon_follow_parent(parent);
		close(pair[0]);
		child_run(job, pair[1]);
	}
	close(pair[1]);
	job->channel = pair[0];
	return job->child > 0 ? 0 : err_system(err, "cannot fork");
}

static void run(struct job *job)
{
	const struct timeval limit = {JOB_MS / 1000, 0};
	struct filterd *filterd = job->filterd;
	struct err err;

	settings_refresh(&filterd->settings);
	if (open_files(job, &err) != 0 || fork_child(job, &err) != 0) {
		log_error("id=%s cannot be prepared now: %s", job->id, err.text);
		err.code = ERR_TEMPORARY;
		ipc_answer_error(job->incoming, &err);
		job_free(job);
		return;
	}
	filterd->running++;
	job->readable = event_new(filterd->base, job->channel, EV_READ, on_readable, job);
	job->late = evtimer_new(filterd->base, on_late, job);
	event_add(job->readable, NULL);
	event_add(job->late, &limit);
}

static void run_waiting(struct filterd *filterd)
{
	while (filterd->waiting != NULL && filterd->running < JOBS_MAX) {
		struct job *job = filterd->waiting;

		filterd->waiting = job->next;
		if (filterd->waiting == NULL)
			filterd->waiting_last = &filterd->waiting;
		run(job);
	}
}

void job_start(struct job *job)
{
	struct filterd *filterd = job->filterd;

	*filterd->waiting_last = job;
	filterd->waiting_last = &job->next;
	run_waiting(filterd);
}
