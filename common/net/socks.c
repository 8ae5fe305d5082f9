#include "common/net/socks.h"

#include "common/base/io.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	TEXT_MAX = 255, /* of a name, a user, a password */
	REPLY_4_SIZE = 8,
	GRANTED_4 = 0x5a,
	VERSION_5 = 5,
	METHOD_NONE = 0,
	METHOD_PASSWORD = 2,
	COMMAND_CONNECT = 1,
	TYPE_IPV4 = 1,
	TYPE_NAME = 3,
	TYPE_IPV6 = 4,
};

/* The talk with the proxy, until the connection is the server's. */
struct talk {
	int fd;
	int64_t until_ms;
};

static int wait_for(const struct talk *talk, short events, struct err *err)
{
	struct pollfd wait = {.fd = talk->fd, .events = events};
	int ready;

	do {
		int64_t left = talk->until_ms - io_now_ms();

		ready = poll(&wait, 1, left > 0 ? (int)left : 0);
	} while (ready < 0 && errno == EINTR);
	if (ready == 0)
		return err_set(err, ERR_TIMEOUT, "no answer in time");
	return ready > 0 ? 0 : err_system(err, "cannot wait");
}

static int say(const struct talk *talk, const struct buf *words, struct err *err)
{
	size_t at = 0;

	while (at < words->len) {
		ssize_t count;

		if (wait_for(talk, POLLOUT, err) != 0)
			return -1;
		count = send(talk->fd, words->data + at, words->len - at, MSG_NOSIGNAL);
		if (count < 0 && errno != EINTR && errno != EAGAIN)
			return err_system(err, "cannot write");
		at += count > 0 ? (size_t)count : 0;
	}
	return 0;
}

/* Exactly so many octets: what comes behind them is the server's. */
static int hear(const struct talk *talk, unsigned char *out, size_t size, struct err *err)
{
	size_t at = 0;

	while (at < size) {
		ssize_t count;

		if (wait_for(talk, POLLIN, err) != 0)
			return -1;
		count = recv(talk->fd, out + at, size - at, 0);
		if (count == 0)
			return err_set(err, ERR_CLOSED, "it closed the connection");
		if (count < 0 && errno != EINTR && errno != EAGAIN)
			return err_system(err, "cannot read");
		at += count > 0 ? (size_t)count : 0;
	}
	return 0;
}

static void add_number(struct buf *words, unsigned port)
{
	buf_add_char(words, (char)(port >> 8));
	buf_add_char(words, (char)(port & 0xff));
}

static void add_bytes(struct buf *words, const void *bytes, size_t size)
{
	buf_add_str(words, str_from(bytes, size));
}

static int hear_4(const struct talk *talk, struct err *err)
{
	unsigned char reply[REPLY_4_SIZE];

	if (hear(talk, reply, sizeof reply, err) != 0)
		return -1;
	if (reply[0] != 0)
		return err_set(err, ERR_PROTOCOL, "it does not speak SOCKS 4");
	if (reply[1] == GRANTED_4)
		return 0;
	return err_set(err, ERR_DENIED, "it refused or failed to connect (%u)", reply[1]);
}

/* Version 4 has addresses alone; 4A says by an address that cannot be that a name follows. */
static int connect_4(const struct talk *talk, const struct socks_proxy *proxy, const char *target, unsigned port,
                     struct buf *words, struct err *err)
{
	static const unsigned char no_address[] = {0, 0, 0, 1};
	struct in_addr address;
	bool is_name = inet_pton(AF_INET, target, &address) != 1;

	if (is_name && proxy->version == SOCKS_4)
		return err_set(err, ERR_SYNTAX, "SOCKS 4 reaches IPv4 addresses only, not %s", target);
	buf_add_char(words, 4);
	buf_add_char(words, COMMAND_CONNECT);
	add_number(words, port);
	add_bytes(words, is_name ? (const void *)no_address : &address, sizeof address);
	add_bytes(words, proxy->user, strlen(proxy->user) + 1);
	if (is_name)
		add_bytes(words, target, strlen(target) + 1);
	return say(talk, words, err) != 0 ? -1 : hear_4(talk, err);
}

/* RFC 1929. */
static int log_in(const struct talk *talk, const struct socks_proxy *proxy, struct buf *words, struct err *err)
{
	unsigned char reply[2];

	buf_reset(words);
	buf_add_char(words, 1);
	buf_add_char(words, (char)strlen(proxy->user));
	add_bytes(words, proxy->user, strlen(proxy->user));
	buf_add_char(words, (char)strlen(proxy->password));
	add_bytes(words, proxy->password, strlen(proxy->password));
	if (say(talk, words, err) != 0 || hear(talk, reply, sizeof reply, err) != 0)
		return -1;
	return reply[1] == 0 ? 0 : err_set(err, ERR_DENIED, "it refused the login of %s", proxy->user);
}

/* RFC 1928, 3. */
static int agree(const struct talk *talk, const struct socks_proxy *proxy, struct buf *words, struct err *err)
{
	unsigned char reply[2];
	bool has_login = proxy->user[0] != '\0' && proxy->password[0] != '\0';

	buf_add_char(words, VERSION_5);
	buf_add_char(words, has_login ? 2 : 1);
	buf_add_char(words, METHOD_NONE);
	if (has_login)
		buf_add_char(words, METHOD_PASSWORD);
	if (say(talk, words, err) != 0 || hear(talk, reply, sizeof reply, err) != 0)
		return -1;
	if (reply[0] != VERSION_5)
		return err_set(err, ERR_PROTOCOL, "it does not speak SOCKS 5");
	if (reply[1] == METHOD_NONE)
		return 0;
	if (reply[1] == METHOD_PASSWORD && has_login)
		return log_in(talk, proxy, words, err);
	return err_set(err, ERR_DENIED, "it wants another login than it can get");
}

static void add_target(struct buf *words, const char *target)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (inet_pton(AF_INET, target, &v4) == 1) {
		buf_add_char(words, TYPE_IPV4);
		add_bytes(words, &v4, sizeof v4);
	} else if (inet_pton(AF_INET6, target, &v6) == 1) {
		buf_add_char(words, TYPE_IPV6);
		add_bytes(words, &v6, sizeof v6);
	} else {
		buf_add_char(words, TYPE_NAME);
		buf_add_char(words, (char)strlen(target));
		add_bytes(words, target, strlen(target));
	}
}

/* RFC 1928, 6: the answer, and the address that it ends with, which nobody needs. */
static int hear_5(const struct talk *talk, struct err *err)
{
	static const char *const reasons[] = {"",
	                                      "general failure",
	                                      "not allowed by its rules",
	                                      "network unreachable",
	                                      "host unreachable",
	                                      "connection refused",
	                                      "TTL expired",
	                                      "command not supported",
	                                      "address type not supported"};
	unsigned char reply[4], length = 0, rest[TEXT_MAX + 2];

	if (hear(talk, reply, sizeof reply, err) != 0)
		return -1;
	if (reply[0] != VERSION_5)
		return err_set(err, ERR_PROTOCOL, "it does not speak SOCKS 5");
	if (reply[1] != 0)
		return err_set(err, ERR_DENIED, "it could not connect: %s (%u)",
		               reply[1] < sizeof reasons / sizeof *reasons ? reasons[reply[1]] : "unknown reason", reply[1]);
	if (reply[3] == TYPE_NAME && hear(talk, &length, 1, err) != 0)
		return -1;
	if (reply[3] == TYPE_IPV4)
		length = sizeof(struct in_addr);
	else if (reply[3] == TYPE_IPV6)
		length = sizeof(struct in6_addr);
	else if (reply[3] != TYPE_NAME)
		return err_set(err, ERR_PROTOCOL, "it names no address");
	return hear(talk, rest, (size_t)length + 2, err);
}

static int connect_5(const struct talk *talk, const struct socks_proxy *proxy, const char *target, unsigned port,
                     struct buf *words, struct err *err)
{
	if (agree(talk, proxy, words, err) != 0)
		return -1;
	buf_reset(words);
	buf_add_char(words, VERSION_5);
	buf_add_char(words, COMMAND_CONNECT);
	buf_add_char(words, 0);
	add_target(words, target);
	add_number(words, port);
	return say(talk, words, err) != 0 ? -1 : hear_5(talk, err);
}

static int ask(struct conn *conn, const struct socks_proxy *proxy, const char *target, unsigned port, int timeout_ms,
               struct err *err)
{
	struct talk talk = {conn->fd, io_now_ms() + timeout_ms};
	struct buf words;
	int result;

	buf_init(&words, 4 * TEXT_MAX);
	result = proxy->version == SOCKS_5 ? connect_5(&talk, proxy, target, port, &words, err)
	                                   : connect_4(&talk, proxy, target, port, &words, err);
	buf_free(&words);
	return result;
}

int socks_connect(struct conn *conn, const struct socks_proxy *proxy, const char *from, const char *target,
                  unsigned port, int connect_timeout_ms, int timeout_ms, struct err *err)
{
	struct err reason;

	if (proxy == NULL)
		return conn_connect_from(conn, from, target, port, connect_timeout_ms, timeout_ms, err);
	if (strlen(target) > TEXT_MAX || strlen(proxy->user) > TEXT_MAX || strlen(proxy->password) > TEXT_MAX)
		return err_set(err, ERR_LIMIT, "a name or password for the SOCKS proxy has more than %d octets", TEXT_MAX);
	if (conn_connect_from(conn, from, proxy->address, proxy->port, connect_timeout_ms, timeout_ms, &reason) != 0)
		return err_set(err, reason.code == ERR_SYSTEM ? ERR_CLOSED : reason.code, "the SOCKS proxy: %s", reason.text);
	if (ask(conn, proxy, target, port, connect_timeout_ms, &reason) != 0) {
		conn_close(conn);
		return err_set(err, reason.code == ERR_SYSTEM ? ERR_CLOSED : reason.code,
		               "the SOCKS proxy %s port %u, asked for %s port %u: %s", proxy->address, proxy->port, target,
		               port, reason.text);
	}
	str_copy(str_of(target), conn->peer, sizeof conn->peer);
	conn->peer_port = port;
	return 0;
}
