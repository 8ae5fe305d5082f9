/* Rules: stages, order, If and Else, actions, replies; specification 05 "SMTP filtering and rules". */
#include "common/rules/rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct arena arena;
static struct rules rules;
static struct rules_lines lines;
static char told[2000]; /* what the last run said of each rule */

static int begin(void **state)
{
	(void)state;
	arena_init(&arena);
	rules_init(&rules);
	lines = (struct rules_lines){0};
	return 0;
}

static int end(void **state)
{
	(void)state;
	rules_free(&rules);
	arena_free(&arena);
	return 0;
}

static struct rule_text rule_text(const char *stage, const char *action, const char *parameter, const char *conditions)
{
	return (struct rule_text){.name = STR("a rule"),
	                          .stage = str_of(stage),
	                          .action = str_of(action),
	                          .parameter = str_of(parameter),
	                          .match = STR("all"),
	                          .conditions = str_of(conditions)};
}

static void add_at(const char *stage, const char *action, const char *parameter, const char *conditions)
{
	struct rule_text text = rule_text(stage, action, parameter, conditions);
	struct err err;

	if (rules_add(&rules, &text, &err) != 0)
		fail_msg("%s: %s", action, err.text);
}

static void add(const char *action, const char *parameter, const char *conditions)
{
	add_at("auto", action, parameter, conditions);
}

static void finish(void)
{
	struct err err;

	if (rules_finish(&rules, &err) != 0)
		fail_msg("%s", err.text);
}

static void note(void *context, const struct rules_event *event)
{
	static const char *const words[] = {[RULES_TRIGGERED] = "runs",
	                                    [RULES_TAKEN] = "taken",
	                                    [RULES_NOT_MATCHED] = "no",
	                                    [RULES_SKIPPED] = "skipped",
	                                    [RULES_OTHER_STAGE] = "later"};
	size_t len = strlen(told);

	(void)context;
	snprintf(told + len, sizeof told - len, "%lld:%s ", (long long)event->number, words[event->fate]);
}

static struct facts facts_at(enum rules_stage stage)
{
	static struct str recipients[] = {{"anna@office.example", 19}, {"reply@office.example", 20}};

	return (struct facts){
	    .stage = stage,
	    .mail_from = STR("stranger@example.net"),
	    .client = STR("192.0.2.1"),
	    .user = STR(""),
	    .recipients = recipients,
	    .recipient_count = stage == RULES_MAIL ? 0 : 2,
	    .header = stage == RULES_DATA ? STR("Subject: x\r\n") : STR(""),
	    .now = time(NULL),
	    .arena = &arena,
	};
}

static struct rules_result execute(enum rules_stage stage)
{
	struct facts facts = facts_at(stage);
	struct rules_run run = {.rules = &rules, .facts = &facts, .lines = &lines, .tell = note};
	struct rules_result result;

	told[0] = '\0';
	rules_execute(&run, &result);
	return result;
}

/* 05-6.1 */
static void the_example_of_the_specification(void **state)
{
	struct rules_result result;
	struct rules_reply reply;

	(void)state;
	add("accept", "", "Always 0");
	add("reject", "", "not MailFrom ends-with @office.example\nThisRcptTo equals reply@office.example");
	finish();
	assert_int_equal(execute(RULES_MAIL).verdict, RULES_NONE);
	result = execute(RULES_RCPT);
	assert_int_equal(result.verdict, RULES_REJECT);
	assert_int_equal(result.number, 2);
	assert_string_equal(result.name.data, "a rule");
	assert_false(result.disconnect);
	rules_reply(RULES_RCPT, &result, &reply);
	assert_int_equal(reply.code, 550);
	assert_string_equal(reply.enhanced, "5.7.1");
	assert_string_equal(reply.text, "Recipient Prohibited (2)");
	assert_int_equal(execute(RULES_DATA).verdict, RULES_NONE);
}

/* 05-6.2, 05-6.3 */
static void replies_of_each_stage(void **state)
{
	struct rules_result result = {.number = 3, .is_temporary = true};
	struct rules_reply reply;

	(void)state;
	rules_reply(RULES_MAIL, &result, &reply);
	assert_int_equal(reply.code, 450);
	assert_string_equal(reply.enhanced, "4.7.1");
	assert_string_equal(reply.text, "Sender Prohibited (3)");
	rules_reply(RULES_DATA, &result, &reply);
	assert_int_equal(reply.code, 454);
	result.is_temporary = false;
	rules_reply(RULES_DATA, &result, &reply);
	assert_int_equal(reply.code, 554);
	assert_string_equal(reply.text, "Message Prohibited (3)");
	rules_reply(RULES_MAIL, &result, &reply);
	assert_int_equal(reply.code, 550);
}

/* 05-6.2, 05-6.3 */
static void stages_and_time(void **state)
{
	(void)state;
	add("reject", "", "MailFrom contains nobody\nDayNow 1234567");
	add("reject", "", "MailFrom contains stranger\nDayNow 1234567");
	add("reject", "", "Subject equals x");
	add("ignore", "", "Size less 10");
	add_at("mail", "hold", "", "Size less 10");
	add_at("data", "accept", "", "MailFrom contains stranger");
	finish();
	assert_int_equal(rules.list[1].stage, RULES_MAIL);
	assert_int_equal(rules.list[2].stage, RULES_DATA);
	assert_int_equal(rules.list[3].stage, RULES_DATA);
	assert_int_equal(rules.list[4].stage, RULES_MAIL);
	assert_true(rules.has_stage[RULES_MAIL]);
	assert_false(rules.has_stage[RULES_RCPT]);
	assert_true(rules.has_stage[RULES_DATA]);
	assert_true(execute(RULES_MAIL).is_temporary);
	assert_string_equal(told, "1:no 2:runs ");
	assert_false(execute(RULES_DATA).is_temporary);
	assert_string_equal(told, "1:later 2:later 3:runs ");
}

static void actions(void **state)
{
	static const struct {
		const char *action, *parameter;
		enum rules_verdict verdict;
		bool hold, disconnect;
	} cases[] = {
	    {"accept", "", RULES_ACCEPT, false, false},
	    {"reject", "", RULES_REJECT, false, false},
	    {"reject-disconnect", "", RULES_REJECT, false, true},
	    {"ignore", "", RULES_IGNORE, false, false},
	    {"hold", "", RULES_ACCEPT, true, false},
	    {"copy", "fred", RULES_COPY, false, false},
	    {"redirect", "fred  Customers ,bob@example.com", RULES_REDIRECT, false, false},
	    {"set-header-accept", "X-A: 1", RULES_ACCEPT, false, false},
	    {"block", "5", RULES_REJECT, false, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct rules_result result;

		rules_free(&rules);
		add(cases[i].action, cases[i].parameter, "Always 1");
		add("ignore", "", "Always 1");
		finish();
		result = execute(RULES_MAIL);
		assert_int_equal(result.verdict, cases[i].verdict);
		assert_int_equal(result.hold, cases[i].hold);
		assert_int_equal(result.disconnect, cases[i].disconnect);
		assert_int_equal(result.number, 1);
		assert_int_equal(result.block_minutes, strcmp(cases[i].action, "block") == 0 ? 5 : 0);
		if (result.verdict == RULES_REDIRECT) {
			assert_int_equal(result.targets.count, 2);
			assert_string_equal(result.targets.list[0].address.data, "fred");
			assert_string_equal(result.targets.list[0].folder.data, "Customers");
			assert_string_equal(result.targets.list[1].address.data, "bob@example.com");
			assert_string_equal(result.targets.list[1].folder.data, "");
			assert_string_equal(rules.list[0].parameter.data, "fred Customers, bob@example.com");
		}
	}
	assert_int_equal(lines.count, 1);
}

/* 05-6.6 */
static void header_lines_gather(void **state)
{
	(void)state;
	add("set-header", "X-Seen: 1", "Always 1");
	add("set-header", "X-Two: 2", "Subject equals x");
	add("reject", "", "X-Seen equals 1");
	finish();
	assert_int_equal(execute(RULES_MAIL).verdict, RULES_NONE);
	assert_int_equal(execute(RULES_DATA).verdict, RULES_NONE);
	assert_int_equal(execute(RULES_DATA).number, 0);
	assert_int_equal(lines.count, 3);
	assert_string_equal(lines.list[0].data, "X-Seen: 1");
	assert_string_equal(lines.list[1].data, "X-Two: 2");
}

static void all_or_any(void **state)
{
	struct rule_text text = rule_text("auto", "ignore", "", "Always 0\nAlways 1");

	(void)state;
	text.match = STR("any");
	add("reject", "", "Always 1\nAlways 0");
	assert_int_equal(rules_add(&rules, &text, NULL), 0);
	finish();
	assert_int_equal(execute(RULES_MAIL).verdict, RULES_IGNORE);
}

/* 05-6.7 */
static void if_and_else(void **state)
{
	(void)state;
	add("if", "", "Always 0");
	add("reject", "", "Always 1");
	add("if", "", "Always 1");
	add("set-header", "X: 1", "Always 1");
	add("else", "", "");
	add("end-if", "", "");
	add("else", "", "");
	add("set-header", "X: 2", "Always 1");
	add("if", "", "Always 1");
	add("set-header", "X: 3", "Always 1");
	add("else", "", "");
	add("set-header", "X: 4", "Always 1");
	add("end-if", "", "");
	add("end-if", "", "");
	add("if", "", "Always 0");
	add("reject", "", "Always 1");
	finish();
	assert_int_equal(execute(RULES_MAIL).verdict, RULES_NONE);
	assert_string_equal(told, "1:no 2:skipped 3:skipped 4:skipped 8:runs 9:taken 10:runs 12:skipped 15:no 16:skipped ");
	assert_int_equal(lines.count, 2);
	assert_string_equal(lines.list[0].data, "X: 2");
	assert_string_equal(lines.list[1].data, "X: 3");
}

/* Rules in an If wait for its stage; the If of an earlier stage is asked again. */
static void if_and_stages(void **state)
{
	(void)state;
	add("if", "", "Subject equals x");
	add("reject", "", "MailFrom contains stranger");
	add("else", "", "");
	add("ignore", "", "MailFrom contains stranger");
	add("end-if", "", "");
	add("if", "", "MailFrom contains stranger\nTimeNow -");
	add("set-header", "X: 1", "Subject equals x");
	add("reject", "", "ThisRcptTo equals reply@office.example");
	finish();
	assert_int_equal(execute(RULES_MAIL).verdict, RULES_NONE);
	assert_string_equal(told, "1:later 2:skipped 4:skipped 6:taken 7:later 8:later ");
	assert_int_equal(execute(RULES_RCPT).number, 8);
	assert_true(execute(RULES_RCPT).is_temporary); /* the if around it asks for the time */
	assert_int_equal(execute(RULES_DATA).number, 2);
	assert_false(execute(RULES_DATA).is_temporary);
}

static void refused(const char *stage, const char *action, const char *parameter, const char *conditions,
                    const char *words)
{
	struct rule_text text = rule_text(stage, action, parameter, conditions);
	struct err err;

	assert_int_equal(rules_add(&rules, &text, &err), -1);
	if (strstr(err.text, words) != err.text)
		fail_msg("%s", err.text);
}

static void mistakes_name_their_text(void **state)
{
	(void)state;
	refused("soon", "accept", "", "Always 1", "stage: must be auto, mail, rcpt or data, not \"soon\"");
	refused("auto", "drop", "", "Always 1", "action: \"drop\" is none of accept, reject,");
	refused("auto", "accept", "x", "Always 1", "parameter: the action accept takes none");
	refused("auto", "redirect", "", "Always 1", "parameter: an address is missing");
	refused("auto", "redirect", "a,,b", "Always 1", "parameter: an address is missing");
	refused("auto", "copy", "a@b@c", "Always 1", "parameter: \"a@b@c\" is neither a name nor an address");
	refused("auto", "set-header", "X Seen: 1", "Always 1", "parameter: \"X Seen: 1\" is not a header line");
	refused("auto", "set-header", "no", "Always 1", "parameter: \"no\" is not a header line");
	refused("auto", "set-header", "X: a\nY: b", "Always 1", "parameter: a header line is one line");
	refused("auto", "block", "0", "Always 1", "parameter: minutes from 1 to");
	refused("auto", "call", "f()", "Always 1", "parameter: \"f()\" is not the name of a Lua function");
	refused("auto", "reject", "", "", "condition: a rule needs one");
	refused("auto", "else", "", "Always 1", "condition: the action else takes none");
	refused("auto", "reject", "", "Always 1\nSubject regex /(/", "condition 2: the regular expression is wrong");
	refused("mail", "reject", "", "Always 1\nSubject equals x",
	        "stage: condition 2 can be told from the stage data on, not at mail");
	refused("mail", "reject", "", "RcptCount > 1",
	        "stage: condition 1 can be told from the stage rcpt on, not at mail");
}

static void refused_list(const char *words)
{
	struct err err;

	assert_int_equal(rules_finish(&rules, &err), -1);
	if (strstr(err.text, words) != err.text)
		fail_msg("%s", err.text);
	rules_free(&rules);
}

/* 05-6.7 */
static void lists_that_make_no_sense(void **state)
{
	(void)state;
	add("else", "", "");
	refused_list("rule 1: action: an else without an if");
	add("if", "", "Always 1");
	add("end-if", "", "");
	add("end-if", "", "");
	refused_list("rule 3: action: an end-if without an if");
	add("if", "", "Always 1");
	add("else", "", "");
	add("else", "", "");
	refused_list("rule 3: action: a second else");
	add("reject", "", "ThisRcptTo equals a@b\nSubject equals x");
	refused_list("rule 1: condition: ThisRcptTo is known at the stage rcpt alone, but the rule runs at the stage data");
	add("if", "", "ThisRcptTo equals a@b");
	add("reject", "", "Subject equals x");
	refused_list("rule 2: condition: an if around it asks for ThisRcptTo");
	for (int i = 0; i <= RULES_DEPTH_MAX; i++)
		add("if", "", "Always 1");
	refused_list("rule 17: more than 16 ifs");
}

static void the_normal_form(void **state)
{
	struct rule_text text = {.name = STR(" a "),
	                         .action = STR("REDIRECT"),
	                         .parameter = STR("fred,bob  Sent Items"),
	                         .conditions = STR(" size > 10 \n\nTo,Cc CONTAINS x\n")};
	struct rule_text normal;
	struct rule rule;

	(void)state;
	assert_int_equal(rule_parse(&text, &arena, &rule, NULL), 0);
	rule_format(&rule, &arena, &normal);
	assert_string_equal(normal.name.data, "a");
	assert_string_equal(normal.stage.data, "auto");
	assert_string_equal(normal.action.data, "redirect");
	assert_string_equal(normal.parameter.data, "fred, bob Sent Items");
	assert_string_equal(normal.match.data, "all");
	assert_string_equal(normal.conditions.data, "Size greater 10\nTo,Cc contains x");
	rule_free(&rule);
}

static void from_a_database(void **state)
{
	struct err err;
	struct db db;

	(void)state;
	assert_int_equal(db_open(&db, ":memory:", DB_CREATE | DB_MEMORY, 0, &err), 0);
	assert_int_equal(db_exec(&db,
	                         "CREATE TABLE smtp_rule(service INTEGER, position INTEGER, name TEXT, stage TEXT,"
	                         " action TEXT, parameter TEXT, match TEXT, conditions TEXT);"
	                         "INSERT INTO smtp_rule VALUES"
	                         "(1, 2, 'two', 'auto', 'reject', '', 'any', 'Always 0\nAlways 1'),"
	                         "(1, 1, 'one', 'auto', 'set-header', 'X: 1', 'all', 'Always 1'),"
	                         "(2, 1, 'other', 'auto', 'drop', '', 'all', 'Always 1')",
	                         &err),
	                 0);
	assert_int_equal(rules_load(&rules, &db, 3, &err), 0);
	assert_int_equal(rules.count, 0);
	assert_int_equal(rules_load(&rules, &db, 1, &err), 0);
	assert_int_equal(rules.count, 2);
	assert_string_equal(rules.list[1].name.data, "two");
	assert_int_equal(execute(RULES_MAIL).number, 2);
	rules_free(&rules);
	assert_int_equal(rules_load(&rules, &db, 2, &err), -1);
	assert_true(strstr(err.text, "rule 1: action: ") == err.text);
	db_close(&db);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

/* A collector's rules: all of one header; the action of the one that ends the run is told. */
static void rules_of_collectors(void **state)
{
	static const struct {
		const char *action, *parameter, *conditions;
	} list[] = {
	    {"set-header", "X-Seen: yes", ""},
	    {"delete", "", "X-Seen contains yes"},
	    {"if", "", "Subject contains urgent"},
	    {"redirect", "fred Customers, bob", "Rcpt kate\nCollector 2"},
	    {"else", "", ""},
	    {"query", "", "Any begins-with X-Big:"},
	    {"end-if", "", ""},
	    {"ignore", "", "Size greater 10000000\nDayNow 1234567"},
	    {"headers", "", "ValidRecipients equals 0\nInvalidRecipients at-least 2"},
	};
	static const struct {
		const char *header;
		uint64_t size;
		size_t valid, invalid;
		int64_t number;
		enum rule_action action;
	} messages[] = {
	    {"Subject: urgent\n", 10, 1, 0, 4, RULE_REDIRECT},       {"Subject: other\n", 10, 1, 0, 0, RULE_ACCEPT},
	    {"Subject: other\nX-Big: 1\n", 10, 1, 0, 6, RULE_QUERY}, {"Subject: other\n", 10000001, 1, 0, 8, RULE_IGNORE},
	    {"Subject: other\n", 10, 0, 2, 9, RULE_HEADERS},         {"Subject: other\n", 10, 0, 1, 0, RULE_ACCEPT},
	};
	struct str names[] = {STR("kate"), STR("bob")};

	(void)state;
	for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
		struct rule_text text = {.name = STR("r"),
		                         .action = str_of(list[i].action),
		                         .parameter = str_of(list[i].parameter),
		                         .conditions = str_of(list[i].conditions),
		                         .dialect = CONDITION_DOWNLOAD};

		assert_int_equal(rules_add(&rules, &text, NULL), 0);
	}
	assert_int_equal(rules_finish(&rules, NULL), 0);
	for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
		struct facts_download download = {STR("isp"), 2, names, 2, messages[i].valid, messages[i].invalid};
		struct rules_lines set = {NULL, 0};
		struct facts facts = {.stage = RULES_DATA,
		                      .header = str_of(messages[i].header),
		                      .size = messages[i].size,
		                      .now = 1795258800, /* in the morning */
		                      .arena = &arena,
		                      .download = &download};
		struct rules_run run = {.rules = &rules, .facts = &facts, .lines = &set};
		struct rules_result result;

		rules_execute(&run, &result);
		assert_int_equal(result.number, messages[i].number);
		if (result.number != 0)
			assert_int_equal(result.action, messages[i].action);
		assert_int_equal(result.targets.count, result.action == RULE_REDIRECT ? 2 : 0);
		assert_int_equal(set.count, 1);
	}
	rules_free(&rules);
}

/* Words of the one kind of rules are none of the other. */
static void dialects_have_words_of_their_own(void **state)
{
	struct rule_text text = {.name = STR("r"), .action = STR("accept"), .dialect = CONDITION_DOWNLOAD};
	struct condition condition;
	struct err err;

	(void)state;
	assert_int_equal(rules_add(&rules, &text, &err), -1);
	assert_true(str_starts(str_of(err.text), STR("action: \"accept\" is none of reject, redirect, ignore, copy,")));
	refused("auto", "query", "", "Always 1", "action: \"query\" is none of accept,");
	text.action = STR("else");
	assert_int_equal(rules_add(&rules, &text, &err), 0);
	refused_list("rule 1: action: an else without an if");
	assert_int_equal(condition_parse(STR("Rcpt kate"), CONDITION_SMTP, &arena, &condition, &err), -1);
	assert_int_equal(condition_parse(STR("Collector"), CONDITION_DOWNLOAD, &arena, &condition, &err), -1);
	assert_int_equal(condition_parse(STR("Collector equals isp"), CONDITION_DOWNLOAD, &arena, &condition, &err), 0);
	assert_true(str_equal(condition_format(&condition, &arena), STR("Collector isp")));
	assert_int_equal(condition_parse(STR("To,Rcpt equals x"), CONDITION_DOWNLOAD, &arena, &condition, &err), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(the_example_of_the_specification),
	    TEST(replies_of_each_stage),
	    TEST(stages_and_time),
	    TEST(actions),
	    TEST(header_lines_gather),
	    TEST(all_or_any),
	    TEST(if_and_else),
	    TEST(if_and_stages),
	    TEST(mistakes_name_their_text),
	    TEST(lists_that_make_no_sense),
	    TEST(the_normal_form),
	    TEST(from_a_database),
	    cmocka_unit_test(rules_of_collectors),
	    cmocka_unit_test(dialects_have_words_of_their_own),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
