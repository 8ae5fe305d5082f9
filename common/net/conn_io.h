/*
 * conn_io: what the files of conn share; for nobody else.
 */
#ifndef POSTROOM_NET_CONN_IO_H
#define POSTROOM_NET_CONN_IO_H

#include "common/net/conn.h"

#include <sys/types.h>

enum {
	CONN_BUFFER_LIMIT = 4 * 1024 * 1024, /* of what waits unread or unsent; callers' own limits are far below */
	CONN_FLUSH_AT = 16 * 1024,           /* octets that may wait to be written; one full TLS record */
	CONN_READ_MIN = 16 * 1024,           /* first size of the read buffer (a page costs memory only once it is used), */
	CONN_READ_MAX = 64 * 1024,           /* and what it grows to while the peer fills it */
	CONN_IDLE_MS = 2000,                 /* a wait longer than this gives the buffers back */
};

/*
 * Latch the first failure, and tell the caller of it (reason and err may be the same, err may be NULL). Always returns
 * -1. With reason NULL: the failure latched before.
 */
int conn_fail(struct conn *conn, const struct err *reason, struct err *err);

/* What the caller has consumed leaves the buffer: views of it die. */
void conn_drop_consumed(struct conn *conn);

/* Before each wait for input: send what waits to be written, drop what is consumed, tell the session. -1: latched. */
int conn_begin_wait(struct conn *conn, struct err *err);

/* Set err to what errno means for the user of the connection. Always returns -1. */
int conn_system_failure(const char *what, struct err *err);

/* The io_now_ms() until which a wait that begins now may last. */
int64_t conn_wait_end(const struct conn *conn);
/* Wait for POLLIN or POLLOUT. -1: ERR_TIMEOUT, ERR_SYSTEM; not latched. */
int conn_wait(struct conn *conn, short events, int64_t until, struct err *err);

/* Room for input in a buffer, at least one octet; a wait may take it away again. NULL: ERR_LIMIT. */
char *conn_room(struct buf *to, size_t *room_out, struct err *err);
/* Add what is there to the input, at least one octet, waiting where there is nothing. -1: not latched. */
int conn_receive(struct conn *conn, struct err *err);
/* The same below the compression, into any buffer. */
int conn_receive_raw(struct conn *conn, struct buf *to, struct err *err);
int conn_tls_receive(struct conn *conn, struct buf *to, int64_t until, struct err *err);

/* Write both parts, in this order, waiting as often as it takes. -1: not latched. */
int conn_send(struct conn *conn, struct str first, struct str second, struct err *err);
/* The same below the compression. */
int conn_send_raw(struct conn *conn, struct str first, struct str second, struct err *err);
int conn_tls_send(struct conn *conn, struct str bytes, struct err *err);

/* What waits to be written, followed by more (of any length), now. -1: latched. */
int conn_push(struct conn *conn, struct str more, struct err *err);

/* Fill in peer and local from the socket. */
void conn_read_addresses(struct conn *conn);

#endif
