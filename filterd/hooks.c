#include "filterd/hooks.h"

#include "common/base/log.h"
#include "common/base/memory.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RECIPIENTS_SHOWN = 32 * 1024, FILE_MODE = 0600 };

/* A message with the runner. */
struct hook_run {
	struct job *job;
	uint32_t sequence;
	int output;
	struct event *late;
	void (*done)(struct job *job, const struct err *err);
	struct hook_run *next;
};

/* The channel to the runner, and what it was asked and did not answer. */
struct hooks {
	struct filterd *filterd;
	int fd;
	uint32_t sequence;
	struct hook_run *first;
	struct event *readable;
};

int hooks_start(struct filterd *filterd, struct err *err)
{
	pid_t parent = getpid(), child;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return err_system(err, "cannot make a pair of sockets");
	child = fork();
	if (child == 0) {
		daemon_follow_parent(parent);
		close(pair[0]);
		for (int i = 0; i < filterd->daemon.socket_count; i++)
			close(filterd->daemon.sockets[i].fd);
		hook_runner(pair[1]);
	}
	close(pair[1]);
	filterd->hooks = memory_get(sizeof *filterd->hooks);
	*filterd->hooks = (struct hooks){.filterd = filterd, .fd = pair[0]};
	return child > 0 ? 0 : err_system(err, "cannot fork the runner of programs");
}

bool hooks_wanted(const struct job *job)
{
	const struct settings *settings = &job->filterd->settings;

	return settings_text(settings, SETTING_OUTMAIL_COMMAND)[0] != '\0' && !job->made &&
	       str_equal(job->envelope.producer, STR("smtpd")) &&
	       (job->has_outside || settings_flag(settings, SETTING_OUTMAIL_INCOMING));
}

static void tell(struct job *job, const char *what)
{
	const struct notice notice = {
	    .target = "OutqueueProcessError",
	    .component = NOTICE_MISC,
	    .severity = NOTICE_ERROR,
	    .subject = STR("The program for outgoing mail failed"),
	    .text = arena_printf(&job->arena, "The program %s %s. Message %s goes on as it was.\n",
	                         settings_text(&job->filterd->settings, SETTING_OUTMAIL_COMMAND), what, job->id),
	};

	log_error("id=%s the program for outgoing mail %s", job->id, what);
	notice_send(job->filterd->notices, &notice);
}

/* What it printed is the message from here on. */
static int take_output(struct hook_run *run, struct err *err)
{
	struct stat status;

	if (fstat(run->output, &status) != 0)
		return err_system(err, "cannot look at what the program wrote");
	if (status.st_size == 0)
		return 0;
	run->job->replaced = run->output;
	run->job->replaced_size = status.st_size;
	run->output = -1;
	return 0;
}

static int judge(struct hook_run *run, const struct ipc_message *reply, struct err *err)
{
	struct job *job = run->job;
	int64_t late, status;

	if (!str_equal(ipc_get(reply, "status"), STR("ok")))
		return err_set(err, ERR_TEMPORARY, "%.*s", STR_ARG(ipc_get(reply, "text")));
	if (!ipc_get_number(reply, "late", 0, 1, &late) || !ipc_get_number(reply, "exit", 0, 255, &status))
		return err_set(err, ERR_PROTOCOL, "the runner's answer is incomplete");
	if (late == 1)
		tell(job, "took too long and was killed");
	else if (status != 0 && !settings_flag(&job->filterd->settings, SETTING_OUTMAIL_IGNORE))
		tell(job, arena_text(&job->arena, arena_printf(&job->arena, "ended with status %d", (int)status)));
	else
		return take_output(run, err);
	return 0;
}

static void finish(struct hook_run *run, const struct ipc_message *reply)
{
	struct hooks *hooks = run->job->filterd->hooks;
	struct hook_run **link = &hooks->first;
	struct hook_run ended = *run;
	struct err err = {0};

	while (*link != run)
		link = &(*link)->next;
	*link = run->next;
	event_free(run->late);
	memory_free(run);
	if (reply == NULL)
		err_set(&err, ERR_TIMEOUT, "the runner of programs does not answer");
	else
		judge(&ended, reply, &err);
	if (ended.output >= 0)
		close(ended.output);
	ended.done(ended.job, &err);
}

static void on_late(evutil_socket_t fd, short what, void *context)
{
	(void)fd, (void)what;
	finish(context, NULL);
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
	struct hooks *hooks = context;
	struct ipc_message reply;
	uint32_t sequence;
	struct err err;
	int result;

	(void)what;
	ipc_message_init(&reply);
	result = ipc_receive(fd, &reply, &sequence, 0, &err);
	if (result != 1 && !(result < 0 && err.code == ERR_TIMEOUT)) {
		log_error("the runner of programs is gone; starting again");
		event_base_loopbreak(hooks->filterd->base);
	}
	for (struct hook_run *run = hooks->first; result == 1 && run != NULL; run = run->next)
		if (run->sequence == sequence) {
			finish(run, &reply);
			break;
		}
	ipc_message_free(&reply);
}

void hooks_listen(struct filterd *filterd)
{
	struct hooks *hooks = filterd->hooks;

	hooks->readable = event_new(filterd->base, hooks->fd, EV_READ | EV_PERSIST, on_readable, hooks);
	event_add(hooks->readable, NULL);
}

/* The recipients on one line, as many as an environment takes. */
static struct str recipient_line(struct job *job)
{
	struct buf line;
	struct str text;

	buf_init(&line, RECIPIENTS_SHOWN);
	for (size_t i = 0; i < job->envelope.recipient_count; i++) {
		struct str address = job->envelope.recipients[i].address;

		if (line.len + address.len + 1 > line.limit)
			break;
		buf_printf(&line, "%s%.*s", i != 0 ? " " : "", STR_ARG(address));
	}
	text = arena_copy(&job->arena, buf_str(&line));
	buf_free(&line);
	return text;
}

static int ask(struct hook_run *run, struct err *err)
{
	struct job *job = run->job;
	const struct settings *settings = &job->filterd->settings;
	struct ipc_message request;
	int result;

	ipc_message_init(&request);
	ipc_request(&request, "run");
	ipc_add_text(&request, "command", settings_text(settings, SETTING_OUTMAIL_COMMAND));
	ipc_add_number(&request, "seconds", settings_number(settings, SETTING_OUTMAIL_TIMEOUT));
	ipc_add_number(&request, "offset", job->offset);
	ipc_add(&request, "sender", job->envelope.from);
	ipc_add(&request, "recipients", recipient_line(job));
	ipc_add_text(&request, "type", job->has_outside ? "outgoing" : job->own ? "internal" : "incoming");
	ipc_add_fd(&request, job->message);
	ipc_add_fd(&request, run->output);
	result = ipc_send(job->filterd->hooks->fd, &request, run->sequence, err);
	ipc_message_free(&request);
	return result;
}

void hooks_run(struct job *job, void (*done)(struct job *job, const struct err *err))
{
	struct hooks *hooks = job->filterd->hooks;
	struct hook_run *run = memory_get(sizeof *run);
	struct timeval limit = {0, 0};
	struct err err;

	*run = (struct hook_run){.job = job, .sequence = ++hooks->sequence, .done = done, .next = hooks->first};
	hooks->first = run;
	run->late = evtimer_new(job->filterd->base, on_late, run);
	run->output = openat(job->filterd->drop.tmp_folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, FILE_MODE);
	if (run->output >= 0 && ask(run, &err) == 0)
		limit.tv_sec = settings_number(&job->filterd->settings, SETTING_OUTMAIL_TIMEOUT) + HOOK_PATIENCE_S;
	event_add(run->late, &limit); /* at once where it was not asked */
}
