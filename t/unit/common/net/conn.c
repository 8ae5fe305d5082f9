/* Unit tests of conn over socketpairs, in clear and under TLS. */
#include "common/net/conn.h"
#include "common/base/io.h"
#include "common/net/tls.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct conn conn;
static int peer;
static struct err err;

static int begin(void **state)
{
	int pair[2];

	(void)state;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return -1;
	conn_init(&conn, pair[0], 1000);
	peer = pair[1];
	return 0;
}

static int end(void **state)
{
	(void)state;
	conn_close(&conn);
	if (peer >= 0)
		close(peer);
	return 0;
}

static void peer_sends(const char *text)
{
	assert_int_equal(write(peer, text, strlen(text)), (ssize_t)strlen(text));
}

static void expect_line(size_t limit, bool bare_lf, const char *text)
{
	struct str line;

	if (conn_read_line(&conn, limit, bare_lf, &line, &err) != 0)
		fail_msg("instead of \"%s\": %s", text, err.text);
	assert_int_equal(line.len, strlen(text));
	assert_memory_equal(line.data, text, line.len);
}

static void expect_failure(int code)
{
	struct str line;

	assert_int_equal(conn_read_line(&conn, 512, false, &line, &err), -1);
	assert_int_equal(err.code, code);
}

/* All that the peer gets until it would wait, compared. */
static void peer_gets(const char *text)
{
	char got[512];
	ssize_t count = recv(peer, got, sizeof got, MSG_DONTWAIT);

	assert_int_equal(count < 0 ? 0 : count, strlen(text));
	assert_memory_equal(got, text, strlen(text));
}

static void pipelined_lines_wait_in_the_buffer(void **state)
{
	(void)state;
	peer_sends("EHLO a\r\nMAIL\r\nRC");
	expect_line(512, false, "EHLO a");
	assert_true(conn_has_input(&conn));
	expect_line(512, false, "MAIL");
	assert_true(conn_has_input(&conn));
	peer_sends("PT\r\n");
	expect_line(512, false, "RCPT");
	assert_false(conn_has_input(&conn));
}

static void only_crlf_ends_a_line(void **state)
{
	(void)state;
	peer_sends("a\nb\rc\r\n\r\nd\ne\r\n\n");
	expect_line(512, false, "a\nb\rc");
	expect_line(512, false, "");
	expect_line(512, true, "d");
	expect_line(512, true, "e");
	expect_line(512, true, "");
	peer_sends("x\r");
	peer_sends("\n");
	expect_line(512, false, "x");
}

static void crlf_may_come_apart(void **state)
{
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		(void)!write(peer, "one\r", 4);
		usleep(20000);
		(void)!write(peer, "\ntwo\r\n", 6);
		_exit(0);
	}
	expect_line(512, false, "one");
	expect_line(512, false, "two");
	waitpid(pid, NULL, 0);
}

static void a_line_has_a_limit(void **state)
{
	char text[3000];

	(void)state;
	memset(text, 'x', sizeof text);
	text[10] = '\n'; /* no end of line */
	memcpy(text + sizeof text - 3, "\r\n", 3);
	peer_sends("12345678\r\n");
	expect_line(10, false, "12345678");
	peer_sends("123456789\r\nnext\r\n");
	assert_int_equal(conn_read_line(&conn, 10, false, &(struct str){0}, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	expect_line(10, false, "next");
	peer_sends(text);
	peer_sends("after\r\n");
	expect_failure(ERR_LIMIT);
	assert_int_equal(conn.failed, 0);
	expect_line(512, false, "after");
}

static void an_endless_line_ends_the_connection(void **state)
{
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		char text[65536];

		signal(SIGPIPE, SIG_DFL);
		close(conn.fd);
		memset(text, 'x', sizeof text);
		while (write(peer, text, sizeof text) > 0)
			;
		_exit(0);
	}
	close(peer);
	peer = -1;
	expect_failure(ERR_LIMIT);
	assert_int_equal(conn.failed, ERR_LIMIT);
	expect_failure(ERR_LIMIT);
	conn_close(&conn);
	waitpid(pid, NULL, 0);
}

static void waits_are_limited(void **state)
{
	int64_t start = io_now_ms();

	(void)state;
	conn.timeout_ms = 50;
	peer_sends("half a li");
	conn_write(&conn, STR("220 hello\r\n"));
	expect_failure(ERR_TIMEOUT);
	assert_true(io_now_ms() - start >= 50);
	peer_gets("220 hello\r\n"); /* flushed before it waited */
	/* a last word goes out */
	conn_write(&conn, STR("421 too late\r\n"));
	assert_int_equal(conn_flush(&conn, &err), 0);
	peer_gets("421 too late\r\n");
	peer_sends("ne\r\n");
	expect_failure(ERR_TIMEOUT);
}

static void the_deadline_counts_over_all_waits(void **state)
{
	pid_t pid = fork();
	int64_t start = io_now_ms();

	(void)state;
	if (pid == 0) {
		for (int i = 0; i < 100; i++) {
			(void)!send(peer, "x\r\n", 3, MSG_NOSIGNAL);
			usleep(10000);
		}
		_exit(0);
	}
	conn.deadline_ms = start + 100;
	for (struct str line; conn_read_line(&conn, 512, false, &line, &err) == 0;)
		;
	assert_int_equal(err.code, ERR_TIMEOUT);
	assert_true(io_now_ms() - start >= 100);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void a_long_wait_gives_buffers_back(void **state)
{
	pid_t pid;

	(void)state;
	peer_sends("first\r\n");
	expect_line(512, false, "first");
	assert_non_null(conn.in.data);
	conn.timeout_ms = 10000;
	pid = fork();
	if (pid == 0) {
		usleep(2300000);
		(void)!write(peer, "second\r\n", 8);
		_exit(0);
	}
	expect_line(512, false, "second");
	assert_true(conn.idle);
	waitpid(pid, NULL, 0);
	peer_sends("third\r\n");
	expect_line(512, false, "third");
	assert_false(conn.idle);
}

static void a_closed_connection_fails_after_its_last_line(void **state)
{
	(void)state;
	peer_sends("QUIT\r\nunfinished");
	shutdown(peer, SHUT_WR);
	expect_line(512, false, "QUIT");
	conn_printf(&conn, "%d %s\r\n", 221, "bye");
	expect_failure(ERR_CLOSED);
	peer_gets("221 bye\r\n");
	expect_failure(ERR_CLOSED);
	assert_int_equal(conn_flush(&conn, &err), -1);
}

static void a_peer_that_left_is_an_error_not_a_signal(void **state)
{
	(void)state;
	close(peer);
	peer = -1;
	conn_write(&conn, STR("x"));
	assert_int_equal(conn_flush(&conn, &err), -1);
	assert_int_equal(err.code, ERR_CLOSED);
	assert_int_equal(conn_flush(&conn, &err), -1);
}

static void a_peer_that_does_not_read_times_out(void **state)
{
	static char much[1 << 20];

	(void)state;
	conn.timeout_ms = 50;
	conn_write(&conn, str_from(much, sizeof much));
	assert_int_equal(conn_flush(&conn, &err), -1);
	assert_int_equal(err.code, ERR_TIMEOUT);
	expect_failure(ERR_TIMEOUT);
}

static void bytes_are_read_and_consumed(void **state)
{
	struct str bytes;

	(void)state;
	peer_sends("DATA\r\nabc");
	expect_line(512, false, "DATA");
	assert_int_equal(conn_read_some(&conn, &bytes, &err), 0);
	assert_true(str_equal(bytes, STR("abc")));
	conn_consume(&conn, 2);
	assert_int_equal(conn_read_some(&conn, &bytes, &err), 0);
	assert_true(str_equal(bytes, STR("c")));
	conn_drop_input(&conn);
	assert_false(conn_has_input(&conn));
	conn.timeout_ms = 10;
	assert_int_equal(conn_read_some(&conn, &bytes, &err), -1);
	assert_int_equal(err.code, ERR_TIMEOUT);
}

static void answers_leave_together(void **state)
{
	(void)state;
	conn_write(&conn, STR("250 one\r\n"));
	conn_write(&conn, STR("250 two\r\n"));
	peer_gets("");
	assert_int_equal(conn_flush(&conn, &err), 0);
	peer_gets("250 one\r\n250 two\r\n");
}

static void a_detached_connection_goes_on(void **state)
{
	char text[8];
	int fd;

	(void)state;
	peer_sends("rest");
	fd = conn_detach(&conn);
	assert_int_equal(read(fd, text, sizeof text), 4);
	close(fd);
}

static void addresses_are_known(void **state)
{
	struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_addr = in6addr_any};
	int listener = socket(AF_INET6, SOCK_STREAM, 0);
	socklen_t size = sizeof any;
	struct conn client, server;

	(void)state;
	assert_string_equal(conn.peer, ""); /* a local socket */
	assert_int_equal(bind(listener, (struct sockaddr *)&any, size), 0);
	assert_int_equal(listen(listener, 4), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&any, &size), 0);
	assert_int_equal(conn_connect(&client, "127.0.0.1", ntohs(any.sin6_port), 1000, 1000, &err), 0);
	conn_init(&server, accept(listener, NULL, NULL), 1000);
	assert_string_equal(server.peer, "127.0.0.1"); /* not ::ffff:127.0.0.1 */
	assert_string_equal(client.peer, "127.0.0.1");
	assert_int_equal(client.peer_port, ntohs(any.sin6_port));
	assert_int_equal(server.peer_port, client.local_port);
	conn_close(&client);
	conn_close(&server);
	assert_int_equal(conn_connect(&client, "::1", ntohs(any.sin6_port), 1000, 1000, &err), 0);
	assert_string_equal(client.peer, "::1");
	conn_close(&client);
	close(listener);
	assert_int_equal(conn_connect(&client, "::1", ntohs(any.sin6_port), 1000, 1000, &err), -1);
	assert_int_equal(err.code, ERR_SYSTEM);
	conn_close(&client);
	assert_int_equal(conn_connect(&client, "localhost", 25, 1000, 1000, &err), -1);
	assert_int_equal(err.code, ERR_SYNTAX);
}

/* Files: what text becomes with dot-stuffing, in one piece and with chunk borders everywhere in it. */

static int file_of(struct str text)
{
	FILE *file = tmpfile();
	int fd;

	assert_non_null(file);
	fd = dup(fileno(file));
	fclose(file);
	assert_int_equal(write(fd, text.data, text.len), (ssize_t)text.len);
	return fd;
}

/* Send a file and collect what arrives; result_out is that of conn_send_file. */
static void send_file(struct str text, off_t offset, off_t len, bool dot_stuff, struct buf *out)
{
	int file = file_of(text);
	char part[65536];
	ssize_t count;
	pid_t pid = fork();

	if (pid == 0) {
		int result = conn_send_file(&conn, file, offset, len, dot_stuff, &err);

		_exit(result == 0 && conn_flush(&conn, &err) == 0 ? 0 : 1);
	}
	close(conn.fd);
	conn.fd = -1;
	while ((count = read(peer, part, sizeof part)) > 0)
		buf_add(out, part, (size_t)count);
	waitpid(pid, NULL, 0);
	close(file);
}

static void expect_sent(struct str text, bool dot_stuff, struct str expected)
{
	struct buf out;

	buf_init(&out, 1 << 24);
	end(NULL);
	begin(NULL);
	send_file(text, 0, (off_t)text.len, dot_stuff, &out);
	assert_int_equal(out.len, expected.len);
	assert_memory_equal(out.data, expected.data, expected.len);
	buf_free(&out);
}

static void leading_dots_are_doubled(void **state)
{
	static const struct {
		const char *text, *expected;
	} tests[] = {
	    {"a\r\n", "a\r\n"},
	    {".a\r\n", "..a\r\n"},
	    {".\r\n", "..\r\n"},
	    {"a\r\n.\r\n..b\r\nc.\r\n", "a\r\n..\r\n...b\r\nc.\r\n"},
	    {"no end", "no end\r\n"},
	    {"half an end\r", "half an end\r\n"},
	    {"bare\n.lf and \r.cr\r\n", "bare\n.lf and \r.cr\r\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++)
		expect_sent(str_of(tests[i].text), true, str_of(tests[i].expected));
	expect_sent(STR(".a\r\nno end"), false, STR(".a\r\nno end"));
}

/* A piece of text shifted over the border between two reads of the file. */
static void dots_at_chunk_borders_are_doubled(void **state)
{
	enum { BORDER = 64 * 1024 };
	struct buf text, expected;

	(void)state;
	buf_init(&text, 1 << 20);
	buf_init(&expected, 1 << 20);
	for (size_t before = BORDER - 8; before <= BORDER + 1; before++) {
		buf_reset(&text);
		buf_reset(&expected);
		for (size_t i = 0; i < before; i++) {
			buf_add_char(&text, 'x');
			buf_add_char(&expected, 'x');
		}
		buf_add_str(&text, STR("\r\n.\r\n..\r\n.x"));
		buf_add_str(&expected, STR("\r\n..\r\n...\r\n..x\r\n"));
		expect_sent(buf_str(&text), true, buf_str(&expected));
	}
	buf_free(&text);
	buf_free(&expected);
}

static void large_files_are_sent_whole(void **state)
{
	enum { SIZE = 3000000 };
	char *text = malloc(SIZE);
	struct buf out;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < SIZE; i++)
		text[i] = (char)(i * 7 + i / 251);
	expect_sent(str_from(text, SIZE), false, str_from(text, SIZE));
	buf_init(&out, 1 << 24);
	end(NULL);
	begin(NULL);
	send_file(str_from(text, SIZE), 1000, 500000, false, &out);
	assert_int_equal(out.len, 500000);
	assert_memory_equal(out.data, text + 1000, 500000);
	buf_free(&out);
	free(text);
}

static void a_file_that_is_too_short_fails_the_connection(void **state)
{
	int file = file_of(STR("short\r\n"));

	(void)state;
	assert_int_equal(conn_send_file(&conn, file, 0, 100, true, &err), -1);
	assert_int_equal(err.code, ERR_CORRUPT);
	conn_write(&conn, STR(".\r\n"));
	assert_int_equal(conn_flush(&conn, &err), -1);
	peer_gets("");
	close(file);
}

/* TLS: the server's side runs in a child. */

/* One certificate a name, which the client trusts. */
static SSL_CTX *server_context(const char *host)
{
	static struct {
		const char *host;
		SSL_CTX *context;
	} known[4];
	SSL_CTX *context;
	struct buf chain, key;
	size_t at = 0;
	BIO *bio;
	X509 *certificate;
	EVP_PKEY *private_key;

	while (known[at].host != NULL && strcmp(known[at].host, host) != 0)
		at++;
	if (known[at].host != NULL)
		return known[at].context;
	known[at].host = host;
	known[at].context = context = SSL_CTX_new(TLS_server_method());
	buf_init(&chain, 10000);
	buf_init(&key, 10000);
	assert_int_equal(tls_make_self_signed(host, &chain, &key, &err), 0);
	bio = BIO_new_mem_buf(chain.data, (int)chain.len);
	certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	bio = BIO_new_mem_buf(key.data, (int)key.len);
	private_key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	BIO_free(bio);
	assert_int_equal(SSL_CTX_use_certificate(context, certificate), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(context, private_key), 1);
	X509_STORE_add_cert(SSL_CTX_get_cert_store(tls_client_context(&err)), certificate);
	X509_free(certificate);
	EVP_PKEY_free(private_key);
	buf_free(&chain);
	buf_free(&key);
	return context;
}

/* Greets under TLS, then echoes lines until QUIT. */
static int tls_server(SSL_CTX *context)
{
	static char much[100000];
	struct conn server;
	struct str line;

	conn_init(&server, peer, 2000);
	if (conn_read_line(&server, 512, false, &line, &err) != 0)
		return 1;
	conn_write(&server, STR("220 go on\r\n"));
	if (conn_accept_tls(&server, context, &err) != 0)
		return 2;
	while (conn_read_line(&server, 512, false, &line, &err) == 0 && !str_equal(line, STR("QUIT"))) {
		if (str_equal(line, STR("MUCH")))
			conn_write(&server, str_from(much, sizeof much));
		conn_write(&server, line);
		conn_write(&server, STR("\r\n"));
	}
	conn_flush(&server, &err);
	conn_close(&server);
	return 0;
}

static pid_t start_tls_server(const char *host)
{
	SSL_CTX *context = server_context(host);
	pid_t pid = fork();

	if (pid == 0) {
		close(conn.fd);
		_exit(tls_server(context));
	}
	close(peer);
	peer = -1;
	return pid;
}

static int start_tls(const char *host, bool verify)
{
	conn_write(&conn, STR("STARTTLS\r\n"));
	expect_line(512, false, "220 go on");
	return conn_connect_tls(&conn, tls_client_context(&err), host, verify, &err);
}

static void tls_carries_lines_both_ways(void **state)
{
	pid_t pid = start_tls_server("mail.example.org");
	struct arena arena;
	struct str bytes;
	size_t got = 0;
	int status;

	(void)state;
	arena_init(&arena);
	assert_string_equal(conn_tls_text(&conn, &arena), "");
	if (start_tls("mail.example.org", true) != 0)
		fail_msg("%s", err.text);
	assert_true(conn.tls_active);
	assert_memory_equal(conn_tls_text(&conn, &arena), "TLSv1.3 TLS_", 12);
	conn_write(&conn, STR("one\r\ntwo\r\n"));
	expect_line(512, false, "one");
	expect_line(512, false, "two");
	conn_write(&conn, STR("MUCH\r\nQUIT\r\n"));
	assert_int_equal(conn_flush(&conn, &err), 0);
	while (conn_read_some(&conn, &bytes, &err) == 0) {
		got += bytes.len;
		conn_consume(&conn, bytes.len);
	}
	assert_int_equal(err.code, ERR_CLOSED);
	assert_int_equal(got, 100000 + 6);
	arena_free(&arena);
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
}

static void a_file_goes_under_tls_too(void **state)
{
	pid_t pid = start_tls_server("mail.example.org");
	int file = file_of(STR("first\r\nsecond"));

	(void)state;
	assert_int_equal(start_tls("mail.example.org", true), 0);
	assert_int_equal(conn_send_file(&conn, file, 0, 13, true, &err), 0);
	expect_line(512, false, "first");
	expect_line(512, false, "second");
	conn_write(&conn, STR("QUIT\r\n"));
	expect_failure(ERR_CLOSED);
	close(file);
	waitpid(pid, NULL, 0);
}

static void another_name_is_not_accepted(void **state)
{
	pid_t pid = start_tls_server("mail.example.org");

	(void)state;
	assert_int_equal(start_tls("other.example.org", true), -1);
	assert_int_equal(err.code, ERR_PROTOCOL);
	assert_non_null(strstr(err.text, "ostname mismatch"));
	expect_failure(ERR_PROTOCOL);
	conn_close(&conn);
	waitpid(pid, NULL, 0);
}

static void without_verify_any_name_will_do(void **state)
{
	pid_t pid = start_tls_server("mail.example.org");

	(void)state;
	assert_int_equal(start_tls("127.0.0.1", false), 0);
	conn_write(&conn, STR("QUIT\r\n"));
	expect_failure(ERR_CLOSED);
	waitpid(pid, NULL, 0);
}

static void an_address_is_checked_as_such(void **state)
{
	pid_t pid = start_tls_server("::1");

	(void)state;
	if (start_tls("::1", true) != 0)
		fail_msg("%s", err.text);
	conn_close(&conn);
	waitpid(pid, NULL, 0);
}

static void a_silent_or_foreign_peer_fails_the_handshake(void **state)
{
	SSL_CTX *context = server_context("mail.example.org");
	int64_t start = io_now_ms();

	conn.timeout_ms = 50;
	assert_int_equal(conn_accept_tls(&conn, context, &err), -1);
	assert_int_equal(err.code, ERR_TIMEOUT);
	assert_true(io_now_ms() - start >= 50);
	end(state);
	begin(state);
	peer_sends("EHLO in.clear\r\n");
	assert_int_equal(conn_accept_tls(&conn, context, &err), -1);
	assert_int_equal(err.code, ERR_PROTOCOL);
	end(state);
	begin(state);
	shutdown(peer, SHUT_WR);
	assert_int_equal(conn_accept_tls(&conn, context, &err), -1);
	assert_int_equal(err.code, ERR_CLOSED);
}

/* RFC 3207 section 4.2: what came in clear before the handshake is no command under TLS. */
static void injected_commands_are_dropped(void **state)
{
	SSL_CTX *context = server_context("mail.example.org");
	int status;
	pid_t pid;

	(void)state;
	peer_sends("STARTTLS\r\nRSET\r\n");
	expect_line(512, false, "STARTTLS");
	assert_true(conn_has_input(&conn));
	pid = fork();
	if (pid == 0) {
		struct conn client;
		struct str line;

		close(conn.fd);
		conn_init(&client, peer, 1000);
		if (conn_connect_tls(&client, tls_client_context(&err), "mail.example.org", false, &err) != 0)
			_exit(1);
		conn_write(&client, STR("NOOP\r\n"));
		_exit(conn_read_line(&client, 512, false, &line, &err) == 0 && str_equal(line, STR("250 NOOP")) ? 0 : 2);
	}
	assert_int_equal(conn_accept_tls(&conn, context, &err), 0);
	expect_line(512, false, "NOOP");
	conn_write(&conn, STR("250 NOOP\r\n"));
	assert_int_equal(conn_flush(&conn, &err), 0);
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(pipelined_lines_wait_in_the_buffer),
	    TEST(only_crlf_ends_a_line),
	    TEST(crlf_may_come_apart),
	    TEST(a_line_has_a_limit),
	    TEST(an_endless_line_ends_the_connection),
	    TEST(waits_are_limited),
	    TEST(the_deadline_counts_over_all_waits),
	    TEST(a_long_wait_gives_buffers_back),
	    TEST(a_closed_connection_fails_after_its_last_line),
	    TEST(a_peer_that_left_is_an_error_not_a_signal),
	    TEST(a_peer_that_does_not_read_times_out),
	    TEST(bytes_are_read_and_consumed),
	    TEST(answers_leave_together),
	    TEST(a_detached_connection_goes_on),
	    TEST(addresses_are_known),
	    TEST(leading_dots_are_doubled),
	    TEST(dots_at_chunk_borders_are_doubled),
	    TEST(large_files_are_sent_whole),
	    TEST(a_file_that_is_too_short_fails_the_connection),
	    TEST(tls_carries_lines_both_ways),
	    TEST(a_file_goes_under_tls_too),
	    TEST(another_name_is_not_accepted),
	    TEST(without_verify_any_name_will_do),
	    TEST(an_address_is_checked_as_such),
	    TEST(a_silent_or_foreign_peer_fails_the_handshake),
	    TEST(injected_commands_are_dropped),
	};

	signal(SIGPIPE, SIG_IGN);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
