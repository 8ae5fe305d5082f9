/* conn: COMPRESS=DEFLATE (RFC 4978), below the lines and above TLS. */
#include "common/net/conn_deflate.h"

#include "common/base/memory.h"
#include "common/net/conn_io.h"

#include <limits.h>
#include <zlib.h>

enum {
	WINDOW_BITS = 15,     /* what peers may use (RFC 1951); inflate takes that much only when they do */
	OUT_WINDOW_BITS = 14, /* what we use: a session's memory is worth more than the last percent, */
	OUT_MEMORY_LEVEL = 7, /* 128 kB together */
	LEVEL = 5,
	CHUNK = 8 * 1024, /* of compressed octets to send */
};

struct conn_deflate {
	z_stream in, out;
	struct buf raw;  /* received, not decompressed yet */
	bool in_is_full; /* the last piece filled its room: there may be more of it in the stream */
};

static void *get(void *context, unsigned count, unsigned size)
{
	(void)context;
	return memory_get((size_t)count * size);
}

static void give_back(void *context, void *memory)
{
	(void)context;
	memory_free(memory);
}

int conn_compress(struct conn *conn, struct err *err)
{
	struct conn_deflate *deflate;
	struct err reason;

	if (conn_flush(conn, err) != 0)
		return -1;
	deflate = memory_get(sizeof *deflate);
	deflate->in.zalloc = deflate->out.zalloc = get;
	deflate->in.zfree = deflate->out.zfree = give_back;
	buf_init(&deflate->raw, CONN_BUFFER_LIMIT);
	conn->deflate = deflate;
	/* a negative number of bits: raw deflate, no header (RFC 4978 section 4) */
	if (inflateInit2(&deflate->in, -WINDOW_BITS) != Z_OK ||
	    deflateInit2(&deflate->out, LEVEL, Z_DEFLATED, -OUT_WINDOW_BITS, OUT_MEMORY_LEVEL, Z_DEFAULT_STRATEGY) !=
	        Z_OK) {
		err_set(&reason, ERR_SYSTEM, "cannot begin to compress");
		return conn_fail(conn, &reason, err);
	}
	/* what came since our answer is compressed already */
	buf_add_str(&deflate->raw, str_skip(buf_str(&conn->in), conn->in_used));
	conn_drop_input(conn);
	return 0;
}

bool conn_deflate_has_input(const struct conn *conn)
{
	return conn->deflate->raw.len > 0 || conn->deflate->in_is_full;
}

/* Decompress what there is room for. *made_out: octets added to the input. */
static int inflate_some(struct conn *conn, size_t *made_out, struct err *err)
{
	struct conn_deflate *deflate = conn->deflate;
	z_stream *stream = &deflate->in;
	size_t room, taken;
	char *to = conn_room(&conn->in, &room, err);
	int result;

	if (to == NULL)
		return -1;
	stream->next_in = (Bytef *)deflate->raw.data;
	stream->avail_in = (uInt)deflate->raw.len;
	stream->next_out = (Bytef *)to;
	stream->avail_out = (uInt)room;
	result = inflate(stream, Z_SYNC_FLUSH);
	taken = deflate->raw.len - stream->avail_in;
	*made_out = room - stream->avail_out;
	conn->in.len += *made_out;
	buf_consume(&deflate->raw, taken);
	deflate->in_is_full = stream->avail_out == 0;
	if (result == Z_STREAM_END)
		return *made_out > 0 ? 0 : err_set(err, ERR_CLOSED, "the peer ended its compressed stream");
	if (result != Z_OK && result != Z_BUF_ERROR)
		return err_set(err, ERR_PROTOCOL, "the peer's compressed data makes no sense");
	return 0;
}

int conn_deflate_take(struct conn *conn, bool is_readable, struct err *err)
{
	size_t made = 0;

	if (is_readable && !conn_deflate_has_input(conn) && conn_receive_raw(conn, &conn->deflate->raw, err) != 0)
		return -1;
	while (made == 0 && conn_deflate_has_input(conn))
		if (inflate_some(conn, &made, err) != 0)
			return -1;
	return made > 0;
}

int conn_deflate_receive(struct conn *conn, struct err *err)
{
	int taken = conn_deflate_take(conn, false, err);

	while (taken == 0)
		taken = conn_deflate_take(conn, true, err);
	return taken > 0 ? 0 : -1;
}

int conn_deflate_send(struct conn *conn, struct str bytes, struct err *err)
{
	z_stream *stream = &conn->deflate->out;
	char chunk[CHUNK];
	int result;

	stream->next_in = (Bytef *)bytes.data;
	stream->avail_in = (uInt)bytes.len;
	do {
		stream->next_out = (Bytef *)chunk;
		stream->avail_out = sizeof chunk;
		result = deflate(stream, Z_SYNC_FLUSH);
		if (result != Z_OK && result != Z_BUF_ERROR)
			return err_set(err, ERR_SYSTEM, "cannot compress");
		if (conn_send_raw(conn, str_from(chunk, sizeof chunk - stream->avail_out), STR(""), err) != 0)
			return -1;
	} while (stream->avail_out == 0);
	return 0;
}

void conn_deflate_release(struct conn *conn)
{
	if (conn->deflate->raw.len == 0)
		buf_free(&conn->deflate->raw);
}

void conn_deflate_free(struct conn *conn)
{
	inflateEnd(&conn->deflate->in);
	deflateEnd(&conn->deflate->out);
	buf_free(&conn->deflate->raw);
	memory_free(conn->deflate);
	conn->deflate = NULL;
}
