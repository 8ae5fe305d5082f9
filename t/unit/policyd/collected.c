/*
 * Unit tests of whom users wrote to: counted, so many a user, forgotten in time.
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
	static const char *const names[] = {"policy/policy.db",
	                                    "policy/policy.db-wal",
	                                    "policy/policy.db-shm",
	                                    "policy/users.db",
	                                    "policy/users.db-wal",
	                                    "policy/users.db-shm",
	                                    "policy",
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

static void add(int64_t uid, const char *address, int64_t now)
{
	assert_int_equal(collected_add(&policyd, uid, str_of(address), now, &err), 0);
}

/* What a query with a number in its place gives. */
static int64_t look(const char *sql, int64_t number)
{
	struct db_statement query;
	int64_t found;

	assert_int_equal(db_prepare(&policyd.db, &query, sql, &err), 0);
	db_bind_number(&query, 1, number);
	assert_int_equal(db_step(&query, &err), 1);
	found = db_number(&query, 0);
	db_finalize(&query);
	return found;
}

static void test_counts(void **state)
{
	(void)state;
	add(1, "kate@a.test", 1000);
	add(1, "KATE@a.test", 2000);
	add(2, "kate@a.test", 3000);
	assert_int_equal(look("SELECT count(*) FROM collected WHERE uid = ?", 1), 1);
	assert_int_equal(look("SELECT count FROM collected WHERE uid = ?", 1), 2);
	assert_int_equal(look("SELECT used FROM collected WHERE uid = ?", 1), 2000);
	assert_int_equal(look("SELECT count FROM collected WHERE uid = ?", 2), 1);
}

static void test_limit(void **state)
{
	enum { MORE = 5010 };
	char address[32];

	(void)state;
	add(2, "old@a.test", 1);
	for (int i = 0; i < MORE; i++) {
		snprintf(address, sizeof address, "m%d@a.test", i);
		add(1, address, 1000 + i);
	}
	assert_int_equal(look("SELECT count(*) FROM collected WHERE uid = ?", 1), 5000);
	assert_int_equal(look("SELECT min(used) FROM collected WHERE uid = ?", 1),
	                 1000 + MORE - 5000); /* the oldest went */
	assert_int_equal(look("SELECT count(*) FROM collected WHERE uid = ?", 2), 1);
}

static void test_prune(void **state)
{
	(void)state;
	add(1, "old@a.test", 1);
	add(1, "new@a.test", 2 * DAY_MS);
	collected_prune(&policyd, 1001 * DAY_MS);
	assert_int_equal(look("SELECT count(*) FROM collected WHERE uid = ?", 1), 1);
	assert_int_equal(look("SELECT used FROM collected WHERE uid = ?", 1), 2 * DAY_MS);
}

static void those_who_are_gone_leave_nothing(void **state)
{
	struct db objects;
	char path[INSTANCE_PATH_MAX + 32];
	struct numbers {
		int64_t uid, contacts, collected;
	} expected[] = {{0, 1, 0}, {3, 1, 1}, {4, 0, 0}, {5, 0, 0}, {7, 0, 1}};

	(void)state;
	assert_int_equal(db_open(&objects,
	                         instance_path(path, sizeof path, policyd.daemon.instance.state, "policy/users.db"),
	                         DB_CREATE, 0, &err),
	                 0);
	assert_int_equal(db_exec(&objects, "CREATE TABLE user(uid INTEGER); INSERT INTO user VALUES(7), (3)", &err), 0);
	assert_int_equal(db_exec(&policyd.db,
	                         "INSERT INTO contact(uid, card, name, addresses, groups, changed) VALUES"
	                         " (0, 'c', 'n', '', '', 1), (3, 'c', 'n', '', '', 1), (4, 'c', 'n', '', '', 1)",
	                         &err),
	                 0);
	add(3, "a@x.test", 1);
	add(5, "a@x.test", 1);
	add(7, "a@x.test", 1);
	assert_int_equal(owners_prune(&policyd, &objects, &err), 0);
	for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
		assert_int_equal(look("SELECT count(*) FROM contact WHERE uid = ?", expected[i].uid), expected[i].contacts);
		assert_int_equal(look("SELECT count(*) FROM collected WHERE uid = ?", expected[i].uid), expected[i].collected);
	}
	assert_int_equal(db_exec(&objects, "DELETE FROM user", &err), 0);
	assert_int_equal(owners_prune(&policyd, &objects, &err), 0);
	assert_int_equal(look("SELECT count(*) FROM contact WHERE uid >= ?", 0), 1);
	db_close(&objects);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_counts, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_limit, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_prune, setup, teardown),
	    cmocka_unit_test_setup_teardown(those_who_are_gone_leave_nothing, setup, teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
