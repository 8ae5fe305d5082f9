/* Scripts in a run of rules: what they are told, what their answers do; specification 05 "Rule script", 09 section 5.4.
 */
#include "common/base/io.h"
#include "common/rules/rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct instance instance;
static struct arena arena;
static struct script script;
static struct rules rules;
static struct rules_lines lines;
static char told[1000];

static int make_instance(void **state)
{
	char path[INSTANCE_PATH_MAX + 16];

	(void)state;
	snprintf(instance.etc, sizeof instance.etc, "/tmp/postroom-rules-XXXXXX");
	assert_non_null(mkdtemp(instance.etc));
	assert_int_equal(mkdir(instance_path(path, sizeof path, instance.etc, "scripts"), 0755), 0);
	arena_init(&arena);
	return 0;
}

static int remove_instance(void **state)
{
	char path[INSTANCE_PATH_MAX + 32];

	(void)state;
	unlink(instance_path(path, sizeof path, instance.etc, "scripts/smtprules_1.lua"));
	rmdir(instance_path(path, sizeof path, instance.etc, "scripts"));
	rmdir(instance.etc);
	arena_free(&arena);
	return 0;
}

static int begin(void **state)
{
	(void)state;
	script_open(&script, &instance, "smtprules_1", NULL, NULL);
	rules_init(&rules);
	lines = (struct rules_lines){0};
	return 0;
}

static int end(void **state)
{
	(void)state;
	script_close(&script);
	rules_free(&rules);
	arena_reset(&arena);
	return 0;
}

static void write_script(const char *text)
{
	char path[INSTANCE_PATH_MAX + 32];
	struct err err;

	instance_path(path, sizeof path, instance.etc, "scripts/smtprules_1.lua");
	assert_int_equal(io_replace_file(path, str_of(text), 0644, &err), 0);
}

static void add(const char *action, const char *parameter)
{
	struct rule_text text = {
	    .name = STR("a rule"), .action = str_of(action), .parameter = str_of(parameter), .conditions = STR("Always 1")};

	assert_int_equal(rules_add(&rules, &text, NULL), 0);
	assert_int_equal(rules_finish(&rules, NULL), 0);
}

static void note(void *context, const struct rules_event *event)
{
	size_t len = strlen(told);

	(void)context;
	if (event->fate == RULES_TRIGGERED)
		snprintf(told + len, sizeof told - len, "%lld:%.*s:%s ", (long long)event->number, STR_ARG(event->name),
		         event->action);
}

static struct rules_result execute(enum rules_stage stage)
{
	static struct str recipients[] = {{"anna@example.com", 16}, {"bert@example.com", 16}};
	struct facts facts = {
	    .stage = stage,
	    .mail_from = STR("stranger@example.net"),
	    .client = STR("192.0.2.1"),
	    .user = STR("carl"),
	    .recipients = recipients,
	    .recipient_count = stage == RULES_MAIL ? 0 : 2,
	    .size = 1234,
	    .header = stage == RULES_DATA ? STR("From: =?utf-8?q?J=C3=BCrgen?= <j@example.net>\r\nTo: anna@example.com\r\n"
	                                        "Subject: Good\r\n day\r\n")
	                                  : STR(""),
	    .arena = &arena,
	};
	struct rules_run run = {.rules = &rules, .facts = &facts, .script = &script, .lines = &lines, .tell = note};
	struct rules_result result;

	told[0] = '\0';
	rules_execute(&run, &result);
	return result;
}

static void what_a_function_is_told(void **state)
{
	static const char text[] =
	    "function First(d, size, position, lines, name)\n"
	    "  local words = {d.MailFrom, d.ClientIPAddress, d.AuthUser, d.HeaderFrom, d.HeaderFromTextName, d.Subject,\n"
	    "    table.concat(d.Recipients, ','), table.concat(d.BccRecipients, ','), #d.Header, d.Header[3] or '-',\n"
	    "    size, position, #lines, name}\n"
	    "  return 1, 5, table.concat(words, '|')\n"
	    "end\n";

	(void)state;
	write_script(text);
	assert_string_equal(execute(RULES_DATA).name.data,
	                    "stranger@example.net|192.0.2.1|carl|j@example.net|J\xc3\xbcrgen|Good day|"
	                    "anna@example.com,bert@example.com|bert@example.com|3|Subject: Good day|1234|3|0|First");
	assert_string_equal(execute(RULES_MAIL).name.data, "stranger@example.net|192.0.2.1|carl||||||0|-|1234|1|0|First");
}

/* 05-6.9, 09-5.4 */
static void all_ten_answers(void **state)
{
	struct rules_result result;
	struct rules_reply reply;

	(void)state;
	write_script("function f(d, size, position, h, name)\n"
	             "  h[#h + 1] = 'X-Two: 2'\n"
	             "  return 2, 7, 'n', '', h, true, true, false, true, {'$Junk', 'bad word', 'Good'}\n"
	             "end\n");
	add("set-header", "X-One: 1");
	add("call", "f");
	add("ignore", "");
	result = execute(RULES_MAIL);
	assert_int_equal(result.verdict, RULES_REJECT);
	assert_int_equal(result.number, 7);
	assert_string_equal(result.name.data, "n");
	assert_int_equal(result.block_minutes, 30);
	assert_true(result.disconnect);
	assert_false(result.hold);
	assert_true(result.is_temporary);
	assert_int_equal(result.keyword_count, 2);
	assert_string_equal(result.keywords[1].data, "Good");
	assert_int_equal(lines.count, 2);
	assert_string_equal(lines.list[1].data, "X-Two: 2");
	assert_string_equal(told, "1:a rule:set-header 2:a rule:call 7:n:reject ");
	rules_reply(RULES_MAIL, &result, &reply);
	assert_int_equal(reply.code, 450);
	assert_string_equal(reply.text, "Sender Prohibited (7)");
}

/* 09-5.5 */
static void first_last_and_start(void **state)
{
	struct rules_result result;

	(void)state;
	write_script("function Last(d) return 3, 1, 'n', 'bob Old Mail' end function Start() return 0 end");
	result = execute(RULES_DATA);
	assert_int_equal(result.verdict, RULES_REDIRECT);
	assert_string_equal(result.targets.list[0].address.data, "bob");
	assert_string_equal(result.targets.list[0].folder.data, "Old Mail");
	add("ignore", "");
	assert_int_equal(execute(RULES_MAIL).verdict, RULES_IGNORE);
	write_script("function Start() return 1 end");
	assert_int_equal(execute(RULES_MAIL).verdict, RULES_ACCEPT);
	assert_string_equal(told, "0:First:accept ");
	write_script("function Start() return 1 end function First() end");
	assert_int_equal(execute(RULES_MAIL).verdict, RULES_IGNORE);
	write_script("function First() return 5, 1, 'n', 'bob, carl@example.net' end");
	result = execute(RULES_MAIL);
	assert_int_equal(result.verdict, RULES_COPY);
	assert_int_equal(result.targets.count, 2);
}

static void going_on_keeps_what_was_said(void **state)
{
	struct rules_result result;

	(void)state;
	write_script("function First() return 0, 9, 'x', '2', {'X: 1'}, true, true, true, false, {'Seen'} end");
	add("accept", "");
	result = execute(RULES_MAIL);
	assert_int_equal(result.verdict, RULES_ACCEPT);
	assert_int_equal(result.number, 1);
	assert_int_equal(result.block_minutes, 2);
	assert_true(result.disconnect && result.hold);
	assert_int_equal(result.keyword_count, 1);
	assert_int_equal(lines.count, 1);
}

static void answers_that_are_none(void **state)
{
	static const char *const scripts[] = {
	    "function f() return 6 end",
	    "function f() return -1 end",
	    "function f() return 'reject' end",
	    "function f() return 3, 1, 'n', 'a@b@c' end",
	    "function f() return 3 end",
	    "function f() error('x') end",
	    "function f() return 2, 1, 'n', '', 'X: 1' end",
	    "function f() return nil end",
	    "function g() return 2 end",
	    "function f(",
	};

	(void)state;
	add("call", "f");
	for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
		write_script(scripts[i]);
		if (execute(RULES_MAIL).verdict != RULES_NONE)
			fail_msg("%s", scripts[i]);
	}
	write_script("function f() return 1, nil, nil, nil, {'X: 1', 'no line', 'Y: 1\\r\\nZ: 2', 'W: 3'} end");
	assert_int_equal(execute(RULES_MAIL).verdict, RULES_ACCEPT);
	assert_int_equal(lines.count, 2);
	assert_string_equal(lines.list[1].data, "W: 3");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(what_a_function_is_told),      TEST(all_ten_answers),       TEST(first_last_and_start),
	    TEST(going_on_keeps_what_was_said), TEST(answers_that_are_none),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, make_instance, remove_instance);
}
