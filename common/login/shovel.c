#include "common/login/shovel.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	UP_SIZE = 4096,    /* commands */
	DOWN_SIZE = 65536, /* messages; only pages that were used take memory */
	IDLE_MS = 2000,
};

/* Bytes on their way in one direction. */
struct flow {
	char *data;
	size_t from, until;
	bool ended; /* its source gives no more */
};

struct shovel {
	SSL *ssl;
	int client, pair;
	struct flow up, down;
	bool more;            /* TLS holds bytes that it has not given out: no wait would show them */
	bool tls_wants_write; /* the last TLS call waits for room in the client's socket */
	bool failed;          /* the client cannot be written to any more */
};

static bool flow_is_empty(const struct flow *flow)
{
	return flow->from == flow->until;
}

static void set_nonblocking(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static void read_client(struct shovel *s)
{
	int count, why;

	ERR_clear_error();
	count = SSL_read(s->ssl, s->up.data, UP_SIZE);
	s->more = count > 0 && SSL_has_pending(s->ssl) == 1; /* an incomplete record is for the next wait */
	if (count > 0) {
		s->up.from = 0;
		s->up.until = (size_t)count;
		return;
	}
	why = SSL_get_error(s->ssl, count);
	s->tls_wants_write = why == SSL_ERROR_WANT_WRITE;
	s->up.ended = why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE;
}

static void write_client(struct shovel *s)
{
	s->tls_wants_write = false;
	while (!flow_is_empty(&s->down) && !s->failed && !s->tls_wants_write) {
		int count, why;

		ERR_clear_error();
		count = SSL_write(s->ssl, s->down.data + s->down.from, (int)(s->down.until - s->down.from));
		if (count > 0) {
			s->down.from += (size_t)count;
			continue;
		}
		why = SSL_get_error(s->ssl, count);
		s->tls_wants_write = why == SSL_ERROR_WANT_WRITE;
		s->failed = !s->tls_wants_write; /* there is no renegotiation for which it would have to read */
	}
}

static void read_daemon(struct shovel *s)
{
	ssize_t count = read(s->pair, s->down.data, DOWN_SIZE);

	if (count < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	s->down.from = 0;
	s->down.until = count > 0 ? (size_t)count : 0;
	s->down.ended = count <= 0;
}

static void write_daemon(struct shovel *s)
{
	ssize_t count = send(s->pair, s->up.data + s->up.from, s->up.until - s->up.from, MSG_NOSIGNAL);

	if (count > 0)
		s->up.from += (size_t)count;
	else if (errno != EAGAIN && errno != EINTR)
		s->up.from = s->up.until; /* it has ended: what it wrote before still comes */
}

/* Wait until something can move. False: nothing did within timeout_ms. */
static bool wait_for_either(const struct shovel *s, int timeout_ms)
{
	struct pollfd wait[2] = {{.fd = s->client}, {.fd = s->pair}};

	if (flow_is_empty(&s->up) && !s->up.ended)
		wait[0].events |= POLLIN;
	if (s->tls_wants_write)
		wait[0].events |= POLLOUT;
	if (flow_is_empty(&s->down) && !s->down.ended)
		wait[1].events |= POLLIN;
	if (!flow_is_empty(&s->up))
		wait[1].events |= POLLOUT;
	for (int i = 0; i < 2; i++)
		if (wait[i].events == 0)
			wait[i].fd = -1; /* or a hang-up there would end every wait at once */
	return poll(wait, 2, timeout_ms) != 0;
}

/* Move what can be moved without waiting: each direction is read only when it is empty. */
static void move(struct shovel *s, bool *up_was_closed)
{
	if (flow_is_empty(&s->up) && !s->up.ended)
		read_client(s);
	if (!flow_is_empty(&s->up))
		write_daemon(s);
	if (flow_is_empty(&s->up) && s->up.ended && !*up_was_closed) {
		/* Commands that came before the client's end are still served; then the daemon sees the end too. */
		shutdown(s->pair, SHUT_WR);
		*up_was_closed = true;
	}
	if (flow_is_empty(&s->down) && !s->down.ended)
		read_daemon(s);
	if (!flow_is_empty(&s->down))
		write_client(s);
}

/* Both sides are silent: what TLS and the allocator keep for later goes back to the system. */
static void release(const struct shovel *s)
{
	SSL_free_buffers(s->ssl);
	malloc_trim(0);
}

/* Wait until something can move. False: the daemon has ended, and the client did not take its last bytes in time. */
static bool wait_to_move(const struct shovel *s, int timeout_ms)
{
	if (s->down.ended)
		return wait_for_either(s, timeout_ms);
	if (wait_for_either(s, IDLE_MS))
		return true;
	release(s);
	return wait_for_either(s, -1);
}

void shovel_run(struct conn *conn, int pair)
{
	char up[UP_SIZE], down[DOWN_SIZE];
	struct shovel s = {.ssl = conn->ssl, .client = conn->fd, .pair = pair, .up = {.data = up}, .down = {.data = down}};
	bool up_was_closed = false, moving = true;

	s.more = SSL_has_pending(s.ssl) == 1;
	SSL_set_mode(s.ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	set_nonblocking(s.client);
	set_nonblocking(pair);
	while (moving && !s.failed && !(s.down.ended && flow_is_empty(&s.down))) {
		if (!s.more || !flow_is_empty(&s.up))
			moving = wait_to_move(&s, conn->timeout_ms);
		move(&s, &up_was_closed);
	}
}
