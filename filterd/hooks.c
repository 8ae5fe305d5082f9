#include "filterd/hooks.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/status/status.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RECIPIENTS_SHOWN = 32 * 1024 };

/* What is different between the points. */
static const struct {
	const char *title, *target; /* of notices */
	enum setting command, timeout, ignore;
} hooks_known[] = {
    [HOOK_OUTMAIL] = {"program for outgoing mail", "OutqueueProcessError", SETTING_OUTMAIL_COMMAND,
                      SETTING_OUTMAIL_TIMEOUT, SETTING_OUTMAIL_IGNORE},
    [HOOK_ROUTER] = {"program for collected mail", "ExternalRouterError", SETTING_ROUTER_COMMAND,
                     SETTING_ROUTER_TIMEOUT, SETTING_ROUTER_IGNORE},
    [HOOK_RELAY] = {"program for mail to relays", "OutqueueProcessError", SETTING_RELAY_COMMAND, SETTING_RELAY_TIMEOUT,
                    SETTING_RELAY_IGNORE},
};

/* A message with the runner. */
struct hook_run {
	struct job *job;
	enum hook hook;
	int64_t began_ms;
	uint32_t sequence;
	int printed, output; /* as the program writes it, and with CRLF for each end of a line */
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

bool hooks_is_set(const struct settings *settings, enum hook hook)
{
	return settings_text(settings, hooks_known[hook].command)[0] != '\0';
}

bool hooks_wanted(const struct job *job)
{
	const struct settings *settings = &job->filterd->settings;

	return hooks_is_set(settings, HOOK_OUTMAIL) && !job->made && str_equal(job->envelope.producer, STR("smtpd")) &&
	       (job->has_outside || settings_flag(settings, SETTING_OUTMAIL_INCOMING));
}

void hooks_tell(struct job *job, enum hook hook, const char *what)
{
	const char *title = hooks_known[hook].title;
	const struct notice notice = {
	    .target = hooks_known[hook].target,
	    .component = NOTICE_MISC,
	    .severity = NOTICE_ERROR,
	    .subject = arena_printf(&job->arena, "The %s failed", title),
	    .text = arena_printf(&job->arena, "The program %s %s. Message %s goes on as it was.\n",
	                         settings_text(&job->filterd->settings, hooks_known[hook].command), what, job->id),
	};

	log_error("id=%s the %s %s", job->id, title, what);
	notice_send(job->filterd->notices, &notice);
}

/* A line for extrouter.log. */
static void log_run(const struct hook_run *run, int64_t late, int64_t status, off_t printed)
{
	struct filterd *filterd = run->job->filterd;
	struct status channel = {.channel = {.fd = -1}};
	struct buf line;
	struct err err;

	(void)ipc_connect_now(&channel.channel, &filterd->daemon.instance, "statusd", "filterd", &err);
	buf_init(&line, STATUS_RULE_MAX);
	buf_printf(&line, "id=%s %s: %s%lld after %lld ms, %lld octets printed: %s", run->job->id,
	           hooks_known[run->hook].title, late == 1 ? "killed, " : "status ", (long long)status,
	           (long long)(io_now_ms() - run->began_ms), (long long)printed,
	           settings_text(&filterd->settings, hooks_known[run->hook].command));
	status_rule(&channel, buf_str(&line));
	status_end(&channel);
	buf_free(&line);
}

/* What it printed, where it did. */
static void take_output(struct hook_run *run, off_t printed)
{
	if (printed == 0)
		return;
	run->job->replaced = run->output;
	run->job->replaced_size = printed;
	run->output = -1;
}

static int judge(struct hook_run *run, const struct ipc_message *reply, struct err *err)
{
	struct job *job = run->job;
	int64_t late, status;
	struct stat output;

	if (!str_equal(ipc_get(reply, "status"), STR("ok")))
		return err_set(err, ERR_TEMPORARY, "%.*s", STR_ARG(ipc_get(reply, "text")));
	if (!ipc_get_number(reply, "late", 0, 1, &late) || !ipc_get_number(reply, "exit", 0, 255, &status))
		return err_set(err, ERR_PROTOCOL, "the runner's answer is incomplete");
	if (fstat(run->output, &output) != 0)
		return err_system(err, "cannot look at what the program wrote");
	log_run(run, late, status, output.st_size);
	if (late == 1)
		hooks_tell(job, run->hook, "took too long and was killed");
	else if (status != 0 && !settings_flag(&job->filterd->settings, hooks_known[run->hook].ignore))
		hooks_tell(job, run->hook,
		           arena_text(&job->arena, arena_printf(&job->arena, "ended with status %d", (int)status)));
	else
		take_output(run, output.st_size);
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
	if (ended.printed >= 0)
		close(ended.printed);
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

static const char *type_of(const struct job *job, enum hook hook)
{
	if (hook == HOOK_OUTMAIL && !job->has_outside)
		return job->own ? "internal" : "incoming";
	return hook == HOOK_ROUTER ? "incoming" : "outgoing";
}

static int ask(struct hook_run *run, struct err *err)
{
	struct job *job = run->job;
	const struct settings *settings = &job->filterd->settings;
	struct ipc_message request;
	int result;

	ipc_message_init(&request);
	ipc_request(&request, "run");
	ipc_add_text(&request, "command", settings_text(settings, hooks_known[run->hook].command));
	ipc_add_number(&request, "seconds", settings_number(settings, hooks_known[run->hook].timeout));
	ipc_add_number(&request, "offset", job->offset);
	ipc_add(&request, "sender", job->envelope.from);
	ipc_add(&request, "recipients", recipient_line(job));
	ipc_add_text(&request, "type", type_of(job, run->hook));
	ipc_add_fd(&request, job->message);
	ipc_add_fd(&request, run->printed);
	ipc_add_fd(&request, run->output);
	result = ipc_send(job->filterd->hooks->fd, &request, run->sequence, err);
	ipc_message_free(&request);
	return result;
}

void hooks_run(struct job *job, enum hook hook, void (*done)(struct job *job, const struct err *err))
{
	struct hooks *hooks = job->filterd->hooks;
	struct hook_run *run = memory_get(sizeof *run);
	struct timeval limit = {0, 0};
	struct err err;

	*run = (struct hook_run){.job = job,
	                         .hook = hook,
	                         .began_ms = io_now_ms(),
	                         .sequence = ++hooks->sequence,
	                         .printed = spool_scratch(&job->filterd->drop, &err),
	                         .output = spool_scratch(&job->filterd->drop, &err),
	                         .done = done,
	                         .next = hooks->first};
	hooks->first = run;
	run->late = evtimer_new(job->filterd->base, on_late, run);
	if (run->printed >= 0 && run->output >= 0 && ask(run, &err) == 0)
		limit.tv_sec = settings_number(&job->filterd->settings, hooks_known[hook].timeout) + HOOK_PATIENCE_S;
	event_add(run->late, &limit); /* at once where it was not asked */
}
