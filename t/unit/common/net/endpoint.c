/* Unit tests of endpoint: what a binding means, and what is in the way of what. */
#include "common/net/endpoint.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

static struct endpoint found[ENDPOINTS_MAX];
static size_t count;
static struct err err;

static void resolve(const char *bind, unsigned offset, const char *address, unsigned port)
{
	struct instance instance = {.port_offset = offset};

	str_copy(str_of(bind), instance.bind, sizeof instance.bind);
	assert_int_equal(endpoints_of(&instance, address, port, found, &count, &err), 0);
}

static void is_at(size_t index, const char *expected)
{
	char text[ENDPOINT_TEXT];

	assert_true(index < count);
	assert_string_equal(endpoint_text(&found[index], text), expected);
}

static void all_addresses(void **state)
{
	(void)state;
	resolve("", 0, "any", 25);
	assert_int_equal(count, 2);
	is_at(0, "0.0.0.0 port 25");
	is_at(1, "[::] port 25");
	assert_false(found[1].is_wanted); /* this machine may have no IPv6 */
	resolve("", 10000, "any4", 25);
	assert_int_equal(count, 1);
	is_at(0, "0.0.0.0 port 10025");
	resolve("", 0, "any6", 25);
	assert_int_equal(count, 1);
	is_at(0, "[::] port 25");
	assert_true(found[0].is_wanted);
}

static void addresses_of_the_instance(void **state)
{
	(void)state;
	resolve("127.0.0.1, [::1] ,127.0.0.2", 1000, "any", 110);
	assert_int_equal(count, 3);
	is_at(0, "127.0.0.1 port 1110");
	is_at(1, "[::1] port 1110");
	is_at(2, "127.0.0.2 port 1110");
	resolve("127.0.0.1,::1,127.0.0.2", 0, "any6", 110);
	assert_int_equal(count, 1);
	is_at(0, "[::1] port 110");
	resolve("127.0.0.1", 0, "192.0.2.1", 110);
	assert_int_equal(count, 1);
	is_at(0, "192.0.2.1 port 110");
}

static void what_is_none(void **state)
{
	const struct instance instance = {.port_offset = 1000};

	(void)state;
	assert_int_equal(endpoints_of(&instance, "anywhere", 25, found, &count, &err), -1);
	assert_int_equal(err.code, ERR_SYNTAX);
	assert_int_equal(endpoints_of(&instance, "mail.example.com", 25, found, &count, &err), -1);
	assert_int_equal(endpoints_of(&instance, "any", 64536, found, &count, &err), -1);
	assert_int_equal(endpoints_of(&instance, "any", 64535, found, &count, &err), 0);
}

static bool meet(const char *a, const char *b, unsigned port_b)
{
	struct endpoint first;

	resolve("", 0, a, 25);
	first = found[0];
	resolve("", 0, b, port_b);
	return endpoint_meets(&first, &found[0]) && endpoint_meets(&found[0], &first);
}

static void what_meets(void **state)
{
	(void)state;
	assert_true(meet("any4", "127.0.0.1", 25));
	assert_true(meet("127.0.0.1", "127.0.0.1", 25));
	assert_false(meet("127.0.0.1", "127.0.0.2", 25));
	assert_false(meet("127.0.0.1", "127.0.0.1", 26));
	assert_false(meet("any4", "any6", 25));
	assert_true(meet("any6", "::1", 25));
	assert_false(meet("::1", "::2", 25));
}

static void words(void **state)
{
	char word[ENDPOINT_TEXT];

	(void)state;
	resolve("", 0, "2001:db8::1", 25);
	assert_string_equal(endpoint_word(&found[0], word), "25-2001_db8__1");
	resolve("", 0, "192.0.2.1", 465);
	assert_string_equal(endpoint_word(&found[0], word), "465-192.0.2.1");
}

static void listening(void **state)
{
	struct endpoint endpoint;
	int first, second;

	(void)state;
	resolve("", 0, "127.0.0.1", 1);
	for (unsigned port = 20000; port < 21000; port++) {
		resolve("", 0, "127.0.0.1", port);
		first = endpoint_listen(&found[0], &err);
		if (first >= 0)
			break;
	}
	assert_true(first >= 0);
	assert_true(endpoint_of_socket(first, &endpoint));
	assert_true(endpoint_equals(&endpoint, &found[0]));
	second = endpoint_bind(&found[0], &err);
	assert_int_equal(second, -1);
	assert_int_equal(err.sys, EADDRINUSE);
	/* what a listener does with a socket that is not wanted any more, though others hold it, too */
	assert_int_equal(shutdown(first, SHUT_RDWR), 0);
	second = endpoint_listen(&found[0], &err);
	assert_true(second >= 0);
	close(second);
	close(first);
	assert_false(endpoint_of_socket(STDERR_FILENO, &endpoint));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(all_addresses), cmocka_unit_test(addresses_of_the_instance),
	    cmocka_unit_test(what_is_none),  cmocka_unit_test(what_meets),
	    cmocka_unit_test(words),         cmocka_unit_test(listening),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
