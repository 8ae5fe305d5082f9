/* Unit tests of TLSA records: RFC 6698 2.1, RFC 7672 3.1. */
#include "common/net/tlsa.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define SHA256_DATA "0123456789abcdef0123456789abcdef"
#define SHA512_DATA SHA256_DATA SHA256_DATA

static void test_records(void **state)
{
	static const struct {
		struct str rdata;
		bool usable;
	} cases[] = {
	    {{"\3\1\1" SHA256_DATA, 35}, true},
	    {{"\2\0\2" SHA512_DATA, 67}, true},
	    {{"\3\0\0x", 4}, true},
	    {{"\0\1\1" SHA256_DATA, 35}, false}, /* PKIX-TA, PKIX-EE: 3.1.3 */
	    {{"\1\1\1" SHA256_DATA, 35}, false},
	    {{"\4\1\1" SHA256_DATA, 35}, false}, /* nobody knows these */
	    {{"\3\2\1" SHA256_DATA, 35}, false},
	    {{"\3\1\3" SHA256_DATA, 35}, false},
	    {{"\3\1\1" SHA256_DATA, 34}, false}, /* cut */
	    {{"\3\1\2" SHA256_DATA, 35}, false},
	    {{"\3\1\0", 3}, false},
	    {{"\3", 1}, false},
	    {{"", 0}, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct tlsa_set set = {0};

		assert_int_equal(tlsa_read(cases[i].rdata, &set), cases[i].usable);
		assert_int_equal(set.count, cases[i].usable);
	}
}

static void test_room(void **state)
{
	struct tlsa_set set = {0};

	(void)state;
	for (int i = 0; i < TLSA_RECORDS_MAX; i++)
		assert_true(tlsa_read(STR("\3\1\1" SHA256_DATA), &set));
	assert_false(tlsa_read(STR("\3\1\1" SHA256_DATA), &set));
	assert_int_equal(set.count, TLSA_RECORDS_MAX);
	assert_int_equal(set.records[5].usage, TLSA_DANE_EE);
	assert_true(str_equal(set.records[5].data, STR(SHA256_DATA)));
}

static void test_name(void **state)
{
	struct arena arena;

	(void)state;
	arena_init(&arena);
	assert_true(str_equal(tlsa_name(STR("mx.example.net"), 25, &arena), STR("_25._tcp.mx.example.net")));
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_records),
	    cmocka_unit_test(test_room),
	    cmocka_unit_test(test_name),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
