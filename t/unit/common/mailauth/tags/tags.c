#include "common/mailauth/tags/tags.h"

#include "common/base/buf.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct arena arena;
static struct mailauth_tags tags;
static struct err err;

static int parse(struct str text)
{
	return mailauth_tags_parse(text, &arena, &tags, &err);
}

static void assert_tag(const char *name, const char *value)
{
	const struct mailauth_tag *tag = mailauth_tag(&tags, name);

	assert_non_null(tag);
	assert_int_equal(tag->value.len, strlen(value));
	assert_memory_equal(tag->value.data, value, tag->value.len);
}

/* RFC 6376 3.2, and the example of 3.5 */
static void test_lists(void **state)
{
	(void)state;
	assert_int_equal(parse(STR(" v=1; a=rsa-sha256; d=example.net; s=brisbane;\r\n"
	                           "   c=simple; q=dns/txt; i=@eng.example.net;\r\n"
	                           "   z=From:foo@eng.example.net|To:joe@example.com|\r\n"
	                           "    Subject:demo=20run;\r\n"
	                           "\tbh=MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI=;\r\n"
	                           "   b = dzdVyOfAKC\r\n dLXdJ  \r\n")),
	                 0);
	assert_int_equal(tags.count, 10);
	assert_tag("v", "1");
	assert_tag("i", "@eng.example.net");
	assert_tag("z", "From:foo@eng.example.net|To:joe@example.com|\r\n    Subject:demo=20run");
	assert_tag("bh", "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI=");
	assert_tag("b", "dzdVyOfAKC\r\n dLXdJ");
	assert_null(mailauth_tag(&tags, "B"));
	assert_null(mailauth_tag(&tags, "x"));
	assert_int_equal(parse(STR("p=")), 0);
	assert_tag("p", "");
	assert_int_equal(parse(STR("n=gr\303\274n; p=;")), 0);
	assert_tag("n", "gr\303\274n");
	assert_int_equal(tags.count, 2);
	assert_true(str_equal(mailauth_tag_value(&tags, "k", STR("rsa")), STR("rsa")));
	assert_true(str_equal(mailauth_tag_value(&tags, "p", STR("rsa")), STR("")));
}

static void test_raw(void **state)
{
	struct str text = STR("a=1;  b \t= \r\n xyz \r\n\t;c=2");

	(void)state;
	assert_int_equal(parse(text), 0);
	assert_true(str_equal(mailauth_tag(&tags, "b")->raw, STR(" \r\n xyz \r\n\t")));
	assert_ptr_equal(mailauth_tag(&tags, "b")->raw.data, text.data + 10);
	assert_int_equal(parse(STR("a=1; b= xyz\t \r\n")), 0);
	assert_true(str_equal(mailauth_tag(&tags, "b")->raw, STR(" xyz\t ")));
	assert_int_equal(parse(STR("a=1; b=2; \r\n")), 0);
	assert_int_equal(tags.count, 2);
	assert_int_equal(parse(STR("a=1; b=2\n")), -1);
}

static void test_refused(void **state)
{
	static const struct str bad[] = {
	    {"", 0},               /* no tag at all */
	    {";", 1},              /* an empty one */
	    {"a=1;;b=2", 8},       /* an empty one between */
	    {"a=1;b=2;;", 9},      /* two at the end */
	    {"a=1; b", 6},         /* no "=" */
	    {"=1", 2},             /* no name */
	    {"1a=1", 4},           /* a name begins with a letter */
	    {"a-b=1", 5},          /* and has no "-" */
	    {"a b=1", 5},          /* nor a blank */
	    {"a=1; b=2; a=1", 13}, /* RFC 6376 3.2: a tag twice makes all of it invalid */
	    {"a=1\0", 4},          /* control characters */
	    {"a=1\001; b=2", 9},
	    {"a=1\177; b=2", 9},
	    {"a=1\r b=2", 8}, /* half a line end */
	    {"a=1\n b=2", 8},
	    {"a=1\r\nb=2", 8},  /* a line end that folds nothing */
	    {"a=\303; b=2", 8}, /* not UTF-8 */
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(parse(bad[i]), -1);
		assert_int_equal(err.code, ERR_SYNTAX);
	}
}

static void test_limit(void **state)
{
	struct buf text;

	(void)state;
	buf_init(&text, 4096);
	for (int i = 0; i < MAILAUTH_TAGS_MAX; i++)
		buf_printf(&text, "t%d=%d;", i, i);
	assert_int_equal(parse(buf_str(&text)), 0);
	assert_int_equal(tags.count, MAILAUTH_TAGS_MAX);
	buf_printf(&text, "u=;");
	assert_int_equal(parse(buf_str(&text)), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	buf_free(&text);
}

static void test_values(void **state)
{
	struct str bytes;

	(void)state;
	assert_true(str_equal(mailauth_tag_squeeze(STR(" a\r\n\tb c"), &arena), STR("abc")));
	/* RFC 4648 10, with blanks, and without padding as RFC 6376's grammar allows */
	assert_true(mailauth_tag_base64(STR("Zm9v\r\n Ym E="), &arena, &bytes));
	assert_true(str_equal(bytes, STR("fooba")));
	assert_true(mailauth_tag_base64(STR("Zg"), &arena, &bytes));
	assert_true(str_equal(bytes, STR("f")));
	assert_false(mailauth_tag_base64(STR("Z"), &arena, &bytes));
	assert_false(mailauth_tag_base64(STR("Zg=="
	                                     "Zg=="),
	                                 &arena, &bytes));
	assert_false(mailauth_tag_base64(STR(" "), &arena, &bytes));
	assert_false(mailauth_tag_base64(STR("Zm9v*mFy"), &arena, &bytes));
	assert_true(mailauth_tag_lists(STR("sha1 : \r\n sha256"), STR("sha256")));
	assert_true(mailauth_tag_lists(STR("*"), STR("*")));
	assert_false(mailauth_tag_lists(STR("sha1:SHA256:sha2566"), STR("sha256")));
	assert_false(mailauth_tag_lists(STR(""), STR("y")));
}

static int setup(void **state)
{
	(void)state;
	arena_init(&arena);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lists), cmocka_unit_test(test_raw),    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_limit), cmocka_unit_test(test_values),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("tags", tests, setup, teardown);
}
