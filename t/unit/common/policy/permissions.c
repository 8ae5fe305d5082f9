/* Whom users may write to: the steps of specification 07-9 in their order, and what the lists say. */
#include "common/policy/permissions.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* All 32 combinations follow from the six steps; here each step decides against all that come after it. */
static void test_steps(void **state)
{
	static const struct {
		struct permission_facts facts;
		bool expected;
	} rows[] = {
	    {{true, true, true, true, true}, true},      /* 1 */
	    {{true, false, false, true, true}, true},    /* 1 */
	    {{false, true, true, true, true}, false},    /* 2 */
	    {{false, true, false, false, false}, false}, /* 2 */
	    {{false, false, true, true, true}, true},    /* 3 */
	    {{false, false, false, true, true}, false},  /* 4 */
	    {{false, false, false, true, false}, false}, /* 4 */
	    {{false, false, false, false, false}, true}, /* 5 */
	    {{false, false, false, false, true}, false}, /* 6 */
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (permission_decide(&rows[i].facts) != rows[i].expected)
			fail_msg("row %zu", i);
}

static struct db db;

static void run(const char *sql)
{
	struct err err;

	if (db_exec(&db, sql, &err) != 0)
		fail_msg("%s: %s", sql, err.text);
}

static void expect(int64_t uid, enum permission_direction direction, const char *address, int expected)
{
	struct str domain = str_of(address), local_part = str_cut(&domain, '@');
	struct err err;
	int answer = permission_ask(&db, uid, direction, local_part, domain.data != NULL ? domain : STR(""), &err);

	if (answer != expected)
		fail_msg("user %d, %s: %d", (int)uid, address, answer);
}

static void test_lists(void **state)
{
	(void)state;
	assert_int_equal(db_open(&db, ":memory:", DB_CREATE | DB_MEMORY, 0, NULL), 0);
	run("CREATE TABLE permission(uid INTEGER, list TEXT, pattern TEXT)");
	expect(7, PERMISSION_TARGET, "x@any.test", 1);
	run("INSERT INTO permission VALUES(7, 'target-black', 'a@ok.test'), (0, 'target-white', '*@ok.test'),"
	    " (8, 'target-white', 'x@bad.test'), (0, 'target-black', '*@bad.test')");
	expect(7, PERMISSION_TARGET, "a@ok.test", 0);
	expect(7, PERMISSION_TARGET, "A@OK.test", 0);
	expect(7, PERMISSION_TARGET, "b@ok.test", 1);
	expect(7, PERMISSION_TARGET, "c@other.test", 0);
	expect(8, PERMISSION_TARGET, "a@ok.test", 1);
	expect(8, PERMISSION_TARGET, "x@bad.test", 1);
	expect(PERMISSIONS_FOR_ALL, PERMISSION_TARGET, "x@bad.test", 0);
	expect(PERMISSIONS_FOR_ALL, PERMISSION_TARGET, "a@ok.test", 1);
	expect(7, PERMISSION_SENDER, "c@other.test", 1);
	run("INSERT INTO permission VALUES(0, 'sender-black', '*@spam.test')");
	expect(7, PERMISSION_SENDER, "c@spam.test", 0);
	expect(7, PERMISSION_SENDER, "c@notspam.test", 1);
	run("INSERT INTO permission VALUES(7, 'sender-white', 'boss@corp.test')");
	expect(7, PERMISSION_SENDER, "c@other.test", 0);
	expect(7, PERMISSION_SENDER, "boss@corp.test", 1);
	expect(8, PERMISSION_SENDER, "c@other.test", 1);
	db_close(&db);
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(permission_list_name(PERMISSION_SENDER, false), "sender-black");
	assert_string_equal(permission_list_find(STR("Target-White")), "target-white");
	assert_null(permission_list_find(STR("target")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_steps),
	    cmocka_unit_test(test_lists),
	    cmocka_unit_test(test_names),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
