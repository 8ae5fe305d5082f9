/*
 * Unit tests of listen. The listener is this program, executed again with the argument "serve", as a daemon is; its
 * sessions answer one line of commands with what the test wants to know.
 */
#include "common/net/listen.h"
#include "common/base/io.h"
#include "common/net/conn.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { MAX_SESSIONS = 3, FIRST_FD = 3 };

static struct err err;

/* The listener's side. */

static int prepared_fd, prepared_by, prepared_count;

static void prepare(int fd, const struct listen_origin *origin, void *context)
{
	(void)context;
	prepared_fd = strcmp(origin->name, "smtp") == 0 ? fd : -1;
	prepared_by = (int)getpid();
	prepared_count++;
}

static int session(int fd, const struct listen_origin *origin, void *context)
{
	struct conn conn;
	struct str line;

	(void)context;
	conn_init(&conn, fd, 5000);
	while (conn_read_line(&conn, 512, false, &line, &err) == 0) {
		if (str_equal(line, STR("crash")))
			abort();
		else if (str_equal(line, STR("parent")))
			conn_printf(&conn, "%d\r\n", (int)getppid());
		else if (str_equal(line, STR("count")))
			conn_printf(&conn, "%ld\r\n", listen_session_count());
		else if (str_equal(line, STR("prepared")))
			conn_printf(&conn, "%d, %d by %d\r\n", prepared_fd == fd, prepared_count, prepared_by);
		else if (str_equal(line, STR("sockets")))
			conn_printf(&conn, "%d\r\n", fcntl(FIRST_FD, F_GETFD) >= 0 || fcntl(FIRST_FD + 1, F_GETFD) >= 0);
		else
			conn_printf(&conn, "%s\r\n", origin->name);
	}
	conn_close(&conn);
	return 0;
}

static void refuse(int fd, const struct listen_origin *origin, bool per_address, void *context)
{
	(void)origin, (void)context;
	(void)!send(fd, per_address ? "address\r\n" : "full\r\n", per_address ? 9 : 6, MSG_NOSIGNAL);
}

/* This machine's loopback is not limited, as smtpd's access list has it. */
static void limits(int fd, const struct listen_origin *origin, struct listen_limits *limits_out, void *context)
{
	struct sockaddr_in peer;
	socklen_t size = sizeof peer;

	(void)origin, (void)context;
	*limits_out = (struct listen_limits){.max_per_address = 1};
	limits_out->counts =
	    getpeername(fd, (struct sockaddr *)&peer, &size) == 0 && ntohl(peer.sin_addr.s_addr) >> 24 != IN_LOOPBACKNET;
}

/* As daemon_start would have found it. */
static int serve(char **argv)
{
	static const char *const names[] = {"smtp", "from-postroom", NULL};
	const struct listen_hooks hooks = {
	    .limits = limits, .prepare = prepare, .session = session, .refuse = refuse, .max_sessions = MAX_SESSIONS};
	struct daemon daemon = {.name = "test", .argv = argv, .socket_count = 2};

	daemon.sockets[0] = (struct daemon_socket){.fd = FIRST_FD, .name = "smtp"};
	daemon.sockets[1] = (struct daemon_socket){.fd = FIRST_FD + 1, .name = "from-postroom"};
	signal(SIGPIPE, SIG_IGN);
	fcntl(FIRST_FD, F_SETFD, FD_CLOEXEC);
	fcntl(FIRST_FD + 1, F_SETFD, FD_CLOEXEC);
	if (getenv("LISTEN_FDNAMES") != NULL && strcmp(getenv("LISTEN_FDNAMES"), "smtp:from-postroom") != 0)
		return 3;
	return listen_run(&daemon, names, &hooks, &err) == 0 ? 0 : 1;
}

/* The test's side. */

static pid_t listener;
static unsigned ports[2];
static char program[256];

static int bind_socket(const char *address, unsigned *port_out)
{
	struct sockaddr_in any = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof any;

	inet_pton(AF_INET, address, &any.sin_addr);
	assert_int_equal(bind(fd, (struct sockaddr *)&any, size), 0);
	assert_int_equal(listen(fd, 64), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&any, &size), 0);
	*port_out = ntohs(any.sin_port);
	return fd;
}

static int start(void **state)
{
	int first = bind_socket("0.0.0.0", &ports[0]), second = bind_socket("127.0.0.1", &ports[1]);

	(void)state;
	listener = fork();
	if (listener == 0) {
		int high[2] = {fcntl(first, F_DUPFD, 100), fcntl(second, F_DUPFD, 100)};

		dup2(high[0], FIRST_FD);
		dup2(high[1], FIRST_FD + 1);
		close_range(FIRST_FD + 2, ~0U, 0);
		execl(program, program, "serve", (char *)NULL);
		_exit(127);
	}
	close(first);
	close(second);
	return listener > 0 ? 0 : -1;
}

static int stop(void **state)
{
	int status;

	(void)state;
	if (listener == 0)
		return 0;
	kill(listener, SIGTERM);
	if (waitpid(listener, &status, 0) != listener)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void open_session(struct conn *conn, int socket)
{
	if (conn_connect(conn, "127.0.0.1", ports[socket], 2000, 5000, &err) != 0)
		fail_msg("%s", err.text);
}

static void ask(struct conn *conn, const char *question, char *answer, size_t size)
{
	struct str line;

	conn_printf(conn, "%s\r\n", question);
	if (conn_read_line(conn, 512, false, &line, &err) != 0)
		fail_msg("%s: %s", question, err.text);
	str_copy(line, answer, size);
}

static void expect_answer(struct conn *conn, const char *question, const char *expected)
{
	char answer[64];

	ask(conn, question, answer, sizeof answer);
	assert_string_equal(answer, expected);
}

static void expect_closed(struct conn *conn)
{
	struct str line;

	assert_int_equal(conn_read_line(conn, 512, false, &line, &err), -1);
	assert_int_equal(err.code, ERR_CLOSED);
}

/* Open sessions until one has a place; others may not have been reaped yet. */
static void open_until_served(struct conn *conn)
{
	for (int i = 0; i < 500; i++) {
		struct str line;

		open_session(conn, 0);
		conn_write(conn, STR("hello\r\n"));
		if (conn_read_line(conn, 512, false, &line, &err) == 0 && str_equal(line, STR("smtp")))
			return;
		conn_close(conn);
		usleep(10000);
	}
	fail_msg("no place became free");
}

static void each_connection_has_its_process(void **state)
{
	struct conn one, two;
	char parent[32];

	(void)state;
	open_session(&one, 0);
	open_session(&two, 0);
	snprintf(parent, sizeof parent, "%d", (int)listener);
	expect_answer(&two, "hello", "smtp");
	expect_answer(&one, "parent", parent);
	expect_answer(&two, "parent", parent);
	expect_answer(&one, "sockets", "0");
	expect_answer(&two, "count", "2");
	conn_close(&one);
	conn_close(&two);
}

static void the_listener_prepares_sessions_alone(void **state)
{
	struct conn conn, question;
	char by_listener[32];

	(void)state;
	snprintf(by_listener, sizeof by_listener, "1, 1 by %d", (int)listener);
	open_session(&conn, 0);
	expect_answer(&conn, "prepared", by_listener);
	conn_close(&conn);
	open_session(&question, 1);
	expect_answer(&question, "hello", "from-postroom");
	expect_answer(&question, "prepared", by_listener); /* what the session before it was given */
	conn_close(&question);
}

static void too_many_are_refused_and_told(void **state)
{
	struct conn conns[MAX_SESSIONS], more, question;

	(void)state;
	for (int i = 0; i < MAX_SESSIONS; i++) {
		open_session(&conns[i], 0);
		expect_answer(&conns[i], "hello", "smtp");
	}
	open_session(&more, 0);
	expect_answer(&more, "", "full");
	expect_closed(&more);
	conn_close(&more);
	/* programs of the house are answered all the same, and not counted */
	open_session(&question, 1);
	expect_answer(&question, "hello", "from-postroom");
	expect_answer(&question, "count", "3");
	conn_close(&question);
	for (int i = 0; i < MAX_SESSIONS; i++)
		conn_close(&conns[i]);
	open_until_served(&more);
	conn_close(&more);
}

static void a_crash_starts_the_listener_afresh(void **state)
{
	struct conn running, crashing, after, more;
	char parent[32], again[32];

	(void)state;
	open_session(&running, 0);
	ask(&running, "parent", parent, sizeof parent);
	open_session(&crashing, 0);
	conn_write(&crashing, STR("crash\r\n"));
	assert_int_equal(conn_flush(&crashing, &err), 0);
	expect_closed(&crashing);
	conn_close(&crashing);
	open_until_served(&after);
	ask(&after, "parent", again, sizeof again);
	assert_string_equal(parent, again);        /* the same process */
	expect_answer(&running, "parent", parent); /* a session that ran goes on */
	open_until_served(&more);
	expect_answer(&more, "count", "3"); /* and is counted */
	conn_close(&running);
	conn_close(&after);
	conn_close(&more);
	for (int i = 0; i < MAX_SESSIONS; i++) { /* until it ends */
		open_until_served(&running);
		conn_close(&running);
	}
}

/* The stranger's connection comes from another of this machine's addresses, if it has one that is not loopback. */
static bool other_address(char *address, size_t size)
{
	struct sockaddr_in out = {.sin_family = AF_INET, .sin_port = htons(9)};
	socklen_t length = sizeof out;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	bool found;

	inet_pton(AF_INET, "192.0.2.1", &out.sin_addr);
	found = connect(fd, (struct sockaddr *)&out, length) == 0 &&
	        getsockname(fd, (struct sockaddr *)&out, &length) == 0 && ntohl(out.sin_addr.s_addr) >> 24 != 127;
	close(fd);
	if (found)
		inet_ntop(AF_INET, &out.sin_addr, address, (socklen_t)size);
	return found;
}

static void an_address_has_its_share(void **state)
{
	struct conn one, two;
	char address[64];

	(void)state;
	if (!other_address(address, sizeof address))
		return;
	assert_int_equal(conn_connect(&one, address, ports[0], 2000, 5000, &err), 0);
	expect_answer(&one, "hello", "smtp");
	assert_int_equal(conn_connect(&two, address, ports[0], 2000, 5000, &err), 0);
	expect_answer(&two, "", "address");
	conn_close(&two);
	open_session(&two, 0); /* loopback is not limited */
	expect_answer(&two, "hello", "smtp");
	conn_close(&one);
	conn_close(&two);
}

static void sessions_end_with_the_listener(void **state)
{
	struct conn conn;
	int status;

	(void)state;
	open_session(&conn, 0);
	expect_answer(&conn, "hello", "smtp");
	kill(listener, SIGTERM);
	expect_closed(&conn);
	conn_close(&conn);
	assert_int_equal(waitpid(listener, &status, 0), listener);
	assert_int_equal(status, 0);
	listener = 0;
}

static void nothing_to_listen_on_is_an_error(void **state)
{
	static const char *const names[] = {"smtp", NULL};
	const struct listen_hooks hooks = {.session = session};
	const struct daemon daemon = {.name = "test"};

	(void)state;
	assert_int_equal(listen_run(&daemon, names, &hooks, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, start, stop)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST(each_connection_has_its_process),
	    TEST(the_listener_prepares_sessions_alone),
	    TEST(too_many_are_refused_and_told),
	    TEST(a_crash_starts_the_listener_afresh),
	    TEST(an_address_has_its_share),
	    TEST(sessions_end_with_the_listener),
	    cmocka_unit_test(nothing_to_listen_on_is_an_error),
	};

	if (argc == 2 && strcmp(argv[1], "serve") == 0)
		return serve(argv);
	signal(SIGPIPE, SIG_IGN);
	if (readlink("/proc/self/exe", program, sizeof program - 1) < 0)
		return 1;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
