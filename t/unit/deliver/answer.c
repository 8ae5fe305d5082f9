/* Automatic answers: pictures of times, and tags in texts; specification 02 "Replacements". */
#include "deliver/answer.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct arena arena;

static void assert_text(struct str text, const char *expected)
{
	assert_string_equal(arena_text(&arena, text), expected);
}

static void pictures(void **state)
{
	const struct tm time = {
	    .tm_year = 116, .tm_mon = 7, .tm_mday = 1, .tm_hour = 14, .tm_min = 5, .tm_sec = 9, .tm_wday = 1};

	(void)state;
	assert_text(answer_format_time(&time, STR("yyyy-MM-dd"), &arena), "2016-08-01");
	assert_text(answer_format_time(&time, STR("d MMMM yy, dddd"), &arena), "1 August 16, Monday");
	assert_text(answer_format_time(&time, STR("ddd MMM h:mm tt"), &arena), "Mon Aug 2:05 PM");
	assert_text(answer_format_time(&time, STR("%d.%m.%Y"), &arena), "01.08.2016");
}

/* 02-8.4 */
static void tags(void **state)
{
	struct client client = {.arena = &arena, .name = STR("anna")};
	struct answer answer = {
	    .client = &client,
	    .originator = STR("a@x.test"),
	    .original_subject = STR("Hello"),
	    .rule = {.from = {20160801, -1}, .to = {20160814, -1}, .values = STR("who=Dora\nempty=")},
	};

	(void)state;
	assert_text(
	    answer_expand(&answer,
	                  STR("I am away from {StartDate:yyyy-MM-dd} to {EndDate:%d.%m.%Y}, back {EndDate+1:%d.%m.%Y}"
	                      " \\{x} {$whom(Bob)}"),
	                  true),
	    "I am away from 2016-08-01 to 14.08.2016, back 15.08.2016 {x} Bob");
	assert_text(answer_expand(&answer, STR("{$who(x)} {user} {ORIGSUBJECT} {Originator} {nothing} {"), true),
	            "Dora anna Hello a@x.test {nothing} {");
	assert_text(
	    answer_expand(&answer, STR("{if $who}a{if $empty}b{else}c{endif}{else}d{endif}{ifnot $who}e{endif}"), true),
	    "ac");
	assert_text(answer_expand(&answer, STR("{User} {$who}{rem nothing}"), false), "{User} Dora");
}

static int end(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(pictures), cmocka_unit_test(tags)};

	arena_init(&arena);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, end);
}
