/*
 * Unit tests of status: what a session does when statusd grants, refuses, is slow, talks nonsense, or is gone. The test
 * plays statusd at the other end of the channel.
 */
#include "common/status/status.h"

#include "common/base/io.h"
#include "common/policy/event.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct status status;
static struct ipc_message message;
static struct err err;
static int peer; /* statusd's end */
static uint32_t sequence;

static const struct status_slot slot = {STATUS_IMAP_SEARCH, "anna", 2, 0, 300};

static int setup(void **state)
{
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	status = (struct status){{.fd = pair[0]}};
	peer = pair[1];
	ipc_message_init(&message);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	status_end(&status);
	if (peer >= 0)
		close(peer);
	ipc_message_free(&message);
	return 0;
}

/* The next request that statusd gets; its op must be this one. */
static void expect(const char *op)
{
	assert_int_equal(ipc_receive(peer, &message, &sequence, 2000, &err), 1);
	assert_true(ipc_is(&message, op));
}

static void answer(uint32_t to, const char *word, int granted)
{
	struct ipc_message reply;

	ipc_message_init(&reply);
	ipc_add_text(&reply, "status", word);
	if (granted >= 0)
		ipc_add_number(&reply, "granted", granted);
	ipc_add_text(&reply, "text", "words");
	assert_int_equal(ipc_send(peer, &reply, to, &err), 0);
	ipc_message_free(&reply);
}

/* status_acquire in another process, for it waits; what it returned is its exit status. */
static pid_t acquire_beside(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		close(peer);
		_exit(status_acquire(&status, &slot, &err) == 0 ? 0 : err.code == ERR_LIMIT ? 1 : 2);
	}
	return pid;
}

static int result_of(pid_t pid)
{
	int result;

	assert_int_equal(waitpid(pid, &result, 0), pid);
	return WIFEXITED(result) ? WEXITSTATUS(result) : -1;
}

static void test_notices(void **state)
{
	int64_t number;

	(void)state;
	status_tls(&status);
	status_login(&status, "anna", 7);
	status_release(&status, STATUS_IMAP_FETCH);
	status_script_error(&status, "a.lua", "f", STR("x"));
	status_hand_over(&status);
	assert_int_equal(status.channel.fd, -1);
	expect("session-tls");
	expect("session-login");
	assert_true(str_equal(ipc_get(&message, "user"), STR("anna")));
	assert_true(ipc_get_number(&message, "uid", 7, 7, &number));
	expect("slot-free");
	assert_true(str_equal(ipc_get(&message, "class"), STR(STATUS_IMAP_FETCH)));
	expect("script-error");
	expect("session-handed");
	assert_int_equal(ipc_receive(peer, &message, &sequence, 1000, &err), 0);
}

/* The priority of a process after it told of an event. */
static int nice_after(int event)
{
	pid_t pid = fork();

	if (pid == 0) {
		status_event(&status, event, STR("x"));
		_exit(getpriority(PRIO_PROCESS, 0));
	}
	return result_of(pid);
}

static void test_suspects(void **state)
{
	int before = getpriority(PRIO_PROCESS, 0), suspect = before < 10 ? 10 : before;

	(void)state;
	assert_int_equal(nice_after(POLICY_GOOD_RECIPIENT), before);
	assert_int_equal(nice_after(POLICY_RELAY_ALLOWED), before);
	assert_int_equal(nice_after(POLICY_BAD_RECIPIENT), suspect);
	assert_int_equal(nice_after(POLICY_SYNTAX), suspect);
	expect("event");
}

static void test_granted(void **state)
{
	pid_t pid = acquire_beside();
	int64_t number;

	(void)state;
	expect("slot");
	assert_true(str_equal(ipc_get(&message, "key"), STR("anna")));
	assert_true(ipc_get_number(&message, "limit", 2, 2, &number));
	assert_true(ipc_get_number(&message, "wait", 300, 300, &number));
	answer(sequence, "ok", 1);
	assert_int_equal(result_of(pid), 0);
}

static void test_refused_at_once(void **state)
{
	pid_t pid = acquire_beside();

	(void)state;
	expect("slot");
	answer(sequence, "limit", -1);
	assert_int_equal(result_of(pid), 1);
}

static void test_waits(void **state)
{
	pid_t pid = acquire_beside();

	(void)state;
	expect("slot");
	answer(sequence, "ok", 0);
	expect("slot-wait");
	usleep(250000); /* longer than the first answer may take */
	answer(sequence, "ok", 1);
	assert_int_equal(result_of(pid), 0);
	pid = acquire_beside();
	expect("slot");
	answer(sequence, "ok", 0);
	expect("slot-wait");
	answer(sequence, "limit", -1);
	assert_int_equal(result_of(pid), 1);
}

/* Silence for 100 ms means that the operation is allowed. What is said later answers no later question. */
static void test_silence(void **state)
{
	int64_t begin = io_now_ms();
	uint32_t late;

	(void)state;
	assert_int_equal(status_acquire(&status, &slot, &err), 0);
	assert_in_range(io_now_ms() - begin, STATUS_PATIENCE_MS - 5, STATUS_PATIENCE_MS + 900);
	assert_true(status.channel.fd >= 0);
	expect("slot");
	late = sequence;
	status_release(&status, STATUS_IMAP_SEARCH); /* statusd may have granted it meanwhile */
	expect("slot-free");
	answer(late, "limit", -1);
	{
		pid_t pid = acquire_beside();

		expect("slot");
		answer(sequence, "ok", 1);
		assert_int_equal(result_of(pid), 0);
	}
}

static void test_strange_answers(void **state)
{
	static const char *const words[] = {"protocol", "syntax", "not-found", "temporary", "nonsense", ""};

	(void)state;
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		pid_t pid = acquire_beside();

		expect("slot");
		answer(sequence, words[i], -1);
		assert_int_equal(result_of(pid), 0); /* not the user's fault */
	}
}

static void test_gone(void **state)
{
	pid_t pid = acquire_beside();

	(void)state;
	expect("slot");
	answer(sequence, "ok", 0);
	expect("slot-wait");
	close(peer); /* statusd dies while somebody waits */
	peer = -1;
	assert_int_equal(result_of(pid), 0);
	assert_int_equal(status_acquire(&status, &slot, &err), 0);
	assert_int_equal(status.channel.fd, -1);
	status_login(&status, "anna", 1);
	status_release(&status, STATUS_IMAP_SEARCH);
	status_hand_over(&status);
}

/* A statusd that reads nothing fills its socket: the session goes on without. */
static void test_full(void **state)
{
	(void)state;
	for (int i = 0; i < 100000 && status.channel.fd >= 0; i++)
		status_tls(&status);
	assert_int_equal(status.channel.fd, -1);
}

static void test_nobody_there(void **state)
{
	struct instance instance = {.run = "/nonexistent"};

	(void)state;
	status_end(&status);
	status_begin(&status, &instance, "smtpd", "smtp", "192.0.2.1", false);
	assert_int_equal(status.channel.fd, -1);
	assert_int_equal(status_acquire(&status, &slot, &err), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_notices), TEST(test_suspects),     TEST(test_granted),         TEST(test_refused_at_once),
	    TEST(test_waits),   TEST(test_silence),      TEST(test_strange_answers), TEST(test_gone),
	    TEST(test_full),    TEST(test_nobody_there),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
