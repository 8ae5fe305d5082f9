/*
 * Unit tests of what is kept for DMARC reports: counted by day and domain, reported once, forgotten in time.
 */
#include "policyd/policyd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct policyd policyd;
static struct err err;

int64_t policyd_time(void)
{
	return 0;
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

static void add(int64_t day, const char *domain, const char *row)
{
	assert_int_equal(reports_add(&policyd, REPORTS_DMARC, day, str_of(domain), str_of(row), &err), 0);
}

static void note_domain(struct str domain, int64_t messages, int64_t rows, bool sent, void *context)
{
	buf_printf(context, "%.*s %lld %lld %d;", STR_ARG(domain), (long long)messages, (long long)rows, sent);
}

static void note_row(struct str row, int64_t count, void *context)
{
	buf_printf(context, "%.*s %lld;", STR_ARG(row), (long long)count);
}

static void assert_domains(int64_t day, const char *expected)
{
	struct buf text;

	buf_init(&text, 1000);
	assert_int_equal(reports_each_domain(&policyd, REPORTS_DMARC, day, note_domain, &text, &err), 0);
	assert_string_equal(buf_text(&text), expected);
	buf_free(&text);
}

static void test_counts(void **state)
{
	struct buf text;

	(void)state;
	add(100, "a.test", "x");
	add(100, "a.test", "x");
	add(100, "a.test", "y");
	add(100, "b.test", "x");
	add(101, "a.test", "x");
	assert_domains(100, "a.test 3 2 0;b.test 1 1 0;");
	assert_domains(101, "a.test 1 1 0;");
	assert_domains(102, "");
	buf_init(&text, 1000);
	assert_int_equal(reports_each_row(&policyd, REPORTS_DMARC, 100, STR("a.test"), note_row, &text, &err), 0);
	assert_string_equal(buf_text(&text), "x 2;y 1;");
	buf_free(&text);
}

static void test_sent(void **state)
{
	(void)state;
	add(100, "a.test", "x");
	add(101, "a.test", "x");
	assert_int_equal(reports_set_sent(&policyd, REPORTS_DMARC, 100, STR("a.test"), &err), 0);
	assert_int_equal(reports_set_sent(&policyd, REPORTS_DMARC, 100, STR("a.test"), &err), 0);
	assert_false(policyd.uncommitted);
	assert_domains(100, "a.test 1 1 1;");
	assert_domains(101, "a.test 1 1 0;");
}

static void test_limit(void **state)
{
	char row[32];

	(void)state;
	for (int i = 0; i < REPORTS_ROWS_MAX + 5; i++) {
		snprintf(row, sizeof row, "row %d", i);
		add(100, "a.test", row);
	}
	assert_domains(100, "a.test 10000 10000 0;");
	add(100, "a.test", "row 0"); /* what is known still counts */
	assert_domains(100, "a.test 10001 10000 0;");
}

static void test_prune(void **state)
{
	(void)state;
	add(100, "a.test", "x");
	add(101, "a.test", "x");
	reports_prune(&policyd, 115 * DAY_MS);
	assert_domains(100, "");
	assert_domains(101, "a.test 1 1 0;");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_counts, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_sent, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_limit, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_prune, setup, teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
