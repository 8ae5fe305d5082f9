/* Attributes: what is in force for a user out of his own values and those of his group. */
#include "configd/attributes.h"

#include "common/settings/attributes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct instance instance;
static struct config config;

static int set_up(void **state)
{
	char folder[] = "/tmp/postroom-attributes-XXXXXX";
	struct err err;

	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	str_copy(str_of(folder), instance.state, sizeof instance.state);
	return config_open(&config, &instance, &err);
}

static int tear_down(void **state)
{
	char command[300];

	(void)state;
	config_close(&config);
	snprintf(command, sizeof command, "rm -rf '%s'", instance.state);
	return system(command);
}

static void run(const char *sql)
{
	struct err err;

	if (db_exec(&config.db, sql, &err) != 0)
		fail_msg("%s: %s", sql, err.text);
}

/* The user's rows and the group's, "key=value" each; whether the group forces, is the primary one. */
static const struct row {
	const char *name;
	const char *own, *group; /* of in-everyone; "" where it is not set */
	bool force, primary;
	const char *expected;
} rows[] = {
    {"nothing is set", "", "", false, true, ""},
    {"the own value", "off", "", false, true, "off"},
    {"a group that forces has set nothing: grey", "off", "", true, true, "off"},
    {"forced off", "on", "off", true, true, "off"},
    {"forced on", "off", "on", true, true, "on"},
    {"forced, and nothing of one's own", "", "off", true, true, "off"},
    {"what a group does not force is for who joins later", "on", "off", false, true, "on"},
    {"and changes nothing for who has none", "", "off", false, true, ""},
    {"a secondary group forces nobody", "on", "off", true, false, "on"},
};

static void test_in_force(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct row *row = &rows[i];
		struct arena arena;
		struct str value = STR("");
		struct err err;

		arena_init(&arena);
		run("DELETE FROM user_attribute; DELETE FROM group_attribute; DELETE FROM primary_group; DELETE FROM user;"
		    "INSERT INTO user VALUES(7, 'anna');");
		if (row->own[0] != '\0')
			assert_int_equal(config_run(&config, &err, "INSERT INTO user_attribute VALUES(7, 'in-everyone', ?)", "t",
			                            str_of(row->own)),
			                 0);
		if (row->group[0] != '\0')
			assert_int_equal(config_run(&config, &err, "INSERT INTO group_attribute VALUES(3, 'in-everyone', ?)", "t",
			                            str_of(row->group)),
			                 0);
		if (row->force)
			run("INSERT INTO group_attribute VALUES(3, 'force', 'on')");
		if (row->primary)
			run("INSERT INTO primary_group VALUES(7, 3)");
		assert_int_equal(config_text(&config, &arena, &value, &err,
		                             "SELECT group_concat(value) FROM effective_attribute WHERE uid = 7"
		                             " AND key = 'in-everyone'",
		                             ""),
		                 1);
		if (!str_equal(value, str_of(row->expected)))
			fail_msg("%s: \"%.*s\"", row->name, STR_ARG(value));
		arena_free(&arena);
	}
}

/* "enabled administrator", each 0 or 1. */
static int64_t rights(void)
{
	struct err err;
	int64_t value = -1;

	assert_int_equal(config_number(&config, &value, &err,
	                               "SELECT enabled * 10 + administrator FROM effective_user WHERE uid = 7", ""),
	                 1);
	return value;
}

static void test_rights(void **state)
{
	(void)state;
	run("DELETE FROM user_attribute; DELETE FROM group_attribute; DELETE FROM primary_group; DELETE FROM user;"
	    "INSERT INTO user VALUES(7, 'anna'); INSERT INTO primary_group VALUES(7, 3);");
	assert_int_equal(rights(), 10);
	run("INSERT INTO group_attribute VALUES(3, 'enabled', 'off'), (3, 'administrator', 'on')");
	assert_int_equal(rights(), 0); /* a disabled group disables its members, forced or not */
	run("INSERT INTO user_attribute VALUES(7, 'administrator', 'on')");
	assert_int_equal(rights(), 1);
	run("UPDATE group_attribute SET value = 'on' WHERE key = 'enabled';"
	    "INSERT INTO user_attribute VALUES(7, 'enabled', 'off'); DELETE FROM user_attribute WHERE key = "
	    "'administrator'");
	assert_int_equal(rights(), 0);
	run("INSERT INTO group_attribute VALUES(3, 'force', 'on')");
	assert_int_equal(rights(), 11);
}

static void test_catalogue(void **state)
{
	(void)state;
	for (int i = 0; i < ATTRIBUTE_COUNT; i++) {
		const struct setting_definition *definition = &attribute_definitions[i], *found;
		struct err err;
		struct buf normal;

		assert_true(definition->sentence[strlen(definition->sentence) - 1] == '.');
		assert_true(definition->paragraph[strlen(definition->paragraph) - 1] == '.');
		assert_true(definition->of_users || definition->of_groups);
		assert_int_equal(catalogue_find(&attribute_catalogue, str_of(definition->key), &found, &err), 0);
		assert_ptr_equal(found, definition);
		buf_init(&normal, SETTING_VALUE_MAX);
		if (setting_check(definition, str_of(definition->fallback), &normal, &err) != 0)
			fail_msg("%s", err.text);
		assert_string_equal(buf_text(&normal), definition->fallback);
		buf_free(&normal);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_in_force),
	    cmocka_unit_test(test_rights),
	    cmocka_unit_test(test_catalogue),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
