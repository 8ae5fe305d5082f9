/* conn: waiting, and moving octets in clear. */
#include "common/net/conn_io.h"

#include "common/base/io.h"
#include "common/net/conn_deflate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

int conn_fail(struct conn *conn, const struct err *reason, struct err *err)
{
	if (reason != NULL && conn->failed == 0) {
		conn->failed = reason->code;
		conn->failure = *reason;
	}
	if (err != NULL && err != &conn->failure)
		*err = reason != NULL ? *reason : conn->failure;
	return -1;
}

int64_t conn_wait_end(const struct conn *conn)
{
	int64_t now = io_now_ms();
	int64_t end = now + conn->timeout_ms;

	if (conn->read_timed_out)
		return now;
	return conn->deadline_ms != 0 && conn->deadline_ms < end ? conn->deadline_ms : end;
}

/* The session waits long: give back what it does not need now, also what the allocator keeps for later. */
static void release(struct conn *conn)
{
	conn->idle = true;
	if (conn->in.len == 0)
		buf_free(&conn->in);
	if (conn->out.len == 0)
		buf_free(&conn->out);
	if (conn->deflate != NULL)
		conn_deflate_release(conn);
	if (conn->ssl != NULL)
		SSL_free_buffers(conn->ssl);
	if (conn->on_idle != NULL)
		conn->on_idle(conn->context);
	malloc_trim(0);
}

/* Wait for the peer or for other_fd (-1: none). Returns events of enum conn_event; -1: ERR_TIMEOUT, ERR_SYSTEM. */
static int wait_either(struct conn *conn, short events, int other_fd, int64_t until, struct err *err)
{
	struct pollfd waits[2] = {{.fd = conn->fd, .events = events}, {.fd = other_fd, .events = POLLIN}};

	for (;;) {
		int64_t now = io_now_ms(), end = until;
		int ready;

		if (events == POLLIN && !conn->idle && conn->waiting_since_ms + CONN_IDLE_MS < until)
			end = conn->waiting_since_ms + CONN_IDLE_MS;
		ready = poll(waits, 2, now >= end ? 0 : end - now < INT_MAX ? (int)(end - now) : INT_MAX);
		if (ready > 0)
			return (waits[0].revents != 0 ? CONN_INPUT : 0) | (waits[1].revents != 0 ? CONN_OTHER : 0);
		if (ready < 0 && errno != EINTR)
			return err_system(err, "cannot wait for the peer");
		if (ready < 0 || io_now_ms() < end)
			continue;
		if (end == until)
			return err_set(err, ERR_TIMEOUT, "the peer did not %s in time", events == POLLIN ? "send" : "read");
		release(conn);
	}
}

int conn_wait(struct conn *conn, short events, int64_t until, struct err *err)
{
	return wait_either(conn, events, -1, until, err) > 0 ? 0 : -1;
}

/*
 * What the reader will find, whatever the socket has. Compressed octets may be the rest of what was read already: a
 * peer's flush ends with some that say nothing, and they may come in a packet of their own. Who took them for input
 * would wait for the rest of it, deaf to all else.
 */
static int add_input(struct conn *conn, int events, struct err *err)
{
	int taken;

	if (conn->deflate == NULL || conn->in.len > conn->in_used)
		return events | (conn_has_input(conn) ? CONN_INPUT : 0);
	taken = conn_deflate_take(conn, (events & CONN_INPUT) != 0, err);
	if (taken < 0)
		return -1;
	return (events & ~CONN_INPUT) | (taken > 0 ? CONN_INPUT : 0);
}

int conn_wait_input(struct conn *conn, int other_fd, int timeout_ms, struct err *err)
{
	int64_t until = io_now_ms() + timeout_ms, end;
	struct err reason;
	int events;

	if (conn_begin_wait(conn, err) != 0)
		return -1;
	conn->waiting_since_ms = io_now_ms();
	conn->idle = false;
	do {
		end = conn_has_input(conn) ? 0 : until;
		events = wait_either(conn, POLLIN, other_fd, end, &reason);
		if (events < 0 && reason.code != ERR_TIMEOUT)
			return conn_fail(conn, &reason, err);
		if (events < 0 && end == until)
			return 0;
		events = add_input(conn, events > 0 ? events : 0, &reason);
		if (events < 0)
			return conn_fail(conn, &reason, err);
	} while (events == 0);
	return events;
}

int conn_system_failure(const char *what, struct err *err)
{
	if (errno == ECONNRESET || errno == EPIPE)
		return err_set(err, ERR_CLOSED, "the peer reset the connection");
	return err_system(err, "%s", what);
}

char *conn_room(struct buf *to, size_t *room_out, struct err *err)
{
	char *room = NULL;

	if (to->capacity == 0)
		room = buf_reserve(to, CONN_READ_MIN - 1);
	else
		room = buf_reserve(to, to->len + 1 < to->capacity ? 1 : to->capacity);
	if (room == NULL)
		err_set(err, ERR_LIMIT, "more than %d octets wait unread", CONN_BUFFER_LIMIT);
	*room_out = to->capacity - 1 - to->len;
	return room;
}

/* Let the socket itself end a blocking read after wait_ms. */
static void limit_blocking(struct conn *conn, int wait_ms)
{
	struct timeval limit = {.tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000};

	if (conn->receive_timeout_ms != wait_ms && setsockopt(conn->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0)
		conn->receive_timeout_ms = wait_ms;
}

/*
 * A blocking read with the socket's own time limit takes one system call where poll and read take two; only a wait that
 * becomes long goes on in poll.
 */
int conn_receive_raw(struct conn *conn, struct buf *to, struct err *err)
{
	int64_t until = conn_wait_end(conn);
	int64_t left;
	ssize_t count;

	conn->waiting_since_ms = io_now_ms();
	conn->idle = false;
	left = until - conn->waiting_since_ms;
	if (conn->ssl != NULL)
		return conn_tls_receive(conn, to, until, err);
	if (left > 0)
		limit_blocking(conn, left < CONN_IDLE_MS ? (int)left : CONN_IDLE_MS);
	for (;;) {
		size_t size;
		char *room = conn_room(to, &size, err);

		if (room == NULL)
			return -1;
		count = recv(conn->fd, room, size, left > 0 && !conn->idle ? 0 : MSG_DONTWAIT);
		if (count > 0)
			break;
		if (count == 0)
			return err_set(err, ERR_CLOSED, "the peer closed the connection");
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return conn_system_failure("cannot read from the peer", err);
		if (conn_wait(conn, POLLIN, until, err) != 0)
			return -1;
	}
	to->len += (size_t)count;
	return 0;
}

int conn_receive(struct conn *conn, struct err *err)
{
	size_t before = conn->in.len, left;

	if ((conn->deflate != NULL ? conn_deflate_receive(conn, err) : conn_receive_raw(conn, &conn->in, err)) != 0)
		return -1;
	for (left = conn->throttle != NULL ? conn->in.len - before : 0; left > 0;)
		left -= conn->throttle(left, conn->throttle_context);
	return 0;
}

static int send_in_clear(struct conn *conn, struct str first, struct str second, struct err *err)
{
	while (first.len + second.len > 0) {
		struct iovec parts[2] = {{(void *)first.data, first.len}, {(void *)second.data, second.len}};
		struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
		ssize_t count = sendmsg(conn->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (count < 0 && errno == EAGAIN) {
			if (conn_wait(conn, POLLOUT, conn_wait_end(conn), err) != 0)
				return -1;
		} else if (count < 0 && errno != EINTR) {
			return conn_system_failure("cannot write to the peer", err);
		} else if (count > 0) {
			size_t of_first = (size_t)count < first.len ? (size_t)count : first.len;

			first = str_skip(first, of_first);
			second = str_skip(second, (size_t)count - of_first);
		}
	}
	return 0;
}

/* In pieces, each when its time has come. */
static int send_throttled(struct conn *conn, struct str bytes, struct err *err)
{
	int result = 0;

	while (bytes.len > 0 && result == 0) {
		struct str piece = str_sub(bytes, 0, conn->throttle(bytes.len, conn->throttle_context));

		result = conn->ssl == NULL ? send_in_clear(conn, piece, STR(""), err) : conn_tls_send(conn, piece, err);
		bytes = str_skip(bytes, piece.len);
	}
	return result;
}

int conn_send_raw(struct conn *conn, struct str first, struct str second, struct err *err)
{
	if (conn->throttle != NULL)
		return send_throttled(conn, first, err) == 0 ? send_throttled(conn, second, err) : -1;
	if (conn->ssl == NULL)
		return send_in_clear(conn, first, second, err);
	return conn_tls_send(conn, first, err) == 0 ? conn_tls_send(conn, second, err) : -1;
}

int conn_send(struct conn *conn, struct str first, struct str second, struct err *err)
{
	if (conn->deflate == NULL)
		return conn_send_raw(conn, first, second, err);
	return conn_deflate_send(conn, first, err) == 0 ? conn_deflate_send(conn, second, err) : -1;
}

static void address_text(const struct sockaddr_storage *address, char *text, size_t size, unsigned *port)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;

	if (address->ss_family == AF_INET) {
		inet_ntop(AF_INET, &v4->sin_addr, text, (socklen_t)size);
		*port = ntohs(v4->sin_port);
	} else if (address->ss_family == AF_INET6) {
		/* An IPv4 peer of a dual-stack socket is written as what it is, so that access lists know it. */
		if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
			inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], text, (socklen_t)size);
		else
			inet_ntop(AF_INET6, &v6->sin6_addr, text, (socklen_t)size);
		*port = ntohs(v6->sin6_port);
	}
}

void conn_read_addresses(struct conn *conn)
{
	struct sockaddr_storage address = {0};
	socklen_t size = sizeof address;

	if (getpeername(conn->fd, (struct sockaddr *)&address, &size) == 0)
		address_text(&address, conn->peer, sizeof conn->peer, &conn->peer_port);
	size = sizeof address;
	if (getsockname(conn->fd, (struct sockaddr *)&address, &size) == 0)
		address_text(&address, conn->local, sizeof conn->local, &conn->local_port);
}
