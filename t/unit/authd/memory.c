/* What authd keeps in memory: tickets, locks, the cache of right logins. */
#include "authd/cache.h"
#include "authd/lockout.h"
#include "authd/tickets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const struct ticket_right annas = {.uid = 7, .user = "anna"};

static int redeem(struct tickets *tickets, const char *redeemer, const char *service, const char *text, int64_t now)
{
	struct ticket_right right;

	if (tickets_redeem(tickets, redeemer, str_of(service), str_of(text), now, &right, NULL) != 0)
		return -1;
	assert_string_equal(right.user, "anna");
	return (int)right.uid;
}

static void test_ticket_once(void **state)
{
	static struct tickets tickets;
	char text[TICKET_LEN + 1], other[TICKET_LEN + 1];

	(void)state;
	tickets_init(&tickets);
	assert_int_equal(tickets_issue(&tickets, "pop3d", STR("pop3"), &annas, 1000, text, NULL), 0);
	assert_int_equal(tickets_issue(&tickets, "pop3d", STR("pop3"), &annas, 1000, other, NULL), 0);
	assert_int_equal(strlen(text), 32);
	assert_int_equal(strspn(text, "0123456789abcdef"), 32);
	assert_string_not_equal(text, other);
	assert_int_equal(redeem(&tickets, "pop3d", "pop3", text, 1001), 7);
	assert_int_equal(redeem(&tickets, "pop3d", "pop3", text, 1002), -1);
	assert_int_equal(redeem(&tickets, "pop3d", "pop3", other, 1003), 7);
	assert_int_equal(tickets.count, 0);
	tickets_free(&tickets);
}

static void test_ticket_bounds(void **state)
{
	static struct tickets tickets;
	char text[TICKET_LEN + 1];

	(void)state;
	tickets_init(&tickets);
	tickets_issue(&tickets, "pop3d", STR("pop3"), &annas, 0, text, NULL);
	assert_int_equal(redeem(&tickets, "pop3d", "pop3", text, TICKET_LIFETIME_MS), -1);
	tickets_issue(&tickets, "pop3d", STR("pop3"), &annas, 0, text, NULL);
	assert_int_equal(redeem(&tickets, "pop3d", "pop3", text, TICKET_LIFETIME_MS - 1), 7);
	tickets_issue(&tickets, "pop3d", STR("pop3"), &annas, 0, text, NULL);
	assert_int_equal(redeem(&tickets, "imapd", "pop3", text, 1), -1);
	assert_int_equal(redeem(&tickets, "pop3d", "pop3", text, 1), -1); /* the wrong redeemer has used it up */
	tickets_issue(&tickets, "pop3d", STR("pop3"), &annas, 0, text, NULL);
	assert_int_equal(redeem(&tickets, "pop3d", "imap", text, 1), -1);
	assert_int_equal(redeem(&tickets, "pop3d", "pop3", "", 1), -1);
	assert_int_equal(redeem(&tickets, "pop3d", "pop3", "zzzz\xff\xfe/:0123456789abcdef0123456789", 1), -1);
	tickets_free(&tickets);
}

static void test_ticket_limit(void **state)
{
	static struct tickets tickets;
	char text[TICKET_LEN + 1];

	(void)state;
	tickets_init(&tickets);
	for (int i = 0; i < TICKETS_MAX; i++)
		assert_int_equal(tickets_issue(&tickets, "pop3d", STR("pop3"), &annas, i / 10, text, NULL), 0);
	assert_int_equal(tickets_issue(&tickets, "pop3d", STR("pop3"), &annas, 5000, text, NULL), -1);
	assert_int_equal(tickets_issue(&tickets, "pop3d", STR("pop3"), &annas, TICKET_LIFETIME_MS, text, NULL), 0);
	tickets_free(&tickets);
	assert_int_equal(tickets.count, 0);
}

static void count_lock(const struct lockout_entry *entry, void *context)
{
	assert_true(entry->locked);
	++*(int *)context;
}

static int locks(const struct lockout *lockout, int64_t uid, int64_t now)
{
	int count = 0;

	lockout_each(lockout, uid, now, count_lock, &count);
	return count;
}

/* 07-18.1 three failures lock an account for one address, until their time is over. */
static void test_lockout(void **state)
{
	static struct lockout lockout;
	const char *a = "192.0.2.1", *b = "192.0.2.2";

	(void)state;
	lockout_init(&lockout);
	assert_false(lockout_fail(&lockout, 7, a, 3, 1000, 0));
	assert_false(lockout_fail(&lockout, 7, a, 3, 1000, 0));
	assert_false(lockout_fail(&lockout, 7, b, 3, 1000, 0));
	assert_false(lockout_is_locked(&lockout, 7, a, 0));
	assert_true(lockout_fail(&lockout, 7, a, 3, 1000, 10));
	assert_true(lockout_is_locked(&lockout, 7, a, 1009));
	assert_false(lockout_is_locked(&lockout, 7, b, 1009));
	assert_false(lockout_is_locked(&lockout, 7 + LOCKOUT_BUCKETS, a, 1009)); /* the same bucket */
	assert_false(lockout_fail(&lockout, 7, a, 3, 1000, 900));                /* neither counted nor prolonged */
	assert_int_equal(locks(&lockout, 7, 1009), 1);
	assert_false(lockout_is_locked(&lockout, 7, a, 1010));
	assert_int_equal(locks(&lockout, 7, 1010), 0);
	assert_false(lockout_fail(&lockout, 7, a, 3, 1000, 1011)); /* the end of a lock has reset the counter */

	lockout_fail(&lockout, 7, a, 3, 1000, 1012);
	lockout_clear(&lockout, 7, a);
	assert_false(lockout_fail(&lockout, 7, a, 3, 1000, 1013));
	for (int i = 0; i < 100; i++)
		assert_false(lockout_fail(&lockout, 8, a, 0, 1000, 0)); /* 0 never locks */
	lockout_free(&lockout);
	assert_int_equal(lockout.count, 0);
}

/* An IPv6 client is its /64; an administrator ends locks from everywhere; old failures are forgotten. */
static void test_lockout_clients(void **state)
{
	static struct lockout lockout;

	(void)state;
	lockout_init(&lockout);
	assert_false(lockout_fail(&lockout, 7, "2001:db8::1", 2, 1000, 0));
	assert_true(lockout_fail(&lockout, 7, "2001:db8::ffff:2", 2, 1000, 0));
	assert_true(lockout_is_locked(&lockout, 7, "2001:db8::3", 0));
	assert_false(lockout_is_locked(&lockout, 7, "2001:db8:0:1::1", 0));
	assert_true(lockout_fail(&lockout, 7, "192.0.2.1", 1, 1000, 0));
	assert_true(lockout_fail(&lockout, 7 + LOCKOUT_BUCKETS, "192.0.2.1", 1, 1000, 0));
	assert_int_equal(lockout_clear_all(&lockout, 7, 0), 2);
	assert_false(lockout_is_locked(&lockout, 7, "192.0.2.1", 0));
	assert_true(lockout_is_locked(&lockout, 7 + LOCKOUT_BUCKETS, "192.0.2.1", 0));
	assert_false(lockout_fail(&lockout, 9, "local", 2, 1000, 0));
	assert_false(lockout_fail(&lockout, 9, "local", 2, 1000, 1000));
	lockout_free(&lockout);
}

static void test_cache(void **state)
{
	static struct cache cache, other;

	(void)state;
	cache_init(&cache);
	cache_init(&other);
	assert_false(cache_holds(&cache, 0, "", STR(""), 0));
	cache_add(&cache, 7, "$y$a", STR("secret"), 0);
	assert_true(cache_holds(&cache, 7, "$y$a", STR("secret"), 1));
	assert_false(cache_holds(&cache, 7, "$y$a", STR("Secret"), 1));
	assert_false(cache_holds(&cache, 7, "$y$b", STR("secret"), 1));
	assert_false(cache_holds(&cache, 7 + CACHE_SLOTS, "$y$a", STR("secret"), 1));
	assert_false(cache_holds(&cache, 7, "$y$a", STR("secret"), CACHE_LIFETIME_MS));
	other.slots[7] = cache.slots[7];
	assert_false(cache_holds(&other, 7, "$y$a", STR("secret"), 1)); /* another process's key */
	cache_drop(&cache, 7 + CACHE_SLOTS);
	assert_true(cache_holds(&cache, 7, "$y$a", STR("secret"), 1));
	cache_drop(&cache, 7);
	assert_false(cache_holds(&cache, 7, "$y$a", STR("secret"), 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_ticket_once), cmocka_unit_test(test_ticket_bounds),   cmocka_unit_test(test_ticket_limit),
	    cmocka_unit_test(test_lockout),     cmocka_unit_test(test_lockout_clients), cmocka_unit_test(test_cache),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("authd/memory", tests, NULL, NULL);
}
