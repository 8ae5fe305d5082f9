/* What can be set of connections, senders and collectors: the catalogues are whole; reading what is in force. */
#include "common/settings/connectors.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct object_kind *const kinds[] = {&connection_kind, &sender_kind, &collector_kind};

static const char *check(const struct object_kind *kind, const char *key, const char *value, struct err *err)
{
	static struct buf normal;
	const struct setting_definition *definition;

	assert_int_equal(catalogue_find(kind->catalogue, str_of(key), &definition, err), 0);
	buf_free(&normal);
	buf_init(&normal, SETTING_VALUE_MAX);
	return object_setting_check(kind, definition, str_of(value), &normal, err) == 0 ? buf_text(&normal) : NULL;
}

static void test_catalogues(void **state)
{
	struct err err = {0};

	(void)state;
	for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++)
		for (size_t i = 0; i < kinds[kind]->catalogue->count; i++) {
			const struct setting_definition *definition = &kinds[kind]->catalogue->definitions[i];
			const char *stored = check(kinds[kind], definition->key, definition->fallback, &err);

			assert_true(definition->sentence[strlen(definition->sentence) - 1] == '.');
			assert_true(definition->paragraph[strlen(definition->paragraph) - 1] == '.');
			if (stored == NULL || strcmp(stored, definition->fallback) != 0)
				fail_msg("the default of %s is %s: %s", definition->key, stored != NULL ? stored : "refused", err.text);
		}
}

static void test_values(void **state)
{
	struct err err = {0};

	(void)state;
	assert_non_null(check(&collector_kind, "accepted-domains", "example.com; @b.test;*.c.test;joe.*@d.test;*", &err));
	assert_null(check(&collector_kind, "accepted-domains", "a.test; b..c", &err));
	assert_non_null(strstr(err.text, "accepted-domains"));
	assert_null(check(&connection_kind, "connect-command", "ifup eth0", &err));
	assert_non_null(strstr(err.text, "path of a program"));
	assert_non_null(check(&connection_kind, "disconnect-command", "/sbin/ifdown eth0", &err));
}

static const char schema[] =
    "CREATE TABLE connection(id INTEGER PRIMARY KEY, name TEXT);"
    "CREATE TABLE connection_setting(connection INTEGER, key TEXT, value TEXT);"
    "CREATE TABLE collector(id INTEGER PRIMARY KEY, name TEXT, has_password INTEGER);"
    "CREATE TABLE collector_setting(collector INTEGER, key TEXT, value TEXT);"
    "CREATE TABLE collector_connection(collector INTEGER, connection INTEGER);"
    "INSERT INTO connection VALUES(1, 'office'), (3, 'home');"
    "INSERT INTO connection_setting VALUES(3, 'socks', 'on'), (3, 'fallback', 'office'), (3, 'from-the-future', 'x');"
    "INSERT INTO collector VALUES(1, 'late', 1), (2, 'second', 0), (5, 'third', 0);"
    "INSERT INTO collector_setting VALUES(1, 'priority', '20'), (5, 'enabled', 'off');"
    "INSERT INTO collector_connection VALUES(1, 3), (1, 1), (2, 1), (5, 3)";

static void test_load(void **state)
{
	struct connection_settings *connections, one;
	struct collector_settings *collectors;
	struct arena arena;
	struct err err = {0};
	struct db db;
	size_t count;

	(void)state;
	arena_init(&arena);
	assert_int_equal(db_open(&db, ":memory:", DB_CREATE | DB_MEMORY, 0, &err), 0);
	assert_int_equal(db_exec(&db, schema, &err), 0);
	assert_int_equal(connections_load(&db, &arena, &connections, &count, &err), 0);
	assert_int_equal(count, 2);
	assert_string_equal(connections[1].name, "home");
	assert_true(connections[1].numbers[CONNECTION_SETTING_SOCKS] == 1 &&
	            connections[0].numbers[CONNECTION_SETTING_SOCKS] == 0);
	assert_string_equal(connections[1].texts[CONNECTION_SETTING_FALLBACK], "office");
	assert_int_equal(connection_load(&db, 2, &arena, &one, &err), 0);

	/* by priority, then number */
	assert_int_equal(collectors_load(&db, &arena, &collectors, &count, &err), 0);
	assert_int_equal(count, 3);
	assert_int_equal(collectors[0].id, 2);
	assert_int_equal(collectors[1].id, 5);
	assert_int_equal(collectors[2].id, 1);
	assert_true(collectors[2].has_password && !collectors[0].has_password);
	assert_int_equal(collectors[2].connection_count, 2);
	assert_int_equal(collectors[2].connections[0], 1);
	assert_int_equal(collectors[1].numbers[COLLECTOR_SETTING_ENABLED], 0);
	db_close(&db);
	arena_free(&arena);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_catalogues),
	    cmocka_unit_test(test_values),
	    cmocka_unit_test(test_load),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("connectors", tests, NULL, NULL);
}
