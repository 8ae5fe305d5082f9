/* conn: sending a file. */
#include "common/net/conn_io.h"

#include "common/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/sendfile.h>
#include <unistd.h>

enum { CHUNK = 64 * 1024 };

static int read_failure(ssize_t count, struct err *err)
{
	if (count == 0)
		return err_set(err, ERR_CORRUPT, "the file is shorter than it should be");
	return err_system(err, "cannot read the file");
}

/* Straight from the page cache; the descriptor is non-blocking meanwhile, so that every wait is ours and has its limit.
 */
static int send_in_clear(struct conn *conn, int file, off_t offset, off_t len, struct err *err)
{
	struct err reason;
	int result = 0;

	if (conn_flush(conn, err) != 0)
		return -1;
	if (fcntl(conn->fd, F_SETFL, O_NONBLOCK) != 0) {
		err_system(&reason, "cannot prepare the connection");
		return conn_fail(conn, &reason, err);
	}
	while (len > 0 && result == 0) {
		ssize_t count = sendfile(conn->fd, file, &offset, (size_t)len);

		if (count > 0)
			len -= count;
		else if (count < 0 && errno == EAGAIN)
			result = conn_wait(conn, POLLOUT, conn_wait_end(conn), &reason);
		else if (count < 0 && (errno == EPIPE || errno == ECONNRESET))
			result = conn_system_failure("", &reason);
		else if (count == 0 || errno != EINTR)
			result = read_failure(count, &reason);
	}
	fcntl(conn->fd, F_SETFL, 0);
	return result == 0 ? 0 : conn_fail(conn, &reason, err);
}

/* Where the text stands between chunks. */
struct stuffing {
	bool line_start; /* the last octets were CRLF, or there were none yet */
	bool after_cr;
};

/* Does a line begin at text.data + at? Only CRLF ends one (RFC 5321 2.3.8). */
static bool is_line_start(struct str text, size_t at, const struct stuffing *state)
{
	if (at == 0)
		return state->line_start;
	return text.data[at - 1] == '\n' && (at == 1 ? state->after_cr : text.data[at - 2] == '\r');
}

/* A dot that begins a line is doubled (RFC 5321 4.5.2, RFC 1939 section 3). */
static void write_stuffed(struct conn *conn, struct str text, struct stuffing *state)
{
	const char *dot = text.data, *end = text.data + text.len;
	size_t sent = 0;

	if (text.len == 0)
		return;
	for (; (dot = memchr(dot, '.', (size_t)(end - dot))) != NULL; dot++) {
		size_t at = (size_t)(dot - text.data);

		if (!is_line_start(text, at, state))
			continue;
		conn_write(conn, str_sub(text, sent, at - sent));
		conn_write(conn, STR("."));
		sent = at;
	}
	conn_write(conn, str_skip(text, sent));
	state->line_start = is_line_start(text, text.len, state);
	state->after_cr = text.data[text.len - 1] == '\r';
}

int conn_send_file(struct conn *conn, int file, off_t offset, off_t len, bool dot_stuff, struct err *err)
{
	struct stuffing state = {.line_start = true};
	struct err reason;
	char *chunk;
	size_t size;
	int result = 0;

	if (!dot_stuff && conn->ssl == NULL && conn->deflate == NULL && conn->trace == NULL && conn->throttle == NULL &&
	    len > CONN_FLUSH_AT)
		return send_in_clear(conn, file, offset, len, err);
	size = len < CHUNK ? (size_t)len : CHUNK;
	chunk = memory_resize(NULL, size);
	while (len > 0 && result == 0) {
		ssize_t count = pread(file, chunk, len < CHUNK ? (size_t)len : CHUNK, offset);

		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0) {
			read_failure(count, &reason);
			result = conn_fail(conn, &reason, err);
			break;
		}
		if (dot_stuff)
			write_stuffed(conn, str_from(chunk, (size_t)count), &state);
		else
			conn_write(conn, str_from(chunk, (size_t)count));
		offset += count;
		len -= count;
		if (conn->failed != 0)
			result = conn_fail(conn, NULL, err);
	}
	memory_free(chunk);
	if (result == 0 && dot_stuff && !state.line_start)
		conn_write(conn, state.after_cr ? STR("\n") : STR("\r\n"));
	return result;
}
