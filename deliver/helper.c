#include "deliver/helper.h"

#include "common/base/log.h"
#include "common/base/memory.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

/* The writer's end. */
struct helper {
	const char *name;
	int fd;
	struct event_base *base;
	struct event *readable;
	struct ipc_incoming *waiting[HELPER_WAITING]; /* in the order in which they were asked */
	size_t first, count;
	struct ipc_message reply;
};

/* All that the process does in its life. */
static __attribute__((noreturn)) void run(const char *name, helper_work *work, void *context,
                                          const struct instance *instance, int parent)
{
	struct ipc_message request, reply;
	uint32_t sequence;
	struct err err;

	signal(SIGTERM, SIG_DFL);
	if (deliver_confine(instance, &err) != 0) {
		log_error("deliver's %s: %s", name, err.text);
		_exit(1);
	}
	ipc_message_init(&request);
	ipc_message_init(&reply);
	while (ipc_receive(parent, &request, &sequence, -1, &err) == 1) {
		ipc_reply_ok(&reply);
		if (work(&request, &reply, context, &err) != 0)
			ipc_reply_error(&reply, &err);
		if (ipc_send(parent, &reply, sequence, &err) != 0)
			break;
	}
	_exit(0);
}

static void on_answer(evutil_socket_t fd, short what, void *context)
{
	struct helper *helper = context;
	uint32_t sequence;
	struct err err;
	int result;

	(void)what;
	while ((result = ipc_receive(fd, &helper->reply, &sequence, 0, &err)) == 1 && helper->count > 0) {
		ipc_answer(helper->waiting[helper->first], &helper->reply);
		helper->first = (helper->first + 1) % HELPER_WAITING;
		helper->count--;
	}
	if (result == -1 && err.sys == EAGAIN)
		return;
	log_error("deliver's %s is gone; starting again", helper->name);
	event_base_loopbreak(helper->base);
}

int helper_start(struct helper **helper_out, const char *name, helper_work *work, void *context,
                 const struct daemon *daemon, struct event_base *base, struct err *err)
{
	struct helper *helper = memory_get(sizeof *helper);
	pid_t parent = getpid(), child = -1;
	int pair[2];

	*helper_out = helper;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0 || (child = fork()) < 0)
		return err_system(err, "cannot make deliver's %s", name);
	if (child == 0) {
		daemon_follow_parent(parent);
		for (int i = 0; i < daemon->socket_count; i++)
			close(daemon->sockets[i].fd);
		close(pair[0]);
		run(name, work, context, &daemon->instance, pair[1]);
	}
	close(pair[1]);
	helper->name = name;
	helper->fd = pair[0];
	helper->base = base;
	ipc_message_init(&helper->reply);
	evutil_make_socket_nonblocking(helper->fd);
	helper->readable = event_new(base, helper->fd, EV_READ | EV_PERSIST, on_answer, helper);
	event_priority_set(helper->readable, event_base_get_npriorities(base) - 1);
	event_add(helper->readable, NULL);
	return 0;
}

void helper_ask(struct helper *helper, struct ipc_incoming *incoming)
{
	struct err err;

	err_set(&err, ERR_TEMPORARY, "too many ask deliver's %s", helper->name);
	if (helper->count < HELPER_WAITING && ipc_send(helper->fd, &incoming->message, 0, &err) == 0) {
		helper->waiting[(helper->first + helper->count++) % HELPER_WAITING] = incoming;
		return;
	}
	ipc_answer_error(incoming, &err);
}
