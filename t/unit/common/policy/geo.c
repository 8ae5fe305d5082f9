/* Names of ranges: CSV files into tables, addresses looked up in them (specification 05, "GeoIP lookup"). */
#include "common/policy/geo.h"
#include "common/policy/geo_import.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static struct instance instance;
static char path[INSTANCE_PATH_MAX + 128];
static struct geo geo;
static struct arena arena;

static int set_up(void **state)
{
	(void)state;
	str_copy(STR("/tmp/postroom-geo-XXXXXX"), instance.state, sizeof instance.state);
	assert_non_null(mkdtemp(instance.state));
	arena_init(&arena);
	geo_init(&geo, &instance);
	instance_path(path, sizeof path, instance.state, "settings");
	assert_int_equal(mkdir(path, 0700), 0);
	instance_path(path, sizeof path, instance.state, GEO_DATABASE);
	return 0;
}

static int tear_down(void **state)
{
	char command[INSTANCE_PATH_MAX + 16];

	(void)state;
	geo_close(&geo);
	arena_free(&arena);
	snprintf(command, sizeof command, "rm -rf %s", instance.state);
	return system(command);
}

static int load(const char *csv, const char *digits, bool is_ipv6, struct err *err)
{
	struct geo_columns columns;
	FILE *file = tmpfile();
	int64_t rows;
	int result;

	assert_int_equal(geo_columns_parse(str_of(digits), &columns, err), 0);
	fputs(csv, file);
	rewind(file);
	result = geo_import(path, fileno(file), &columns, is_ipv6, &rows, err);
	fclose(file);
	return result == 0 ? (int)rows : -1;
}

static bool is_named(const char *address, const char *tags)
{
	struct geo_names names = {.arena = &arena};
	struct cidr cidr;

	assert_int_equal(cidr_parse(str_of(address), &cidr, NULL, NULL), 0);
	geo_find(&geo, &cidr, &names);
	return geo_names_hold(&names, str_of(tags));
}

static const char example[] = "\"1.0.0.0\",\"1.0.0.255\",\"16777216\",\"16777471\",\"AU\",\"Australia\"\r\n"
                              "\"9.0.0.0\",\"9.255.255.255\",\"150994944\",\"167772159\",\"US\",\"United States\"\r\n"
                              "\"1.0.4.0\",\"1.0.7.255\",\"16778240\",\"16779263\",\"NZ\",\"say \"\"kiwi\"\"\"\n";

static void test_lookup(void **state)
{
	struct err err = {0};

	(void)state;
	assert_false(is_named("1.0.0.7", "AU")); /* there is no table */
	assert_int_equal(load(example, "125", false, &err), 3);
	assert_true(is_named("1.0.0.7", "AU,NZ"));
	assert_true(is_named("1.0.0.0", "au"));
	assert_true(is_named("1.0.0.255", "AU"));
	assert_false(is_named("1.0.1.0", "AU"));
	assert_true(is_named("1.0.5.0", "AU,NZ"));
	assert_false(is_named("1.0.5.0", "AU"));
	assert_true(is_named("9.1.1.1", "US"));
	assert_false(is_named("8.255.255.255", "US"));
	assert_false(is_named("255.255.255.255", "US"));
	assert_false(is_named("2001:db8::1", "AU"));
	/* by numbers, another column; the old rows are gone */
	assert_int_equal(load(example, "346", false, &err), 3);
	assert_false(is_named("1.0.0.7", "AU"));
	assert_true(is_named("1.0.0.7", "Australia"));
	assert_true(is_named("1.0.5.0", "say \"kiwi\""));
}

static void test_overlap(void **state)
{
	struct err err = {0};

	(void)state;
	assert_int_equal(load("10.0.0.0,10.255.255.255,wide\n10.1.0.0,10.1.255.255,middle\n10.1.1.0,10.1.1.9,narrow\n"
	                      "10.1.1.0,10.1.1.4,twin\n\n10.0.0.0,10.255.255.255,\n",
	                      "123", false, &err),
	                 4);
	assert_true(is_named("10.1.1.3", "wide"));
	assert_true(is_named("10.1.1.3", "middle"));
	assert_true(is_named("10.1.1.3", "narrow"));
	assert_true(is_named("10.1.1.3", "twin"));
	assert_false(is_named("10.1.1.9", "twin"));
	assert_true(is_named("10.200.0.0", "wide"));
	assert_false(is_named("10.200.0.0", "middle"));
}

static void test_ipv6(void **state)
{
	struct err err = {0};

	(void)state;
	assert_int_equal(load(example, "125", false, &err), 3);
	assert_int_equal(
	    load("2001:db8::,2001:db8:ffff:ffff:ffff:ffff:ffff:ffff,XX\nff00::,ffff::,YY\n", "123", true, &err), 2);
	assert_true(is_named("2001:db8:5::1", "XX"));
	assert_false(is_named("2001:db9::1", "XX"));
	assert_true(is_named("ff01::1", "YY"));
	assert_true(is_named("1.0.0.7", "AU")); /* the other table stays */
}

static void test_bad(void **state)
{
	static const struct {
		const char *csv, *columns, *reason;
		bool is_ipv6;
	} bad[] = {
	    {"1.0.0.0,1.0.0.255,AU\n1.0.0.300,1.0.0.255,AU\n", "123", "line 2: \"1.0.0.300\"", false},
	    {"1.0.0.0,1.0.0.255,AU\n\n1.0.0.9,1.0.0.1,AU\n", "123", "line 3: the first address", false},
	    {"1.0.0.0,1.0.0.255,AU", "124", "line 1: there is no column 4", false},
	    {"\"1.0.0.0\"x,1.0.0.255,AU", "123", "quoted", false},
	    {"\"1.0.0.0,1.0.0.255,AU", "123", "quoted", false},
	    {"1.0.0.0,1.0.0.255,AU", "123", "no IPv6", true},
	    {"2001:db8::,2001:db8::1,AU", "123", "no IPv4", false},
	    {"::ffff:1.0.0.0,::ffff:1.0.0.1,AU", "123", "IPv4", true},
	};
	struct geo_columns columns;
	struct err err = {0};

	(void)state;
	assert_int_equal(load(example, "125", false, &err), 3);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(load(bad[i].csv, bad[i].columns, bad[i].is_ipv6, &err), -1);
		if (strstr(err.text, bad[i].reason) == NULL)
			fail_msg("\"%s\" does not say \"%s\"", err.text, bad[i].reason);
		assert_true(is_named("1.0.0.7", "AU")); /* 05-2.6 */
	}
	assert_int_equal(geo_columns_parse(STR("12"), &columns, &err), -1);
	assert_int_equal(geo_columns_parse(STR("102"), &columns, &err), -1);
	assert_int_equal(geo_columns_parse(STR("12x"), &columns, &err), -1);
	assert_int_equal(geo_columns_parse(STR("1234"), &columns, &err), -1);
}

static void test_delete(void **state)
{
	struct err err = {0};
	int64_t rows;

	(void)state;
	assert_int_equal(geo_delete(path, STR("1.0.0.7"), &rows, &err), 0);
	assert_int_equal(rows, 0);
	assert_int_equal(load(example, "125", false, &err), 3);
	assert_int_equal(load("2001:db8::,2001:db8::ffff,XX\n", "123", true, &err), 1);
	assert_true(is_named("1.0.0.7", "AU"));
	assert_int_equal(geo_delete(path, STR("1.0.0.7"), &rows, &err), 0);
	assert_int_equal(rows, 1);
	assert_false(is_named("1.0.0.7", "AU"));
	assert_true(is_named("1.0.5.0", "NZ"));
	assert_true(is_named("2001:db8::1", "XX"));
	assert_int_equal(geo_delete(path, STR("2001:db8::7"), &rows, &err), 0);
	assert_int_equal(rows, 1);
	assert_false(is_named("2001:db8::1", "XX"));
	assert_int_equal(geo_delete(path, STR("1.0.0.0/8"), &rows, &err), -1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {TEST(test_lookup), TEST(test_overlap), TEST(test_ipv6), TEST(test_bad),
	                                   TEST(test_delete)};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("common/policy/geo", tests, NULL, NULL);
}
