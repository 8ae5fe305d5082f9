/* Unit tests of COMPRESS=DEFLATE in conn, against zlib used directly, and of waiting for two things at once. */
#include "common/net/conn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

static struct conn conn;
static int peer;
static struct err err;
static z_stream to, from; /* the peer's */

static int begin(void **state)
{
	int pair[2];

	(void)state;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return -1;
	conn_init(&conn, pair[0], 1000);
	peer = pair[1];
	to = from = (z_stream){0};
	return deflateInit2(&to, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) == Z_OK && inflateInit2(&from, -15) == Z_OK
	           ? 0
	           : -1;
}

static int end(void **state)
{
	(void)state;
	conn_close(&conn);
	close(peer);
	deflateEnd(&to);
	inflateEnd(&from);
	return 0;
}

static void peer_sends(const char *data, size_t len)
{
	char chunk[65536];

	to.next_in = (Bytef *)data;
	to.avail_in = (uInt)len;
	to.next_out = (Bytef *)chunk;
	to.avail_out = sizeof chunk;
	assert_int_equal(deflate(&to, Z_SYNC_FLUSH), Z_OK);
	len = sizeof chunk - to.avail_out;
	assert_int_equal(write(peer, chunk, len), (ssize_t)len);
}

static size_t peer_gets(char *out, size_t size)
{
	char chunk[65536];
	ssize_t count = recv(peer, chunk, sizeof chunk, 0);

	assert_true(count > 0);
	from.next_in = (Bytef *)chunk;
	from.avail_in = (uInt)count;
	from.next_out = (Bytef *)out;
	from.avail_out = (uInt)size;
	assert_int_equal(inflate(&from, Z_SYNC_FLUSH), Z_OK);
	return size - from.avail_out;
}

static void lines_go_both_ways(void **state)
{
	struct str line;
	char text[200];
	size_t len;

	(void)state;
	conn_write(&conn, STR("a OK\r\n"));
	assert_int_equal(conn_compress(&conn, &err), 0);
	assert_int_equal(recv(peer, text, sizeof text, 0), 6);
	assert_memory_equal(text, "a OK\r\n", 6); /* as it is: it was said before */
	peer_sends("one\r\ntwo\r\n", 10);
	assert_int_equal(conn_read_line(&conn, 100, false, &line, &err), 0);
	assert_true(str_equal(line, STR("one")));
	assert_int_equal(conn_read_line(&conn, 100, false, &line, &err), 0);
	assert_true(str_equal(line, STR("two")));
	assert_false(conn_has_input(&conn));
	for (int i = 0; i < 3; i++) {
		conn_write(&conn, STR("* 1 EXISTS\r\n"));
		assert_int_equal(conn_flush(&conn, &err), 0);
		len = peer_gets(text, sizeof text);
		assert_int_equal(len, 12);
		assert_memory_equal(text, "* 1 EXISTS\r\n", 12);
	}
}

static void what_came_before_the_first_read_is_compressed_already(void **state)
{
	struct str line;

	(void)state;
	peer_sends("early\r\n", 7);
	assert_int_equal(conn_wait_input(&conn, -1, 1000, &err), CONN_INPUT);
	assert_int_equal(conn_compress(&conn, &err), 0);
	assert_int_equal(conn_read_line(&conn, 100, false, &line, &err), 0);
	assert_true(str_equal(line, STR("early")));
}

/* A flush ends with four octets that say nothing (RFC 1951 3.2.4); in a packet of their own they are no input. */
static void the_end_of_a_flush_is_no_input(void **state)
{
	unsigned char packed[64];
	struct str line;
	size_t len;

	(void)state;
	assert_int_equal(conn_compress(&conn, &err), 0);
	to.next_in = (Bytef *)"IDLE\r\n";
	to.avail_in = 6;
	to.next_out = packed;
	to.avail_out = sizeof packed;
	assert_int_equal(deflate(&to, Z_SYNC_FLUSH), Z_OK);
	len = sizeof packed - to.avail_out;
	assert_memory_equal(packed + len - 4, "\0\0\xff\xff", 4);
	assert_int_equal(write(peer, packed, len - 4), (ssize_t)len - 4);
	assert_int_equal(conn_wait_input(&conn, -1, 1000, &err), CONN_INPUT);
	assert_int_equal(conn_read_line(&conn, 100, false, &line, &err), 0);
	assert_true(str_equal(line, STR("IDLE")));
	assert_int_equal(write(peer, packed + len - 4, 4), 4);
	assert_int_equal(conn_wait_input(&conn, -1, 50, &err), 0);
	peer_sends("DONE\r\n", 6);
	assert_int_equal(conn_wait_input(&conn, -1, 1000, &err), CONN_INPUT);
	close(peer);
	peer = -1;
	assert_int_equal(conn_read_line(&conn, 100, false, &line, &err), 0);
	assert_true(str_equal(line, STR("DONE")));
	assert_int_equal(conn_wait_input(&conn, -1, 1000, &err), -1);
	assert_int_equal(err.code, ERR_CLOSED);
}

/* A thousand to one: what the reader does not take is not decompressed. */
static void much_from_little_stays_little(void **state)
{
	static char zeros[8 << 20];
	struct str bytes;
	size_t got = 0;

	(void)state;
	assert_int_equal(conn_compress(&conn, &err), 0);
	peer_sends(zeros, sizeof zeros);
	while (got < sizeof zeros) {
		assert_int_equal(conn_read_some(&conn, &bytes, &err), 0);
		assert_true(conn.in.capacity <= 256 * 1024);
		got += bytes.len;
		conn_consume(&conn, bytes.len);
	}
	assert_int_equal(got, sizeof zeros);
	assert_int_equal(conn_wait_input(&conn, -1, 0, &err), 0);
}

static void nonsense_fails_the_connection(void **state)
{
	struct str line;

	(void)state;
	assert_int_equal(conn_compress(&conn, &err), 0);
	assert_int_equal(write(peer, "\xff\xff\xff\xff\xff\xff", 6), 6);
	assert_int_equal(conn_read_line(&conn, 100, false, &line, &err), -1);
	assert_int_equal(err.code, ERR_PROTOCOL);
}

static void a_file_is_compressed_too(void **state)
{
	static char text[40000];
	FILE *file = tmpfile();
	size_t len = 0, piece;
	char out[65536];

	(void)state;
	memset(text, 'x', sizeof text);
	assert_int_equal(fwrite(text, 1, sizeof text, file), sizeof text);
	fflush(file);
	assert_int_equal(conn_compress(&conn, &err), 0);
	assert_int_equal(conn_send_file(&conn, fileno(file), 0, sizeof text, false, &err), 0);
	assert_int_equal(conn_flush(&conn, &err), 0);
	while (len < sizeof text) {
		piece = peer_gets(out, sizeof out);
		assert_memory_equal(out, text + len, piece);
		len += piece;
	}
	assert_int_equal(len, sizeof text);
	fclose(file);
}

static void idle(void *context)
{
	++*(int *)context;
}

static void waits_for_either(void **state)
{
	struct str line;
	int other[2], idled = 0;

	(void)state;
	assert_int_equal(pipe(other), 0);
	conn.on_idle = idle;
	conn.context = &idled;
	assert_int_equal(conn_wait_input(&conn, other[0], 0, &err), 0);
	assert_int_equal(write(other[1], "x", 1), 1);
	assert_int_equal(conn_wait_input(&conn, other[0], 1000, &err), CONN_OTHER);
	assert_int_equal(write(peer, "a\r\nb\r\n", 6), 6);
	assert_int_equal(conn_wait_input(&conn, other[0], 1000, &err), CONN_INPUT | CONN_OTHER);
	assert_int_equal(conn_read_line(&conn, 100, false, &line, &err), 0);
	assert_int_equal(conn_wait_input(&conn, -1, 1000, &err), CONN_INPUT); /* in the buffer */
	assert_int_equal(conn_read_line(&conn, 100, false, &line, &err), 0);
	assert_int_equal(idled, 0);
	assert_int_equal(conn_wait_input(&conn, -1, 2500, &err), 0);
	assert_int_equal(idled, 1);
	assert_null(conn.in.data);
	close(other[0]);
	close(other[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(lines_go_both_ways, begin, end),
	    cmocka_unit_test_setup_teardown(what_came_before_the_first_read_is_compressed_already, begin, end),
	    cmocka_unit_test_setup_teardown(the_end_of_a_flush_is_no_input, begin, end),
	    cmocka_unit_test_setup_teardown(much_from_little_stays_little, begin, end),
	    cmocka_unit_test_setup_teardown(nonsense_fails_the_connection, begin, end),
	    cmocka_unit_test_setup_teardown(a_file_is_compressed_too, begin, end),
	    cmocka_unit_test_setup_teardown(waits_for_either, begin, end),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("conn_deflate", tests, NULL, NULL);
}
