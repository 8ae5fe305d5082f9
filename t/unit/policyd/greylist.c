/*
 * Unit tests of greylisting's memory: what waits, how long, who is known. The clock is the test's.
 */
#include "policyd/policyd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { SECOND = 1000, MINUTE = 60 * SECOND };
#define HOUR ((int64_t)60 * MINUTE)

static struct policyd policyd;
static struct err err;
static const int64_t start = 1800000000000;

int64_t policyd_time(void)
{
	return start;
}

static int setup(void **state)
{
	char *state_folder = policyd.daemon.instance.state, folder[INSTANCE_PATH_MAX + 16];

	(void)state;
	memset(&policyd, 0, sizeof policyd);
	snprintf(state_folder, INSTANCE_PATH_MAX, "/tmp/postroom-policyd-XXXXXX");
	assert_non_null(mkdtemp(state_folder));
	snprintf(folder, sizeof folder, "%s/policy", state_folder);
	assert_int_equal(mkdir(folder, 0700), 0);
	policyd.base = event_base_new();
	return events_open(&policyd, &err);
}

static int teardown(void **state)
{
	static const char *const names[] = {"policy/policy.db", "policy/policy.db-wal", "policy/policy.db-shm", "policy",
	                                    ""};
	char path[INSTANCE_PATH_MAX + 32];

	(void)state;
	events_commit(&policyd);
	event_free(policyd.commit);
	event_base_free(policyd.base);
	db_close(&policyd.db);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		remove(instance_path(path, sizeof path, policyd.daemon.instance.state, names[i]));
	return 0;
}

static bool passes(const char *client, const char *from, const char *to, int64_t when)
{
	const struct grey_attempt attempt = {str_of(from), str_of(to), 60 * SECOND, when};
	struct cidr key;
	bool pass;

	assert_true(policy_key(str_of(client), &key));
	assert_int_equal(greylist_ask(&policyd, &key, &attempt, &pass, &err), 0);
	return pass;
}

/* 05-8.2 the first attempt waits, one after the wait passes, another server waits on its own. */
static void test_wait(void **state)
{
	const char *client = "192.0.2.1";

	(void)state;
	assert_false(passes(client, "a@b.test", "c@d.test", start));
	assert_false(passes(client, "a@b.test", "c@d.test", start + 60 * SECOND - 1));
	assert_false(passes(client, "a@b.test", "x@d.test", start + 60 * SECOND));
	assert_false(passes("192.0.2.2", "a@b.test", "c@d.test", start + 60 * SECOND));
	assert_true(passes(client, "A@B.test", "c@D.test", start + 60 * SECOND));
	assert_true(passes(client, "other@b.test", "other@d.test", start + 61 * SECOND)); /* the client is known now */
	assert_false(passes("192.0.2.2", "other@b.test", "c@d.test", start + 61 * SECOND));
}

static void test_window(void **state)
{
	(void)state;
	assert_false(passes("192.0.2.1", "", "c@d.test", start));
	assert_false(passes("192.0.2.1", "", "c@d.test", start + 24 * HOUR)); /* too late: it begins anew */
	assert_false(passes("192.0.2.1", "", "c@d.test", start + 24 * HOUR + MINUTE - 1));
	assert_true(passes("192.0.2.1", "", "c@d.test", start + 24 * HOUR + MINUTE));
}

/* Known for 36 days after its last mail; another address of an IPv6 client's network is the client. */
static void test_known(void **state)
{
	const int64_t known = start + MINUTE, days = 36 * 24 * HOUR;

	(void)state;
	assert_false(passes("2001:db8::1", "a@b.test", "c@d.test", start));
	assert_true(passes("2001:db8::2", "a@b.test", "c@d.test", known));
	greylist_prune(&policyd, known + days - 1);
	assert_true(passes("2001:db8::3", "x@b.test", "c@d.test", known + days - 1));
	greylist_prune(&policyd, known + 2 * days - 2);
	assert_true(passes("2001:db8::3", "x@b.test", "c@d.test", known + 2 * days - 2));
	assert_false(passes("2001:db8::3", "x@b.test", "c@d.test", known + 3 * days));
}

/* Who never comes back fills no more than his share. */
static void test_flood(void **state)
{
	struct db_statement count;
	char to[32];

	(void)state;
	for (int i = 0; i < 1100; i++) {
		snprintf(to, sizeof to, "n%d@d.test", i);
		assert_false(passes("192.0.2.1", "a@b.test", to, start));
	}
	assert_int_equal(db_prepare(&policyd.db, &count, "SELECT count(*) FROM grey", &err), 0);
	assert_int_equal(db_step(&count, &err), 1);
	assert_int_equal(db_number(&count, 0), 1000);
	db_finalize(&count);
	assert_true(passes("192.0.2.1", "a@b.test", "n7@d.test", start + MINUTE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_wait, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_window, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_known, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_flood, setup, teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
