/* Workers: their answers, errors and deaths, the limit of time, how many run at once, what they keep open. */
#include "common/ipc/worker.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

static struct event_base *base;
static struct worker_pool *pool;

struct task {
	int (*run)(struct ipc_message *reply, void *context, struct err *err);
	int64_t value; /* answered */
	struct err err;
	bool done;
	int fd, other;
};

static unsigned left;

static void on_done(struct ipc_message *reply, const struct err *err, void *context)
{
	struct task *task = context;

	assert_false(task->done);
	task->done = true;
	task->err = *err;
	if (reply != NULL)
		assert_true(ipc_get_number(reply, "value", 0, 1000, &task->value));
	if (--left == 0)
		event_base_loopbreak(base);
}

static int run_task(struct ipc_message *reply, void *context, struct err *err)
{
	struct task *task = context;

	return task->run(reply, context, err);
}

static void begin(struct task *task)
{
	const struct worker_job job = {run_task, on_done, task, {task->fd, -1, -1, -1, -1, -1, -1, -1}};

	left++;
	worker_start(pool, &job);
	assert_false(task->done);
}

static int say_seven(struct ipc_message *reply, void *context, struct err *err)
{
	(void)context, (void)err;
	ipc_add_number(reply, "value", 7);
	return 0;
}

static int go_wrong(struct ipc_message *reply, void *context, struct err *err)
{
	(void)context;
	ipc_add_number(reply, "value", 7);
	return err_set(err, ERR_LIMIT, "too much of it");
}

static int die(struct ipc_message *reply, void *context, struct err *err)
{
	(void)reply, (void)context, (void)err;
	kill(getpid(), SIGKILL);
	return 0;
}

static int hang(struct ipc_message *reply, void *context, struct err *err)
{
	(void)reply, (void)context, (void)err;
	for (;;)
		pause();
	return 0;
}

/* 2: the one that it was given is open; 1: the other too. */
static int look(struct ipc_message *reply, void *context, struct err *err)
{
	const struct task *task = context;

	(void)err;
	ipc_add_number(reply, "value", (fcntl(task->fd, F_GETFD) >= 0 ? 2 : 0) + (fcntl(task->other, F_GETFD) >= 0));
	return 0;
}

static void test_answers(void **state)
{
	struct task seven = {.run = say_seven, .fd = -1}, failed = {.run = go_wrong, .fd = -1},
	            dead = {.run = die, .fd = -1};

	(void)state;
	begin(&seven);
	begin(&failed);
	begin(&dead);
	event_base_dispatch(base);
	assert_int_equal(seven.value, 7);
	assert_int_equal(seven.err.code, ERR_NONE);
	assert_int_equal(failed.err.code, ERR_LIMIT);
	assert_string_equal(failed.err.text, "too much of it");
	assert_int_equal(failed.value, 0);
	assert_int_equal(dead.err.code, ERR_CLOSED);
}

static void test_time(void **state)
{
	struct task slow = {.run = hang, .fd = -1}, next = {.run = say_seven, .fd = -1};

	(void)state;
	worker_pool_free(pool);
	pool = worker_pool_new(base, 1, 100);
	begin(&slow);
	begin(&next); /* waits for the first one's end */
	event_base_dispatch(base);
	assert_int_equal(slow.err.code, ERR_TIMEOUT);
	assert_int_equal(next.value, 7);
}

static void test_descriptors(void **state)
{
	struct task task = {.run = look, .fd = dup(2), .other = dup(2)};

	(void)state;
	begin(&task);
	event_base_dispatch(base);
	assert_int_equal(task.value, 2);
	close(task.fd);
	close(task.other);
}

static void test_freed_while_running(void **state)
{
	struct task slow = {.run = hang, .fd = -1}, waiting = {.run = hang, .fd = -1};

	(void)state;
	worker_pool_free(pool);
	pool = worker_pool_new(base, 1, 60000);
	begin(&slow);
	begin(&waiting);
	left = 0;
}

static int setup(void **state)
{
	(void)state;
	left = 0;
	base = event_base_new();
	pool = worker_pool_new(base, 3, 60000);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	worker_pool_free(pool);
	event_base_free(base);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_answers, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_time, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_descriptors, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_freed_while_running, setup, teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("ipc worker", tests, NULL, NULL);
}
