/* Paths, ranges, tags and codings. Expected values from RFC 3986 2.1, RFC 9110 12.5.3, 13.1.2, 14.1.2. */
#include "webadmin/exchange.h"
#include "webadmin/webadmin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct arena arena;

static int set_up(void **state)
{
	(void)state;
	arena_init(&arena);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

static void test_decoding(void **state)
{
	static const struct {
		const char *text, *decoded; /* NULL: malformed */
	} cases[] = {
	    {"", ""},
	    {"anna", "anna"},
	    {"a%20b", "a b"},
	    {"%41%4a%4A", "AJJ"},
	    {"%e2%82%ac", "\xe2\x82\xac"},
	    {"%2F%2f", "//"},
	    {"a+b", "a+b"},
	    {"100%25", "100%"},
	    {"%", NULL},
	    {"%4", NULL},
	    {"a%zz", NULL},
	    {"%g0", NULL},
	    {"%00", NULL},
	    {"%ff", NULL},
	    {"%c0%af", NULL}, /* a slash of too many octets */
	    {"%ed%a0%80", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct str decoded = web_decode(str_of(cases[i].text), &arena);

		if (cases[i].decoded == NULL)
			assert_null(decoded.data);
		else
			assert_string_equal(arena_text(&arena, decoded), cases[i].decoded);
	}
}

static void test_paths(void **state)
{
	static const struct {
		const char *pattern, *path;
		bool rest;
		int count; /* -1: it does not fit */
		const char *first, *second;
	} cases[] = {
	    {"/api/v1/users", "/api/v1/users", false, 0, NULL, NULL},
	    {"/api/v1/users", "/api/v1/users/", false, -1, NULL, NULL},
	    {"/api/v1/users", "/api/v1", false, -1, NULL, NULL},
	    {"/api/v1/users", "/api/v1/user%73", false, 0, NULL, NULL},
	    {"/api/v1/users/{name}", "/api/v1/users/anna", false, 1, "anna", NULL},
	    {"/api/v1/users/{name}", "/api/v1/users/", false, -1, NULL, NULL},
	    {"/api/v1/users/{name}", "/api/v1/users/a%2Fb", false, 1, "a/b", NULL},
	    {"/api/v1/users/{name}", "/api/v1/users/a%zz", false, -1, NULL, NULL},
	    {"/u/{name}/items/{kind}", "/u/anna/items/x%20y", false, 2, "anna", "x y"},
	    {"/u/{name}/items/{kind}", "/u/anna/things/x", false, -1, NULL, NULL},
	    {"/admin/{file}", "/admin/a/b.html", true, 1, "a/b.html", NULL},
	    {"/admin/{file}", "/%61dmin/b.html", true, 1, "b.html", NULL},
	    {"/admin/{file}", "/admin/", true, 1, "", NULL},
	    {"/admin/{file}", "/admin", true, -1, NULL, NULL},
	    {"/admin/{file}", "/admin%2fb.html", true, -1, NULL, NULL},
	    {"/{file}", "/", true, 1, "", NULL},
	    {"/{file}", "/admin%2Findex.html", true, -1, NULL, NULL},
	    {"/{file}", "*", true, -1, NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct str names[WEB_NAMES_MAX];
		int count = web_path_fits(cases[i].pattern, str_of(cases[i].path), cases[i].rest, names, &arena);

		assert_int_equal(count, cases[i].count);
		if (cases[i].first != NULL)
			assert_string_equal(arena_text(&arena, names[0]), cases[i].first);
		if (cases[i].second != NULL)
			assert_string_equal(arena_text(&arena, names[1]), cases[i].second);
	}
}

/* Of 10,000 octets, as in the examples of RFC 9110 14.1.2. */
static void test_ranges(void **state)
{
	static const struct {
		const char *field;
		int result;
		int64_t offset, size;
	} cases[] = {
	    {"bytes=0-499", 1, 0, 500},
	    {"bytes=500-999", 1, 500, 500},
	    {"bytes=-500", 1, 9500, 500},
	    {"bytes=9500-", 1, 9500, 500},
	    {"bytes=0-0", 1, 0, 1},
	    {"bytes=-1", 1, 9999, 1},
	    {"Bytes=0-99999", 1, 0, 10000},
	    {"bytes=-99999", 1, 0, 10000},
	    {"bytes=10000-", -1, 0, 0},
	    {"bytes=-0", -1, 0, 0},
	    {"bytes=5-4", 0, 0, 10000},
	    {"bytes=0-1,5-6", 0, 0, 10000},
	    {"bytes=", 0, 0, 10000},
	    {"bytes=-", 0, 0, 10000},
	    {"bytes=a-b", 0, 0, 10000},
	    {"lines=1-2", 0, 0, 10000},
	    {"bytes=99999999999999999999-", 0, 0, 10000},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int64_t offset, size;

		assert_int_equal(web_range(str_of(cases[i].field), 10000, &offset, &size), cases[i].result);
		if (cases[i].result < 0)
			continue;
		assert_int_equal(offset, cases[i].offset);
		assert_int_equal(size, cases[i].size);
	}
}

static void test_ranges_of_nothing(void **state)
{
	int64_t offset, size;

	(void)state;
	assert_int_equal(web_range(STR("bytes=0-"), 0, &offset, &size), -1);
	assert_int_equal(web_range(STR("bytes=-5"), 0, &offset, &size), -1);
	assert_int_equal(web_range(STR("nonsense"), 0, &offset, &size), 0);
	assert_int_equal(size, 0);
}

static void test_tags(void **state)
{
	(void)state;
	assert_true(web_tags_hold(STR("\"a-1\""), STR("a-1")));
	assert_true(web_tags_hold(STR("\"x\" , W/\"a-1\""), STR("a-1")));
	assert_true(web_tags_hold(STR("*"), STR("a-1")));
	assert_false(web_tags_hold(STR("\"a-1-gz\""), STR("a-1")));
	assert_false(web_tags_hold(STR("a-1"), STR("a-1")));
	assert_false(web_tags_hold(STR(""), STR("a-1")));
}

static void test_codings(void **state)
{
	(void)state;
	assert_true(web_takes_gzip(STR("gzip")));
	assert_true(web_takes_gzip(STR("br;q=1.0, GZIP;q=0.8, *;q=0.1")));
	assert_false(web_takes_gzip(STR("br, deflate")));
	assert_false(web_takes_gzip(STR("gzip;q=0")));
	assert_false(web_takes_gzip(STR("gzip;q=0.000, br")));
	assert_false(web_takes_gzip(STR("xgzip")));
	assert_false(web_takes_gzip(STR("")));
}

/* 05-1.8, and what the service says of encryption. */
static void test_kinds(void **state)
{
	const unsigned char tls = 0x16, get = 'G';

	(void)state;
	assert_int_equal(session_kind(SERVICE_CLEAR, true, get), SESSION_HTTP);
	assert_int_equal(session_kind(SERVICE_CLEAR, true, tls), SESSION_HTTP);
	assert_int_equal(session_kind(SERVICE_OPTIONAL, true, get), SESSION_HTTP);
	assert_int_equal(session_kind(SERVICE_OPTIONAL, true, tls), SESSION_TLS);
	assert_int_equal(session_kind(SERVICE_OPTIONAL, false, tls), SESSION_HTTP);
	assert_int_equal(session_kind(SERVICE_REQUIRED, true, get), SESSION_REDIRECT);
	assert_int_equal(session_kind(SERVICE_REQUIRED, true, tls), SESSION_TLS);
	assert_int_equal(session_kind(SERVICE_TLS, true, get), SESSION_REDIRECT);
	assert_int_equal(session_kind(SERVICE_TLS, true, tls), SESSION_TLS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_decoding), cmocka_unit_test(test_paths),
	    cmocka_unit_test(test_ranges),   cmocka_unit_test(test_ranges_of_nothing),
	    cmocka_unit_test(test_tags),     cmocka_unit_test(test_codings),
	    cmocka_unit_test(test_kinds),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("webadmin/decode", tests, set_up, tear_down);
}
