/* Reading published settings: defaults, changes, snapshots that are replaced, damaged or not there. */
#include "common/settings/settings.h"

#include "common/base/io.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static struct instance instance;

static int set_up(void **state)
{
	char folder[] = "/tmp/postroom-settings-XXXXXX", path[300];

	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	str_copy(str_of(folder), instance.state, sizeof instance.state);
	return io_make_folder(instance_path(path, sizeof path, folder, "settings"), 0700, NULL);
}

static int tear_down(void **state)
{
	char command[300];

	(void)state;
	snprintf(command, sizeof command, "rm -rf '%s'", instance.state);
	return system(command);
}

static const char *snapshot_path(uint64_t generation)
{
	static char path[300];

	snprintf(path, sizeof path, "%s/settings/%llu.db", instance.state, (unsigned long long)generation);
	return path;
}

static void count_up(uint64_t generation)
{
	char path[300];
	FILE *file = fopen(instance_path(path, sizeof path, instance.state, "settings/generation"), "r+");

	if (file == NULL)
		file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(&generation, sizeof generation, 1, file), 1);
	fclose(file);
}

static void make_snapshot(uint64_t generation, const char *rows)
{
	struct db db;

	assert_int_equal(db_open(&db, snapshot_path(generation), DB_CREATE, 0, NULL), 0);
	assert_int_equal(db_exec(&db, "PRAGMA journal_mode = DELETE", NULL), 0);
	assert_int_equal(db_exec(&db,
	                         "CREATE TABLE setting(key TEXT PRIMARY KEY, value TEXT);"
	                         "CREATE TABLE domain(name TEXT PRIMARY KEY, is_default INTEGER);"
	                         "CREATE TABLE service(id INTEGER PRIMARY KEY, type TEXT, name TEXT, enabled INTEGER,"
	                         " encryption TEXT);"
	                         "CREATE TABLE service_binding(service INTEGER, address TEXT, port INTEGER);"
	                         "CREATE TABLE service_setting(service INTEGER, key TEXT, value TEXT);",
	                         NULL),
	                 0);
	assert_int_equal(db_exec(&db, rows, NULL), 0);
	db_close(&db);
}

static void publish(uint64_t generation, const char *rows)
{
	make_snapshot(generation, rows);
	count_up(generation);
}

static void test_defaults_and_values(void **state)
{
	struct settings settings;

	(void)state;
	publish(1, "INSERT INTO setting VALUES('smtp.timeout', '60'), ('pop3.hold-deleted', 'on'),"
	           " ('server.host-name', 'mail.example.com')");
	assert_int_equal(settings_open(&settings, &instance, false, NULL), 0);
	assert_int_equal(settings_number(&settings, SETTING_SMTP_TIMEOUT), 60);
	assert_true(settings_flag(&settings, SETTING_POP3_HOLD));
	assert_int_equal(settings_number(&settings, SETTING_POP3_TIMEOUT), 600);
	assert_true(settings_flag(&settings, SETTING_LOGIN_FULL_ADDRESS));
	assert_string_equal(settings_text(&settings, SETTING_MAILBOX_SENT), "Sent Items");
	assert_string_equal(settings_host_name(&settings), "mail.example.com");
	assert_false(settings_refresh(&settings));
	settings_close(&settings);
}

static const char two_services[] =
    "INSERT INTO service VALUES(1, 'smtp', 'smtp', 1, 'optional'), (2, 'smtp', 'mail from inside', 0, 'required'),"
    " (9, 'gopher', 'other', 1, 'none'), (10, 'smtp', 'odd', 1, 'rot13');"
    "INSERT INTO service_binding VALUES(1, 'any', 25), (2, '127.0.0.1', 587), (2, '::1', 587);"
    "INSERT INTO service_setting VALUES(2, 'smtp.timeout', '30'), (2, 'smtp.submission', 'on'),"
    " (2, 'smtp.max-hops', '1'), (2, 'pop3.timeout', '20'), (2, 'login.max-failures', '1');"
    "INSERT INTO setting VALUES('smtp.timeout', '60')";

static void test_services(void **state)
{
	struct settings settings;
	const struct service *service;

	(void)state;
	publish(1, two_services);
	assert_int_equal(settings_open(&settings, &instance, false, NULL), 0);
	assert_int_equal(settings.services.count, 2); /* what this version cannot serve is left out */
	service = settings_service(&settings, 2);
	assert_non_null(service);
	assert_string_equal(service->name, "mail from inside");
	assert_string_equal(service->label, "mail_from_inside");
	assert_false(service->enabled);
	assert_int_equal(service->encryption, SERVICE_REQUIRED);
	assert_int_equal(service->binding_count, 2);
	assert_string_equal(service->bindings[1].address, "::1");
	assert_int_equal(service->bindings[1].port, 587);
	assert_int_equal(settings_service(&settings, 1)->encryption, SERVICE_OPTIONAL);
	assert_null(settings_service(&settings, 9));
	settings_close(&settings);
}

static void test_a_service_has_values_of_its_own(void **state)
{
	struct settings settings;

	(void)state;
	publish(1, two_services);
	assert_int_equal(settings_open(&settings, &instance, false, NULL), 0);
	settings_use_service(&settings, 2);
	assert_int_equal(settings_number(&settings, SETTING_SMTP_TIMEOUT), 30);
	assert_true(settings_flag(&settings, SETTING_SMTP_SUBMISSION));
	/* out of its range, of another type of service, of no service: the general values */
	assert_int_equal(settings_number(&settings, SETTING_SMTP_MAX_HOPS), 20);
	assert_int_equal(settings_number(&settings, SETTING_POP3_TIMEOUT), 600);
	assert_int_equal(settings_number(&settings, SETTING_LOGIN_MAX_FAILURES), 3);
	settings_use_service(&settings, 1);
	assert_int_equal(settings_number(&settings, SETTING_SMTP_TIMEOUT), 60);
	assert_false(settings_flag(&settings, SETTING_SMTP_SUBMISSION));
	settings_use_service(&settings, 2);
	publish(2, "INSERT INTO service VALUES(2, 'smtp', 'x', 1, 'none');"
	           "INSERT INTO service_setting VALUES(2, 'smtp.timeout', '31')");
	assert_true(settings_refresh(&settings));
	assert_int_equal(settings_number(&settings, SETTING_SMTP_TIMEOUT), 31); /* still in use */
	publish(3, "");
	assert_true(settings_refresh(&settings));
	assert_int_equal(settings_number(&settings, SETTING_SMTP_TIMEOUT), 300); /* it is gone */
	settings_use_service(&settings, 0);
	assert_int_equal(settings_number(&settings, SETTING_SMTP_TIMEOUT), 300);
	settings_close(&settings);
}

static void test_refresh(void **state)
{
	struct settings settings;

	(void)state;
	publish(1, "");
	assert_int_equal(settings_open(&settings, &instance, false, NULL), 0);
	publish(2, "INSERT INTO setting VALUES('smtp.timeout', '61')");
	assert_true(settings_refresh(&settings));
	assert_int_equal(settings_number(&settings, SETTING_SMTP_TIMEOUT), 61);
	assert_false(settings_refresh(&settings));
	settings_close(&settings);
}

static void test_unusable_values_give_the_default(void **state)
{
	struct settings settings;

	(void)state;
	publish(1, "INSERT INTO setting VALUES('smtp.timeout', '1'), ('of.another.version', 'x')");
	assert_int_equal(settings_open(&settings, &instance, false, NULL), 0);
	assert_int_equal(settings_number(&settings, SETTING_SMTP_TIMEOUT), 300);
	settings_close(&settings);
}

static void test_missing_or_damaged_snapshot_keeps_the_old_values(void **state)
{
	struct settings settings;
	char path[300];

	(void)state;
	publish(1, "INSERT INTO setting VALUES('smtp.timeout', '62')");
	assert_int_equal(settings_open(&settings, &instance, false, NULL), 0);
	count_up(2);
	assert_false(settings_refresh(&settings));
	assert_int_equal(settings_number(&settings, SETTING_SMTP_TIMEOUT), 62);
	str_copy(str_of(snapshot_path(2)), path, sizeof path);
	assert_int_equal(io_replace_file(path, STR("this is no database, this is no database"), 0600, NULL), 0);
	assert_false(settings_refresh(&settings));
	assert_int_equal(settings_number(&settings, SETTING_SMTP_TIMEOUT), 62);
	unlink(path);
	make_snapshot(2, "INSERT INTO setting VALUES('smtp.timeout', '63')");
	assert_true(settings_refresh(&settings));
	assert_int_equal(settings_number(&settings, SETTING_SMTP_TIMEOUT), 63);
	settings_close(&settings);
}

static void test_objects_stay_open(void **state)
{
	struct db_statement statement;
	struct settings settings;

	(void)state;
	publish(1, "INSERT INTO domain VALUES('example.com', 1)");
	assert_int_equal(settings_open(&settings, &instance, true, NULL), 0);
	unlink(snapshot_path(1)); /* replaced twice meanwhile */
	assert_int_equal(db_prepare(&settings.objects, &statement, "SELECT name FROM domain", NULL), 0);
	assert_int_equal(db_step(&statement, NULL), 1);
	assert_true(str_equal(db_text(&statement, 0), STR("example.com")));
	publish(3, "INSERT INTO domain VALUES('example.org', 1)");
	assert_true(settings_refresh(&settings));
	db_finalize(&statement);
	assert_int_equal(db_prepare(&settings.objects, &statement, "SELECT name FROM domain", NULL), 0);
	assert_int_equal(db_step(&statement, NULL), 1);
	assert_true(str_equal(db_text(&statement, 0), STR("example.org")));
	db_finalize(&statement);
	settings_close(&settings);
}

static void test_counter_of_a_wrong_size(void **state)
{
	struct settings settings;
	struct err err;
	char path[300];

	(void)state;
	assert_int_equal(
	    io_replace_file(instance_path(path, sizeof path, instance.state, "settings/generation"), STR("1"), 0600, NULL),
	    0);
	assert_int_equal(settings_open(&settings, &instance, false, &err), -1);
	assert_int_equal(err.code, ERR_CORRUPT);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_defaults_and_values),
	    TEST(test_services),
	    TEST(test_a_service_has_values_of_its_own),
	    TEST(test_refresh),
	    TEST(test_unusable_values_give_the_default),
	    TEST(test_missing_or_damaged_snapshot_keeps_the_old_values),
	    TEST(test_objects_stay_open),
	    TEST(test_counter_of_a_wrong_size),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
