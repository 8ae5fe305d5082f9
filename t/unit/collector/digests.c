/* Unit tests of collector/digests: messages known by what is in them. */
#include "collector/digests.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void make(const char *before, const char *text, int64_t from, unsigned char bytes[DIGEST_LEN])
{
	struct mime_source source = mime_source_memory(str_of(text));

	assert_int_equal(digest_make(str_of(before), &source, from, bytes, NULL), 0);
}

static void test_digest_is_sha256(void **state)
{
	/* FIPS 180-4, SHA-256 of "abc" */
	static const char expected[] = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad.0";
	unsigned char bytes[DIGEST_LEN];
	struct arena arena;

	(void)state;
	arena_init(&arena);
	make("", "abc", 0, bytes);
	assert_true(str_equal(digest_identity(bytes, 0, &arena), str_of(expected)));
	make("ab", "c", 0, bytes);
	assert_true(str_equal(digest_identity(bytes, 0, &arena), str_of(expected)));
	make("ab", "headerc", 6, bytes);
	assert_true(str_equal(digest_identity(bytes, 0, &arena), str_of(expected)));
	arena_free(&arena);
}

static void test_the_same_twice_has_two_identities(void **state)
{
	unsigned char bytes[DIGEST_LEN];
	struct arena arena;
	struct str first;

	(void)state;
	arena_init(&arena);
	make("", "abc", 0, bytes);
	first = digest_identity(bytes, 0, &arena);
	assert_false(str_equal(first, digest_identity(bytes, 1, &arena)));
	arena_free(&arena);
}

static void test_table(void **state)
{
	enum { MANY = 20000 };
	struct digests digests = {0};
	unsigned char bytes[DIGEST_LEN] = {0};

	(void)state;
	for (uint32_t i = 0; i < MANY; i++) {
		memcpy(bytes, &i, sizeof i);
		assert_int_equal(digests_get(&digests, bytes)->count, 0);
		digests_get(&digests, bytes)->count = i + 1;
	}
	for (uint32_t i = 0; i < MANY; i++) {
		memcpy(bytes, &i, sizeof i);
		assert_int_equal(digests_get(&digests, bytes)->count, i + 1);
	}
	digests_free(&digests);
	assert_null(digests.slots);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_digest_is_sha256),
	    cmocka_unit_test(test_the_same_twice_has_two_identities),
	    cmocka_unit_test(test_table),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("collector/digests", tests, NULL, NULL);
}
