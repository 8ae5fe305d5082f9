/* Unit tests of smtp_client against a scripted server on loopback. */
#include "common/net/smtp_client.h"

#include "common/base/io.h"
#include "common/spool/spool.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* What the server does, in turn: "> line" sends, "< line" wants exactly that, "DATA text" wants that content with the
 * dot. */
struct server {
	pid_t pid;
	unsigned port;
};

struct fixture {
	struct smtp_client client;
	struct server server;
	struct smtp_message message;
	struct smtp_recipient recipients[3];
	struct arena arena;
	struct err err;
};

static bool read_exactly(int fd, const char *wanted, size_t len)
{
	while (len > 0) {
		char part[4096];
		ssize_t count = read(fd, part, len < sizeof part ? len : sizeof part);

		if (count <= 0 || memcmp(part, wanted, (size_t)count) != 0) {
			fprintf(stderr, "# the server wanted \"%.60s\"\n", wanted);
			return false;
		}
		wanted += count;
		len -= (size_t)count;
	}
	return true;
}

static bool play(int fd, const char *const *script)
{
	char line[4096];

	for (; *script != NULL; script++) {
		int len = snprintf(line, sizeof line, "%s\r\n", *script + 2);

		if ((*script)[0] == '>' && write(fd, line, (size_t)len) != len)
			return false;
		if ((*script)[0] == '<' && !read_exactly(fd, line, (size_t)len))
			return false;
		if ((*script)[0] == '=' && !read_exactly(fd, *script + 2, strlen(*script + 2)))
			return false;
	}
	return true;
}

static void serve(struct server *server, const char *const *script)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof address;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
	server->port = ntohs(address.sin_port);
	server->pid = fork();
	if (server->pid == 0) {
		int fd = accept(listener, NULL, NULL);

		alarm(20);
		_exit(fd >= 0 && play(fd, script) ? 0 : 1);
	}
	close(listener);
}

/* Did the server see what it wanted to see? */
static void assert_played(struct server *server)
{
	int status;

	assert_int_equal(waitpid(server->pid, &status, 0), server->pid);
	assert_int_equal(status, 0);
}

static int set_up(void **state)
{
	static struct fixture fixture;

	signal(SIGPIPE, SIG_IGN);
	fixture = (struct fixture){0};
	arena_init(&fixture.arena);
	smtp_client_init(&fixture.client, "me.test", (struct smtp_timeouts){.connect_ms = 2000, .data_end_ms = 2000});
	fixture.message.recipients = fixture.recipients;
	fixture.message.from = STR("s@a.test");
	fixture.message.file = -1;
	for (int i = 0; i < 3; i++)
		fixture.recipients[i].address = arena_printf(&fixture.arena, "r%d@b.test", i);
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	smtp_client_close(&fixture->client);
	smtp_reply_free(&fixture->client.reply);
	if (fixture->message.file >= 0)
		close(fixture->message.file);
	arena_free(&fixture->arena);
	return 0;
}

static void set_content(struct fixture *fixture, const char *before, const char *content)
{
	fixture->message.file = memfd_create("message", MFD_CLOEXEC);
	assert_int_equal(io_write_all(fixture->message.file, before, strlen(before), NULL), 0);
	assert_int_equal(io_write_all(fixture->message.file, content, strlen(content), NULL), 0);
	fixture->message.offset = (off_t)strlen(before);
	fixture->message.size = (off_t)strlen(content);
}

static void connect_client(struct fixture *fixture, const char *const *script)
{
	serve(&fixture->server, script);
	assert_int_equal(smtp_client_connect(&fixture->client, "mx.b.test", "127.0.0.1", fixture->server.port, NULL, false,
	                                     &fixture->err),
	                 0);
	assert_int_equal(smtp_client_hello(&fixture->client, &fixture->err), 0);
}

static int send_message(struct fixture *fixture, size_t recipients)
{
	fixture->message.recipient_count = recipients;
	return smtp_client_send(&fixture->client, &fixture->message, &fixture->arena, &fixture->err);
}

static void assert_result(struct fixture *fixture, int index, enum smtp_outcome outcome, const char *enhanced,
                          const char *words)
{
	const struct smtp_recipient *recipient = &fixture->recipients[index];

	assert_int_equal(recipient->outcome, outcome);
	assert_string_equal(recipient->enhanced, enhanced);
	assert_string_equal(arena_text(&fixture->arena, recipient->words), words);
}

static void pipelined_with_all_extensions(void **state)
{
	static const char *const script[] = {"> 220-mx",
	                                     "> 220 b.test",
	                                     "< EHLO me.test",
	                                     "> 250-mx",
	                                     "> 250-PIPELINING",
	                                     "> 250-SIZE 1000",
	                                     "> 250-8BITMIME",
	                                     "> 250 DSN",
	                                     "< MAIL FROM:<s@a.test> SIZE=26 BODY=8BITMIME RET=HDRS ENVID=Q+2B1",
	                                     "< RCPT TO:<r0@b.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x@b.test",
	                                     "< RCPT TO:<r1@b.test> NOTIFY=NEVER",
	                                     "< RCPT TO:<r2@b.test>",
	                                     "< DATA",
	                                     "> 250 2.1.0 ok",
	                                     "> 250 2.1.5 ok",
	                                     "> 550-5.1.1 no",
	                                     "> 550 5.1.1 such user",
	                                     "> 450 4.2.1 later",
	                                     "> 354 go",
	                                     "= Subject: x\r\n\r\n..gr\xc3\xbc\xc3\x9f\r\n..\r\n.\r\n",
	                                     "> 250 2.0.0 queued as 17",
	                                     "< QUIT",
	                                     "> 221 bye",
	                                     NULL};
	struct fixture *fixture = *state;

	connect_client(fixture, script);
	set_content(fixture, "envelope\n\n", "Subject: x\r\n\r\n.gr\xc3\xbc\xc3\x9f\r\n.\r\n");
	fixture->message.ret = STR("HDRS");
	fixture->message.envid = STR("Q+2B1");
	fixture->recipients[0].notify = SPOOL_NOTIFY_SUCCESS | SPOOL_NOTIFY_DELAY;
	fixture->recipients[0].orcpt = STR("rfc822;x@b.test");
	fixture->recipients[1].notify = SPOOL_NOTIFY_NEVER;
	assert_int_equal(send_message(fixture, 3), 0);
	assert_result(fixture, 0, SMTP_DELIVERED, "2.0.0", "250 2.0.0 queued as 17");
	assert_result(fixture, 1, SMTP_FAILED, "5.1.1", "550 5.1.1 no such user");
	assert_result(fixture, 2, SMTP_DEFERRED, "4.2.1", "450 4.2.1 later");
	assert_true(fixture->message.dsn_passed);
	assert_true(fixture->client.open);
	smtp_client_close(&fixture->client);
	assert_played(&fixture->server);
}

static void helo_and_one_command_at_a_time(void **state)
{
	static const char *const script[] = {"> 220 old",          "< EHLO me.test",
	                                     "> 502 what",         "< HELO me.test",
	                                     "> 250 old",          "< MAIL FROM:<s@a.test>",
	                                     "> 250 ok",           "< RCPT TO:<r0@b.test>",
	                                     "> 251 will forward", "< DATA",
	                                     "> 354 go",           "= x\r\n.\r\n",
	                                     "> 250 ok",           "< QUIT",
	                                     "> 221 bye",          NULL};
	struct fixture *fixture = *state;

	connect_client(fixture, script);
	set_content(fixture, "", "x"); /* the last line end is missing: it is completed */
	fixture->message.ret = STR("FULL");
	fixture->recipients[0].notify = SPOOL_NOTIFY_FAILURE;
	assert_int_equal(send_message(fixture, 1), 0);
	assert_result(fixture, 0, SMTP_DELIVERED, "2.0.0", "250 ok");
	assert_false(fixture->message.dsn_passed);
	smtp_client_close(&fixture->client);
	assert_played(&fixture->server);
}

static void refused_mail_and_next_message(void **state)
{
	static const char *const script[] = {
	    "> 220 x", "< EHLO me.test", "> 250-x", "> 250 PIPELINING", "< MAIL FROM:<s@a.test>", "< RCPT TO:<r0@b.test>",
	    "< DATA", "> 451 4.3.0 later", "> 503 no", "> 503 no", "< RSET", "> 250 ok",
	    /* RFC 2920 3.1: 354 although nobody was accepted */
	    "< MAIL FROM:<s@a.test>", "< RCPT TO:<r0@b.test>", "< DATA", "> 250 ok", "> 550 no", "> 354 go", "< .",
	    "> 554 no recipients", "< QUIT", "> 221 bye", NULL};
	struct fixture *fixture = *state;

	connect_client(fixture, script);
	set_content(fixture, "", "x\r\n");
	assert_int_equal(send_message(fixture, 1), 0);
	assert_result(fixture, 0, SMTP_DEFERRED, "4.3.0", "451 4.3.0 later");
	fixture->recipients[0].outcome = SMTP_UNDECIDED;
	assert_int_equal(send_message(fixture, 1), 0);
	assert_result(fixture, 0, SMTP_FAILED, "5.0.0", "550 no");
	smtp_client_close(&fixture->client);
	assert_played(&fixture->server);
}

static void success_out_of_place_is_no_success(void **state)
{
	static const char *const script[] = {"> 220 x",      "< EHLO me.test",
	                                     "> 250 x",      "< MAIL FROM:<s@a.test>",
	                                     "> 250 ok",     "< RCPT TO:<r0@b.test>",
	                                     "> 250 ok",     "< DATA",
	                                     "> 250 thanks", "< QUIT",
	                                     "> 221 bye",    NULL};
	struct fixture *fixture = *state;

	connect_client(fixture, script);
	set_content(fixture, "", "x\r\n");
	assert_int_equal(send_message(fixture, 1), 0);
	assert_result(fixture, 0, SMTP_DEFERRED, "4.5.0", "250 thanks");
	smtp_client_close(&fixture->client);
	assert_played(&fixture->server);
}

static void closed_after_mail(void **state)
{
	static const char *const script[] = {"> 220 x",  "< EHLO me.test",        "> 250 x", "< MAIL FROM:<s@a.test>",
	                                     "> 250 ok", "< RCPT TO:<r0@b.test>", NULL};
	struct fixture *fixture = *state;

	connect_client(fixture, script);
	set_content(fixture, "", "x\r\n");
	assert_int_equal(send_message(fixture, 2), 0);
	assert_result(fixture, 0, SMTP_DEFERRED, "4.4.2", "The server connection was closed unexpectedly on \"RCPT TO\"");
	assert_result(fixture, 1, SMTP_DEFERRED, "4.4.2", "The server connection was closed unexpectedly on \"RCPT TO\"");
	assert_false(fixture->client.open);
	assert_false(fixture->message.in_doubt);
	assert_played(&fixture->server);
}

static void silent_after_the_dot(void **state)
{
	static const char *const script[] = {"> 220 x",  "< EHLO me.test",        "> 250 x",  "< MAIL FROM:<s@a.test>",
	                                     "> 250 ok", "< RCPT TO:<r0@b.test>", "> 250 ok", "< DATA",
	                                     "> 354 go", "= x\r\n.\r\n",          "< never",  NULL};
	struct fixture *fixture = *state;

	connect_client(fixture, script);
	fixture->client.timeouts.data_end_ms = 100;
	set_content(fixture, "", "x\r\n");
	assert_int_equal(send_message(fixture, 1), 0);
	assert_int_equal(fixture->recipients[0].outcome, SMTP_DEFERRED);
	assert_true(fixture->message.in_doubt);
	assert_false(fixture->client.open);
	kill(fixture->server.pid, SIGKILL);
	waitpid(fixture->server.pid, NULL, 0);
}

static void idle_connection_closed(void **state)
{
	static const char *const script[] = {"> 220 x",
	                                     "< EHLO me.test",
	                                     "> 250-x",
	                                     "> 250 PIPELINING",
	                                     "< MAIL FROM:<s@a.test>",
	                                     "< RCPT TO:<r0@b.test>",
	                                     "< DATA",
	                                     "> 250 ok",
	                                     "> 250 ok",
	                                     "> 354 go",
	                                     "= x\r\n.\r\n",
	                                     "> 250 ok",
	                                     "> 421 idle too long",
	                                     NULL};
	struct fixture *fixture = *state;

	connect_client(fixture, script);
	set_content(fixture, "", "x\r\n");
	assert_int_equal(send_message(fixture, 1), 0);
	assert_played(&fixture->server);
	fixture->recipients[0].outcome = SMTP_UNDECIDED;
	assert_int_equal(send_message(fixture, 1), -1);
	assert_int_equal(fixture->recipients[0].outcome, SMTP_UNDECIDED);
	assert_false(fixture->client.open);
}

static void a_421_ends_the_session_for_all(void **state)
{
	static const char *const script[] = {"> 220 x",
	                                     "< EHLO me.test",
	                                     "> 250 x",
	                                     "< MAIL FROM:<s@a.test>",
	                                     "> 250 ok",
	                                     "< RCPT TO:<r0@b.test>",
	                                     "> 421 4.3.2 shutting down",
	                                     NULL};
	struct fixture *fixture = *state;

	connect_client(fixture, script);
	set_content(fixture, "", "x\r\n");
	assert_int_equal(send_message(fixture, 2), 0);
	assert_result(fixture, 0, SMTP_DEFERRED, "4.3.2", "421 4.3.2 shutting down");
	assert_result(fixture, 1, SMTP_DEFERRED, "4.4.2", "421 4.3.2 shutting down");
	assert_played(&fixture->server);
}

static void what_the_server_lacks(void **state)
{
	static const char *const script[] = {"> 220 x", "< EHLO me.test", "> 250-x", "> 250 SIZE 10",
	                                     "< QUIT",  "> 221 bye",      NULL};
	struct fixture *fixture = *state;

	connect_client(fixture, script);
	set_content(fixture, "", "Subject: \xc3\xbc\r\n\r\n");
	fixture->recipients[1].outcome = SMTP_DELIVERED;
	assert_int_equal(send_message(fixture, 2), 0);
	assert_int_equal(fixture->recipients[0].outcome, SMTP_FAILED);
	assert_string_equal(fixture->recipients[0].enhanced, "5.3.4");
	assert_int_equal(fixture->recipients[1].outcome, SMTP_DELIVERED);
	fixture->client.extensions.size_limit = 0;
	fixture->client.used = false;
	fixture->recipients[0].outcome = SMTP_UNDECIDED;
	assert_int_equal(send_message(fixture, 1), 0);
	assert_string_equal(fixture->recipients[0].enhanced, "5.6.3");
	fixture->message.smtputf8 = true;
	fixture->client.used = false;
	fixture->recipients[0].outcome = SMTP_UNDECIDED;
	assert_int_equal(send_message(fixture, 1), 0);
	assert_string_equal(fixture->recipients[0].enhanced, "5.6.7");
	/* used before: what it offered then is not trusted to be so still */
	fixture->recipients[0].outcome = SMTP_UNDECIDED;
	assert_int_equal(send_message(fixture, 1), -1);
	assert_int_equal(fixture->recipients[0].outcome, SMTP_UNDECIDED);
	assert_false(fixture->client.open);
	assert_played(&fixture->server);
}

static void one_utf8_recipient_does_not_hold_the_others_up(void **state)
{
	static const char *const script[] = {"> 220 x",   "< EHLO me.test",
	                                     "> 250 x",   "< MAIL FROM:<s@a.test>",
	                                     "> 250 ok",  "< RCPT TO:<r1@b.test>",
	                                     "> 250 ok",  "< DATA",
	                                     "> 354 go",  "= x\r\n.\r\n",
	                                     "> 250 ok",  "< QUIT",
	                                     "> 221 bye", NULL};
	struct fixture *fixture = *state;

	connect_client(fixture, script);
	set_content(fixture, "", "x\r\n");
	fixture->message.smtputf8 = true;
	fixture->recipients[0].address = STR("\xc3\xbc@b.test");
	assert_int_equal(send_message(fixture, 2), 0);
	assert_string_equal(fixture->recipients[0].enhanced, "5.6.7");
	assert_int_equal(fixture->recipients[1].outcome, SMTP_DELIVERED);
	smtp_client_close(&fixture->client);
	assert_played(&fixture->server);
}

static void line_ends_in_addresses_are_never_sent(void **state)
{
	static const char *const script[] = {"> 220 x", "< EHLO me.test", "> 250 x", "< QUIT", "> 221 bye", NULL};
	struct fixture *fixture = *state;

	connect_client(fixture, script);
	set_content(fixture, "", "x\r\n");
	fixture->recipients[0].address = STR("a@b.test>\r\nRCPT TO:<c@d.test");
	assert_int_equal(send_message(fixture, 1), 0);
	assert_string_equal(fixture->recipients[0].enhanced, "5.1.3");
	smtp_client_close(&fixture->client);
	assert_played(&fixture->server);
}

static int log_in(struct fixture *fixture, const char *password)
{
	const struct sasl_client_login login = {.user = "tim", .secret = password};

	return smtp_client_login(&fixture->client, &login, &fixture->err);
}

/* RFC 2195 section 2. */
static void login_by_cram_md5(void **state)
{
	static const char *const script[] = {"> 220 x",
	                                     "< EHLO me.test",
	                                     "> 250-x",
	                                     "> 250 AUTH LOGIN PLAIN CRAM-MD5",
	                                     "< AUTH CRAM-MD5",
	                                     "> 334 PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+",
	                                     "< dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw",
	                                     "> 235 welcome",
	                                     "< QUIT",
	                                     "> 221 bye",
	                                     NULL};
	struct fixture *fixture = *state;

	connect_client(fixture, script);
	assert_int_equal(log_in(fixture, "tanstaaftanstaaf"), 0);
	smtp_client_close(&fixture->client);
	assert_played(&fixture->server);
}

static void login_by_login_and_plain(void **state)
{
	static const char *const login[] = {
	    "> 220 x", "< EHLO me.test",     "> 250-x",    "> 250 AUTH LOGIN", "< AUTH LOGIN", "> 334 VXNlcm5hbWU6",
	    "< dGlt",  "> 334 UGFzc3dvcmQ6", "< c2VjcmV0", "> 235 welcome",    "< QUIT",       "> 221 bye",
	    NULL};
	static const char *const plain[] = {"> 220 x",
	                                    "< EHLO me.test",
	                                    "> 250-x",
	                                    "> 250 AUTH PLAIN LOGIN",
	                                    "< AUTH PLAIN AHRpbQBzZWNyZXQ=",
	                                    "> 535 5.7.8 no",
	                                    "< QUIT",
	                                    "> 221 bye",
	                                    NULL};
	struct fixture *fixture = *state;

	connect_client(fixture, login);
	assert_int_equal(log_in(fixture, "secret"), 0);
	smtp_client_close(&fixture->client);
	assert_played(&fixture->server);
	connect_client(fixture, plain);
	assert_int_equal(log_in(fixture, "secret"), -1);
	assert_int_equal(fixture->err.code, SMTP_CLIENT_REFUSED);
	assert_string_equal(fixture->err.text, "Error from remote server on \"AUTH PLAIN *****\" -> 535 5.7.8 no");
	smtp_client_close(&fixture->client);
	assert_played(&fixture->server);
}

/* Who asks for SCRAM must prove itself: a plain 235 is no proof. */
static void scram_needs_the_servers_proof(void **state)
{
	static const char *const script[] = {
	    "> 220 x", "< EHLO me.test", "> 250-x", "> 250 AUTH SCRAM-SHA-256 PLAIN", "= AUTH SCRAM-SHA-256 biws", NULL};
	struct fixture *fixture = *state;

	connect_client(fixture, script);
	assert_int_equal(log_in(fixture, "secret"), -1);
	assert_false(fixture->client.open);
	waitpid(fixture->server.pid, NULL, 0);
}

static void greetings_that_refuse(void **state)
{
	static const char *const refusal[] = {"> 554 5.7.1 go away", "< QUIT", "> 221 bye", NULL};
	static const char *const nonsense[] = {"> HTTP/1.1 400 Bad Request", NULL};
	struct fixture *fixture = *state;

	serve(&fixture->server, refusal);
	assert_int_equal(
	    smtp_client_connect(&fixture->client, "mx", "127.0.0.1", fixture->server.port, NULL, false, &fixture->err), -1);
	assert_int_equal(fixture->err.code, SMTP_CLIENT_REFUSED);
	assert_string_equal(fixture->err.text, "Error from remote server on \"connection\" -> 554 5.7.1 go away");
	assert_played(&fixture->server);
	serve(&fixture->server, nonsense);
	assert_int_equal(
	    smtp_client_connect(&fixture->client, "mx", "127.0.0.1", fixture->server.port, NULL, false, &fixture->err), -1);
	assert_int_equal(fixture->err.code, ERR_PROTOCOL);
	assert_played(&fixture->server);
	assert_int_equal(
	    smtp_client_connect(&fixture->client, "mx", "127.0.0.1", fixture->server.port, NULL, false, &fixture->err), -1);
	assert_int_equal(fixture->err.code, ERR_SYSTEM);
	assert_non_null(strstr(fixture->err.text, "Connection refused (ECONNREFUSED)"));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(pipelined_with_all_extensions),
	    TEST(helo_and_one_command_at_a_time),
	    TEST(refused_mail_and_next_message),
	    TEST(success_out_of_place_is_no_success),
	    TEST(closed_after_mail),
	    TEST(silent_after_the_dot),
	    TEST(idle_connection_closed),
	    TEST(a_421_ends_the_session_for_all),
	    TEST(what_the_server_lacks),
	    TEST(one_utf8_recipient_does_not_hold_the_others_up),
	    TEST(line_ends_in_addresses_are_never_sent),
	    TEST(login_by_cram_md5),
	    TEST(login_by_login_and_plain),
	    TEST(scram_needs_the_servers_proof),
	    TEST(greetings_that_refuse),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
