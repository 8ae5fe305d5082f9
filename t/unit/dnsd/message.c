/* Unit tests of DNS answers as they come, well-made and hostile. */
#include "dnsd/message.h"

#include "dnsd/records.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct fixture {
	struct arena arena;
	struct dns_answer answer;
	struct err err;
};

static int set_up(void **state)
{
	static struct fixture fixture;

	arena_init(&fixture.arena);
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	arena_free(&fixture->arena);
	return 0;
}

/* A header for count answers, and the question x.test (at 12; "test" at 14) of type MX. */
#define HEADER(count) "\x12\x34\x81\x80\0\1\0" count "\0\0\0\0\1x\4test\0\0\x0f\0\1"
#define MX_X          "\xc0\x0c\0\x0f\0\1\0\0\0\1"
#define CNAME_X       "\xc0\x0c\0\5\0\1\0\0\0\1"

static int parse(struct fixture *fixture, struct str packet, unsigned type)
{
	return dns_answer_parse(packet, type, &fixture->arena, &fixture->answer, &fixture->err);
}

static void mx_with_compressed_name(void **state)
{
	struct fixture *fixture = *state;
	struct str name;

	assert_int_equal(parse(fixture, STR(HEADER("\2") MX_X "\0\7\0\x0a\2mX\xc0\x0e" MX_X "\0\5\0\x14\1a\0"), DNS_MX), 0);
	assert_int_equal(fixture->answer.count, 2);
	assert_true(str_equal(fixture->answer.rdata[0], STR("\0\x0a\2mx\4test\0")));
	assert_int_equal(dns_host_name(fixture->answer.rdata[0], 2, &fixture->arena, &name, &fixture->err), 0);
	assert_string_equal(name.data, "mx.test");
	assert_int_equal(dns_host_name(fixture->answer.rdata[1], 2, &fixture->arena, &name, &fixture->err), 0);
	assert_string_equal(name.data, "a");
}

static void aliases_are_followed(void **state)
{
	struct fixture *fixture = *state;

	/* x.test is y.test is z.test; the MX of x.test itself is none of the answer's, that of z.test is */
	assert_int_equal(
	    parse(fixture,
	          STR(HEADER("\4") "\1y\xc0\x0e\0\5\0\1\0\0\0\1\0\4\1z\xc0\x0e" CNAME_X "\0\4\1Y\xc0\x0e" MX_X "\0\3\0\1\0"
	                           "\1z\xc0\x0e\0\x0f\0\1\0\0\0\1\0\3\0\2\0"),
	          DNS_MX),
	    0);
	assert_int_equal(fixture->answer.count, 1);
	assert_int_equal(fixture->answer.rdata[0].data[1], 2);
}

static void aliases_in_a_circle_end(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(parse(fixture, STR(HEADER("\1") CNAME_X "\0\2\xc0\x0c"), DNS_MX), 0);
	assert_int_equal(fixture->answer.count, 0);
}

static void no_answers(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(parse(fixture, STR("\0\0\x81\x83\0\1\0\0\0\0\0\0\1x\4test\0\0\x0f\0\1"), DNS_MX), 0);
	assert_int_equal(fixture->answer.rcode, DNS_NXDOMAIN);
	assert_int_equal(fixture->answer.count, 0);
}

static void broken_packets(void **state)
{
	static const struct str packets[] = {
	    {"", 0},
	    {"\x12\x34\x81\x80\0\1\0\0\0\0\0", 11},
	    {"\x12\x34\x01\x80\0\1\0\0\0\0\0\0\0\0\x0f\0\1", 17},       /* a question, no answer */
	    {"\x12\x34\x81\x80\0\0\0\1\0\0\0\0", 12},                   /* without its question */
	    {"\x12\x34\x81\x80\0\1\0\0\0\0\0\0\xc0\x0c\0\x0f\0\1", 18}, /* a name that points at itself */
	    {"\x12\x34\x81\x80\0\1\0\0\0\0\0\0\x40xx\0\x0f\0\1", 18},   /* a label of an unknown kind */
	    {"\x12\x34\x81\x80\0\1\0\0\0\0\0\0\x3fxx\0\x0f\0\1", 18},   /* a label beyond the end */
	    {"\x12\x34\x81\x80\0\1\0\0\0\0\0\0\1x\xc0", 15},
	};
	static const struct str answers[] = {
	    {HEADER("\1"), 12 + 12},                               /* announced, missing */
	    {HEADER("\1") MX_X "\0\x30\0\1\0", 12 + 12 + 10 + 5},  /* longer than the packet */
	    {HEADER("\1") MX_X "\0\1\0\1\0", 12 + 12 + 10 + 5},    /* shorter than a preference */
	    {HEADER("\1") MX_X "\0\4\0\1\3a\0", 12 + 12 + 10 + 7}, /* a name longer than its record */
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof packets / sizeof packets[0]; i++) {
		assert_int_equal(parse(fixture, packets[i], DNS_MX), -1);
		assert_int_equal(fixture->err.code, ERR_SYNTAX);
	}
	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
		assert_int_equal(parse(fixture, answers[i], DNS_MX), -1);
}

static void host_names(void **state)
{
	static const struct str bad[] = {{"", 0},       {"\3ab", 3},     {"\3a b\0", 5}, {"\2-a\0", 4},
	                                 {"\2a-\0", 4}, {"\1\xff\0", 3}, {"\1\0\0", 3},  {"\1.\0", 3}};
	struct fixture *fixture = *state;
	struct str name;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(dns_host_name(bad[i], 0, &fixture->arena, &name, &fixture->err), -1);
	assert_int_equal(dns_host_name(STR("\0"), 0, &fixture->arena, &name, &fixture->err), 0);
	assert_int_equal(name.len, 0);
	assert_int_equal(dns_host_name(STR("\4_a-1\2MX\0"), 0, &fixture->arena, &name, &fixture->err), 0);
	assert_string_equal(name.data, "_a-1.mx");
}

static void exchangers_are_sorted(void **state)
{
	struct str rdata[] = {STR("\0\x14\1c\0"), STR("\0\x0a\1a\0"), STR("\0\x0a\1b\0"), STR("\0\x05\3a b\0"),
	                      STR("\0\x01"),      STR("\0\x1e\1a\0"), STR("\1\0\1d\0")};
	struct fixture *fixture = *state;
	struct record_mx hosts[8];
	bool null_mx, seen_a = false, seen_b = false;

	for (int i = 0; i < 200 && !(seen_a && seen_b); i++) {
		assert_int_equal(records_mx(rdata, 7, &fixture->arena, hosts, 8, &null_mx), 4);
		assert_false(null_mx);
		assert_int_equal(hosts[0].preference, 10);
		assert_int_equal(hosts[1].preference, 10);
		assert_string_equal(hosts[2].name.data, "c");
		assert_string_equal(hosts[3].name.data, "d");
		assert_int_equal(hosts[3].preference, 256);
		seen_a = seen_a || hosts[0].name.data[0] == 'a';
		seen_b = seen_b || hosts[0].name.data[0] == 'b';
	}
	assert_true(seen_a && seen_b);
	assert_int_equal(records_mx(rdata, 7, &fixture->arena, hosts, 2, &null_mx), 2);
}

static void null_mx_stands_alone(void **state)
{
	struct str alone[] = {STR("\0\0\0")}, beside[] = {STR("\0\0\0"), STR("\0\x0a\1a\0")};
	struct fixture *fixture = *state;
	struct record_mx hosts[8];
	bool null_mx;

	assert_int_equal(records_mx(alone, 1, &fixture->arena, hosts, 8, &null_mx), 0);
	assert_true(null_mx);
	assert_int_equal(records_mx(beside, 2, &fixture->arena, hosts, 8, &null_mx), 1);
	assert_false(null_mx);
}

static void addresses_alternate(void **state)
{
	struct str v6[] = {STR("\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"), STR("\xff\2\0\0\0\0\0\0\0\0\0\0\0\0\0\1"),
	                   STR("\0\0\0\0\0\0\0\0\0\0\xff\xff\0\0\0\0"), STR("short")};
	struct str v4[] = {STR("\xc0\0\2\1"),       STR("\0\0\0\0"),   STR("\xe0\0\0\1"),
	                   STR("\xff\xff\xff\xff"), STR("\xc0\0\2\2"), STR("\xc0\0\2")};
	struct fixture *fixture = *state;
	struct str addresses[8];

	assert_int_equal(records_addresses(v6, 4, v4, 6, &fixture->arena, addresses, 8), 3);
	assert_string_equal(addresses[0].data, "2001:db8::1");
	assert_string_equal(addresses[1].data, "192.0.2.1");
	assert_string_equal(addresses[2].data, "192.0.2.2");
	assert_int_equal(records_addresses(v6, 4, v4, 6, &fixture->arena, addresses, 1), 1);
	assert_int_equal(records_addresses(NULL, 0, NULL, 0, &fixture->arena, addresses, 8), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(mx_with_compressed_name), TEST(aliases_are_followed),
	    TEST(aliases_in_a_circle_end), TEST(no_answers),
	    TEST(broken_packets),          TEST(host_names),
	    TEST(exchangers_are_sorted),   TEST(null_mx_stands_alone),
	    TEST(addresses_alternate),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
