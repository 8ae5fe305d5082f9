/* The workers: they answer, take turns between addresses, keep those who failed apart, are limited, are replaced when
 * they die. */
#include "authd/pool.h"
#include "common/base/buf.h"
#include "common/base/io.h"
#include "common/base/log.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { JOBS_MAX = POOL_WAITING_MAX + 10, PATIENCE_S = 60 };

struct run {
	struct event_base *base;
	struct pool *pool;
	int wanted_answers;
	int answers;
	int order[JOBS_MAX]; /* who was answered, in order */
	enum hash_result results[JOBS_MAX];
};

struct asker {
	struct run *run;
	int number;
	bool gone;
};

static void on_done(const struct hash_reply *reply, void *context)
{
	struct asker *asker = context;
	struct run *run = asker->run;

	run->order[run->answers] = asker->number;
	run->results[run->answers] = reply->result;
	if (++run->answers == run->wanted_answers)
		event_base_loopbreak(run->base);
}

static bool on_wanted(void *context)
{
	return !((struct asker *)context)->gone;
}

static void begin(struct run *run, int workers)
{
	static const struct daemon daemon;

	*run = (struct run){0};
	assert_int_equal(pool_start(&run->pool, &daemon, workers, NULL), 0);
	run->base = event_base_new();
	assert_int_equal(pool_attach(run->pool, run->base, NULL), 0);
}

static void end(struct run *run)
{
	pool_free(run->pool);
	event_base_free(run->base);
	while (wait(NULL) > 0) /* the keeper and, as we are their reaper, its workers */
		;
}

static int submit(struct asker *asker, const char *address, const char *password, unsigned cost)
{
	struct hash_request request = {.kind = HASH_CHECK, .password_len = (uint32_t)strlen(password)};

	memcpy(request.password, password, strlen(password));
	assert_int_equal(hash_dummy(cost, request.hash, NULL), 0);
	return pool_submit(asker->run->pool, str_of(address), &request, on_wanted, on_done, asker, NULL);
}

static void answers(struct run *run, int count)
{
	const struct timeval patience = {PATIENCE_S, 0};

	run->wanted_answers = count;
	event_base_loopexit(run->base, &patience);
	if (run->answers < count)
		event_base_dispatch(run->base);
	assert_int_equal(run->answers, count);
}

static void test_turns(void **state)
{
	static struct run run;
	struct asker askers[24];
	int late = -1;

	(void)state;
	begin(&run, 1);
	for (int i = 0; i < 20; i++) {
		askers[i] = (struct asker){&run, i, false};
		assert_int_equal(submit(&askers[i], "192.0.2.1", "guess", 1), 0);
	}
	askers[20] = (struct asker){&run, 20, false};
	assert_int_equal(submit(&askers[20], "192.0.2.2", "guess", 1), 0);
	askers[21] = (struct asker){&run, 21, true};
	assert_int_equal(submit(&askers[21], "192.0.2.3", "guess", 1), 0);
	answers(&run, 22);
	for (int i = 0; i < 22; i++) {
		if (run.order[i] == 20)
			late = i;
		assert_int_equal(run.results[i], run.order[i] == 21 ? HASH_FAILED : HASH_WRONG);
	}
	assert_in_range(late, 0, 3); /* not behind the twenty of the other address */
	end(&run);
}

/* However much one that failed has to be done: the others wait for none of it, until it is trusted again. */
static void test_distrust(void **state)
{
	static struct run run;
	struct asker askers[12];

	(void)state;
	begin(&run, 1);
	pool_distrust(run.pool, STR("192.0.2.1"));
	for (int i = 0; i < 2; i++) {
		askers[i] = (struct asker){&run, i, false};
		assert_int_equal(submit(&askers[i], "192.0.2.1", "guess", 7), 0); /* some tenths of a second */
	}
	for (int i = 2; i < 10; i++) {
		askers[i] = (struct asker){&run, i, false};
		assert_int_equal(submit(&askers[i], "192.0.2.2", "guess", 1), 0);
	}
	answers(&run, 10);
	assert_in_range(run.order[8], 0, 1); /* the two of the first were the last that was done */
	assert_in_range(run.order[9], 0, 1);
	pool_trust(run.pool, STR("192.0.2.1"));
	askers[10] = (struct asker){&run, 10, false};
	askers[11] = (struct asker){&run, 11, false};
	pool_distrust(run.pool, STR("192.0.2.2"));
	submit(&askers[10], "192.0.2.2", "guess", 7);
	submit(&askers[11], "192.0.2.1", "guess", 1);
	answers(&run, 12);
	assert_int_equal(run.order[10], 11);
	end(&run);
}

/* What waits when its address is distrusted or trusted goes to the other worker, which may be idle. */
static void test_change_of_mind(void **state)
{
	static struct run run;
	struct asker askers[3] = {{&run, 0, false}, {&run, 1, false}, {&run, 2, false}};

	(void)state;
	begin(&run, 1);
	submit(&askers[0], "192.0.2.1", "guess", 7);
	submit(&askers[1], "192.0.2.1", "guess", 1);
	pool_distrust(run.pool, STR("192.0.2.1"));
	answers(&run, 2);
	assert_int_equal(run.order[0], 1);
	submit(&askers[2], "192.0.2.1", "guess", 1);
	pool_trust(run.pool, STR("192.0.2.1"));
	answers(&run, 3);
	end(&run);
}

static void test_one_network(void **state)
{
	static struct run run;
	struct asker asker = {&run, 0, false};
	char address[64];

	(void)state;
	begin(&run, 1);
	for (int i = 0; i <= POOL_WAITING_PER_ADDRESS_MAX; i++) { /* one of them is with the worker at once */
		snprintf(address, sizeof address, "2001:db8:0:1::%x", i);
		assert_int_equal(submit(&asker, address, "guess", 1), 0);
	}
	assert_int_equal(submit(&asker, "2001:db8:0:1:ffff::", "guess", 1), -1);
	assert_int_equal(submit(&asker, "2001:db8:0:2::1", "guess", 1), 0);
	end(&run);
}

static void test_limit(void **state)
{
	static struct run run;
	struct asker asker = {&run, 0, false};
	char address[64];

	(void)state;
	begin(&run, 1);
	for (int i = 0; i <= POOL_WAITING_MAX; i++) {
		snprintf(address, sizeof address, "198.51.%d.%d", i / 200, i % 200);
		assert_int_equal(submit(&asker, address, "guess", 1), 0);
	}
	assert_int_equal(submit(&asker, "192.0.2.1", "guess", 1), -1);
	end(&run);
}

/* Kill the children of the keeper, which is our only child: the workers. */
static void kill_workers(void)
{
	char path[64];
	struct buf text;
	struct str rest;
	uint64_t keeper, pid;

	buf_init(&text, 4096);
	snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
	assert_int_equal(io_read_file(path, &text, NULL), 0);
	rest = buf_str(&text);
	assert_true(str_to_u64(str_cut_word(&rest), INT32_MAX, &keeper));
	buf_reset(&text);
	snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)keeper, (int)keeper);
	assert_int_equal(io_read_file(path, &text, NULL), 0);
	rest = buf_str(&text);
	while (str_to_u64(str_cut_word(&rest), INT32_MAX, &pid))
		kill((pid_t)pid, SIGKILL);
	buf_free(&text);
}

static void test_death(void **state)
{
	static struct run run;
	struct asker askers[2] = {{&run, 0, false}, {&run, 1, false}};

	(void)state;
	begin(&run, 1);
	submit(&askers[0], "192.0.2.1", "guess", 1);
	answers(&run, 1);
	assert_int_equal(run.results[0], HASH_WRONG);
	submit(&askers[0], "192.0.2.1", "guess", 9); /* long enough to die over it */
	submit(&askers[1], "192.0.2.1", "guess", 1);
	kill_workers();
	answers(&run, 3);
	assert_int_equal(run.order[1], 0);
	assert_int_equal(run.results[1], HASH_FAILED);
	assert_int_equal(run.results[2], HASH_WRONG); /* by the next worker */
	assert_false(pool_is_broken(run.pool));
	end(&run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_turns),       cmocka_unit_test(test_distrust), cmocka_unit_test(test_change_of_mind),
	    cmocka_unit_test(test_one_network), cmocka_unit_test(test_limit),    cmocka_unit_test(test_death),
	};

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	log_set_level(LOG_LEVEL_ERROR);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("authd/pool", tests, NULL, NULL);
}
