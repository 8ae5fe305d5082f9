/*
 * noticed: see noticed.h.
 */
#include "noticed/noticed.h"

#include "common/base/log.h"
#include "common/ipc/loop.h"
#include "common/net/sandbox.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { QUESTIONS_MAX = 16 };

struct noticed {
	struct daemon daemon;
	struct event_base *base;
	int writer;                                /* the socket to it */
	struct ipc_incoming *asked[QUESTIONS_MAX]; /* questions that the writer has, by sequence number */
};

static int start_writer(struct noticed *noticed, struct err *err)
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return err_system(err, "cannot make a pair of sockets");
	pid = fork();
	if (pid == 0) {
		/* it ends by its socket, after the last notice; a signal to the group must not be faster */
		signal(SIGTERM, SIG_IGN);
		signal(SIGINT, SIG_IGN);
		close(pair[0]);
		for (int i = 0; i < noticed->daemon.socket_count; i++)
			close(noticed->daemon.sockets[i].fd);
		writer_run(&noticed->daemon.instance, pair[1]);
	}
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return err_system(err, "cannot fork the writer of notices");
	}
	noticed->writer = pair[0];
	return 0;
}

/* Hand a request to the writer without waiting. */
static int hand_over(const struct noticed *noticed, const struct ipc_message *request, uint32_t sequence,
                     struct err *err)
{
	if (ipc_send(noticed->writer, request, sequence, err) == 0)
		return 0;
	return err->sys == EAGAIN ? err_set(err, ERR_TEMPORARY, "there are too many notices at once") : -1;
}

static void take_notice(struct noticed *noticed, struct ipc_incoming *incoming)
{
	struct err err;

	/* mail that leaves needs no other right where noticed made it: who hears strangers cannot have it sent anywhere */
	if (ipc_get(&incoming->message, "address").data != NULL && strcmp(incoming->caller, "configd") != 0) {
		err_set(&err, ERR_DENIED, "%s says whom to tell, not where", incoming->caller);
		ipc_answer_error(incoming, &err);
	} else if (hand_over(noticed, &incoming->message, 0, &err) == 0) {
		ipc_answer_ok(incoming);
	} else {
		ipc_answer_error(incoming, &err);
	}
}

static void take_question(struct noticed *noticed, struct ipc_incoming *incoming)
{
	struct err err;

	for (uint32_t i = 0; i < QUESTIONS_MAX; i++) {
		if (noticed->asked[i] != NULL)
			continue;
		if (hand_over(noticed, &incoming->message, i, &err) == 0)
			noticed->asked[i] = incoming;
		else
			ipc_answer_error(incoming, &err);
		return;
	}
	err_set(&err, ERR_TEMPORARY, "there are too many questions at once");
	ipc_answer_error(incoming, &err);
}

static void on_request(struct ipc_incoming *incoming, void *context)
{
	struct noticed *noticed = context;
	struct err err;

	if (ipc_is(&incoming->message, "notice")) {
		take_notice(noticed, incoming);
	} else if (ipc_is(&incoming->message, "suppressed") && strcmp(incoming->caller, "postroom") == 0) {
		take_question(noticed, incoming);
	} else {
		err_set(&err, ERR_PROTOCOL, "%s cannot ask for that", incoming->caller);
		ipc_answer_error(incoming, &err);
	}
}

/* The writer ends before this process only where something is wrong: a restart brings both back. */
static void on_reply(evutil_socket_t fd, short what, void *context)
{
	struct noticed *noticed = context;
	struct ipc_message reply;
	uint32_t sequence;
	struct err err;

	(void)what;
	ipc_message_init(&reply);
	if (ipc_receive(fd, &reply, &sequence, 0, &err) != 1) {
		err_set(&err, ERR_CLOSED, "the writer of notices is gone");
		daemon_fail(&err);
	}
	if (sequence < QUESTIONS_MAX && noticed->asked[sequence] != NULL) {
		ipc_answer(noticed->asked[sequence], &reply);
		noticed->asked[sequence] = NULL;
	}
	ipc_message_free(&reply);
}

static void on_stop(evutil_socket_t signal_number, short what, void *context)
{
	struct noticed *noticed = context;

	(void)signal_number, (void)what;
	event_base_loopbreak(noticed->base);
}

static int enter_sandbox(struct err *err)
{
	struct sandbox sandbox;
	int result;

	if (sandbox_init(&sandbox, SANDBOX_ACCEPT, err) != 0)
		return -1;
	result = sandbox_prepare(&sandbox, err) != 0 || sandbox_enter(&sandbox, err) != 0 ? -1 : 0;
	sandbox_free(&sandbox);
	return result;
}

int main(int argc, char **argv)
{
	static struct noticed noticed;
	struct err err;

	daemon_start(&noticed.daemon, argc, argv, "noticed");
	if (start_writer(&noticed, &err) != 0)
		daemon_fail(&err);
	evutil_make_socket_nonblocking(noticed.writer);
	noticed.base = event_base_new();
	if (noticed.base == NULL) {
		err_set(&err, ERR_SYSTEM, "cannot make an event loop");
		daemon_fail(&err);
	}
	event_add(evsignal_new(noticed.base, SIGTERM, on_stop, &noticed), NULL);
	event_add(evsignal_new(noticed.base, SIGINT, on_stop, &noticed), NULL);
	event_add(event_new(noticed.base, noticed.writer, EV_READ | EV_PERSIST, on_reply, &noticed), NULL);
	if (ipc_serve(noticed.base, &noticed.daemon, on_request, NULL, &noticed, &err) != 0 || enter_sandbox(&err) != 0)
		daemon_fail(&err);
	daemon_ready(&noticed.daemon);
	event_base_dispatch(noticed.base);
	return 0;
}
