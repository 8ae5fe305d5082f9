#include "common/login/handover.h"

#include "common/base/memory.h"
#include "common/login/shovel.h"

#include <sys/socket.h>
#include <unistd.h>

int handover_open(struct handover *handover, const struct instance *instance, const char *callee, const char *caller,
                  bool tls_possible, struct err *err)
{
	*handover = (struct handover){.channel = {.fd = -1}, .pair = {-1, -1}};
	if (ipc_connect(&handover->channel, instance, callee, caller, err) != 0)
		return -1;
	if (tls_possible && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, handover->pair) != 0) {
		err_system(err, "cannot make a pair of sockets");
		handover_close(handover);
		return -1;
	}
	return 0;
}

static void close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void handover_close(struct handover *handover)
{
	ipc_close(&handover->channel);
	close_end(&handover->pair[0]);
	close_end(&handover->pair[1]);
}

/* What was read before belongs to the daemon now; it also holds the password, which must not outlive the login here. */
static void forget_input(struct conn *conn)
{
	if (conn->in.data != NULL)
		memory_wipe(conn->in.data, conn->in.capacity);
	conn_drop_input(conn);
}

int handover_send(struct handover *handover, struct conn *conn, const char *ticket, const char *mechanisms,
                  struct err *err)
{
	struct ipc_message request;
	int result;

	if (conn->tls_active && handover->pair[1] < 0)
		return err_set(err, ERR_SYSTEM, "there is no pair of sockets for a session under TLS");
	ipc_message_init(&request);
	ipc_request(&request, "session");
	ipc_add_text(&request, "ticket", ticket);
	ipc_add_text(&request, "peer", conn->peer);
	ipc_add_number(&request, "tls", conn->tls_active);
	ipc_add_text(&request, "mechanisms", mechanisms);
	ipc_add(&request, "input", str_skip(buf_str(&conn->in), conn->in_used));
	ipc_add_fd(&request, conn->tls_active ? handover->pair[1] : conn->fd);
	result = ipc_send(handover->channel.fd, &request, 1, err);
	ipc_message_free(&request);
	if (result != 0)
		return -1;
	ipc_close(&handover->channel);
	close_end(&handover->pair[1]);
	forget_input(conn);
	if (conn->tls_active)
		shovel_run(conn, handover->pair[0]);
	else
		close(conn_detach(conn)); /* unread, for what still comes is the daemon's */
	return 0;
}
