#include "common/net/conn.h"

#include "common/net/conn_deflate.h"
#include "common/net/conn_io.h"

#include <openssl/ssl.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	DISCARD_MAX = 1024 * 1024, /* octets of a line that is too long which are read away */
	DRAIN_MAX = 64 * 1024,     /* octets dropped at the end */
};

void conn_init(struct conn *conn, int fd, int timeout_ms)
{
	*conn = (struct conn){.fd = fd, .timeout_ms = timeout_ms};
	buf_init(&conn->in, CONN_BUFFER_LIMIT);
	buf_init(&conn->out, CONN_BUFFER_LIMIT);
	conn_read_addresses(conn);
}

/* Closing a TCP socket with unread input resets it, and the peer may lose the answer sent last (RFC 1122 4.2.2.13). */
static void drain(int fd)
{
	char waste[4096];
	size_t total = 0;
	ssize_t count;

	while (total < DRAIN_MAX && (count = recv(fd, waste, sizeof waste, MSG_DONTWAIT)) > 0)
		total += (size_t)count;
}

void conn_close(struct conn *conn)
{
	if (conn->ssl != NULL) {
		if (conn->failed == 0)
			SSL_shutdown(conn->ssl);
		SSL_free(conn->ssl);
		conn->ssl = NULL;
	}
	if (conn->fd >= 0) {
		if (conn->failed == 0 || conn->read_timed_out)
			drain(conn->fd);
		close(conn->fd);
		conn->fd = -1;
	}
	if (conn->deflate != NULL)
		conn_deflate_free(conn);
	conn->tls_active = false;
	buf_free(&conn->in);
	buf_free(&conn->out);
	conn->in_used = 0;
}

int conn_detach(struct conn *conn)
{
	int fd = conn->fd;

	conn->fd = -1;
	conn_close(conn);
	return fd;
}

static struct str unread(const struct conn *conn)
{
	return str_skip(buf_str(&conn->in), conn->in_used);
}

static void trace(const struct conn *conn, enum conn_traced what, struct str bytes)
{
	if (conn->trace != NULL)
		conn->trace(what, bytes, conn->trace_context);
}

void conn_consume(struct conn *conn, size_t count)
{
	trace(conn, CONN_TRACE_IN, str_sub(unread(conn), 0, count));
	conn->in_used += count;
	if (conn->in_used >= conn->in.len)
		conn_drop_input(conn);
}

bool conn_has_input(const struct conn *conn)
{
	return conn->in.len > conn->in_used || (conn->deflate != NULL && conn_deflate_has_input(conn)) ||
	       (conn->ssl != NULL && SSL_pending(conn->ssl) > 0);
}

void conn_drop_input(struct conn *conn)
{
	buf_reset(&conn->in);
	conn->in_used = 0;
}

void conn_drop_consumed(struct conn *conn)
{
	if (conn->in_used > 0) {
		buf_consume(&conn->in, conn->in_used);
		conn->in_used = 0;
	}
}

int conn_begin_wait(struct conn *conn, struct err *err)
{
	if (conn->failed != 0)
		return conn_fail(conn, NULL, err);
	if (conn_flush(conn, err) != 0)
		return -1;
	conn_drop_consumed(conn);
	if (conn->on_wait != NULL)
		conn->on_wait(conn->context);
	trace(conn, CONN_TRACE_WAIT, STR(""));
	return 0;
}

/* Add what comes next to the input, at least one octet. */
static int fill(struct conn *conn, struct err *err)
{
	struct err reason;

	if (conn_begin_wait(conn, err) != 0)
		return -1;
	if (conn_receive(conn, &reason) != 0) {
		conn->read_timed_out = reason.code == ERR_TIMEOUT;
		return conn_fail(conn, &reason, err);
	}
	/* A full buffer doubles, so that a session of commands keeps little and a stream of data moves in large steps. */
	if (conn->in.len + 1 == conn->in.capacity && conn->in.capacity < CONN_READ_MAX)
		buf_reserve(&conn->in, conn->in.capacity);
	return 0;
}

/* Find the next line end from octet `from` on. Returns the length of the line with its end, 0 where there is none. */
static size_t find_line_end(struct str text, size_t from, bool bare_lf)
{
	while (from < text.len) {
		const char *lf = memchr(text.data + from, '\n', text.len - from);
		size_t at;

		if (lf == NULL)
			break;
		at = (size_t)(lf - text.data);
		if (bare_lf || (at > 0 && text.data[at - 1] == '\r'))
			return at + 1;
		from = at + 1;
	}
	return 0;
}

/* Read the rest of a line that is too long away, so that the next command is found. */
static int discard_line(struct conn *conn, size_t limit, bool bare_lf, struct err *err)
{
	size_t discarded = 0, len;

	while ((len = find_line_end(unread(conn), 0, bare_lf)) == 0) {
		struct str rest = unread(conn);
		size_t keep = rest.len > 0 && rest.data[rest.len - 1] == '\r' ? 1 : 0;

		discarded += rest.len - keep;
		if (discarded > DISCARD_MAX) {
			struct err reason;

			err_set(&reason, ERR_LIMIT, "a line of more than %d octets", DISCARD_MAX);
			return conn_fail(conn, &reason, err);
		}
		conn_consume(conn, rest.len - keep);
		if (fill(conn, err) != 0)
			return -1;
	}
	conn_consume(conn, len);
	return err_set(err, ERR_LIMIT, "a line of more than %zu octets", limit);
}

int conn_read_line(struct conn *conn, size_t limit, bool bare_lf, struct str *line_out, struct err *err)
{
	size_t searched = 0, len;
	struct str text;

	for (;;) {
		text = unread(conn);
		len = find_line_end(text, searched, bare_lf);
		if (len > limit || (len == 0 && text.len >= limit))
			return discard_line(conn, limit, bare_lf, err);
		if (len != 0)
			break;
		searched = text.len;
		if (fill(conn, err) != 0)
			return -1;
	}
	trace(conn, CONN_TRACE_IN, str_sub(text, 0, len));
	conn->in_used += len;
	len--;
	if (len > 0 && text.data[len - 1] == '\r')
		len--;
	*line_out = str_from(text.data, len);
	return 0;
}

int conn_read_some(struct conn *conn, struct str *bytes_out, struct err *err)
{
	if (conn->in_used >= conn->in.len && fill(conn, err) != 0)
		return -1;
	*bytes_out = unread(conn);
	return 0;
}

int conn_push(struct conn *conn, struct str more, struct err *err)
{
	struct err reason;
	int result;

	if (conn->failed != 0 && !conn->read_timed_out) {
		buf_reset(&conn->out);
		return conn_fail(conn, NULL, err);
	}
	result = conn_send(conn, buf_str(&conn->out), more, &reason);
	if (result != 0) {
		conn->read_timed_out = false;
		conn_fail(conn, &reason, err);
	}
	buf_reset(&conn->out);
	return result;
}

int conn_flush(struct conn *conn, struct err *err)
{
	if (conn->out.len == 0)
		return conn->failed != 0 && !conn->read_timed_out ? conn_fail(conn, NULL, err) : 0;
	return conn_push(conn, STR(""), err);
}

void conn_write(struct conn *conn, struct str bytes)
{
	trace(conn, CONN_TRACE_OUT, bytes);
	if (conn->out.len + bytes.len <= CONN_FLUSH_AT)
		buf_add_str(&conn->out, bytes);
	else
		conn_push(conn, bytes, NULL);
}

void conn_printf(struct conn *conn, const char *format, ...)
{
	size_t before = conn->out.len;
	struct err reason;
	va_list args;

	va_start(args, format);
	if (buf_vprintf(&conn->out, format, args) != 0) {
		err_set(&reason, ERR_LIMIT, "an answer of more than %d octets", CONN_BUFFER_LIMIT);
		conn_fail(conn, &reason, NULL);
	}
	va_end(args);
	trace(conn, CONN_TRACE_OUT, str_skip(buf_str(&conn->out), before));
	if (conn->out.len > CONN_FLUSH_AT)
		conn_flush(conn, NULL);
}
