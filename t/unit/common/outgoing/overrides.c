/* DNS overrides (specification 04, SMTP direct). */
#include "common/outgoing/overrides.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct outgoing_facts message = {
    .size = 5000, .retries = 2, .authsender = STR("anna"), .from = STR("anna@example.com"), .to = STR("bob@x.test")};
static struct arena arena;

/* "host:port/priority ..." of the lines that hold; "+dns" at the end where those of the DNS stay. */
static const char *chosen(const char *text, const char *domain, unsigned retries)
{
	static const struct str exchangers[] = {STR("mx1.x.test"), STR("mx2.aspmx.test")};
	const struct override *lines[8];
	struct outgoing_facts facts = message;
	struct overrides overrides;
	struct str result = STR("");
	struct err err;
	bool adds_dns;
	size_t count;

	facts.retries = retries;
	if (overrides_parse(str_of(text), &arena, &overrides, &err) != 0)
		fail_msg("%s: %s", text, err.text);
	count = overrides_choose(&overrides, str_of(domain), &facts, exchangers, 2, lines, 8, &adds_dns);
	for (size_t i = 0; i < count; i++)
		result = arena_printf(&arena, "%.*s%.*s/%u ", STR_ARG(result), STR_ARG(server_key(&lines[i]->server, &arena)),
		                      lines[i]->priority);
	overrides_free(&overrides);
	return arena_text(&arena, arena_printf(&arena, "%.*s%s", STR_ARG(result), adds_dns ? "+dns" : ""));
}

static void refused(const char *text, const char *begin)
{
	struct overrides overrides;
	struct err err;

	assert_int_equal(overrides_parse(str_of(text), &arena, &overrides, &err), -1);
	if (!str_starts(str_of(err.text), str_of(begin)))
		fail_msg("%s: \"%s\" does not begin with \"%s\"", text, err.text, begin);
}

/* 04-12.4 */
static void test_domains(void **state)
{
	(void)state;
	assert_string_equal(chosen("example.com smtp.myisp.com:587", "example.com", 0), "smtp.myisp.com:587/10 ");
	assert_string_equal(chosen("EXAMPLE.com smtp.myisp.com", "example.com", 0), "smtp.myisp.com:25/10 ");
	assert_string_equal(chosen("*.example.com x.test", "example.com", 0), "");
	assert_string_equal(chosen("*.example.com x.test", "a.example.com", 0), "x.test:25/10 ");
	assert_string_equal(chosen("# all\n* a.test\n\nexample.com b.test $priority:5", "example.com", 0),
	                    "a.test:25/10 b.test:25/5 ");
	assert_string_equal(chosen("* a.test $end\n* b.test", "example.com", 0), "a.test:25/10 ");
}

static void test_login(void **state)
{
	struct overrides overrides;
	struct err err;

	(void)state;
	assert_int_equal(overrides_parse(STR("example.com joe:let@me:in@smtp.myisp.com:587"), &arena, &overrides, &err), 0);
	assert_true(str_equal(overrides.lines[0].user, STR("joe")));
	assert_true(str_equal(overrides.lines[0].password, STR("let@me:in")));
	assert_true(str_equal(overrides.lines[0].server.host, STR("smtp.myisp.com")));
	overrides_free(&overrides);
}

/* 04-12.5, 04-12.6 */
static void test_conditions(void **state)
{
	(void)state;
	assert_string_equal(chosen("* relay.test $retries>=2 $end", "x.test", 1), "");
	assert_string_equal(chosen("* relay.test $retries>=2 $end", "x.test", 2), "relay.test:25/10 ");
	assert_string_equal(chosen("* r.test $from~=\"*@example.com\" $size<5001", "x.test", 0), "r.test:25/10 ");
	assert_string_equal(chosen("* r.test $from~=/@EXAMPLE\\.com/i", "x.test", 0), "r.test:25/10 ");
	assert_string_equal(chosen("* r.test $from~!/@EXAMPLE\\.com/i", "x.test", 0), "");
	assert_string_equal(chosen("* r.test $from!~*@other.com", "x.test", 0), "r.test:25/10 ");
	assert_string_equal(chosen("* r.test $authsender==\"ANNA\"", "x.test", 0), "r.test:25/10 ");
	assert_string_equal(chosen("* r.test $authsender<anna", "x.test", 0), "");
	assert_string_equal(chosen("* r.test $authsender<annb", "x.test", 0), "r.test:25/10 ");
	assert_string_equal(chosen("* r.test $dnsmx:*.aspmx.test $end", "x.test", 0), "r.test:25/10 ");
	assert_string_equal(chosen("* r.test $dnsmx:!*.example.com", "x.test", 0), "r.test:25/10 ");
	assert_string_equal(chosen("* r.test $dnsmx:!*.x.test", "x.test", 0), "");
	assert_string_equal(chosen("* r.test $adddns $priority:50", "x.test", 0), "r.test:25/50 +dns");
}

static void test_refused(void **state)
{
	(void)state;
	refused("example.com", "line 1: the server is missing");
	refused("* a.test\n* b.test:0", "line 2: ");
	refused("* joe@b.test", "line 1: a login stands before");
	refused("* b.test $retries>x", "line 1: \"x\" is not a number");
	refused("* b.test $retries~=1", "line 1: the comparison is one of");
	refused("* b.test $colour=1", "line 1: \"$colour=1\" is neither");
	refused("* b.test $priority:x", "line 1: a priority is a number");
	refused("* b.test $from~=/(/", "line 1: ");
	refused("* b.test $from~=/a/ $from~=/b/i@", "line 1: something stands behind");
	refused("* b.test $dnsmx:", "line 1: $dnsmx: needs");
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
	    cmocka_unit_test(test_domains),
	    cmocka_unit_test(test_login),
	    cmocka_unit_test(test_conditions),
	    cmocka_unit_test(test_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	arena_init(&arena);
	return cmocka_run_group_tests_name("common/outgoing/overrides", tests, NULL, clean_up);
}
