#include "common/ipc/ipc.h"

#include "common/base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	MAGIC = 0x50525031, /* "PRP1" */
	FLAG_MEMFD = 1,     /* the fields are in the first descriptor */
};

struct packet_header {
	uint32_t magic;
	uint32_t sequence;
	uint32_t flags;
	uint32_t length; /* of the fields */
};

/* One byte more than the largest packet, so that a longer one shows. */
static char receive_buffer[sizeof(struct packet_header) + IPC_PACKET_MAX + 1];

static int connect_to(struct ipc_channel *channel, const struct instance *instance, const char *callee,
                      const char *caller, int flags, struct err *err)
{
	const struct timeval patience = {IPC_TIMEOUT_MS / 1000, 0};
	struct sockaddr_un address;
	int folder, result;

	*channel = (struct ipc_channel){.fd = -1};
	if (instance_socket_address(instance, callee, caller, &address, &folder, err) != 0)
		return -1;
	channel->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0);
	if (channel->fd >= 0) /* a dead callee's queue may be full: connect waits that long at most */
		setsockopt(channel->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	result = channel->fd < 0 ? -1 : connect(channel->fd, (struct sockaddr *)&address, sizeof address);
	if (result != 0) {
		err_system(err, "cannot reach %s at %s", callee, address.sun_path);
		ipc_close(channel);
	}
	if (folder >= 0)
		close(folder);
	return result;
}

int ipc_connect(struct ipc_channel *channel, const struct instance *instance, const char *callee, const char *caller,
                struct err *err)
{
	return connect_to(channel, instance, callee, caller, 0, err);
}

int ipc_connect_now(struct ipc_channel *channel, const struct instance *instance, const char *callee,
                    const char *caller, struct err *err)
{
	return connect_to(channel, instance, callee, caller, SOCK_NONBLOCK, err);
}

void ipc_close(struct ipc_channel *channel)
{
	if (channel->fd >= 0)
		close(channel->fd);
	channel->fd = -1;
}

/* Put the fields of a large message into a memfd that cannot change any more. */
static int seal_fields(const struct ipc_message *message, struct err *err)
{
	int fd = memfd_create("ipc", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return err_system(err, "cannot make a memfd");
	if (io_write_all(fd, message->fields.data, message->fields.len, err) != 0) {
		close(fd);
		return -1;
	}
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0) {
		err_system(err, "cannot seal a memfd");
		close(fd);
		return -1;
	}
	return fd;
}

static void attach_fds(struct msghdr *packet, const int *fds, size_t count)
{
	struct cmsghdr *control;

	if (count == 0) {
		packet->msg_control = NULL;
		packet->msg_controllen = 0;
		return;
	}
	packet->msg_controllen = CMSG_SPACE(count * sizeof(int));
	control = CMSG_FIRSTHDR(packet);
	control->cmsg_level = SOL_SOCKET;
	control->cmsg_type = SCM_RIGHTS;
	control->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(control), fds, count * sizeof(int));
}

static int send_packet(int fd, const struct packet_header *header, const struct ipc_message *message, const int *fds,
                       size_t count, struct err *err)
{
	union {
		char bytes[CMSG_SPACE((IPC_FDS_MAX + 1) * sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct iovec parts[2] = {
	    {(void *)header, sizeof *header},
	    {message->fields.data, (header->flags & FLAG_MEMFD) != 0 ? 0 : message->fields.len},
	};
	struct msghdr packet = {.msg_iov = parts, .msg_iovlen = 2, .msg_control = control.bytes};
	ssize_t sent;

	attach_fds(&packet, fds, count);
	do
		sent = sendmsg(fd, &packet, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? err_system(err, "cannot send a request or answer") : 0;
}

int ipc_send(int fd, const struct ipc_message *message, uint32_t sequence, struct err *err)
{
	struct packet_header header = {MAGIC, sequence, 0, (uint32_t)message->fields.len};
	int fds[IPC_FDS_MAX + 1];
	size_t count = 0;
	int memfd = -1, result;

	if (message->fields.overflow)
		return err_set(err, ERR_LIMIT, "a request or answer of more than %d bytes", IPC_MESSAGE_MAX);
	if (message->fields.len > IPC_PACKET_MAX) {
		memfd = seal_fields(message, err);
		if (memfd < 0)
			return -1;
		header.flags |= FLAG_MEMFD;
		fds[count++] = memfd;
	}
	for (int i = 0; i < message->fd_count; i++)
		fds[count++] = message->fds[i];
	result = send_packet(fd, &header, message, fds, count, err);
	if (memfd >= 0)
		close(memfd);
	return result;
}

/* Take the descriptors of a packet into message; more than IPC_FDS_MAX + 1 were cut off by the kernel (MSG_CTRUNC). */
static void collect_fds(struct msghdr *packet, int *fds, int *count)
{
	*count = 0;
	for (struct cmsghdr *control = CMSG_FIRSTHDR(packet); control != NULL; control = CMSG_NXTHDR(packet, control)) {
		size_t found;

		if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS)
			continue;
		found = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < found; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(control) + i * sizeof(int), sizeof fd);
			if (*count <= IPC_FDS_MAX)
				fds[(*count)++] = fd;
			else
				close(fd);
		}
	}
}

/* The fields of a large message; the memfd must be sealed, or the sender could change it while we read. */
static int read_memfd(int fd, size_t length, struct ipc_message *message, struct err *err)
{
	const int wanted = F_SEAL_SHRINK | F_SEAL_WRITE;
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat info;
	char *at;

	if (seals < 0 || (seals & wanted) != wanted || fstat(fd, &info) != 0 || (size_t)info.st_size != length)
		return err_set(err, ERR_PROTOCOL, "a large message is not as it was announced");
	at = buf_reserve(&message->fields, length);
	if (at == NULL)
		return err_set(err, ERR_LIMIT, "a message of more than %d bytes", IPC_MESSAGE_MAX);
	for (size_t done = 0; done < length;) {
		ssize_t count = pread(fd, at + done, length - done, (off_t)done);

		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return err_system(err, "cannot read a large message");
		done += (size_t)count;
	}
	message->fields.len += length;
	return 0;
}

/* Every field must lie within the message. */
static bool fields_are_whole(const struct ipc_message *message)
{
	struct str key, value;
	size_t position = 0;

	while (ipc_next(message, &position, &key, &value))
		;
	return position == message->fields.len;
}

static int unpack(const char *packet, size_t size, const int *fds, int fd_count, struct ipc_message *message,
                  uint32_t *sequence, struct err *err)
{
	struct packet_header header;
	int first = 0, result = 0;

	message->fds_owned = true;
	if (size < sizeof header)
		result = err_set(err, ERR_PROTOCOL, "a packet of %zu bytes", size);
	memcpy(&header, packet, result == 0 ? sizeof header : 0);
	if (result == 0 && header.magic != MAGIC)
		result = err_set(err, ERR_PROTOCOL, "a packet that is none of ours");
	if (result == 0 && (header.flags & FLAG_MEMFD) != 0) {
		first = 1;
		result = fd_count > 0 ? read_memfd(fds[0], header.length, message, err)
		                      : err_set(err, ERR_PROTOCOL, "a large message without its memfd");
	} else if (result == 0) {
		result = header.length == size - sizeof header
		             ? buf_add(&message->fields, packet + sizeof header, header.length)
		             : err_set(err, ERR_PROTOCOL, "a packet of the wrong length");
	}
	if (first == 1 && fd_count > 0)
		close(fds[0]);
	for (int i = first; i < fd_count; i++) {
		if (message->fd_count < IPC_FDS_MAX)
			message->fds[message->fd_count++] = fds[i];
		else
			close(fds[i]);
	}
	if (result == 0 && !fields_are_whole(message))
		result = err_set(err, ERR_PROTOCOL, "a packet whose fields do not fit");
	if (result == 0)
		*sequence = header.sequence;
	return result;
}

static int wait_readable(int fd, int timeout_ms, struct err *err)
{
	int64_t end = io_now_ms() + timeout_ms;

	for (;;) {
		struct pollfd wait = {.fd = fd, .events = POLLIN};
		int64_t left = timeout_ms < 0 ? -1 : end - io_now_ms();
		int ready = poll(&wait, 1, timeout_ms < 0 ? -1 : left > 0 ? (int)left : 0);

		if (ready > 0)
			return 0;
		if (ready == 0)
			return err_set(err, ERR_TIMEOUT, "no answer within %d ms", timeout_ms);
		if (errno != EINTR)
			return err_system(err, "cannot wait for an answer");
	}
}

int ipc_receive(int fd, struct ipc_message *message, uint32_t *sequence, int timeout_ms, struct err *err)
{
	union {
		char bytes[CMSG_SPACE((IPC_FDS_MAX + 1) * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec part = {receive_buffer, sizeof receive_buffer};
	struct msghdr packet = {
	    .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
	int fds[IPC_FDS_MAX + 1], fd_count;
	ssize_t size;

	ipc_message_reset(message);
	for (;;) {
		size = recvmsg(fd, &packet, MSG_CMSG_CLOEXEC | (timeout_ms < 0 ? 0 : MSG_DONTWAIT));
		if (size >= 0 || (errno != EINTR && errno != EAGAIN) || (errno == EAGAIN && timeout_ms == 0))
			break;
		if (errno == EAGAIN && wait_readable(fd, timeout_ms, err) != 0)
			return -1;
	}
	if (size < 0)
		return errno == ECONNRESET ? 0 : err_system(err, "cannot receive");
	collect_fds(&packet, fds, &fd_count);
	if (size == 0 && fd_count == 0)
		return 0;
	if ((packet.msg_flags & MSG_TRUNC) != 0)
		size = 0;
	return unpack(receive_buffer, (size_t)size, fds, fd_count, message, sequence, err) == 0 ? 1 : -1;
}

/* As ipc_receive, with a call of on_wait in each pause. */
static int receive_answer(struct ipc_channel *channel, struct ipc_message *reply, uint32_t *sequence, int timeout_ms,
                          struct err *err)
{
	int64_t until = io_now_ms() + timeout_ms;
	struct err pause = {0};

	while (channel->on_wait != NULL && until - io_now_ms() > channel->wait_ms) {
		int result = ipc_receive(channel->fd, reply, sequence, channel->wait_ms, &pause);

		if (result != -1 || pause.code != ERR_TIMEOUT) {
			if (result == -1 && err != NULL)
				*err = pause;
			return result;
		}
		channel->on_wait(channel->wait_context);
	}
	if (channel->on_wait != NULL)
		timeout_ms = until > io_now_ms() ? (int)(until - io_now_ms()) : 0;
	return ipc_receive(channel->fd, reply, sequence, timeout_ms, err);
}

int ipc_ask(struct ipc_channel *channel, const struct ipc_message *request, uint32_t *sequence_out, struct err *err)
{
	if (channel->fd < 0)
		return err_set(err, ERR_CLOSED, "the channel is closed");
	*sequence_out = ++channel->sequence;
	if (ipc_send(channel->fd, request, *sequence_out, err) == 0)
		return 0;
	ipc_close(channel);
	return -1;
}

int ipc_await(struct ipc_channel *channel, struct ipc_message *reply, uint32_t *sequence_out, int timeout_ms,
              struct err *err)
{
	int result = receive_answer(channel, reply, sequence_out, timeout_ms, err);

	if (result == 1)
		return 0;
	if (result == 0)
		err_set(err, ERR_CLOSED, "the channel was closed");
	ipc_close(channel);
	return -1;
}

int ipc_check_answer(const struct ipc_message *reply, struct err *err)
{
	struct str status = ipc_get(reply, "status"), text = ipc_get(reply, "text");

	if (str_equal(status, STR("ok")))
		return 0;
	return err_set(err, ipc_status_code(status), "%.*s", STR_ARG(text.data != NULL ? text : STR("no reason given")));
}

int ipc_call(struct ipc_channel *channel, const struct ipc_message *request, struct ipc_message *reply, int timeout_ms,
             struct err *err)
{
	uint32_t asked = 0, answered = 0;

	if (ipc_ask(channel, request, &asked, err) != 0 || ipc_await(channel, reply, &answered, timeout_ms, err) != 0)
		return -1;
	if (answered == asked)
		return ipc_check_answer(reply, err);
	ipc_close(channel);
	return err_set(err, ERR_PROTOCOL, "an answer to another question");
}

bool ipc_peer_is(int fd, uid_t uid)
{
	struct ucred peer;
	socklen_t len = sizeof peer;

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && (peer.uid == uid || peer.uid == 0);
}
