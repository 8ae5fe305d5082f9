#include "common/net/listen_answer.h"

#include "common/base/log.h"
#include "common/ipc/ipc.h"
#include "common/net/listen.h"

#include <unistd.h>

int listen_answer(int fd)
{
	struct ipc_message request, reply;
	uint32_t sequence;
	struct err err;
	int got;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	while ((got = ipc_receive(fd, &request, &sequence, IPC_TIMEOUT_MS, &err)) > 0) {
		if (ipc_is(&request, "sessions")) {
			ipc_reply_ok(&reply);
			ipc_add_number(&reply, "count", listen_session_count());
		} else {
			err_set(&err, ERR_NOT_FOUND, "a listener answers \"sessions\" only");
			ipc_reply_error(&reply, &err);
		}
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
