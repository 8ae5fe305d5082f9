/* deliver: requests in, results out, mail in mailboxes; a locked mailbox keeps nobody else waiting. */
#include "deliver/deliver.h"
#include "t/unit/common/store/fixture.h"

#include <signal.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

static pid_t server;
static struct ipc_channel channel = {.fd = -1};
static struct ipc_message request, reply;

static int bells[2]; /* what the writer tells its ringer comes out of the first */

static int listen_at(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	str_copy(str_of(path), address.sun_path, sizeof address.sun_path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 16) != 0)
		return -1;
	return fd;
}

static void serve(int fd)
{
	static struct daemon daemon = {.name = "deliver", .socket_count = 1};
	struct event_base *base = event_base_new();

	daemon.instance = instance;
	daemon.sockets[0].fd = fd;
	str_copy(STR("from-queue-manager"), daemon.sockets[0].name, sizeof daemon.sockets[0].name);
	event_base_priority_init(base, 3);
	/* A small cache, so that mailboxes are closed and opened again all the time. */
	if (ipc_serve(base, &daemon, writer_handle, NULL,
	              writer_new(base, &instance, 8, &(struct beside){.ringer = bells[1]}), &err) == 0)
		event_base_dispatch(base);
	_exit(1);
}

static int start(void **state)
{
	char path[INSTANCE_PATH_MAX + 64];
	int fd;

	if (make_store(state) != 0)
		return -1;
	str_copy(str_of(instance.state), instance.run, sizeof instance.run);
	snprintf(path, sizeof path, "%s/deliver", instance.run);
	mkdir(path, 0700);
	snprintf(path, sizeof path, "%s/deliver/queue-manager.sock", instance.run);
	fd = listen_at(path);
	if (fd < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, bells) != 0)
		return -1;
	server = fork();
	if (server == 0)
		serve(fd);
	close(fd);
	ipc_message_init(&request);
	ipc_message_init(&reply);
	return ipc_connect(&channel, &instance, "deliver", "queue-manager", &err);
}

static int stop(void **state)
{
	ipc_close(&channel);
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	close(bells[0]);
	close(bells[1]);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return remove_store(state);
}

/* A request for users first to last. The caller closes the descriptor. */
static int prepare(const char *id, const char *text, int first, int last)
{
	struct store_source source = make_source(text, id);
	char address[40];

	ipc_request(&request, "deliver");
	ipc_add_text(&request, "id", id);
	ipc_add_number(&request, "offset", source.offset);
	ipc_add_text(&request, "from", "a@b.example");
	for (int uid = first; uid <= last; uid++) {
		snprintf(address, sizeof address, "user%d@home.example", uid);
		ipc_add_number(&request, "uid", uid);
		ipc_add_text(&request, "address", address);
	}
	ipc_add_fd(&request, source.fd);
	return source.fd;
}

static void assert_delivered(size_t count)
{
	struct str key, value;
	size_t position = 0, results = 0;

	while (ipc_next(&reply, &position, &key, &value)) {
		if (!str_equal(key, STR("result")))
			continue;
		assert_true(str_starts(value, STR("delivered ")));
		results++;
	}
	assert_int_equal(results, count);
}

static void deliver(const char *id, const char *text, int first, int last)
{
	int fd = prepare(id, text, first, last);

	if (ipc_call(&channel, &request, &reply, IPC_TIMEOUT_MS, &err) != 0)
		fail_msg("deliver: %s", err.text);
	close(fd);
	assert_delivered((size_t)(last - first + 1));
}

/* The users whose sessions are told of a delivery, each once, in as many batches as there were. */
static void assert_rung(int first, int last)
{
	int64_t users[32];
	int next = first;

	while (next <= last) {
		ssize_t size = recv(bells[0], users, sizeof users, 0);

		assert_true(size > 0);
		for (ssize_t i = 0; i < size / (ssize_t)sizeof users[0]; i++)
			assert_int_equal(users[i], next++);
	}
}

static size_t count_in(int64_t uid)
{
	struct mailbox *mailbox;
	size_t count;

	assert_int_equal(mailbox_open(&mailbox, &instance, uid, 5000, &err), 0);
	count = count_messages(mailbox);
	mailbox_close(mailbox);
	return count;
}

static void test_one_and_many(void **state)
{
	struct mailbox *mailbox;

	(void)state;
	deliver("id-1", "Subject: x\r\n\r\nx\r\n", 5, 5);
	assert_rung(5, 5);
	deliver("id-2", "Subject: y\r\n\r\ny\r\n", 1, 20);
	assert_rung(1, 20);
	deliver("id-2", "Subject: y\r\n\r\ny\r\n", 1, 20); /* asked again: no second copy */
	assert_int_equal(mailbox_open(&mailbox, &instance, 5, 5000, &err), 0);
	assert_int_equal(count_messages(mailbox), 2);
	assert_content(mailbox, 1,
	               "Return-Path: <a@b.example>\r\nDelivered-To: user5@home.example\r\nSubject: x\r\n\r\nx\r\n");
	assert_content(mailbox, 2, "Return-Path: <a@b.example>\r\nSubject: y\r\n\r\ny\r\n");
	mailbox_close(mailbox);
	assert_int_equal(count_in(20), 1);
}

static void test_many_at_once(void **state)
{
	enum { COUNT = 600, USERS = 12 };
	char id[32];
	uint32_t sequence;

	(void)state;
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < COUNT; i++) {
			int fd;

			snprintf(id, sizeof id, "id-%d", i);
			fd = prepare(id, "x\r\n", 1 + i % USERS, 1 + i % USERS);
			assert_int_equal(ipc_send(channel.fd, &request, (uint32_t)i, &err), 0);
			close(fd);
		}
		for (int i = 0; i < COUNT; i++) {
			assert_int_equal(ipc_receive(channel.fd, &reply, &sequence, IPC_TIMEOUT_MS, &err), 1);
			assert_delivered(1);
		}
	}
	for (int uid = 1; uid <= USERS; uid++)
		assert_int_equal(count_in(uid), COUNT / USERS);
}

static void test_locked_mailbox(void **state)
{
	uint32_t sequence;
	int lock, first, second;

	(void)state;
	deliver("id-0", "x\r\n", 1, 3);
	lock = open(in_mailbox(2, "lock"), O_RDWR);
	assert_int_equal(flock(lock, LOCK_EX), 0);
	first = prepare("id-1", "x\r\n", 1, 3);
	assert_int_equal(ipc_send(channel.fd, &request, 1, &err), 0);
	second = prepare("id-2", "x\r\n", 3, 4);
	assert_int_equal(ipc_send(channel.fd, &request, 2, &err), 0);
	assert_int_equal(ipc_receive(channel.fd, &reply, &sequence, IPC_TIMEOUT_MS, &err), 1);
	assert_int_equal(sequence, 2);
	assert_delivered(2);
	assert_int_equal(count_in(1), 2);
	assert_int_equal(count_in(3), 3);

	close(lock);
	assert_int_equal(ipc_receive(channel.fd, &reply, &sequence, IPC_TIMEOUT_MS, &err), 1);
	assert_int_equal(sequence, 1);
	assert_delivered(3);
	assert_int_equal(count_in(2), 2);
	close(first);
	close(second);
}

static void test_locked_for_too_long(void **state)
{
	int lock, fd;
	struct str key, value;
	size_t position = 0;
	int deferred = 0;

	(void)state;
	deliver("id-0", "x\r\n", 1, 2);
	lock = open(in_mailbox(2, "lock"), O_RDWR);
	assert_int_equal(flock(lock, LOCK_EX), 0);
	fd = prepare("id-1", "x\r\n", 1, 2);
	assert_int_equal(ipc_call(&channel, &request, &reply, 2 * LOCKED_PATIENCE_MS, &err), 0);
	while (ipc_next(&reply, &position, &key, &value))
		deferred += str_starts(value, STR("deferred the mailbox is locked"));
	assert_int_equal(deferred, 1);
	close(fd);
	close(lock);
	deliver("id-1", "x\r\n", 1, 2);
	assert_int_equal(count_in(1), 2);
	assert_int_equal(count_in(2), 2);
}

static void assert_refused(int code)
{
	assert_int_equal(ipc_call(&channel, &request, &reply, IPC_TIMEOUT_MS, &err), -1);
	assert_int_equal(err.code, code);
}

static void test_bad_requests(void **state)
{
	int fd, ends[2];

	(void)state;
	ipc_request(&request, "expunge");
	assert_refused(ERR_PROTOCOL);
	ipc_request(&request, "deliver");
	assert_refused(ERR_PROTOCOL);

	fd = prepare("id-1", "x\r\n", 1, 2);
	request.fd_count = 0;
	assert_refused(ERR_PROTOCOL);
	close(fd);

	fd = prepare("id-1", "x\r\n", 1, 2);
	ipc_add_number(&request, "uid", 3); /* more users than addresses */
	assert_refused(ERR_PROTOCOL);
	close(fd);

	fd = prepare("id-1", "x\r\n", 0, 1);
	assert_refused(ERR_PROTOCOL);
	close(fd);

	fd = prepare("id-1", "x\r\n", 1, 1);
	assert_int_equal(ftruncate(fd, 9), 0); /* it would begin behind the end */
	assert_refused(ERR_PROTOCOL);
	close(fd);

	/* What could block is not read. */
	assert_int_equal(pipe(ends), 0);
	fd = prepare("id-1", "x\r\n", 1, 1);
	request.fds[0] = ends[0];
	assert_refused(ERR_PROTOCOL);
	close(fd);
	close(ends[0]);
	close(ends[1]);

	fd = prepare("id-1", "x\r\n", 1, 1);
	ipc_request(&request, "deliver");
	ipc_add_text(&request, "id", "id-1");
	ipc_add_number(&request, "offset", 0);
	ipc_add_text(&request, "from", "a@b.example>\r\nX-Forged: <");
	ipc_add_number(&request, "uid", 1);
	ipc_add_text(&request, "address", "x@y.example");
	ipc_add_fd(&request, fd);
	assert_refused(ERR_SYNTAX);
	close(fd);

	deliver("id-1", "x\r\n", 1, 1);
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_SERVER(test_one_and_many),        WITH_SERVER(test_many_at_once), WITH_SERVER(test_locked_mailbox),
	    WITH_SERVER(test_locked_for_too_long), WITH_SERVER(test_bad_requests),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("deliver", tests, NULL, NULL);
}
