/* clerk: the writer's side. */
#include "deliver/clerk.h"

#include "common/base/log.h"
#include "common/base/memory.h"
#include "deliver/carrier.h"
#include "deliver/view.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	OPEN_MAX = 16,      /* messages being looked at, at a time */
	ANSWER_MS = 100000, /* longer than the carrier waits for the decider */
};

struct question {
	struct clerk *clerk;
	struct job *job;
	clerk_decided *decided;
	void *context;
	int socket;
	struct event *answer;
	struct question *next;
};

struct clerk {
	struct event_base *base;
	struct view *view;
	int socket; /* to the process */
	size_t open;
	struct question *first, **last; /* that wait for their turn */
};

static void end(struct question *question, const struct decision *decisions, size_t count, const struct err *err)
{
	if (question->answer != NULL)
		event_free(question->answer);
	if (question->socket >= 0)
		close(question->socket);
	question->decided(question->context, question->job, decisions, count, err);
	memory_free(question);
}

static void ask_next(struct clerk *clerk);

static void on_answer(evutil_socket_t fd, short what, void *context)
{
	struct question *question = context;
	struct clerk *clerk = question->clerk;
	struct decision *decisions = NULL;
	struct ipc_message message;
	struct arena arena;
	struct err err = {.code = ERR_NONE};
	size_t count = 0;
	uint32_t sequence;
	int result;

	ipc_message_init(&message);
	arena_init(&arena);
	if ((what & EV_TIMEOUT) != 0)
		err_set(&err, ERR_TIMEOUT, "no answer within %d s", ANSWER_MS / 1000);
	else if ((result = ipc_receive(fd, &message, &sequence, 0, &err)) == 0)
		err_set(&err, ERR_CLOSED, "the process that looked at it ended");
	else if (result == 1 && decisions_read(&message, &arena, &decisions, &count, &err) == 0)
		err.code = ERR_NONE;
	clerk->open--;
	end(question, err.code == ERR_NONE ? decisions : NULL, count, &err);
	ipc_message_free(&message);
	arena_free(&arena);
	ask_next(clerk);
}

static void write_order(const struct job *job, struct ipc_message *order)
{
	ipc_request(order, "decide");
	ipc_add_text(order, "id", job->id);
	ipc_add_number(order, "offset", job->source.offset);
	ipc_add(order, "from", job->from);
	ipc_add(order, "login", ipc_get(&job->incoming->message, "user"));
	for (size_t i = 0; i < job->addressee_count; i++) {
		const struct addressee *addressee = &job->addressees[i];

		if (addressee->is_decided)
			continue;
		ipc_add_number(order, "uid", addressee->uid);
		ipc_add(order, "address", addressee->address);
		ipc_add(order, "folder", addressee->folder);
	}
	ipc_add_fd(order, job->source.fd);
}

/* -1: the clerk's process is gone, or cannot take it now. */
static int send_order(struct question *question, struct err *err)
{
	static const struct timeval patience = {ANSWER_MS / 1000, 0};
	struct ipc_message order;
	int pair[2], result;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return err_system(err, "cannot make a pair of sockets");
	question->socket = pair[0];
	ipc_message_init(&order);
	write_order(question->job, &order);
	ipc_add_fd(&order, pair[1]);
	result = ipc_send(question->clerk->socket, &order, 0, err);
	ipc_message_free(&order);
	close(pair[1]);
	if (result != 0)
		return -1;
	question->answer = event_new(question->clerk->base, pair[0], EV_READ | EV_TIMEOUT, on_answer, question);
	event_add(question->answer, &patience);
	return 0;
}

static void ask_next(struct clerk *clerk)
{
	while (clerk->open < OPEN_MAX && clerk->first != NULL) {
		struct question *question = clerk->first;
		struct err err;

		clerk->first = question->next;
		if (clerk->first == NULL)
			clerk->last = &clerk->first;
		if (send_order(question, &err) == 0) {
			clerk->open++;
			continue;
		}
		if (err.sys == EPIPE || err.sys == ECONNRESET) {
			log_error("the process that has messages looked at is gone; starting again");
			event_base_loopbreak(clerk->base);
		}
		end(question, NULL, 0, &err);
	}
}

void clerk_ask(struct clerk *clerk, struct job *job, clerk_decided *decided, void *context)
{
	struct question *question = memory_get(sizeof *question);

	*question = (struct question){clerk, job, decided, context, -1, NULL, NULL};
	*clerk->last = question;
	clerk->last = &question->next;
	ask_next(clerk);
}

void clerk_look(struct clerk *clerk)
{
	view_look(clerk->view);
}

bool clerk_is_wanted(const struct clerk *clerk, int64_t uid)
{
	return view_has(clerk->view, uid);
}

int clerk_start(struct clerk **clerk_out, const struct daemon *daemon, struct event_base *base, struct err *err)
{
	struct clerk *clerk = memory_get(sizeof *clerk);
	pid_t parent = getpid(), child;
	int pair[2];

	clerk->base = base;
	clerk->last = &clerk->first;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return err_system(err, "cannot make a pair of sockets");
	child = fork();
	if (child < 0)
		return err_system(err, "cannot fork");
	if (child == 0) {
		daemon_follow_parent(parent);
		for (int i = 0; i < daemon->socket_count; i++)
			close(daemon->sockets[i].fd);
		close(pair[0]);
		carrier_serve(pair[1], &daemon->instance);
	}
	close(pair[1]);
	clerk->socket = pair[0];
	*clerk_out = clerk;
	return view_open(&clerk->view, &daemon->instance, err);
}
