/* A user's rules: their text form, and what they make of a message; specification 02 "Message rules". */
#include "common/rules/message_rule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct arena arena;
static struct facts_delivery delivery;
static struct facts facts;
static struct message_outcome outcome;

static const char message[] = "From: =?utf-8?q?J=C3=BCrgen?= <j@x.test>\r\n"
                              "To: anna@example.test, Bert <bert@example.test>\r\n"
                              "Subject: The Dog\r\n"
                              "Date: Mon, 5 Jan 2026 10:00:00 +0000\r\n"
                              "\r\n"
                              "A =3D body\r\n";

static void begin(enum facts_type type)
{
	struct tm when = {.tm_year = 126, .tm_mon = 10, .tm_mday = 21, .tm_hour = 14, .tm_min = 5, .tm_isdst = -1};
	ptrdiff_t body = str_find(STR(message), STR("\r\n\r\n")) + 4;

	arena_reset(&arena);
	delivery = (struct facts_delivery){.type = type, .message = mime_source_memory(STR(message)), .body_at = body};
	facts = (struct facts){
	    .stage = RULES_DATA,
	    .mail_from = STR("j@x.test"),
	    .client = STR(""),
	    .user = STR(""),
	    .size = 100,
	    .header = str_from(message, (size_t)body),
	    .now = mktime(&when),
	    .arena = &arena,
	    .delivery = &delivery,
	};
	message_outcome_begin(&outcome);
}

static struct message_rule parse(const char *name, const char *types, const char *match, const char *conditions,
                                 const char *actions)
{
	struct message_rule_text text = {str_of(name), str_of(types), str_of(match), str_of(conditions), str_of(actions)};
	struct message_rule rule;
	struct err err;

	if (message_rule_parse(&text, &arena, &rule, &err) != 0)
		fail_msg("%s: %s", conditions, err.text);
	return rule;
}

static bool holds(const char *condition)
{
	struct message_rule rule;
	bool result;

	begin(FACTS_INCOMING);
	rule = parse("r", "", "", condition, "flag 1");
	message_rules_run(&rule, 1, &facts, &outcome);
	result = delivery.flagged;
	message_rule_free(&rule);
	return result;
}

static void conditions(void **state)
{
	(void)state;
	assert_true(holds("Subject contains dog"));
	assert_false(holds("case Subject contains dog"));
	assert_true(holds("case Subject contains Dog"));
	assert_true(holds("not Subject contains cat"));
	assert_true(holds("From contains j\xc3\xbcrgen")); /* decoded */
	assert_true(holds("From,To,Cc contains BERT@"));
	assert_true(holds("X-Missing equals"));
	assert_false(holds("X-Missing contains x"));
	assert_true(holds("Body contains =3d")); /* as it stands */
	assert_false(holds("Body contains Subject"));
	assert_true(holds("Size greater 9")); /* as numbers */
	assert_false(holds("Size greater 100"));
	assert_true(holds("SpamScore less 1"));
	assert_true(holds("Incoming equals 1"));
	assert_true(holds("Local equals 0"));
	assert_true(holds("MsgDate equals 2026-01-05"));
	assert_true(holds("DateNow greater 2026-11-20"));
	assert_true(holds("TimeNow at-least 14:05"));
	assert_false(holds("TimeNow at-least 14:06"));
	assert_true(holds("DayNow 7"));
	assert_true(holds("MailFrom equals j@x.test"));
	assert_true(holds("Flag equals 0"));
	assert_true(holds("Keywords equals"));
	assert_true(holds("Subject regex ^The D.g$"));
}

/* 02-11.2 */
static void previous_match(void **state)
{
	struct message_rule rules[2];

	(void)state;
	begin(FACTS_INCOMING);
	rules[0] = parse("A", "", "any", "Subject contains cat\nSubject contains cow\nSubject contains dog", "keyword pet");
	rules[1] = parse("B", "", "all", "From contains x.test\nRuleMatch equals A\nKeywords equals PET", "flag 1");
	message_rules_run(rules, 2, &facts, &outcome);
	assert_true(delivery.flagged);
	begin(FACTS_INCOMING);
	rules[0] = parse("A", "", "any", "Subject contains cat\nSubject contains cow", "keyword pet");
	rules[1] = parse("B", "", "all", "From contains x.test\nRuleMatch equals A", "flag 1");
	message_rules_run(rules, 2, &facts, &outcome);
	assert_false(delivery.flagged);
}

/* 02-11.4, 02-11.5 */
static void types_and_stop(void **state)
{
	struct message_rule rules[2];

	(void)state;
	begin(FACTS_LOCAL);
	rules[0] = parse("in", "incoming", "", "", "stop");
	rules[1] = parse("all", "", "", "", "mark-read 1");
	message_rules_run(rules, 2, &facts, &outcome);
	assert_true(delivery.seen);
	delivery.seen = false;
	delivery.type = FACTS_INCOMING;
	message_rules_run(rules, 2, &facts, &outcome);
	assert_false(delivery.seen);
}

static void folders(void **state)
{
	struct message_rule rules[2];

	(void)state;
	begin(FACTS_INCOMING);
	rules[0] = parse("c", "", "", "", "copy Archive/2026\nforward bob@y.test\nforward-from me@x.test\nheader X-A: 1");
	message_rules_run(rules, 1, &facts, &outcome);
	assert_true(outcome.keep_inbox);
	assert_int_equal(outcome.folder_count, 1);
	assert_true(str_equal(outcome.folders[0], STR("Archive/2026")));
	assert_true(str_equal(outcome.forwards[0].address, STR("bob@y.test")));
	assert_true(str_equal(outcome.forwards[0].from, STR("me@x.test")));
	assert_true(str_equal(outcome.lines[0], STR("X-A: 1")));
	rules[1] = parse("m", "", "", "", "move Archive/2026\nmove B\ndelete 1");
	message_rules_run(&rules[1], 1, &facts, &outcome);
	assert_false(outcome.keep_inbox);
	assert_true(outcome.deleted);
	assert_int_equal(outcome.folder_count, 2);
}

static void refused(void **state)
{
	static const char *const cases[][3] = {
	    {"Subject regex (", "flag 1", "condition 1: "},
	    {"Subject sounds like", "flag 1", "condition 1: "},
	    {"case Subject regex a", "flag 1", "condition 1: "},
	    {"Subject contains a", "", "action: a rule needs one"},
	    {"Subject contains a", "fly away", "action 1: \"fly\" is none of"},
	    {"Subject contains a", "flag 2", "action 1: flag: "},
	    {"Subject contains a", "keyword two words", "action 1: keyword: "},
	    {"Subject contains a", "stop now", "action 1: stop: "},
	    {"Subject contains a", "flag\nforward a@", "action 2: forward: "},
	    {"Subject contains a", "header no colon", "action 1: header: "},
	    {"Subject contains a", "move", "action 1: move: "},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct message_rule_text text = {.conditions = str_of(cases[i][0]), .actions = str_of(cases[i][1])};
		struct message_rule rule;
		struct err err;

		assert_int_equal(message_rule_parse(&text, &arena, &rule, &err), -1);
		if (!str_starts(str_of(err.text), str_of(cases[i][2])))
			fail_msg("%s / %s: %s", cases[i][0], cases[i][1], err.text);
	}
}

static void normal_form(void **state)
{
	struct message_rule rule = parse(" a ", "system, INCOMING", "ANY", "not case Subject = a\n\n Size > 5 ",
	                                 "FLAG\nforward \"a b\"@X.test\nMove  A B ");
	struct message_rule_text text;

	(void)state;
	message_rule_format(&rule, &arena, &text);
	assert_string_equal(arena_text(&arena, text.name), "a");
	assert_string_equal(arena_text(&arena, text.types), "incoming,system");
	assert_string_equal(arena_text(&arena, text.match), "any");
	assert_string_equal(arena_text(&arena, text.conditions), "not case Subject equals a\nSize greater 5");
	assert_string_equal(arena_text(&arena, text.actions), "flag 1\nforward \"a b\"@X.test\nmove A B");
	message_rule_free(&rule);
}

static int end(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(conditions), cmocka_unit_test(previous_match), cmocka_unit_test(types_and_stop),
	    cmocka_unit_test(folders),    cmocka_unit_test(refused),        cmocka_unit_test(normal_form),
	};

	arena_init(&arena);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, end);
}
