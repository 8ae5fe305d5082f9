/* Unit tests of ipc: packets over a socket pair, hostile ones among them. */
#include "common/ipc/ipc.h"

#include "common/base/memory.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct pair {
	int ends[2];
	struct ipc_message sent, received;
	uint32_t sequence;
	struct err err;
};

static int set_up(void **state)
{
	struct pair *pair = memory_get(sizeof *pair);

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair->ends), 0);
	ipc_message_init(&pair->sent);
	ipc_message_init(&pair->received);
	*state = pair;
	return 0;
}

static int tear_down(void **state)
{
	struct pair *pair = *state;

	close(pair->ends[0]);
	close(pair->ends[1]);
	ipc_message_free(&pair->sent);
	ipc_message_free(&pair->received);
	memory_free(pair);
	return 0;
}

static int pass(struct pair *pair)
{
	assert_int_equal(ipc_send(pair->ends[0], &pair->sent, 7, &pair->err), 0);
	return ipc_receive(pair->ends[1], &pair->received, &pair->sequence, 1000, &pair->err);
}

static void fields_arrive_in_order(void **state)
{
	struct pair *pair = *state;
	struct str key, value;
	size_t position = 0;
	int64_t number;

	ipc_request(&pair->sent, "resolve");
	ipc_add(&pair->sent, "address", str_from("a\0b", 3));
	ipc_add_number(&pair->sent, "count", -5);
	ipc_add_text(&pair->sent, "address", "second");
	assert_int_equal(pass(pair), 1);
	assert_int_equal(pair->sequence, 7);
	assert_true(ipc_is(&pair->received, "resolve"));
	assert_true(str_equal(ipc_get(&pair->received, "address"), str_from("a\0b", 3)));
	assert_true(ipc_get_number(&pair->received, "count", -10, 10, &number) && number == -5);
	assert_false(ipc_get_number(&pair->received, "count", 0, 10, &number));
	assert_null(ipc_get(&pair->received, "missing").data);
	for (int i = 0; i < 4; i++)
		assert_true(ipc_next(&pair->received, &position, &key, &value));
	assert_true(str_equal(value, STR("second")));
	assert_false(ipc_next(&pair->received, &position, &key, &value));
}

static void large_messages_travel_in_a_memfd(void **state)
{
	struct pair *pair = *state;
	size_t size = 3 * IPC_PACKET_MAX;
	char *data = memory_get(size);

	memset(data, 'x', size);
	ipc_request(&pair->sent, "big");
	ipc_add(&pair->sent, "value", str_from(data, size));
	ipc_add_fd(&pair->sent, STDIN_FILENO);
	assert_int_equal(pass(pair), 1);
	assert_true(str_equal(ipc_get(&pair->received, "value"), str_from(data, size)));
	assert_int_equal(pair->received.fd_count, 1);
	memory_free(data);
}

static void descriptors_are_owned_until_taken(void **state)
{
	struct pair *pair = *state;
	int pipe_ends[2], fd;

	assert_int_equal(pipe(pipe_ends), 0);
	ipc_request(&pair->sent, "fd");
	ipc_add_fd(&pair->sent, pipe_ends[1]);
	assert_int_equal(pass(pair), 1);
	close(pipe_ends[1]);
	fd = ipc_take_fd(&pair->received, 0);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(ipc_take_fd(&pair->received, 0), -1);
	ipc_message_reset(&pair->received);
	assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
	close(pipe_ends[0]);
}

static void hostile_packets_are_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} packets[] = {
	    {"x", 1},
	    {"0123456789abcdef", 16},
	    {"1PRP\1\0\0\0\0\0\0\0\377\0\0\0", 16},                      /* a length that is not there */
	    {"1PRP\1\0\0\0\1\0\0\0\377\0\0\0", 16},                      /* a memfd that is not there */
	    {"1PRP\1\0\0\0\0\0\0\0\3\0\0\0abc", 19},                     /* no whole field */
	    {"1PRP\1\0\0\0\0\0\0\0\10\0\0\0\2\0\377\377\377\377op", 24}, /* a value longer than the packet */
	};
	struct pair *pair = *state;

	for (size_t i = 0; i < sizeof packets / sizeof packets[0]; i++) {
		assert_int_equal(send(pair->ends[0], packets[i].bytes, packets[i].len, 0), packets[i].len);
		assert_int_equal(ipc_receive(pair->ends[1], &pair->received, &pair->sequence, 1000, &pair->err), -1);
		assert_int_equal(pair->err.code, ERR_PROTOCOL);
	}
}

static void a_memfd_that_can_change_is_refused(void **state)
{
	struct pair *pair = *state;
	static const char header[] = "1PRP\1\0\0\0\1\0\0\0\0\0\0";
	struct iovec part = {(void *)header, 16};
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct msghdr packet = {
	    .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
	struct cmsghdr *rights = CMSG_FIRSTHDR(&packet);
	int memfd = memfd_create("test", 0);

	rights->cmsg_level = SOL_SOCKET;
	rights->cmsg_type = SCM_RIGHTS;
	rights->cmsg_len = CMSG_LEN(sizeof memfd);
	memcpy(CMSG_DATA(rights), &memfd, sizeof memfd);
	assert_int_equal(sendmsg(pair->ends[0], &packet, 0), 16);
	assert_int_equal(ipc_receive(pair->ends[1], &pair->received, &pair->sequence, 1000, &pair->err), -1);
	assert_int_equal(pair->err.code, ERR_PROTOCOL);
	close(memfd);
}

static void waiting_has_a_limit(void **state)
{
	struct pair *pair = *state;

	assert_int_equal(ipc_receive(pair->ends[1], &pair->received, &pair->sequence, 20, &pair->err), -1);
	assert_int_equal(pair->err.code, ERR_TIMEOUT);
	close(pair->ends[0]);
	assert_int_equal(ipc_receive(pair->ends[1], &pair->received, &pair->sequence, 1000, &pair->err), 0);
	pair->ends[0] = dup(pair->ends[1]);
}

/* An answer carries status and reason back to the caller; an answer to another question breaks the channel. */
static void calls_bring_back_errors(void **state)
{
	struct pair *pair = *state;
	struct ipc_channel channel = {.fd = dup(pair->ends[0])};
	pid_t child = fork();

	if (child == 0) {
		struct err refusal = {.code = ERR_NOT_FOUND};

		str_copy(STR("there is no such user"), refusal.text, sizeof refusal.text);
		for (int i = 0; i < 2; i++) {
			if (ipc_receive(pair->ends[1], &pair->received, &pair->sequence, 1000, &pair->err) != 1)
				_exit(1);
			ipc_reply_error(&pair->sent, &refusal);
			if (ipc_send(pair->ends[1], &pair->sent, pair->sequence + (uint32_t)i, &pair->err) != 0)
				_exit(1);
		}
		_exit(0);
	}
	ipc_request(&pair->sent, "x");
	assert_int_equal(ipc_call(&channel, &pair->sent, &pair->received, 1000, &pair->err), -1);
	assert_int_equal(pair->err.code, ERR_NOT_FOUND);
	assert_string_equal(pair->err.text, "there is no such user");
	assert_true(channel.fd >= 0);
	assert_int_equal(ipc_call(&channel, &pair->sent, &pair->received, 1000, &pair->err), -1);
	assert_int_equal(pair->err.code, ERR_PROTOCOL);
	assert_int_equal(channel.fd, -1);
	assert_int_equal(ipc_call(&channel, &pair->sent, &pair->received, 1000, &pair->err), -1);
	assert_int_equal(pair->err.code, ERR_CLOSED);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(fields_arrive_in_order, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(large_messages_travel_in_a_memfd, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(descriptors_are_owned_until_taken, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(hostile_packets_are_refused, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_memfd_that_can_change_is_refused, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(waiting_has_a_limit, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(calls_bring_back_errors, set_up, tear_down),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("ipc", tests, NULL, NULL);
}
