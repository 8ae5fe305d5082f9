/* db: what callers rely on: durable commits, clear codes, migrations that happen once. */
#include "common/db/db.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/postroom-db-XXXXXX";
static char path[64];

static int make_folder(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/t?e%%st#.db", folder);
	return 0;
}

static int remove_files(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof command, "rm -f %s/*", folder);
	return system(command);
}

static int remove_folder(void **state)
{
	return remove_files(state) + rmdir(folder);
}

static int64_t one_number(struct db *db, const char *query)
{
	struct db_statement statement;
	struct err err;
	int64_t number = -1;

	assert_int_equal(db_prepare(db, &statement, query, &err), 0);
	if (db_step(&statement, &err) == 1)
		number = db_number(&statement, 0);
	db_finalize(&statement);
	return number;
}

static const char *const steps[] = {
    "CREATE TABLE a(x INTEGER PRIMARY KEY, t TEXT)",
    "ALTER TABLE a ADD COLUMN y INTEGER NOT NULL DEFAULT 7; INSERT INTO a(t) VALUES('one')",
    "this is no SQL",
};

static void test_migrations_happen_once(void **state)
{
	struct err err;
	struct db db;

	(void)state;
	assert_int_equal(db_open(&db, path, DB_CREATE, 0, &err), 0);
	assert_int_equal(db_migrate(&db, steps, 1, &err), 0);
	db_close(&db);
	assert_int_equal(db_open(&db, path, 0, 0, &err), 0);
	assert_int_equal(db_migrate(&db, steps, 2, &err), 0);
	assert_int_equal(db_migrate(&db, steps, 2, &err), 0);
	assert_int_equal(one_number(&db, "SELECT count(*) FROM a"), 1);
	assert_int_equal(one_number(&db, "SELECT y FROM a"), 7);
	assert_int_equal(one_number(&db, "PRAGMA user_version"), 2);

	assert_int_equal(db_migrate(&db, steps, 3, &err), -1);
	assert_int_equal(one_number(&db, "PRAGMA user_version"), 2);

	assert_int_equal(db_migrate(&db, steps, 1, &err), -1);
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_non_null(strstr(err.text, "was written by a newer version"));
	db_close(&db);
}

static void test_values(void **state)
{
	static const char bytes[] = "a\0\xff'";
	struct db_statement statement;
	struct err err;
	struct db db;

	(void)state;
	assert_int_equal(db_open(&db, path, DB_CREATE, 0, &err), 0);
	assert_int_equal(db_exec(&db, "CREATE TABLE v(a, b, c, d)", &err), 0);
	assert_int_equal(db_prepare(&db, &statement, "INSERT INTO v VALUES(?, ?, ?, ?)", &err), 0);
	db_bind_text(&statement, 1, str_from(bytes, 4));
	db_bind_number(&statement, 2, INT64_MIN);
	db_bind_null(&statement, 3);
	db_bind_text(&statement, 4, str_from(NULL, 0));
	assert_int_equal(db_run(&statement, &err), 0);
	db_finalize(&statement);

	assert_int_equal(db_prepare(&db, &statement, "SELECT a, b, c, d FROM v", &err), 0);
	assert_int_equal(db_step(&statement, &err), 1);
	assert_true(str_equal(db_text(&statement, 0), str_from(bytes, 4)));
	assert_true(db_number(&statement, 1) == INT64_MIN);
	assert_true(db_is_null(&statement, 2));
	assert_int_equal(db_text(&statement, 2).len, 0);
	assert_false(db_is_null(&statement, 3));
	assert_int_equal(db_step(&statement, &err), 0);
	db_finalize(&statement);
	db_close(&db);
}

static void test_codes(void **state)
{
	struct db_statement statement;
	struct err err;
	struct db db, other;
	FILE *file;

	(void)state;
	assert_int_equal(db_open(&db, path, 0, 0, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_non_null(strstr(err.text, path));
	assert_null(db.handle);

	assert_int_equal(db_open(&db, path, DB_CREATE, 0, &err), 0);
	assert_int_equal(db_exec(&db, "CREATE TABLE u(x UNIQUE); INSERT INTO u VALUES(1)", &err), 0);
	assert_int_equal(db_exec(&db, "INSERT INTO u VALUES(1)", &err), -1);
	assert_int_equal(err.code, ERR_EXISTS);

	/* A writer elsewhere: busy, to be tried again; free after its rollback. */
	assert_int_equal(db_open(&other, path, 0, 10, &err), 0);
	assert_int_equal(db_begin(&db, &err), 0);
	assert_int_equal(db_begin(&other, &err), -1);
	assert_int_equal(err.code, ERR_TEMPORARY);
	db_rollback(&db);
	assert_int_equal(db_begin(&other, &err), 0);
	assert_int_equal(db_commit(&other, &err), 0);
	db_close(&other);

	assert_int_equal(db_open(&other, path, DB_READ_ONLY, 0, &err), 0);
	assert_int_equal(db_exec(&other, "INSERT INTO u VALUES(2)", &err), -1);
	assert_int_equal(err.code, ERR_DENIED);
	db_close(&other);
	db_close(&db);

	file = fopen(path, "w");
	assert_non_null(file);
	for (int i = 0; i < 1000; i++)
		fputs("this is no database ", file);
	fclose(file);
	assert_int_equal(db_open(&db, path, 0, 0, &err), -1);
	assert_int_equal(err.code, ERR_CORRUPT);
	(void)statement;
}

static void test_full_disk(void **state)
{
	struct rlimit limit, before;
	struct err err;
	struct db db;

	(void)state;
	assert_int_equal(db_open(&db, path, DB_CREATE, 0, &err), 0);
	assert_int_equal(db_exec(&db, "CREATE TABLE f(x); PRAGMA max_page_count=10", &err), 0);
	assert_int_equal(db_begin(&db, &err), 0);
	assert_int_equal(db_exec(&db, "INSERT INTO f VALUES(zeroblob(100000))", &err), -1);
	assert_int_equal(err.code, ERR_TEMPORARY);
	db_rollback(&db);
	assert_int_equal(db_exec(&db, "INSERT INTO f VALUES(1)", &err), 0);

	/* A file that may not grow: an error, and what was there stays. */
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = 4096;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(db_exec(&db, "INSERT INTO f VALUES(2)", &err), -1);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(one_number(&db, "SELECT count(*) FROM f"), 1);
	assert_int_equal(db_exec(&db, "INSERT INTO f VALUES(3)", &err), 0);
	db_close(&db);
}

static void test_log_and_snapshot(void **state)
{
	char log[80];
	struct err err;
	struct db db;

	(void)state;
	snprintf(log, sizeof log, "%s-wal", path);
	assert_int_equal(db_open(&db, path, DB_CREATE | DB_NO_CHECKPOINT, 0, &err), 0);
	assert_int_equal(one_number(&db, "PRAGMA synchronous"), 2);
	assert_int_equal(db_exec(&db, "CREATE TABLE s(x); INSERT INTO s VALUES(5)", &err), 0);
	db_close(&db);
	/* The last one to close must not checkpoint on its own: no lock is held then. */
	assert_int_equal(access(log, F_OK), 0);
	assert_int_equal(db_open(&db, path, DB_NO_CHECKPOINT, 0, &err), 0);
	assert_int_equal(db_checkpoint(&db, &err), 0);
	db_close(&db);

	assert_int_equal(db_open(&db, path, DB_IMMUTABLE, 0, &err), 0);
	assert_int_equal(one_number(&db, "SELECT x FROM s"), 5);
	db_close(&db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(test_migrations_happen_once, remove_files),
	    cmocka_unit_test_teardown(test_values, remove_files),
	    cmocka_unit_test_teardown(test_codes, remove_files),
	    cmocka_unit_test_teardown(test_full_disk, remove_files),
	    cmocka_unit_test_teardown(test_log_and_snapshot, remove_files),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("db", tests, make_folder, remove_folder);
}
