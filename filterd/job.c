#include "filterd/hooks.h"

#include "common/addr/addr.h"
#include "common/base/log.h"
#include "common/base/memory.h"

#include <fcntl.h>
#include <unistd.h>

enum { FILE_MODE = 0660 };

const char *const way_names[WAYS] = {"outgoing", "internal", "incoming"};

static void close_file(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void job_free(struct job *job)
{
	close_file(&job->message);
	close_file(&job->replaced);
	close_file(&job->internal);
	close_file(&job->outgoing);
	for (int way = 0; way < WAYS; way++)
		close_file(&job->copies[way]);
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

static void answer_numbers(struct ipc_message *reply, int64_t internal, int64_t outgoing, int64_t urgent,
                           int64_t receipt, bool waits)
{
	ipc_reply_ok(reply);
	ipc_add_number(reply, "internal", internal);
	ipc_add_number(reply, "outgoing", outgoing);
	ipc_add_number(reply, "urgent", urgent);
	ipc_add_number(reply, "receipt", receipt);
	ipc_add_number(reply, "made", waits);
}

static void answer_unchanged(struct job *job, const char *why)
{
	struct ipc_message reply;
	const struct notice notice = {
	    .target = "Filtering",
	    .component = NOTICE_FILTERING,
	    .severity = NOTICE_ERROR,
	    .subject = STR("A message could not be changed"),
	    .text = arena_printf(&job->arena, "Message %s goes on as it came, without signature, changes and copies: %s.\n",
	                         job->id, why),
	};

	log_error("id=%s goes on as it is, without changes: %s, %d times", job->id, why, ATTEMPTS_MAX);
	notice_send(job->filterd->notices, &notice);
	ipc_message_init(&reply);
	answer_numbers(&reply, 0, 0, 0, 0, false);
	ipc_answer(job->incoming, &reply);
	ipc_message_free(&reply);
}

static void fail(struct job *job, const struct err *why)
{
	struct err err;

	/* a full disk is no message's fault */
	if (why->code != ERR_SYSTEM && count_failure(job->filterd, job->id) >= ATTEMPTS_MAX) {
		answer_unchanged(job, why->text);
	} else {
		log_warning("id=%s cannot be prepared now: %s", job->id, why->text);
		err_set(&err, ERR_TEMPORARY, "%s", why->text);
		ipc_answer_error(job->incoming, &err);
	}
	job_free(job);
}

/* The reverse-path for mail that leaves, where domains are mapped; data is NULL where it stays. */
static struct str outgoing_from(struct job *job)
{
	struct str none = {NULL, 0}, domain;
	struct addr from;

	if (!job->has_outside || job->envelope.from.len == 0 ||
	    addr_parse_mailbox(job->envelope.from, &job->arena, &from, NULL) != 0)
		return none;
	domain = rewrite_domain(&job->filterd->settings, from.domain, &job->arena);
	return domain.len != 0 ? addr_format(from.local_part, domain, &job->arena) : none;
}

/* A worker's words, as far as they may go. */
static bool read_found(const struct job *job, const struct ipc_message *words, struct found *found)
{
	return ipc_get_number(words, "internal", 0, job->internal >= 0, &found->internal) &&
	       ipc_get_number(words, "outgoing", 0, job->outgoing >= 0, &found->outgoing) &&
	       ipc_get_number(words, "urgent", 0, 1, &found->urgent) &&
	       ipc_get_number(words, "receipt", 0, 1, &found->receipt);
}

/* Kept while copies are made; the worker's files stay as they are, for it is dead. */
static void answer(struct job *job, const struct err *err)
{
	const struct found *found = &job->found;
	struct ipc_message reply;
	struct str from;

	if (err->code != ERR_NONE) {
		fail(job, err);
		return;
	}
	ipc_message_init(&reply);
	/* a message for users alone is gone soon anyhow */
	answer_numbers(&reply, found->internal, found->outgoing, found->urgent, found->receipt,
	               found->made && job->has_outside);
	from = outgoing_from(job);
	if (from.data != NULL)
		ipc_add(&reply, "outgoing-from", from);
	if (found->internal == 1)
		ipc_add_fd(&reply, job->internal);
	if (found->outgoing == 1)
		ipc_add_fd(&reply, job->outgoing);
	ipc_answer(job->incoming, &reply);
	ipc_message_free(&reply);
	job_free(job);
}

static void looked(struct ipc_message *reply, const struct err *err, void *context)
{
	struct job *job = context;
	struct err why = *err;

	if (reply != NULL && !read_found(job, reply, &job->found))
		err_set(&why, ERR_PROTOCOL, "the worker's answer is incomplete");
	if (why.code != ERR_NONE) {
		fail(job, &why);
		return;
	}
	copies_make(job, reply, answer);
}

/* An unnamed file for another form of the message, to which queue-manager can give a name. */
static int make_file(const struct job *job, int *fd_out, struct err *err)
{
	*fd_out = openat(job->filterd->drop.tmp_folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, FILE_MODE);
	return *fd_out >= 0 ? 0 : err_system(err, "cannot make a file in the spool of filterd");
}

static int open_files(struct job *job, struct err *err)
{
	bool ways[WAYS] = {
	    [WAY_OUTGOING] = job->own && job->has_outside,
	    [WAY_INTERNAL] = job->own && job->has_inside,
	    [WAY_INCOMING] = !job->own && job->has_inside,
	};

	if ((job->has_inside && make_file(job, &job->internal, err) != 0) ||
	    (job->has_outside && make_file(job, &job->outgoing, err) != 0))
		return -1;
	for (int way = 0; way < WAYS; way++)
		if (ways[way] && !job->made && make_file(job, &job->copies[way], err) != 0)
			return -1;
	return 0;
}

void job_run(struct job *job, int (*run)(struct ipc_message *reply, void *job, struct err *err),
             void (*done)(struct ipc_message *reply, const struct err *err, void *job))
{
	const struct worker_job worker = {
	    .run = run,
	    .done = done,
	    .context = job,
	    .keep = {job->message, job->internal, job->outgoing, job->copies[WAY_OUTGOING], job->copies[WAY_INTERNAL],
	             job->copies[WAY_INCOMING], job->filterd->worker_sandbox.ruleset, job->replaced},
	};

	settings_refresh(&job->filterd->settings);
	worker_start(job->filterd->workers, &worker);
}

/* Once the administrator's program has seen it, where there is one. */
static void look(struct job *job, const struct err *err)
{
	if (err->code == ERR_NONE)
		job_run(job, look_run, looked);
	else
		fail(job, err);
}

void job_start(struct job *job)
{
	struct err err = {0};

	settings_refresh(&job->filterd->settings);
	if (open_files(job, &err) != 0)
		fail(job, &err);
	else if (hooks_wanted(job))
		hooks_run(job, HOOK_OUTMAIL, look);
	else
		look(job, &err);
}
