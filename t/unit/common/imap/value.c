/* imap/value: replies of RFC 9051 section 7 and 8 as trees. */
#include "common/imap/value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct arena arena;

static const struct imap_value *parse(const char *text)
{
	struct imap_value *value;
	struct err err;

	assert_int_equal(imap_value_parse(str_of(text), &arena, &value, &err), 0);
	return value;
}

static void is_text(const struct imap_value *value, const char *text)
{
	assert_non_null(value);
	assert_true(str_equal(imap_value_text(value), str_of(text)));
}

static void fetch_of_all_kinds(void **state)
{
	const struct imap_value *reply, *items;
	uint64_t number;

	(void)state;
	reply = parse("12 FETCH (FLAGS (\\Seen $Junk) UID 4827313 BODY[HEADER.FIELDS (DATE FROM)]<0> {6}\r\nab\r\n\"( "
	              "ENVELOPE (NIL \"a \\\"b\\\" \\\\c\" NIL))");
	assert_true(imap_value_number(imap_value_at(reply, 0), UINT32_MAX, &number));
	assert_int_equal(number, 12);
	assert_true(imap_value_is(imap_value_at(reply, 1), "fetch"));
	items = imap_value_at(reply, 2);
	assert_true(imap_value_number(imap_value_of(items, "uid"), UINT32_MAX, &number));
	assert_int_equal(number, 4827313);
	is_text(imap_value_at(imap_value_of(items, "FLAGS"), 0), "\\Seen");
	is_text(imap_value_at(imap_value_of(items, "FLAGS"), 1), "$Junk");
	assert_null(imap_value_at(imap_value_of(items, "FLAGS"), 2));
	is_text(imap_value_of(items, "BODY[HEADER.FIELDS (DATE FROM)]<0>"), "ab\r\n\"(");
	assert_int_equal(imap_value_at(imap_value_of(items, "ENVELOPE"), 0)->kind, IMAP_VALUE_NIL);
	is_text(imap_value_at(imap_value_of(items, "ENVELOPE"), 1), "a \"b\" \\c");
	assert_null(imap_value_of(items, "MODSEQ"));
}

static void lists_and_strings(void **state)
{
	const struct imap_value *reply;

	(void)state;
	reply = parse("LIST (\\HasNoChildren) \"/\" \"\"");
	is_text(imap_value_at(reply, 3), "");
	assert_int_equal(imap_value_at(reply, 3)->kind, IMAP_VALUE_STRING);
	reply = parse("THREAD (2)(3 6 (4 23)(44 7 96))");
	is_text(imap_value_at(imap_value_at(imap_value_at(reply, 2), 3), 2), "96");
	assert_null(imap_value_at(parse(""), 0));
	assert_null(imap_value_at(parse("()"), 0)->first);
	is_text(imap_value_at(parse("~{3}\r\n\"(\\"), 0), "\"(\\");
	assert_null(imap_value_text(NULL).data);
	assert_null(imap_value_text(imap_value_at(parse("NIL"), 0)).data);
	assert_false(imap_value_number(imap_value_at(parse("\"12\""), 0), 100, &(uint64_t){0}));
	assert_false(imap_value_number(imap_value_at(parse("101"), 0), 100, &(uint64_t){0}));
}

static void what_is_broken(void **state)
{
	static const char *const broken[] = {"(", ")", "(a))", "\"a", "\"a\\", "{4}\r\nabc", "{x}\r\n", "{4", "a\r\nb"};
	char deep[IMAP_VALUE_DEPTH_MAX + 1];
	struct imap_value *value;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
		err.code = ERR_NONE;
		assert_int_equal(imap_value_parse(str_of(broken[i]), &arena, &value, &err), -1);
		assert_int_equal(err.code, ERR_SYNTAX);
	}
	memset(deep, '(', sizeof deep);
	assert_int_equal(imap_value_parse(str_from(deep, sizeof deep), &arena, &value, &err), -1);
	assert_true(str_find(str_of(err.text), STR("deeply")) >= 0);
}

static int open_arena(void **state)
{
	(void)state;
	arena_init(&arena);
	return 0;
}

static int close_arena(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fetch_of_all_kinds),
	    cmocka_unit_test(lists_and_strings),
	    cmocka_unit_test(what_is_broken),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("imap/value", tests, open_arena, close_arena);
}
