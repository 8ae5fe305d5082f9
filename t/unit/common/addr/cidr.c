/* Address ranges: the specification's 09-1, RFC 4632, RFC 4291. */
#include "common/addr/cidr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct cidr range(const char *text)
{
	struct cidr cidr;
	struct err err = {0};

	if (cidr_parse(str_of(text), &cidr, NULL, &err) != 0)
		fail_msg("%s: %s", text, err.text);
	return cidr;
}

static bool holds(const char *network, const char *address)
{
	struct cidr a = range(network), b = range(address);

	return cidr_holds(&a, &b);
}

static void is_shown(const char *text, const char *expected)
{
	struct cidr cidr = range(text);
	struct buf shown;

	buf_init(&shown, CIDR_TEXT_MAX);
	cidr_format(&cidr, &shown);
	assert_string_equal(buf_text(&shown), expected);
	buf_free(&shown);
}

static void refuse(const char *text, const char *part)
{
	struct cidr cidr;
	struct err err = {0};

	if (cidr_parse(str_of(text), &cidr, NULL, &err) == 0)
		fail_msg("%s was accepted", text);
	assert_int_equal(err.code, ERR_SYNTAX);
	if (strstr(err.text, part) == NULL)
		fail_msg("%s: \"%s\" does not name the %s", text, err.text, part);
}

static void test_matches(void **state)
{
	(void)state;
	/* 09-1.1 */
	assert_true(holds("192.168.3.0/24", "192.168.3.72"));
	assert_true(holds("192.168.3.0/24", "192.168.3.255"));
	assert_false(holds("192.168.3.0/24", "192.168.4.1"));
	/* 09-1.3 */
	assert_true(holds("192.168.3.72", "192.168.3.72"));
	assert_true(holds("192.168.3.72/32", "192.168.3.72"));
	assert_false(holds("192.168.3.72", "192.168.3.73"));
	assert_true(holds("2001:db8::/32", "2001:db8:1::5"));
	assert_false(holds("2001:db8::/32", "2001:db9::5"));
	assert_true(holds("0.0.0.0/0", "203.0.113.5"));
	assert_true(holds("::/0", "2001:db8::1"));
	assert_false(holds("::/0", "203.0.113.5"));
	assert_false(holds("0.0.0.0/0", "2001:db8::1"));
	assert_true(holds("2001:db8::/33", "2001:db8:7fff::1"));
	assert_false(holds("2001:db8::/33", "2001:db8:8000::1"));
	assert_true(holds("10.0.0.0/8", "10.1.0.0/16"));
	assert_false(holds("10.1.0.0/16", "10.0.0.0/8"));
	assert_true(holds("fe80::/10", "fe80::1%eth0"));
}

static void test_mapped(void **state)
{
	(void)state;
	assert_true(holds("127.0.0.0/8", "::ffff:127.0.0.1"));
	assert_true(holds("::ffff:10.0.0.0/104", "10.1.1.1"));
	is_shown("::ffff:192.0.2.0/120", "192.0.2.0/24");
	/* wider than IPv4 is: it stays IPv6 */
	is_shown("::ffff:0:0/95", "::fffe:0:0/95");
}

static void test_masks(void **state)
{
	(void)state;
	/* 09-1.5 and the notation's other masks */
	is_shown("10.0.0.16/255.255.255.240", "10.0.0.16/28");
	is_shown("10.0.0.0/255.255.255.0", "10.0.0.0/24");
	is_shown("10.0.0.8/255.255.255.248", "10.0.0.8/29");
	is_shown("10.0.0.8/255.255.255.255", "10.0.0.8");
	is_shown("0.0.0.0/0.0.0.0", "0.0.0.0/0");
}

static void test_host_bits(void **state)
{
	struct cidr cidr;
	bool host_bits;

	(void)state;
	/* 09-1.2 */
	assert_int_equal(cidr_parse(STR("192.168.72.15/29"), &cidr, &host_bits, NULL), 0);
	assert_true(host_bits);
	is_shown("192.168.72.15/29", "192.168.72.8/29");
	assert_true(holds("192.168.72.15/29", "192.168.72.14"));
	assert_false(holds("192.168.72.15/29", "192.168.72.16"));
	assert_int_equal(cidr_parse(STR("192.168.72.8/29"), &cidr, &host_bits, NULL), 0);
	assert_false(host_bits);
	assert_int_equal(cidr_parse(STR("2001:db8::1/64"), &cidr, &host_bits, NULL), 0);
	assert_true(host_bits);
	is_shown("2001:db8::1/64", "2001:db8::/64");
}

static void test_refused(void **state)
{
	(void)state;
	/* 09-1.4 */
	refuse("10.0.0.0/33", "prefix");
	refuse("10.0.0/8/8", "address");
	refuse("10.0.0.0/255.0.255.0", "mask");
	refuse("10.0.0.0/0.0.0.255", "mask");
	refuse("10.0.0.0/255.255.255", "mask");
	refuse("2001:db8::/129", "prefix");
	refuse("2001:db8::/255.255.0.0", "prefix");
	refuse("10.0.0.0/", "prefix");
	refuse("10.0.0.0/-1", "prefix");
	refuse("10.0.0/8", "address");
	refuse("10.0.0.0.0", "address");
	refuse("", "address");
	refuse("/8", "address");
	refuse("example.com", "address");
}

static void test_other_forms(void **state)
{
	static const unsigned char octets[16] = {0x20, 0x01, 0x0d, 0xb8, 1, 2, 3, 4};
	struct sockaddr_storage address = {.ss_family = AF_INET6};
	struct cidr cidr = cidr_from_octets(octets, true, 32), expected = range("2001:db8::/32");

	(void)state;
	assert_true(cidr_equal(&cidr, &expected));
	inet_pton(AF_INET6, "::ffff:192.0.2.7", &((struct sockaddr_in6 *)&address)->sin6_addr);
	assert_true(cidr_from_sockaddr(&address, &cidr));
	expected = range("192.0.2.7");
	assert_true(cidr_equal(&cidr, &expected));
	assert_true(cidr_is_host(&cidr));
	address.ss_family = AF_UNIX;
	assert_false(cidr_from_sockaddr(&address, &cidr));
	assert_true(cidr_is_address(STR("192.0.2.1"), false));
	assert_false(cidr_is_address(STR("192.0.2.1"), true));
	assert_false(cidr_is_address(STR("192.0.2.1/32"), false));
	assert_false(cidr_is_address(STR("fe80::1%eth0"), true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_matches), cmocka_unit_test(test_mapped),
	                                   cmocka_unit_test(test_masks),   cmocka_unit_test(test_host_bits),
	                                   cmocka_unit_test(test_refused), cmocka_unit_test(test_other_forms)};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("common/addr/cidr", tests, NULL, NULL);
}
