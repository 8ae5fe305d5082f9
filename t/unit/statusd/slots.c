/*
 * Unit tests of slots: limits for a key and altogether, the queue, and what ends free.
 */
#include "statusd/slots.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct slots slots;
static struct err err;

/* What `decided` said, in order: the waiter's letter, upper case where it was granted. */
static char decisions[64];
static size_t decided_count;

static void decided(void *waiter, bool granted, void *context)
{
	const char *letter = waiter;

	assert_ptr_equal(context, &slots);
	decisions[decided_count++] = granted ? (char)(*letter - 'a' + 'A') : *letter;
	decisions[decided_count] = '\0';
}

static int setup(void **state)
{
	(void)state;
	slots_init(&slots, decided, &slots);
	decided_count = 0;
	decisions[0] = '\0';
	return 0;
}

static enum slot_state ask(struct slot_holder *holder, const char *class, const char *key, int64_t limit, int64_t total,
                           int64_t wait_ms, int64_t now)
{
	const struct slot_request request = {str_of(class), str_of(key), limit, total, wait_ms};

	return slots_ask(&slots, holder, &request, now, &err);
}

static void wait_as(struct slot_holder *holder, const char *class, const char *letter)
{
	bool kept;

	assert_int_equal(slots_wait(holder, str_of(class), (void *)letter, &kept), SLOT_WAITING);
	assert_true(kept);
}

static void test_limit_of_key(void **state)
{
	struct slot_holder a = {0}, b = {0}, c = {0}, d = {0};

	(void)state;
	assert_int_equal(ask(&a, "search", "anna", 2, 0, 0, 0), SLOT_HELD);
	assert_int_equal(ask(&b, "search", "anna", 2, 0, 0, 0), SLOT_HELD);
	assert_int_equal(ask(&c, "search", "anna", 2, 0, 0, 0), SLOT_NONE);
	assert_int_equal(err.code, ERR_LIMIT);
	assert_int_equal(c.count, 0);
	assert_int_equal(ask(&d, "search", "bert", 2, 0, 0, 0), SLOT_HELD); /* another user */
	assert_int_equal(ask(&c, "fetch", "anna", 2, 0, 0, 0), SLOT_HELD);  /* another class */
	slots_free(&slots, &a, STR("search"));
	assert_int_equal(ask(&c, "search", "anna", 2, 0, 0, 0), SLOT_HELD);
	assert_int_equal(c.count, 2);
	slots_forget(&slots, &c); /* a crash frees both */
	assert_int_equal(ask(&a, "search", "anna", 2, 0, 0, 0), SLOT_HELD);
	slots_free(&slots, &a, STR("fetch")); /* what is not held does no harm */
	slots_forget(&slots, &a);
	slots_forget(&slots, &b);
	slots_forget(&slots, &d);
}

static void test_total(void **state)
{
	struct slot_holder holders[4] = {0};

	(void)state;
	assert_int_equal(ask(&holders[0], "fetch", "a", 5, 3, 0, 0), SLOT_HELD);
	assert_int_equal(ask(&holders[1], "fetch", "b", 5, 3, 0, 0), SLOT_HELD);
	assert_int_equal(ask(&holders[2], "fetch", "c", 5, 3, 0, 0), SLOT_HELD);
	assert_int_equal(ask(&holders[3], "fetch", "d", 5, 3, 0, 0), SLOT_NONE);
	slots_free(&slots, &holders[1], STR("fetch"));
	assert_int_equal(ask(&holders[3], "fetch", "d", 5, 3, 0, 0), SLOT_HELD);
	for (int i = 0; i < 4; i++)
		slots_forget(&slots, &holders[i]);
}

/* First come, first served; who waits for a full key keeps nobody of another key waiting. */
static void test_queue(void **state)
{
	struct slot_holder a = {0}, b = {0}, c = {0}, d = {0};

	(void)state;
	assert_int_equal(ask(&a, "search", "anna", 1, 0, 100, 0), SLOT_HELD);
	assert_int_equal(ask(&b, "search", "anna", 1, 0, 100, 0), SLOT_WAITING);
	assert_int_equal(ask(&c, "search", "anna", 1, 0, 100, 0), SLOT_WAITING);
	assert_int_equal(ask(&d, "search", "bert", 1, 0, 100, 0), SLOT_HELD);
	wait_as(&b, "search", "b");
	wait_as(&c, "search", "c");
	slots_free(&slots, &a, STR("search"));
	assert_string_equal(decisions, "B");
	assert_int_equal(ask(&a, "search", "anna", 1, 0, 100, 0), SLOT_WAITING); /* behind c */
	wait_as(&a, "search", "a");
	slots_forget(&slots, &b);
	assert_string_equal(decisions, "BC");
	slots_forget(&slots, &c);
	assert_string_equal(decisions, "BCA");
	slots_forget(&slots, &a);
	slots_forget(&slots, &d);
}

static void test_total_is_fair(void **state)
{
	struct slot_holder holders[5] = {0};
	static const char letters[] = "abcde";

	(void)state;
	assert_int_equal(ask(&holders[0], "fetch", "anna", 2, 2, 100, 0), SLOT_HELD);
	assert_int_equal(ask(&holders[1], "fetch", "anna", 2, 2, 100, 0), SLOT_HELD);
	for (int i = 2; i < 5; i++) {
		assert_int_equal(ask(&holders[i], "fetch", i == 2 ? "anna" : "bert", 2, 2, 100, 0), SLOT_WAITING);
		wait_as(&holders[i], "fetch", &letters[i]);
	}
	slots_free(&slots, &holders[0], STR("fetch"));
	slots_free(&slots, &holders[1], STR("fetch"));
	assert_string_equal(decisions, "CD");
	slots_free(&slots, &holders[2], STR("fetch"));
	assert_string_equal(decisions, "CDE");
	for (int i = 0; i < 5; i++)
		slots_forget(&slots, &holders[i]);
}

static void test_time(void **state)
{
	struct slot_holder a = {0}, b = {0}, c = {0};
	bool kept;

	(void)state;
	assert_int_equal(slots_expire(&slots, 0), -1);
	ask(&a, "search", "anna", 1, 0, 0, 0);
	assert_int_equal(ask(&b, "search", "anna", 1, 0, 40, 1000), SLOT_WAITING);
	assert_int_equal(ask(&c, "search", "anna", 1, 0, 30, 1000), SLOT_WAITING);
	wait_as(&b, "search", "b");
	wait_as(&c, "search", "c");
	assert_int_equal(slots_wait(&c, STR("search"), NULL, &kept), SLOT_WAITING); /* one waits already */
	assert_false(kept);
	assert_int_equal(slots_expire(&slots, 1010), 20);
	assert_string_equal(decisions, "");
	assert_int_equal(slots_expire(&slots, 1030), 10);
	assert_string_equal(decisions, "c");
	assert_int_equal(slots_expire(&slots, 1040), -1);
	assert_string_equal(decisions, "cb");
	assert_int_equal(slots_wait(&b, STR("search"), NULL, &kept), SLOT_NONE);
	slots_free(&slots, &a, STR("search"));
	assert_int_equal(ask(&c, "search", "anna", 1, 0, 0, 0), SLOT_HELD); /* nothing of them is left */
	slots_forget(&slots, &c);
}

/* A slot that comes before it is waited for is the holder's at once. */
static void test_granted_before_wait(void **state)
{
	struct slot_holder a = {0}, b = {0};
	bool kept;

	(void)state;
	ask(&a, "search", "anna", 1, 0, 0, 0);
	assert_int_equal(ask(&b, "search", "anna", 1, 0, 40, 0), SLOT_WAITING);
	slots_forget(&slots, &a);
	assert_int_equal(slots_wait(&b, STR("search"), NULL, &kept), SLOT_HELD);
	assert_false(kept);
	/* its holder has gone while it waits: answered, for somebody holds the question */
	assert_int_equal(ask(&a, "search", "anna", 1, 0, 40, 0), SLOT_WAITING);
	wait_as(&a, "search", "a");
	slots_forget(&slots, &a);
	assert_string_equal(decisions, "a");
	slots_forget(&slots, &b);
}

/* One slot of a class for each holder: asking again takes the place of what was. */
static void test_one_of_a_class(void **state)
{
	struct slot_holder a = {0}, b = {0};

	(void)state;
	assert_int_equal(ask(&a, "search", "anna", 1, 0, 0, 0), SLOT_HELD);
	assert_int_equal(ask(&a, "search", "anna", 1, 0, 0, 0), SLOT_HELD);
	assert_int_equal(a.count, 1);
	assert_int_equal(ask(&a, "search", "bert", 1, 0, 0, 0), SLOT_HELD);
	assert_int_equal(ask(&b, "search", "anna", 1, 0, 0, 0), SLOT_HELD);
	slots_forget(&slots, &a);
	slots_forget(&slots, &b);
}

static void test_bounds(void **state)
{
	struct slot_holder holders[SLOTS_CLASSES_MAX + 1] = {0};
	char name[SLOTS_NAME_MAX + 1];

	(void)state;
	for (int i = 0; i < SLOTS_CLASSES_MAX; i++) {
		snprintf(name, sizeof name, "class-%d", i);
		assert_int_equal(ask(&holders[0], name, "x", 1, 0, 0, 0), i < SLOTS_PER_HOLDER ? SLOT_HELD : SLOT_NONE);
		if (i >= SLOTS_PER_HOLDER)
			assert_int_equal(ask(&holders[i], name, "x", 1, 0, 0, 0), SLOT_HELD);
	}
	assert_int_equal(ask(&holders[SLOTS_CLASSES_MAX], "one-more", "x", 1, 0, 0, 0), SLOT_NONE);
	assert_int_equal(err.code, ERR_PROTOCOL);
	slots_forget(&slots, &holders[0]);
	assert_int_equal(ask(&holders[SLOTS_CLASSES_MAX], "one-more", "x", 1, 0, 0, 0),
	                 SLOT_HELD); /* places are used again */
	memset(name, 'x', sizeof name);
	name[SLOTS_NAME_MAX] = '\0';
	assert_int_equal(ask(&holders[0], name, "x", 1, 0, 0, 0), SLOT_NONE);
	assert_int_equal(ask(&holders[0], "", "x", 1, 0, 0, 0), SLOT_NONE);
	for (int i = 0; i <= SLOTS_CLASSES_MAX; i++)
		slots_forget(&slots, &holders[i]);
}

/* Without a key (this machine's own addresses) the limit for a key does not apply; the one for all does. */
static void test_no_key(void **state)
{
	struct slot_holder a = {0}, b = {0}, c = {0};

	(void)state;
	assert_int_equal(ask(&a, "connection", "", 1, 2, 0, 0), SLOT_HELD);
	assert_int_equal(ask(&b, "connection", "", 1, 2, 0, 0), SLOT_HELD);
	assert_int_equal(ask(&c, "connection", "", 1, 2, 0, 0), SLOT_NONE);
	slots_forget(&slots, &a);
	slots_forget(&slots, &b);
}

#define TEST(function) cmocka_unit_test_setup(function, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_limit_of_key),   TEST(test_total),  TEST(test_queue),
	    TEST(test_total_is_fair),  TEST(test_time),   TEST(test_granted_before_wait),
	    TEST(test_one_of_a_class), TEST(test_bounds), TEST(test_no_key),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
