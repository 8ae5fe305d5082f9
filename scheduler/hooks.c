#include "scheduler/scheduler.h"

#include "common/base/memory.h"

struct hooks {
	int fd;
	uint32_t sequence;
	hook_done *done; /* NULL: nothing runs */
	void *context;
	int64_t seconds; /* that it may take */
};

/* It ends before this process only where something is wrong: a restart brings both back. */
static void on_reply(evutil_socket_t fd, short what, void *context)
{
	struct hooks *hooks = context;
	struct ipc_message reply;
	char why[SCHEDULER_TEXT_MAX];
	int64_t status = -1, late = 0;
	hook_done *done = hooks->done;
	uint32_t sequence;
	struct err err;

	(void)what;
	ipc_message_init(&reply);
	if (ipc_receive(fd, &reply, &sequence, 0, &err) != 1) {
		err_set(&err, ERR_CLOSED, "the runner of commands is gone");
		daemon_fail(&err);
	}
	ipc_get_number(&reply, "exit", 0, 255, &status);
	ipc_get_number(&reply, "late", 0, 1, &late);
	ipc_message_free(&reply);
	if (late != 0)
		snprintf(why, sizeof why, "it took more than %lld seconds and was killed", (long long)hooks->seconds);
	else
		snprintf(why, sizeof why, "it ended with status %lld", (long long)status);
	hooks->done = NULL;
	if (done != NULL)
		done(status == 0 && late == 0, why, hooks->context);
}

struct hooks *hooks_new(struct event_base *base, int fd)
{
	struct hooks *hooks = memory_get(sizeof *hooks);

	hooks->fd = fd;
	evutil_make_socket_nonblocking(fd);
	event_add(event_new(base, fd, EV_READ | EV_PERSIST, on_reply, hooks), NULL);
	return hooks;
}

void hooks_run(struct hooks *hooks, const char *command, const struct connection_settings *connection, hook_done *done,
               void *context)
{
	struct ipc_message request;
	struct err err;

	hooks->done = done;
	hooks->context = context;
	hooks->seconds = connection->numbers[CONNECTION_SETTING_COMMAND_TIMEOUT];
	ipc_message_init(&request);
	ipc_request(&request, "run");
	ipc_add_text(&request, "command", command);
	ipc_add_text(&request, "connection", connection->name);
	ipc_add_number(&request, "seconds", hooks->seconds);
	if (ipc_send(hooks->fd, &request, ++hooks->sequence, &err) != 0)
		daemon_fail(&err);
	ipc_message_free(&request);
}
