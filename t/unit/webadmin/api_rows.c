/* Collections: what filters mean, in which order rows come, which part of them a page is (specification 02-1). */
#include "webadmin/api/rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct api_column columns[] = {
    {"name", API_TEXT, NULL}, {"size", API_NUMBER, NULL}, {"on", API_FLAG, NULL},
    {"seen", API_TIME, NULL}, {"tags", API_TEXTS, NULL},  {NULL, API_TEXT, NULL},
};

static const char sample[] =
    "[{\"name\":\"karl\",\"size\":900,\"on\":true,\"seen\":1795262400,\"tags\":[\"a\",\"red\"]},"
    "{\"name\":\"MARC\",\"size\":1024,\"on\":false,\"seen\":1795305600},"
    "{\"name\":\"bob\",\"size\":9,\"on\":false,\"seen\":0},"
    "{\"name\":\"J\\u00fcrgen, \\\"J\\\"\"}]";

static struct arena arena;

static int take(struct rows_wish *wish, const char *name, const char *value)
{
	struct err err;

	return rows_wish_take(wish, str_of(name), str_of(value), &arena, &err);
}

/* The names that are left, and their number of all pages. */
static void check(const struct rows_wish *wish, const char *names, size_t wanted)
{
	json_t *rows = json_loads(sample, 0, NULL), *page;
	size_t total;
	struct buf got;

	buf_init(&got, 1000);
	page = rows_select(wish, rows, &total);
	for (size_t i = 0; i < json_array_size(page); i++)
		buf_printf(&got, "%s%s", i > 0 ? " " : "", json_string_value(json_object_get(json_array_get(page, i), "name")));
	assert_string_equal(buf_text(&got), names);
	assert_int_equal(total, wanted);
	buf_free(&got);
	json_decref(page);
	json_decref(rows);
}

static void filter(const char *name, const char *value, const char *names, size_t total)
{
	struct rows_wish wish;

	rows_wish_init(&wish, columns);
	assert_int_equal(take(&wish, name, value), 1);
	check(&wish, names, total);
}

static void refuse(const char *name, const char *value)
{
	struct rows_wish wish;

	rows_wish_init(&wish, columns);
	assert_int_equal(take(&wish, name, value), -1);
}

static void test_numbers(void **state)
{
	(void)state;
	filter("filter[size]", ">9", "karl MARC", 2);
	filter("filter[size]", ">=9", "karl MARC bob", 3);
	filter("filter[size]", "<900", "bob", 1);
	filter("filter[size]", "<=900", "karl bob", 2);
	filter("filter[size]", "9..900", "karl bob", 2);
	filter("filter[size]", "1k", "MARC", 1);
	filter("filter[size]", ">1M", "", 0);
	filter("filter[size]", " 9 ", "bob", 1);
	filter("filter[size]", "", "karl MARC bob J\xc3\xbcrgen, \"J\"", 4);
	refuse("filter[size]", "abc");
	refuse("filter[size]", ">");
	refuse("filter[size]", "1..");
	refuse("filter[size]", "-1");
	refuse("filter[size]", "99999999999999999999");
	refuse("filter[size]", "9999999999999999G");
}

static void test_times(void **state)
{
	(void)state;
	filter("filter[seen]", "2026-11-21", "karl", 1); /* its noon, UTC, is 1795262400 */
	filter("filter[seen]", ">2026-11-21", "MARC", 1);
	filter("filter[seen]", "2026-11-21..2026-11-22", "karl MARC", 2);
	filter("filter[seen]", ">=2026-11-22 00:00", "MARC", 1);
	filter("filter[seen]", "<2026-11-21 12:01", "karl bob", 2);
	refuse("filter[seen]", "21.11.2026");
	refuse("filter[seen]", "2026-11-21x");
}

static void test_texts(void **state)
{
	(void)state;
	filter("filter[name]", "ar", "karl MARC", 2);
	filter("filter[name]", "AR", "karl MARC", 2);
	filter("filter[name]", "m*c", "MARC", 1);
	filter("filter[name]", "\xc3\x9cR", "J\xc3\xbcrgen, \"J\"", 1);
	filter("filter[tags]", "red", "karl", 1);
	filter("filter[on]", "true", "karl", 1);
	filter("filter[on]", "off", "MARC bob", 2);
	filter("search", "RED", "karl", 1);
	filter("search", "o", "bob", 1);
	refuse("filter[on]", "perhaps");
	refuse("filter[password]", "x");
	refuse("filter[]", "x");
}

static void test_order(void **state)
{
	struct rows_wish wish;

	(void)state;
	filter("sort", "name", "bob J\xc3\xbcrgen, \"J\" karl MARC", 4);
	filter("sort", "size", "J\xc3\xbcrgen, \"J\" bob karl MARC", 4);
	filter("sort", "-size", "MARC karl bob J\xc3\xbcrgen, \"J\"", 4);
	refuse("sort", "-");
	refuse("sort", "weight");
	rows_wish_init(&wish, columns);
	assert_int_equal(take(&wish, "sort", "-size"), 1);
	assert_int_equal(take(&wish, "limit", "2"), 1);
	assert_int_equal(take(&wish, "offset", "1"), 1);
	check(&wish, "karl bob", 4);
	assert_int_equal(take(&wish, "offset", "4"), 1);
	check(&wish, "", 4);
	assert_int_equal(take(&wish, "limit", "20000"), 1);
	assert_int_equal(wish.limit, ROWS_PAGE_MAX);
	assert_int_equal(take(&wish, "limit", "-1"), -1);
	assert_int_equal(take(&wish, "page", "1"), 0);
	assert_int_equal(take(&wish, "", ""), 0);
}

static void test_columns(void **state)
{
	json_t *rows = json_loads(sample, 0, NULL), *narrow;
	struct rows_wish wish;
	struct buf table;

	(void)state;
	rows_wish_init(&wish, columns);
	assert_true(rows_wish_tells(&wish, "size|tags"));
	assert_int_equal(take(&wish, "columns", "name,on"), 1);
	assert_int_equal(take(&wish, "columns", "name,password"), -1);
	assert_false(rows_wish_tells(&wish, "size|tags"));
	assert_false(rows_wish_needs(&wish, "size|tags"));
	buf_init(&table, 1000);
	rows_to_csv(&wish, rows, &table);
	assert_string_equal(buf_text(&table),
	                    "name,on\r\nkarl,true\r\nMARC,false\r\nbob,false\r\n\"J\xc3\xbcrgen, \"\"J\"\"\",\r\n");
	narrow = rows_narrow(&wish, json_incref(rows));
	assert_int_equal(json_object_size(json_array_get(narrow, 0)), 2);
	assert_int_equal(take(&wish, "sort", "-size"), 1);
	assert_true(rows_wish_needs(&wish, "size|tags"));
	json_decref(narrow);
	json_decref(rows);
	buf_free(&table);
}

static void test_many_filters(void **state)
{
	struct rows_wish wish;

	(void)state;
	rows_wish_init(&wish, columns);
	for (int i = 0; i < ROWS_FILTERS_MAX; i++)
		assert_int_equal(take(&wish, "filter[name]", "a"), 1);
	assert_int_equal(take(&wish, "filter[name]", "a"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_numbers), cmocka_unit_test(test_times),   cmocka_unit_test(test_texts),
	    cmocka_unit_test(test_order),   cmocka_unit_test(test_columns), cmocka_unit_test(test_many_filters),
	};
	int failed;

	setenv("TZ", "UTC", 1);
	arena_init(&arena);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = cmocka_run_group_tests_name("rows", tests, NULL, NULL);
	arena_free(&arena);
	return failed;
}
