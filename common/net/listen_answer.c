#include "common/net/listen_answer.h"

#include "common/base/log.h"
#include "common/ipc/ipc.h"
#include "common/net/listen.h"

#include <unistd.h>

/* statusd knows which process a session is; that it is one of ours is looked at here. */
static int end_session(const struct ipc_message *request, struct err *err)
{
	int64_t pid;

	if (!ipc_get_number(request, "pid", 2, INT32_MAX, &pid))
		return err_set(err, ERR_SYNTAX, "whose end? A pid is missing");
	if (listen_end_session((pid_t)pid, err) != 0)
		return -1;
	log_info("session %d was told to end by an administrator", (int)pid);
	return 0;
}

static void answer(const struct ipc_message *request, struct ipc_message *reply)
{
	int result = 0;
	struct err err;

	ipc_reply_ok(reply);
	if (ipc_is(request, "sessions"))
		ipc_add_number(reply, "count", listen_session_count());
	else if (ipc_is(request, "end"))
		result = end_session(request, &err);
	else
		result = err_set(&err, ERR_NOT_FOUND, "a listener answers \"sessions\" and \"end\" only");
	if (result != 0)
		ipc_reply_error(reply, &err);
}

int listen_answer(int fd)
{
	struct ipc_message request, reply;
	uint32_t sequence;
	struct err err;
	int got;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	while ((got = ipc_receive(fd, &request, &sequence, IPC_TIMEOUT_MS, &err)) > 0) {
		answer(&request, &reply);
		got = ipc_send(fd, &reply, sequence, &err);
		if (got != 0)
			break;
	}
	if (got < 0)
		log_warning("a question about sessions failed: %s", err.text);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	close(fd);
	return got < 0 ? 1 : 0;
}
