#include "common/login/handover.h"

#include "common/base/memory.h"
#include "common/login/shovel.h"

#include <sys/socket.h>
#include <unistd.h>

/* What was read before belongs to the daemon now; it also holds the password, which must not outlive the login here. */
static void forget_input(struct conn *conn)
{
	if (conn->in.data != NULL)
		memory_wipe(conn->in.data, conn->in.capacity);
	conn_drop_input(conn);
}

static int send_session(struct ipc_channel *channel, const struct conn *conn, int fd, const struct handover *handover,
                        struct err *err)
{
	struct ipc_message request;
	int result;

	if (channel->fd < 0)
		return err_set(err, ERR_CLOSED, "the channel is closed");
	ipc_message_init(&request);
	ipc_request(&request, "session");
	ipc_add_text(&request, "ticket", handover->ticket);
	ipc_add_text(&request, "peer", conn->peer);
	ipc_add_number(&request, "tls", conn->tls_active);
	ipc_add_number(&request, "service", handover->service);
	if (handover->mechanisms != NULL)
		ipc_add_text(&request, "mechanisms", handover->mechanisms);
	if (handover->tag.data != NULL)
		ipc_add(&request, "tag", handover->tag);
	ipc_add(&request, "input", str_skip(buf_str(&conn->in), conn->in_used));
	ipc_add_fd(&request, fd);
	result = ipc_send(channel->fd, &request, 1, err);
	ipc_message_free(&request);
	ipc_close(channel);
	return result;
}

static int send_clear(struct ipc_channel *channel, struct conn *conn, const struct handover *handover, struct err *err)
{
	if (send_session(channel, conn, conn->fd, handover, err) != 0)
		return -1;
	forget_input(conn);
	close(conn_detach(conn)); /* unread, for what still comes is the daemon's */
	return 0;
}

static int send_pair(struct ipc_channel *channel, struct conn *conn, const struct handover *handover, struct err *err)
{
	int pair[2], result;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return err_system(err, "cannot make a pair of sockets");
	result = send_session(channel, conn, pair[1], handover, err);
	close(pair[1]);
	if (result == 0) {
		forget_input(conn);
		shovel_run(conn, pair[0]);
	}
	close(pair[0]);
	return result;
}

int handover_send(struct ipc_channel *channel, struct conn *conn, const struct handover *handover, struct err *err)
{
	return conn->tls_active ? send_pair(channel, conn, handover, err) : send_clear(channel, conn, handover, err);
}
