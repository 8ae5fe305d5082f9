/*
 * conn_deflate: the layer of compression, between the buffers of conn and what is below; for the files of conn alone.
 */
#ifndef POSTROOM_NET_CONN_DEFLATE_H
#define POSTROOM_NET_CONN_DEFLATE_H

#include "common/net/conn.h"

struct conn_deflate;

/* Does it hold input that it has not given out? */
bool conn_deflate_has_input(const struct conn *conn);
/* As conn_receive_raw, what was received being decompressed into the input. */
int conn_deflate_receive(struct conn *conn, struct err *err);
/* Decompress what is there, and what the socket has where that is readable, without waiting. 1: there is more input
 * now, 0: there is not, -1 as conn_receive_raw. */
int conn_deflate_take(struct conn *conn, bool is_readable, struct err *err);
/* Compress bytes and send them, so that the peer can read all of them. -1: not latched. */
int conn_deflate_send(struct conn *conn, struct str bytes, struct err *err);
/* Give back what is empty. */
void conn_deflate_release(struct conn *conn);
void conn_deflate_free(struct conn *conn);

#endif
