/* conn: connecting out. */
#include "common/net/conn_io.h"

#include "common/base/io.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

static bool parse_address(const char *text, unsigned port, struct sockaddr_storage *address, socklen_t *size)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;

	*address = (struct sockaddr_storage){0};
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
		*size = sizeof *v4;
		return true;
	}
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)port);
		*size = sizeof *v6;
		return true;
	}
	return false;
}

/* Connect a non-blocking socket. -1 with errno, ETIMEDOUT also where wait_ms are over. */
static int connect_within(int fd, const struct sockaddr_storage *address, socklen_t size, int wait_ms)
{
	struct pollfd wait = {.fd = fd, .events = POLLOUT};
	int64_t until = io_now_ms() + wait_ms;
	int failure = 0, ready;
	socklen_t failure_size = sizeof failure;

	if (connect(fd, (const struct sockaddr *)address, size) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return -1;
	do {
		int64_t left = until - io_now_ms();

		ready = poll(&wait, 1, left > 0 ? (int)left : 0);
	} while (ready < 0 && errno == EINTR);
	if (ready == 0)
		errno = ETIMEDOUT;
	if (ready <= 0)
		return -1;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &failure_size) != 0)
		return -1;
	errno = failure;
	return failure == 0 ? 0 : -1;
}

static int bind_to(int fd, const char *from, struct err *err)
{
	struct sockaddr_storage own;
	socklen_t size;

	if (from == NULL || from[0] == '\0')
		return 0;
	if (!parse_address(from, 0, &own, &size))
		return err_set(err, ERR_SYNTAX, "\"%s\" is no address", from);
	return bind(fd, (const struct sockaddr *)&own, size) == 0 ? 0 : err_system(err, "cannot connect from %s", from);
}

int conn_connect(struct conn *conn, const char *address, unsigned port, int connect_timeout_ms, int timeout_ms,
                 struct err *err)
{
	return conn_connect_from(conn, NULL, address, port, connect_timeout_ms, timeout_ms, err);
}

int conn_connect_from(struct conn *conn, const char *from, const char *address, unsigned port, int connect_timeout_ms,
                      int timeout_ms, struct err *err)
{
	struct sockaddr_storage parsed;
	socklen_t size;
	int fd, on = 1;

	conn_init(conn, -1, timeout_ms);
	if (port == 0 || port > 65535 || !parse_address(address, port, &parsed, &size))
		return err_set(err, ERR_SYNTAX, "\"%s\" port %u is no address", address, port);
	fd = socket(parsed.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_system(err, "cannot make a socket");
	if (bind_to(fd, from, err) != 0) {
		close(fd);
		return -1;
	}
	if (connect_within(fd, &parsed, size, connect_timeout_ms) != 0 || fcntl(fd, F_SETFL, O_RDWR) != 0) {
		if (errno == ETIMEDOUT)
			err_set(err, ERR_TIMEOUT, "cannot connect to %s port %u: no answer in time", address, port);
		else
			err_system(err, "cannot connect to %s port %u", address, port);
		close(fd);
		return -1;
	}
	/* Answers are collected and leave together: waiting for more would only delay them. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	conn_init(conn, fd, timeout_ms);
	return 0;
}

int conn_explain_loss(const char *shown, struct err *err)
{
	struct err reason = *err;

	/* the words of the specification (09, 15) */
	if (reason.code == ERR_CLOSED)
		err_set(err, reason.code, "The server connection was closed unexpectedly on \"%s\"", shown);
	else if (reason.code == ERR_SYSTEM && (reason.sys == ECONNRESET || reason.sys == EPIPE))
		err_set(err, ERR_CLOSED, "The server connection was closed unexpectedly on \"%s\": %s (%s)", shown,
		        strerrordesc_np(reason.sys), strerrorname_np(reason.sys));
	else if (reason.code == ERR_TIMEOUT)
		err_set(err, reason.code, "The server did not answer to \"%s\" in time", shown);
	else
		err_set(err, reason.code, "The server connection was lost on \"%s\": %s", shown, reason.text);
	return -1;
}
