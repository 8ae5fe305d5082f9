/* Unit tests of bell: a hub and some sessions in one process. */
#include "common/net/bell.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { SESSIONS = 4 };

static struct bell_hub *hub;
static struct bell_hub *volatile forgotten; /* of a program that is no more; freeing it would close the lines */
static int lines[SESSIONS];
static struct err err;

static int forked; /* how often a session was asked for */
static pid_t forked_for;

static void note_fork(int fd, pid_t parent, void *context)
{
	char byte;

	(void)context;
	forked++;
	forked_for = parent;
	assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), 1); /* it is the one that was sent */
	assert_int_equal(byte, 'x');
}

static int begin(void **state)
{
	(void)state;
	forked = 0;
	hub = bell_hub_new(note_fork, NULL, &err);
	for (int i = 0; hub != NULL && i < SESSIONS; i++)
		lines[i] = bell_hub_add(hub, &err);
	return hub != NULL && lines[SESSIONS - 1] >= 0 ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	for (int i = 0; i < SESSIONS; i++)
		if (lines[i] >= 0)
			close(lines[i]);
	bell_hub_free(hub);
	return 0;
}

/* The hub does what it has to, as the listener lets it. */
static void turn(void)
{
	struct pollfd wait = {.fd = bell_hub_fd(hub), .events = POLLIN};

	while (poll(&wait, 1, 0) > 0)
		bell_hub_turn(hub);
}

/* Who hears something: a digit for each session, as bell_take says. */
static void expect(const char *heard)
{
	turn();
	for (int i = 0; i < SESSIONS; i++)
		if (heard[i] != ' ' && bell_take(lines[i]) != heard[i] - '0')
			fail_msg("session %d: not as in \"%s\"", i, heard);
}

/* Claim a mailbox; what happened before that is to be looked at once. */
static void claim(int session, int64_t mailbox)
{
	bell_claim(lines[session], mailbox);
	turn();
	assert_int_equal(bell_take(lines[session]), mailbox != BELL_ANY);
}

static void only_sessions_of_the_mailbox_hear(void **state)
{
	(void)state;
	claim(0, 7);
	claim(1, 7);
	claim(2, 8);
	bell_ring(lines[0]);
	expect("0100");
	bell_ring(lines[2]);
	expect("0000");
	bell_ring(lines[3]); /* claimed nothing */
	expect("0000");
}

/* The listener takes what waits line by line: a ring that was sent after a claim may have its turn before. */
static void a_ring_before_its_turn_is_heard(void **state)
{
	(void)state;
	claim(1, 7);
	bell_ring(lines[1]);
	bell_hub_turn(hub); /* this line will be looked at first */
	bell_claim(lines[0], 7);
	bell_ring(lines[1]);
	expect("10  ");
}

static void rings_not_heard_yet_are_one(void **state)
{
	char packet[64];

	(void)state;
	claim(0, 7);
	claim(1, 7);
	for (int i = 0; i < 100; i++) {
		bell_ring(lines[0]);
		turn();
	}
	assert_true(recv(lines[1], packet, sizeof packet, MSG_DONTWAIT) > 0);
	assert_int_equal(recv(lines[1], packet, sizeof packet, MSG_DONTWAIT), -1);
	bell_ring(lines[0]);
	expect("0100");
}

static void a_second_claim_closes_the_line(void **state)
{
	(void)state;
	claim(0, 7);
	claim(1, 8);
	bell_claim(lines[0], 8);
	turn();
	bell_ring(lines[0]);
	turn();
	assert_int_equal(bell_take(lines[0]), -1);
	expect(" 000");
}

static void only_who_claimed_any_rings_at_others(void **state)
{
	(void)state;
	claim(0, 7);
	claim(1, 8);
	claim(2, BELL_ANY);
	bell_ring_at(lines[0], 8); /* is its own mailbox's ring */
	expect("0000");
	bell_ring_at(lines[2], 8);
	bell_ring_at(lines[2], 7);
	bell_ring_at(lines[2], BELL_ANY);
	bell_ring_at(lines[2], -1);
	expect("1100");
}

static void nonsense_closes_the_line(void **state)
{
	static const char longer[64] = {1};

	(void)state;
	claim(1, 7);
	claim(2, 7);
	assert_int_equal(send(lines[0], "x", 1, 0), 1);
	assert_int_equal(send(lines[3], longer, sizeof longer, 0), (ssize_t)sizeof longer);
	turn();
	assert_int_equal(bell_take(lines[0]), -1);
	assert_int_equal(bell_take(lines[3]), -1);
	bell_ring(lines[1]);
	expect(" 01 ");
}

static void a_session_that_ends_is_forgotten(void **state)
{
	(void)state;
	claim(0, 7);
	claim(1, 7);
	close(lines[1]);
	lines[1] = -1;
	bell_ring(lines[0]);
	turn();
	lines[1] = bell_hub_add(hub, &err);
	claim(1, 7);
	bell_ring(lines[0]);
	expect("0100");
}

/* A session just forked holds the other ends until it leaves. */
static void lines_held_by_another_process_do_no_harm(void **state)
{
	pid_t child = fork();

	(void)state;
	if (child == 0) {
		sleep(1);
		_exit(0);
	}
	for (int i = 0; i < SESSIONS; i++) {
		shutdown(lines[i], SHUT_RDWR);
		close(lines[i]);
		lines[i] = -1;
	}
	turn();
	lines[0] = bell_hub_add(hub, &err);
	lines[1] = bell_hub_add(hub, &err);
	claim(0, 7);
	claim(1, 7);
	bell_ring(lines[0]);
	turn();
	assert_int_equal(bell_take(lines[1]), 1);
}

static void lines_live_on_over_an_execution(void **state)
{
	(void)state;
	claim(0, 7);
	claim(1, 7);
	assert_int_equal(bell_hub_hand_on(hub, &err), 0);
	forgotten = hub;
	assert_non_null(forgotten);
	hub = bell_hub_new(note_fork, NULL, &err); /* what was there before is gone with the memory of the program */
	bell_hub_take_over(hub);
	bell_ring(lines[0]);
	expect("0100");
	claim(2, 7);
	bell_ring(lines[1]);
	expect("1010");
}

static void a_session_asks_for_another(void **state)
{
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(send(pair[0], "x", 1, 0), 1);
	bell_hub_set_process(hub, 1234); /* of the line added last */
	claim(SESSIONS - 1, 7);
	assert_int_equal(bell_fork(lines[SESSIONS - 1], pair[1], &err), 0);
	turn();
	assert_int_equal(forked, 1);
	assert_int_equal(forked_for, 1234);
	assert_int_equal(bell_take(lines[SESSIONS - 1]), 0);     /* the line goes on */
	assert_int_equal(bell_fork(lines[0], pair[1], &err), 0); /* claimed nothing */
	turn();
	assert_int_equal(forked, 1);
	assert_int_equal(bell_take(lines[0]), -1);
	close(pair[0]);
	close(pair[1]);
}

/* Two descriptors in one packet: the second must not stay open here. */
static void no_second_descriptor_is_taken(void **state)
{
	const uint32_t packet[4] = {3};
	struct iovec part = {(void *)packet, sizeof packet};
	int pair[2], before, after;
	union {
		char bytes[CMSG_SPACE(2 * sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct msghdr message = {
	    .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(send(pair[0], "x", 1, 0), 1);
	claim(0, 7);
	before = dup(0);
	close(before);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(2 * sizeof(int));
	memcpy(CMSG_DATA(header), (int[]){pair[1], pair[1]}, 2 * sizeof(int));
	assert_int_equal(sendmsg(lines[0], &message, 0), (ssize_t)sizeof packet);
	turn();
	assert_int_equal(forked, 1);
	after = dup(0);
	close(after);
	assert_int_equal(after, before);
	close(pair[0]);
	close(pair[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(only_sessions_of_the_mailbox_hear, begin, end),
	    cmocka_unit_test_setup_teardown(a_ring_before_its_turn_is_heard, begin, end),
	    cmocka_unit_test_setup_teardown(rings_not_heard_yet_are_one, begin, end),
	    cmocka_unit_test_setup_teardown(a_second_claim_closes_the_line, begin, end),
	    cmocka_unit_test_setup_teardown(only_who_claimed_any_rings_at_others, begin, end),
	    cmocka_unit_test_setup_teardown(nonsense_closes_the_line, begin, end),
	    cmocka_unit_test_setup_teardown(a_session_that_ends_is_forgotten, begin, end),
	    cmocka_unit_test_setup_teardown(lines_held_by_another_process_do_no_harm, begin, end),
	    cmocka_unit_test_setup_teardown(lines_live_on_over_an_execution, begin, end),
	    cmocka_unit_test_setup_teardown(a_session_asks_for_another, begin, end),
	    cmocka_unit_test_setup_teardown(no_second_descriptor_is_taken, begin, end),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("bell", tests, NULL, NULL);
}
