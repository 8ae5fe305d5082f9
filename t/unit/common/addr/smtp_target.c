/* Specification 07, "SMTP: target syntax", and servers as administrators write them. */
#include "common/addr/smtp_target.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct arena arena;
static struct err err;

static void is_text(struct str text, const char *expected)
{
	assert_string_equal(arena_text(&arena, text), expected);
}

static struct smtp_target parse(const char *text)
{
	struct smtp_target target;

	if (smtp_target_parse(str_of(text), &arena, &target, &err) != 0)
		fail_msg("%s: %s", text, err.text);
	return target;
}

static void refuse(const char *text)
{
	struct smtp_target target;

	err = (struct err){0};
	if (smtp_target_parse(str_of(text), &arena, &target, &err) == 0)
		fail_msg("%s is taken", text);
	assert_int_equal(err.code, ERR_SYNTAX);
}

static void test_plain(void **state)
{
	struct smtp_target target = parse("SMTP:bob@example.com@192.168.1.1");

	(void)state;
	is_text(target.address, "bob@example.com");
	is_text(target.server.host, "192.168.1.1");
	assert_int_equal(target.server.port, 25);
	assert_true(target.server.is_address);
	assert_int_equal(target.user.len, 0);
	is_text(smtp_target_format(&target, &arena), "SMTP:bob@example.com@192.168.1.1");
}

static void test_login(void **state)
{
	struct smtp_target target = parse("smtp:bob@example.com@fred:mypass@192.168.1.1:587");

	(void)state;
	is_text(target.address, "bob@example.com");
	is_text(target.user, "fred");
	is_text(target.password, "mypass");
	assert_int_equal(target.server.port, 587);
	is_text(smtp_target_format(&target, &arena), "SMTP:bob@example.com@fred:mypass@192.168.1.1:587");
	is_text(smtp_target_show(STR("SMTP:bob@example.com@fred:mypass@192.168.1.1:587"), &arena),
	        "SMTP:bob@example.com@fred:*****@192.168.1.1:587");
	is_text(smtp_target_show(STR("SMTP:bob@example.com"), &arena), "SMTP:bob@example.com");
}

/* The server is what follows the last "@"; what stands before it may hold more of them, and colons. */
static void test_odd_logins(void **state)
{
	struct smtp_target target = parse("SMTP:bob@example.com@fred@corp.test:p@ss:word@mail.Example.COM");

	(void)state;
	is_text(target.user, "fred@corp.test");
	is_text(target.password, "p@ss:word");
	is_text(target.server.host, "mail.example.com");
	target = parse("SMTP:\"a@b\"@example.com@[2001:db8::1]:26");
	is_text(target.address, "\"a@b\"@example.com");
	is_text(target.server.host, "2001:db8::1");
	assert_int_equal(target.server.port, 26);
	is_text(smtp_target_format(&target, &arena), "SMTP:\"a@b\"@example.com@[2001:db8::1]:26");
}

static void test_refused(void **state)
{
	static const char *const texts[] = {
	    "SMTP:bob@example.com",
	    "SMTP:bob@example.com@",
	    "SMTP:bob@example.com@server:",
	    "SMTP:bob@example.com@server:0",
	    "SMTP:bob@example.com@server:65536",
	    "SMTP:bob@example.com@server:25x",
	    "SMTP:bob@example.com@fred@server",
	    "SMTP:bob@example.com@:pass@server",
	    "SMTP:bob@example.com@fred:@server",
	    "SMTP:bob@@server",
	    "SMTP:@example.com@server",
	    "SMTP:bob",
	    "SMTP:",
	    "bob@example.com@server",
	    "SMTP:bob@example.com@ser ver",
	    "SMTP:bob@example.com@fred:my pass@server",
	    "SMTP:bob@example.com@2001:db8::1",
	    "SMTP:bob@example.com@[2001:db8::1",
	    "SMTP:bob@example.com@[192.0.2.1]",
	    "SMTP:bob@example.com@server\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		refuse(texts[i]);
	assert_false(smtp_target_is(STR("SMT")));
	assert_true(smtp_target_is(STR("smtp:x")));
}

static void test_server(void **state)
{
	struct server server;

	(void)state;
	assert_int_equal(server_parse(STR("M\303\274ller.test:2525"), 25, &arena, &server, &err), 0);
	is_text(server.host, "xn--mller-kva.test");
	is_text(server_format(&server, &arena), "xn--mller-kva.test:2525");
	assert_int_equal(server_parse(STR("Host"), 25, &arena, &server, &err), 0);
	is_text(server_format(&server, &arena), "host");
	is_text(server_key(&server, &arena), "host:25");
	assert_int_equal(server_parse(STR("[::1]"), 587, &arena, &server, &err), 0);
	is_text(server_key(&server, &arena), "[::1]:587");
}

static int clean_up(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_plain),   cmocka_unit_test(test_login),  cmocka_unit_test(test_odd_logins),
	    cmocka_unit_test(test_refused), cmocka_unit_test(test_server),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("common/addr/smtp_target", tests, NULL, clean_up);
}
