/* Return paths by SRS; the values were computed with Mail::SRS::Guarded, the secret "secret", at the same times. */
#include "common/mailauth/srs/srs.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { DAY = 86400 };

static const int64_t now = (int64_t)20779 * DAY + 3600;
static struct arena arena;

static struct addr parse(struct str text)
{
	struct addr address;
	struct err err;

	assert_int_equal(addr_parse_mailbox(text, &arena, &address, &err), 0);
	return address;
}

static struct str rewrite(const char *text, const char *domain)
{
	struct addr address = parse(str_of(text));

	return srs_rewrite(STR("secret"), &address, str_of(domain), now, &arena);
}

static bool reverse(struct str text, int64_t when, struct str *original)
{
	struct addr address = parse(text);

	return srs_reverse(STR("secret"), &address, when, &arena, original);
}

static void assert_text(struct str value, const char *expected)
{
	assert_int_equal(value.len, strlen(expected));
	assert_memory_equal(value.data, expected, value.len);
}

static void first_and_second_server(void **state)
{
	struct str original;

	(void)state;
	assert_text(rewrite("Kate@a.test", "b.test"), "SRS0=5RLj=JL=a.test=Kate@b.test");
	assert_text(rewrite("SRS0=5RLj=JL=a.test=Kate@b.test", "c.test"), "SRS1=+VMT=b.test==5RLj=JL=a.test=Kate@c.test");
	assert_text(rewrite("SRS1=xxxx=b.test==5RLj=JL=a.test=Kate@c.test", "d.test"),
	            "SRS1=+VMT=b.test==5RLj=JL=a.test=Kate@d.test");
	assert_true(reverse(STR("SRS1=+VMT=b.test==5RLj=JL=a.test=Kate@d.test"), now, &original));
	assert_text(original, "SRS0=5RLj=JL=a.test=Kate@b.test");
	assert_true(reverse(original, now, &original));
	assert_text(original, "Kate@a.test");
}

static void what_does_not_lead_back(void **state)
{
	static const char *const texts[] = {"SRS0=AAAA=JL=a.test=Kate@b.test",
	                                    "SRS0=5RLj=JL=a.test=bob@b.test",
	                                    "SRS0=5RLj=JL=x.test=Kate@b.test",
	                                    "SRS0=5RLj=JL=a.test@b.test",
	                                    "SRS0=@b.test",
	                                    "SRS1=+VMT=b.test@c.test",
	                                    "SRS0@b.test",
	                                    "kate@a.test"};
	struct str original, made = rewrite("Kate@a.test", "b.test");

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		assert_false(reverse(str_of(texts[i]), now, &original));
	assert_true(reverse(made, now + (int64_t)SRS_DAYS * DAY, &original));
	assert_false(reverse(made, now + (int64_t)(SRS_DAYS + 1) * DAY, &original));
	assert_false(reverse(made, now - DAY, &original));
}

static void the_case_of_letters(void **state)
{
	struct str original;

	(void)state;
	assert_true(reverse(STR("srs0=5rlj=jl=A.TEST=kate@b.test"), now, &original));
	assert_text(original, "kate@A.TEST");
}

static void what_stays(void **state)
{
	struct addr address = parse(STR("kate@a.test"));

	(void)state;
	assert_text(srs_rewrite(STR(""), &address, STR("b.test"), now, &arena), "kate@a.test");
	/* RFC 5321 4.5.3.1.1: 64 octets of a local part, of which the new one takes 20 for itself */
	assert_true(str_starts(rewrite("x1234567890123456789012345678901234567890123@a.test", "b.test"), STR("SRS0=")));
	assert_text(rewrite("x12345678901234567890123456789012345678901234@a.test", "b.test"),
	            "x12345678901234567890123456789012345678901234@a.test");
}

static int teardown(void **state)
{
	(void)state;
	arena_reset(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(first_and_second_server, teardown),
	    cmocka_unit_test_teardown(what_does_not_lead_back, teardown),
	    cmocka_unit_test_teardown(the_case_of_letters, teardown),
	    cmocka_unit_test_teardown(what_stays, teardown),
	};
	int failed;

	arena_init(&arena);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = cmocka_run_group_tests_name("srs", tests, NULL, NULL);
	arena_free(&arena);
	return failed;
}
