/* The text of export and import: what it gives, and what it says about each kind of mistake. */
#include "configd/text.h"

#include "common/base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct arena arena;
static struct text text;

static int tear_down(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

static void accept(const char *input)
{
	struct err err;

	if (text_parse(str_of(input), &arena, &text, &err) != 0)
		fail_msg("refused: %s", err.text);
}

static void refuse(const char *input, const char *reason)
{
	struct err err;

	assert_int_equal(text_parse(str_of(input), &arena, &text, &err), -1);
	assert_string_equal(err.text, reason);
}

static void assert_field(const struct text_object *object, int field, const char *expected)
{
	assert_true(str_equal(object->fields[field], str_of(expected)));
}

static void test_everything(void **state)
{
	const struct text_object *object;

	(void)state;
	accept("# a comment\r\n"
	       "[settings]\n"
	       "Smtp.Timeout = 60\n"
	       "server.host-name =\n"
	       "\n"
	       "[domain]\nname = example.com\ndefault = on\n"
	       "[domain]\nname = example.org\n"
	       "[group]\nname = staff\n"
	       "[user]\nname = Anna\nadministrator = on\npassword-hash = $y$a=b:c\n"
	       "name = bert\nenabled = off\ngroups = staff\n"
	       "[mapping]\npattern = sales\ntarget = anna\n"
	       "[sender]\nname = smart\nmethod = relay\nservers = a.example:587, b.example\nverify = off\nusername = me");
	assert_int_equal(text.counts[TEXT_SETTING], 2);
	assert_int_equal(text.counts[TEXT_DOMAIN], 2);
	assert_int_equal(text.counts[TEXT_USER], 2);
	object = text.objects[TEXT_SETTING];
	assert_field(object, SETTING_KEY, "smtp.timeout");
	assert_field(object, SETTING_VALUE, "60");
	assert_field(object->next, SETTING_VALUE, "");
	assert_field(text.objects[TEXT_DOMAIN], DOMAIN_DEFAULT, "on");
	assert_null(text.objects[TEXT_DOMAIN]->next->fields[DOMAIN_DEFAULT].data);
	assert_field(text.objects[TEXT_GROUP], GROUP_NAME, "staff");
	object = text.objects[TEXT_USER];
	assert_field(object, USER_NAME, "Anna");
	assert_field(object, USER_PASSWORD_HASH, "$y$a=b:c");
	assert_null(object->fields[USER_ENABLED].data);
	assert_int_equal(object->line, 14);
	assert_field(object->next, USER_NAME, "bert");
	assert_field(object->next, USER_GROUPS, "staff");
	assert_field(text.objects[TEXT_MAPPING], MAPPING_TARGET, "anna");
	assert_field(text.objects[TEXT_SENDER], SENDER_SERVERS, "a.example:587, b.example");
	assert_null(text.objects[TEXT_SENDER]->next);
}

static void test_empty(void **state)
{
	(void)state;
	accept("");
	accept("\n# nothing\n[settings]\n");
	for (int kind = 0; kind < TEXT_KINDS; kind++)
		assert_null(text.objects[kind]);
}

static void test_mistakes(void **state)
{
	struct err err;

	(void)state;
	refuse("a = b", "import:1: \"a\" stands before the first section, such as [settings]");
	assert_int_equal(text_parse(STR("[dom]\na = b"), &arena, &text, &err), -1);
	assert_ptr_equal(strstr(err.text, "import:2: [dom] is none of [settings], [domain], [group], "), err.text);
	refuse("[user]\n\nenabled = on", "import:3: a [user] begins with its name");
	refuse("[user]\nname = a\n[user]\nenabled = on", "import:4: a [user] begins with its name");
	refuse("[mapping]\ntarget = a", "import:2: a [mapping] begins with its pattern");
	refuse("[user]\nname = a\n[mapping]\ntarget = a", "import:4: a [mapping] begins with its pattern");
	refuse("[user]\nname = a\ncolour = red", "import:3: a user has no \"colour\"");
	refuse("[user]\nname = a\nenabled = on\nenabled = on", "import:4: enabled stands twice");
	refuse("[settings]\na.b = 1\nA.B = 2", "import:3: a.b is set in line 2 already");
	refuse("[settings\n", "import:1: a section line reads [name]");
	refuse("[settings]\nnonsense", "import:2: expected key = value");
}

static void test_limit(void **state)
{
	struct buf many;
	struct err err;

	(void)state;
	buf_init(&many, 1 << 20);
	buf_add_str(&many, STR("[settings]\n"));
	for (int i = 0; i < 1001; i++)
		buf_printf(&many, "a%d = b\n", i);
	assert_int_equal(text_parse(buf_str(&many), &arena, &text, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	buf_free(&many);
}

static void test_flags(void **state)
{
	struct err err;
	bool value;

	(void)state;
	accept("[user]\nname = a\nenabled = OFF\nadministrator = yes");
	assert_int_equal(text_flag(TEXT_USER, text.objects[TEXT_USER], USER_ENABLED, true, &value, &err), 0);
	assert_false(value);
	assert_int_equal(text_flag(TEXT_USER, text.objects[TEXT_USER], USER_PASSWORD_HASH, true, &value, &err), 0);
	assert_true(value);
	assert_int_equal(text_flag(TEXT_USER, text.objects[TEXT_USER], USER_ADMINISTRATOR, true, &value, &err), -1);
	assert_string_equal(err.text, "import:2: administrator must be on or off");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_everything), cmocka_unit_test(test_empty), cmocka_unit_test(test_mistakes),
	    cmocka_unit_test(test_limit),      cmocka_unit_test(test_flags),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, tear_down);
}
