/* Rules of access lists: their words, their order, the interchange form (specification 05, "IP access restrictions").
 */
#include "common/policy/rule.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct arena arena;

static struct access_rule parse(const char *text)
{
	struct access_rule rule = {.masked = STR("")};
	struct err err = {0};

	if (access_rule_parse(str_of(text), &arena, &rule, &err) != 0)
		fail_msg("%s: %s", text, err.text);
	return rule;
}

static void is_written(const char *text, const char *expected)
{
	struct access_rule rule = parse(text);
	struct buf written;

	buf_init(&written, 1000);
	access_rule_format(&rule, &written);
	assert_string_equal(buf_text(&written), expected);
	buf_free(&written);
}

static void refuse(const char *text, const char *part)
{
	struct access_rule rule;
	struct err err = {0};

	if (access_rule_parse(str_of(text), &arena, &rule, &err) == 0)
		fail_msg("%s was accepted", text);
	if (strstr(err.text, part) == NULL)
		fail_msg("%s: \"%s\" does not say \"%s\"", text, err.text, part);
}

static void test_words(void **state)
{
	(void)state;
	is_written("any", "any");
	is_written("ANY4", "any4");
	is_written("any6", "any6");
	is_written("local", "local");
	is_written("Routers", "routers");
	is_written("192.168.66.0/24", "192.168.66.0/24");
	is_written("192.168.1.57", "192.168.1.57");
	is_written("10.0.0.0/255.0.0.0", "10.0.0.0/8");
	is_written("2001:db8::/32", "2001:db8::/32");
	is_written("0.0.0.0/0", "any4");
	is_written("::/0", "any6");
	is_written("geoip: AU;nz , Sydney", "geoip:AU,nz,Sydney");
	refuse("network", "neither");
	refuse("geoip", "neither");
	refuse("geoip:", "tags");
	refuse("geoip: ;,", "tags");
	refuse("geoip:a|b", "tags");
	refuse("10.0.0.0/33", "prefix");
	refuse("example.com", "address");
	refuse("everybody", "neither");
}

static void test_masked(void **state)
{
	(void)state;
	assert_true(str_equal(parse("192.168.1.57/24").masked, STR("192.168.1.57/24")));
	assert_int_equal(parse("192.168.1.0/24").masked.len, 0);
}

static void sort(const char *const *given, const char *const *expected)
{
	struct access_rules rules = {0};
	struct buf written;

	for (; *given != NULL; given++) {
		struct access_rule rule = parse(*given);

		assert_int_equal(access_rules_add(&rules, &arena, &rule, NULL), 0);
	}
	access_rules_sort(&rules);
	buf_init(&written, 1000);
	for (size_t i = 0; i < rules.count; i++) {
		assert_non_null(expected[i]);
		buf_reset(&written);
		access_rule_format(&rules.list[i], &written);
		assert_string_equal(buf_text(&written), expected[i]);
	}
	assert_null(expected[rules.count]);
	buf_free(&written);
}

static void test_sorting(void **state)
{
	static const char *const given[] = {"any",        "any6",          "geoip:AU",    "local",   "any4",
	                                    "10.0.0.0/8", "2001:db8::/32", "10.1.0.0/16", "routers", "192.0.2.9",
	                                    "geoip:NZ",   "10.2.0.0/16",   "::1",         NULL};
	static const char *const expected[] = {
	    "192.0.2.9", "::1",      "routers",  "2001:db8::/32", "10.1.0.0/16", "10.2.0.0/16", "10.0.0.0/8",
	    "local",     "geoip:AU", "geoip:NZ", "any6",          "any4",        "any",         NULL};
	static const char *const nothing[] = {NULL};

	(void)state;
	sort(given, expected);
	sort(expected, expected);
	sort(nothing, nothing);
}

static void text_is_refused(const char *text, const char *part)
{
	struct access_rules rules;
	struct err err = {0};
	bool use_global;

	if (access_text_parse(str_of(text), &arena, &rules, &use_global, &err) == 0)
		fail_msg("%s was accepted", text);
	if (strstr(err.text, part) == NULL)
		fail_msg("%s: \"%s\" does not say \"%s\"", text, err.text, part);
}

static void test_text(void **state)
{
	static const char text[] = "1\n0|2|192.0.2.9|32|0||\n0|0||2|0||no way around\n1|23|2001:db8::|32|1||a|b\n"
	                           "1|2|10.0.0.0|8|0|3\t17|\n1|0||1|0||\n0|100|AU,NZ|0|0||\n1|2|0.0.0.0|0|1||\n"
	                           "1|23|::|0|0||\n1|0||0|0|5|";
	struct access_rules rules;
	struct buf written;
	bool use_global = false;
	struct err err = {0};

	(void)state;
	if (access_text_parse(str_of(text), &arena, &rules, &use_global, &err) != 0)
		fail_msg("%s", err.text);
	assert_true(use_global);
	assert_int_equal(rules.count, 9);
	assert_int_equal(rules.list[1].kind, ACCESS_ROUTERS);
	assert_true(str_equal(rules.list[2].comment, STR("a|b")));
	assert_true(rules.list[2].unauth);
	assert_true(access_users_hold(rules.list[3].users, 17));
	assert_true(access_users_hold(rules.list[3].users, 3));
	assert_false(access_users_hold(rules.list[3].users, 1));
	assert_int_equal(rules.list[6].kind, ACCESS_ANY4);
	buf_init(&written, 4000);
	access_text_format(&rules, use_global, &written);
	assert_string_equal(buf_text(&written), text);
	buf_free(&written);
}

/* 05-2.7 */
static void test_example(void **state)
{
	struct access_rules rules;
	bool use_global = true;

	(void)state;
	assert_int_equal(access_text_parse(STR("0\n1|0||1|0||"), &arena, &rules, &use_global, NULL), 0);
	assert_false(use_global);
	assert_int_equal(rules.count, 1);
	assert_int_equal(rules.list[0].kind, ACCESS_LOCAL);
	assert_true(rules.list[0].allow);
	assert_false(rules.list[0].unauth);
	assert_int_equal(access_text_parse(STR("0\n1|0||1|0|\n"), &arena, &rules, &use_global, NULL), 0);
	assert_int_equal(rules.count, 1);
	assert_int_equal(access_text_parse(STR("1"), &arena, &rules, &use_global, NULL), 0);
	assert_int_equal(rules.count, 0);
	assert_int_equal(access_text_parse(STR("0\n1|2||0|0||"), &arena, &rules, &use_global, NULL), 0);
	assert_int_equal(rules.list[0].kind, ACCESS_ANY4);
}

static void test_bad_text(void **state)
{
	(void)state;
	text_is_refused("", "line 1");
	text_is_refused("2", "line 1: use global list");
	text_is_refused("0\r\n1|0||1|0||\r\n", "CR");
	text_is_refused("0\n1|0||1|0", "line 2: a rule has seven fields");
	text_is_refused("0\n1|0||1|0||\n2|0||1|0||", "line 3: restrict");
	text_is_refused("0\n1|1||1|0||", "type");
	text_is_refused("0\n1|||1|0||", "type");
	text_is_refused("0\n1|0||3|0||", "prefix");
	text_is_refused("0\n1|2|10.0.0.0|33|0||", "prefix");
	text_is_refused("0\n1|2|10.0.0.0||0||", "prefix");
	text_is_refused("0\n1|2|10.0.0|8|0||", "address");
	text_is_refused("0\n1|2|2001:db8::|32|0||", "address");
	text_is_refused("0\n1|23|10.0.0.0|8|0||", "address");
	text_is_refused("0\n1|100||0|0||", "tags");
	text_is_refused("0\n1|0||1|x||", "allow unauth");
	text_is_refused("0\n1|0||1|0|paul|", "users");
	text_is_refused("0\n1|0||1|0|1 2|", "users");
	text_is_refused("0\n1|0||1|0||a\tb", "comment");
	text_is_refused("0\n1|0||1|0||\xff", "comment");
}

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

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_words),   cmocka_unit_test(test_masked),
	                                   cmocka_unit_test(test_sorting), cmocka_unit_test(test_text),
	                                   cmocka_unit_test(test_example), cmocka_unit_test(test_bad_text)};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("common/policy/rule", tests, set_up, tear_down);
}
