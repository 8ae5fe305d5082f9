/* Values of header fields. Examples of RFC 2047 8, 2231 3 to 5, 5322 A, 5256 2.1 and 5, 9051 7.5.2. */
#include "common/mime/header.h"
#include "common/mime/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct arena arena;

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

static void assert_text(struct str s, const char *expected, const char *input)
{
	if (!str_equal(s, str_of(expected)))
		fail_msg("%s: \"%.*s\" is not \"%s\"", input, STR_ARG(s), expected);
	assert_true(str_is_utf8(s));
}

static void test_words(void **state)
{
	static const char *const cases[][2] = {
	    /* RFC 2047 8 */
	    {"=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>", "Keith Moore <moore@cs.utk.edu>"},
	    {"=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?=", "Keld Jørn Simonsen"},
	    {"=?ISO-8859-1?Q?Andr=E9?= Pirard", "André Pirard"},
	    {"=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
	     "If you can read this you understand the example."},
	    {"=?ISO-8859-1?Q?Patrik_F=E4ltstr=F6m?=", "Patrik Fältström"},
	    {"=?iso-8859-8?b?7eXs+SDv4SDp7Oj08A==?=", "םולש ןב ילטפנ"},
	    {"(=?ISO-8859-1?Q?a?=)", "(a)"},
	    {"(=?ISO-8859-1?Q?a?= b)", "(a b)"},
	    {"(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "(ab)"},
	    {"(=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=)", "(ab)"},
	    {"(=?ISO-8859-1?Q?a?=\r\n    =?ISO-8859-1?Q?b?=)", "(ab)"},
	    {"(=?ISO-8859-1?Q?a_b?=)", "(a b)"},
	    {"(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)", "(a b)"},
	    /* RFC 2231 5 */
	    {"=?US-ASCII*EN?Q?Keith_Moore?=", "Keith Moore"},
	    /* a character cut in two, other charsets, wrong ones */
	    {"=?utf-8?q?J=C3?= =?utf-8?q?=B6rg?=", "Jörg"},
	    {"=?utf-8?b?w6Q=?= =?UTF-8?Q?=C3=B6?=", "äö"},
	    {"=?iso-2022-jp?b?GyRCRnxLXBsoQg==?=", "日本"},
	    {"=?gb2312?B?1tDOxA==?=", "中文"},
	    {"=?koi8-r?B?8NLJ18XU?=", "Привет"},
	    {"=?windows-1252?q?=80?=", "€"},
	    {"=?iso-8859-1?q?=93x=94?=", "“x”"},
	    {"=?no-such-charset?q?=C3=A4=E4?=", "ää"},
	    {"=?utf-8?q?a=FFb?=", "a\xef\xbf\xbd"
	                          "b"},
	    {"=?utf-8?q?\?=", ""},
	    {"=?utf-8?q?a=0D=0Ab=00?=", "a  b"},
	    /* no encoded words */
	    {"plain", "plain"},
	    {"a\r\n b", "a b"},
	    {"=?utf-8?x?abc?=", "=?utf-8?x?abc?="},
	    {"=?utf-8?q?abc", "=?utf-8?q?abc"},
	    {"=??q?abc?=", "=??q?abc?="},
	    {"=?=?=?", "=?=?=?"},
	    {"a =?utf-8?q?=C3=A4?=b", "a äb"},
	    {"\xe4 and \xc3\xa4", "ä and ä"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_text(mime_decode_words(str_of(cases[i][0]), &arena), cases[i][1], cases[i][0]);
}

struct param_case {
	const char *value, *name, *raw, *text;
	bool is_extended;
};

static void test_params(void **state)
{
	static const struct param_case cases[] = {
	    /* RFC 2231 3, 4, 4.1 */
	    {"message/external-body; access-type=URL; URL*0=\"ftp://\"; URL*1=\"cs.utk.edu/pub/moore/x.tar\"", "url",
	     "ftp://cs.utk.edu/pub/moore/x.tar", "ftp://cs.utk.edu/pub/moore/x.tar", false},
	    {"application/x-stuff; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A", "title",
	     "us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A", "This is ***fun***", true},
	    {"application/x-stuff;\r\n title*0*=us-ascii'en'This%20is%20even%20more%20;\r\n"
	     " title*1*=%2A%2A%2Afun%2A%2A%2A%20;\r\n title*2=\"isn't it!\"",
	     "title", "us-ascii'en'This%20is%20even%20more%20%2A%2A%2Afun%2A%2A%2A%20isn%27t%20it!",
	     "This is even more ***fun*** isn't it!", true},
	    {"a/b; x*1=two; x*0=one; x*3=four", "x", "onetwo", "onetwo", false},
	    {"a/b; x*=utf-8''%e2%82%ac; x=euro", "x", "utf-8''%e2%82%ac", "€", true},
	    /* RFC 2045 5.1 */
	    {"text/plain; charset=us-ascii (Plain text)", "charset", "us-ascii", "us-ascii", false},
	    {"text/plain; charset=\"us-ascii\"", "charset", "us-ascii", "us-ascii", false},
	    /* seen in the wild */
	    {"text/plain charset=x format=flowed", "charset", "x", "x", false},
	    {"text/plain charset=x format=flowed", "format", "flowed", "flowed", false},
	    {"a/b; name=My file.pdf; y=z", "name", "My file.pdf", "My file.pdf", false},
	    {"a/b; name=\"=?utf-8?q?=C3=A4?=.txt\"", "name", "=?utf-8?q?=C3=A4?=.txt", "ä.txt", false},
	    {"a/b; name=\"not closed", "name", "not closed", "not closed", false},
	    {"a/b; name=\"a\\\"b\\\\\"", "name", "a\"b\\", "a\"b\\", false},
	    {"a/b;;; ; name = x ;", "name", "x", "x", false},
	    {"a/b; name", "name", "", "", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct mime_param *param;
		struct mime_value value;

		mime_parse_value(str_of(cases[i].value), &arena, &value);
		param = mime_param(&value.params, cases[i].name);
		if (param == NULL)
			fail_msg("%s: no %s", cases[i].value, cases[i].name);
		assert_text(param->value, cases[i].raw, cases[i].value);
		assert_text(mime_param_text(param, &arena), cases[i].text, cases[i].value);
		assert_int_equal(param->is_extended, cases[i].is_extended);
	}
}

static void show(const struct mime_address *address, struct buf *out)
{
	const struct str parts[] = {address->name, address->route, address->mailbox, address->host};

	buf_add_char(out, '(');
	for (size_t i = 0; i < 4; i++)
		buf_printf(out, "%s%s%.*s%s", i != 0 ? " " : "", parts[i].data == NULL ? "NIL" : "\"", STR_ARG(parts[i]),
		           parts[i].data == NULL ? "" : "\"");
	buf_add_char(out, ')');
}

static void test_addresses(void **state)
{
	static const char *const cases[][2] = {
	    {"Terry Gray <gray@cac.washington.edu>", "(\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")"},
	    {"imap@cac.washington.edu, \"John Klensin\" <KLENSIN@MIT.EDU>",
	     "(NIL NIL \"imap\" \"cac.washington.edu\")(\"John Klensin\" NIL \"KLENSIN\" \"MIT.EDU\")"},
	    /* RFC 5322 A.1.3, A.5, A.6.1 */
	    {"A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;",
	     "(NIL NIL \"A Group\" NIL)(\"Ed Jones\" NIL \"c\" \"a.test\")(NIL NIL \"joe\" \"where.test\")"
	     "(\"John\" NIL \"jdoe\" \"one.test\")(NIL NIL NIL NIL)"},
	    {"Undisclosed recipients:;", "(NIL NIL \"Undisclosed recipients\" NIL)(NIL NIL NIL NIL)"},
	    {"Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", "(\"Pete\" NIL \"pete\" \"silly.test\")"},
	    {"A Group(Some people)\r\n     :Chris Jones <c@(Chris's host.)public.example>,\r\n"
	     "         joe@example.org,\r\n  John <jdoe@one.test> (my dear friend); (the end of the group)",
	     "(NIL NIL \"A Group\" NIL)(\"Chris Jones\" NIL \"c\" \"public.example\")(NIL NIL \"joe\" \"example.org\")"
	     "(\"John\" NIL \"jdoe\" \"one.test\")(NIL NIL NIL NIL)"},
	    {"Mary Smith <@node.test,@two.test:mary@example.net>, , jdoe@test  . example",
	     "(\"Mary Smith\" \"@node.test,@two.test\" \"mary\" \"example.net\")(NIL NIL \"jdoe\" \"test.example\")"},
	    {"\"Giant; \\\"Big\\\" Box\" <sysservices@example.net>",
	     "(\"Giant; \"Big\" Box\" NIL \"sysservices\" \"example.net\")"},
	    {"Joe Q. Public <john.q.public@example.com>", "(\"Joe Q. Public\" NIL \"john.q.public\" \"example.com\")"},
	    {"1 . 2@example.org", "(NIL NIL \"1.2\" \"example.org\")"},
	    {"\"a b\"@c.test", "(NIL NIL \"a b\" \"c.test\")"},
	    {"gray@cac.test (Terry Gray)", "(\"Terry Gray\" NIL \"gray\" \"cac.test\")"},
	    {"a@[192.0.2.1]", "(NIL NIL \"a\" \"[192.0.2.1]\")"},
	    {"a@[IPv6:2001:db8::1], b@c.test", "(NIL NIL \"a\" \"[IPv6:2001:db8::1]\")(NIL NIL \"b\" \"c.test\")"},
	    /* broken ones */
	    {"", ""},
	    {" , ,", ""},
	    {"anna", "(NIL NIL \"anna\" \"\")"},
	    {"Anna Miller", "(NIL NIL \"Anna Miller\" \"\")"},
	    {"<>", "(NIL NIL \"\" \"\")"},
	    {"Anna <a@b.test", "(\"Anna\" NIL \"a\" \"b.test\")"},
	    {"Anna <a@b.test, c@d.test", "(\"Anna\" NIL \"a\" \"b.test\")(NIL NIL \"c\" \"d.test\")"},
	    {"a@b.test <a@b.test>", "(\"a@b.test\" NIL \"a\" \"b.test\")"},
	    {"Miller, Anna <a@b.test>", "(NIL NIL \"Miller\" \"\")(\"Anna\" NIL \"a\" \"b.test\")"},
	    {"\"open <a@b.test>", "(NIL NIL \"open <a@b.test>\" \"\")"},
	    {"g: a@b.test", "(NIL NIL \"g\" NIL)(NIL NIL \"a\" \"b.test\")(NIL NIL NIL NIL)"},
	    {"a@b@c.test", "(NIL NIL \"a\" \"b\")"},
	    {"Anna a@b.test", "(\"Anna\" NIL \"a\" \"b.test\")"},
	    {"))))((((", ""},
	    {"a@b) c", "(NIL NIL \"a\" \"b\")"},
	    {"<a)b@c.test>", "(NIL NIL \"ab\" \"c.test\")"},
	    {"=?utf-8?q?J=C3=B6rg?= <j@x.test>", "(\"=?utf-8?q?J=C3=B6rg?=\" NIL \"j\" \"x.test\")"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct mime_addresses list;
		struct buf out;

		buf_init(&out, 4096);
		mime_parse_addresses(str_of(cases[i][0]), &arena, &list);
		for (size_t k = 0; k < list.count; k++)
			show(&list.list[k], &out);
		assert_text(buf_str(&out), cases[i][1], cases[i][0]);
		buf_free(&out);
	}
}

static void test_many_addresses(void **state)
{
	struct mime_addresses list;
	struct buf value;

	(void)state;
	buf_init(&value, 1 << 20);
	buf_add_str(&value, STR("g:"));
	for (int i = 0; i < 30000; i++)
		buf_add_str(&value, STR("a@b,"));
	mime_parse_addresses(buf_str(&value), &arena, &list);
	assert_int_equal(list.count, MIME_ADDRESSES_MAX);
	assert_int_equal(list.list[list.count - 1].kind, MIME_GROUP_END);
	buf_free(&value);
}

struct date_case {
	const char *value;
	int64_t time;
	int zone;
};

static void test_dates(void **state)
{
	/* Seconds from date(1). */
	static const struct date_case cases[] = {
	    {"Fri, 21 Nov 1997 09:55:06 -0600", 880127706, -360},
	    {"Tue, 1 Jul 2003 10:52:37 +0200", 1057049557, 120},
	    {"Thu, 13 Feb 1969 23:32:54 -0330", -27723426, -210},
	    {"Thu,\r\n      13\r\n        Feb\r\n          1969\r\n      23:32\r\n               -0330 (Newfoundland Time)",
	     -27723480, -210},
	    {"21 Nov 97 09:55:06 GMT", 880106106, 0},
	    {"Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", 880127706, -360},
	    {"21 Nov 97 09:55 EST", 880124100, -300},
	    {"Fri, 21-Nov-1997 09:55:06 +0000", 880106106, 0},
	    {"1 Jan 70 00:00:00 Z", 0, 0},
	    {"29 Feb 2000 00:00:00 +0000", 951782400, 0},
	    {"31 Dec 103 23:59:60 +0000", 1072915200, 0},
	    {"Fri Nov 21 09:55:06 1997", 880106106, 0},
	    {"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)", 837595405, -420},
	    {"32 Nov 1997 09:55:06", 0, -1},
	    {"21 Nov 1997", 880070400, 0},
	    {"21 Nov 1997 24:55:06", 880070400, 0}, /* RFC 5256 2.2: the time is none, the date is one */
	    {"21 Nov 1997 09:99:06 -0600", 880092000, -360},
	    {"21 Nov", 0, -1},
	    {"", 0, -1},
	    {"yesterday", 0, -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct mime_date date;
		bool found = mime_parse_date(str_of(cases[i].value), &date);

		if (found != (cases[i].zone != -1))
			fail_msg("%s: %s", cases[i].value, found ? "taken" : "not taken");
		if (found && (date.time != cases[i].time || date.zone != cases[i].zone))
			fail_msg("%s: %lld, zone %d", cases[i].value, (long long)date.time, date.zone);
	}
	assert_int_equal(mime_sent_date(STR("nothing"), 77), 77);
	assert_int_equal(mime_sent_date(STR("21 Nov 97 09:55:06 GMT"), 77), 880106106);
}

static void test_date_as_written(void **state)
{
	struct mime_date date;

	(void)state;
	assert_true(mime_parse_date(STR("Fri, 31 Dec 1999 23:55:06 -0600"), &date));
	assert_int_equal(date.year, 1999);
	assert_int_equal(date.month, 12);
	assert_int_equal(date.day, 31);
}

static void test_subjects(void **state)
{
	static const struct {
		const char *subject, *base;
		bool is_reply;
	} cases[] = {
	    {"hello", "hello", false},
	    {"Re: hello", "hello", true},
	    {"RE : hello", "hello", true},
	    {"Fwd: fw: Re: hello", "hello", true},
	    {"Re[2]: hello", "hello", true},
	    {"re [a] : hello", "hello", true},
	    {"[list] Re: [list] hello", "hello", true},
	    {"[list] hello", "hello", false},
	    {"[list]", "[list]", false},
	    {"[a] [b]", "[b]", false},
	    {"hello (fwd)", "hello", true},
	    {"hello (fwd) (FWD)  ", "hello", true},
	    {"[Fwd: hello]", "hello", true},
	    {"[fwd: Re: [x] hello (fwd)]", "hello", true},
	    {"  a \t b ", "a b", false},
	    {"Re:", "", true},
	    {"Reply", "Reply", false},
	    {"Re", "Re", false},
	    {"=?utf-8?q?Re=3A_=C3=A4?=", "ä", true},
	    {"", "", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		bool is_reply;

		assert_text(mime_base_subject(str_of(cases[i].subject), &arena, &is_reply), cases[i].base, cases[i].subject);
		if (is_reply != cases[i].is_reply)
			fail_msg("%s: reply is %d", cases[i].subject, is_reply);
	}
}

static void test_ids(void **state)
{
	static const char *const cases[][2] = {
	    {"<a@b.test>", "a@b.test"},
	    {"<a@b.test> <c@d.test>\r\n\t<e@f.test>", "a@b.test|c@d.test|e@f.test"},
	    {"<a@b.test><c@d.test>", "a@b.test|c@d.test"},
	    /* RFC 5256 3: these are the same */
	    {"<\"01KF8JCEOCBS0045PS\"@xxx.yyy.com>", "01KF8JCEOCBS0045PS@xxx.yyy.com"},
	    {"<01KF8JCEOCBS0045PS@xxx.yyy.com>", "01KF8JCEOCBS0045PS@xxx.yyy.com"},
	    {"< a@\r\n b.test >", "a@b.test"},
	    {"Your message of Monday <x@y>", "x@y"},
	    {"a@b.test", "a@b.test"},
	    {"no id", ""},
	    {"<a@b", ""},
	    {"<>", ""},
	    {"<<a@b>", "a@b"},
	    {"<\"a\\\"b\"@c>", "a\"b@c"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct mime_ids ids;
		struct buf out;

		buf_init(&out, 4096);
		mime_parse_ids(str_of(cases[i][0]), &arena, &ids);
		for (size_t k = 0; k < ids.count; k++)
			buf_printf(&out, "%s%.*s", k != 0 ? "|" : "", STR_ARG(ids.list[k]));
		assert_text(buf_str(&out), cases[i][1], cases[i][0]);
		buf_free(&out);
	}
}

static void test_many_ids(void **state)
{
	struct mime_ids ids;
	struct buf value;

	(void)state;
	buf_init(&value, 1 << 20);
	for (int i = 0; i < 1500; i++)
		buf_printf(&value, "<%d@x> ", i);
	mime_parse_ids(buf_str(&value), &arena, &ids);
	assert_int_equal(ids.count, MIME_IDS_MAX);
	assert_text(ids.list[0], "500@x", "first");
	assert_text(ids.list[ids.count - 1], "1499@x", "last");
	buf_free(&value);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_words, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_params, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_addresses, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_many_addresses, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_dates, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_date_as_written, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_subjects, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_ids, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_many_ids, setup, teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("mime values", tests, NULL, NULL);
}
