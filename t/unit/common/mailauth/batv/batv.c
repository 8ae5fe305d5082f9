/* Tags of return paths; the values were computed with openssl dgst -sha1 -hmac. */
#include "common/mailauth/batv/batv.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define BOB    "fcfeaf" /* of 0785bob@example.com, with the key "secret" */
#define QUOTED "1f4be6" /* of 0785a b@example.com */

enum { DAY = 86400 };

static const int64_t now = (int64_t)20778 * DAY + 3600; /* a day whose tags end with 785 */

static struct arena arena;

static struct addr parse(const char *text)
{
	struct addr address;
	struct err err;

	assert_int_equal(addr_parse_mailbox(str_of(text), &arena, &address, &err), 0);
	return address;
}

static struct str tag_at(const char *text, int64_t when)
{
	struct addr address = parse(text);

	return batv_tag(STR("secret"), &address, when, &arena);
}

static void assert_text(struct str value, const char *expected)
{
	assert_int_equal(value.len, strlen(expected));
	assert_memory_equal(value.data, expected, value.len);
}

static enum batv_state check_at(const char *secret, struct str text, int64_t when)
{
	struct addr address = parse(arena_text(&arena, text)), original;

	return batv_check(str_of(secret), &address, when, &arena, &original);
}

static void test_tag(void **state)
{
	struct addr address, original;

	(void)state;
	assert_text(tag_at("bob@example.com", now), "prvs=0785" BOB "=bob@example.com");
	assert_text(tag_at("\"a b\"@example.com", now), "\"prvs=0785" QUOTED "=a b\"@example.com");
	address = parse("prvs=0785" BOB "=bob@example.com");
	assert_int_equal(batv_check(STR("secret"), &address, now, &arena, &original), BATV_VALID);
	assert_text(original.text, "bob@example.com");
	assert_text(original.local_part, "bob");
	assert_text(original.domain, "example.com");
	address = parse("\"prvs=0785" QUOTED "=a b\"@example.com");
	assert_int_equal(batv_check(STR("secret"), &address, now, &arena, &original), BATV_VALID);
	assert_text(original.text, "\"a b\"@example.com");
}

/* What servers on the way do to letters is no change; anything else is. */
static void test_changes(void **state)
{
	static const char *const bad[] = {"prvs=0785" BOB "=bop@example.com",
	                                  "prvs=0785" BOB "=bob@example.net",
	                                  "prvs=0786" BOB "=bob@example.com",
	                                  "prvs=1785" BOB "=bob@example.com",
	                                  "prvs=0785" BOB "bob@example.com",
	                                  "prvs=0785000000=bob@example.com",
	                                  "prvs=@example.com",
	                                  "prvs=0785@example.com",
	                                  "prvs=bob@example.com",
	                                  "prvs=07x5" BOB "=bob@example.com",
	                                  "\"prvs=0785" BOB "=\"@example.com"};

	(void)state;
	assert_int_equal(check_at("secret", STR("PRVS=0785" BOB "=BOB@EXAMPLE.COM"), now), BATV_VALID);
	assert_int_equal(check_at("secret", STR("bob@example.com"), now), BATV_UNTAGGED);
	assert_int_equal(check_at("secret", STR("prvsbob@example.com"), now), BATV_UNTAGGED);
	assert_int_equal(check_at("another", STR("prvs=0785" BOB "=bob@example.com"), now), BATV_INVALID);
	assert_int_equal(check_at("", STR("prvs=0785" BOB "=bob@example.com"), now), BATV_INVALID);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(check_at("secret", str_of(bad[i]), now), BATV_INVALID);
	/* one digit of the hash */
	for (size_t at = 9; at < 15; at++) {
		char *text = arena_text(&arena, STR("prvs=0785" BOB "=bob@example.com"));

		text[at] = text[at] == '0' ? '1' : '0';
		assert_int_equal(check_at("secret", str_of(text), now), BATV_INVALID);
	}
}

/* Seven days and the rest of the day; the numbers of days come again after a thousand. */
static void test_expiry(void **state)
{
	static const int64_t days[] = {20778, 20992, 20993, 20999, 21000, 0};

	(void)state;
	for (size_t i = 0; i < sizeof days / sizeof days[0]; i++) {
		int64_t made = days[i] * DAY + DAY / 2;
		struct str tagged = tag_at("bob@example.com", made);

		for (int day = 0; day <= 7; day++)
			assert_int_equal(check_at("secret", tagged, made + day * DAY), BATV_VALID);
		for (int day = 8; day <= 999; day += 7)
			assert_int_equal(check_at("secret", tagged, made + day * DAY), BATV_INVALID);
	}
}

static void test_untaggable(void **state)
{
	struct addr address;

	(void)state;
	/* 64 octets with the tag, and one more: RFC 5321 4.5.3.1.1 */
	address = parse("a12345678901234567890123456789012345678901234567@example.com");
	assert_int_equal(address.local_part.len, 48);
	assert_true(batv_can_tag(&address));
	assert_int_equal(
	    parse(arena_text(&arena, tag_at("a12345678901234567890123456789012345678901234567@example.com", now)))
	        .local_part.len,
	    64);
	assert_text(tag_at("a123456789012345678901234567890123456789012345678@example.com", now),
	            "a123456789012345678901234567890123456789012345678@example.com");
	assert_text(tag_at("prvs=0785abcdef=bob@example.com", now), "prvs=0785abcdef=bob@example.com");
	address = parse("bob@example.com");
	assert_text(batv_tag(STR(""), &address, now, &arena), "bob@example.com");
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
	    cmocka_unit_test_setup_teardown(test_tag, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_changes, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_expiry, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_untaggable, setup, teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
