#include "common/spool/token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <time.h>

#include <cmocka.h>

static const struct token_key key = {.bytes = "0123456789abcdef0123456789abcde", .present = true};

static bool check(const char *token, const char *peer, const char *user, int64_t seconds_later)
{
	return token_check(&key, "authd", str_of(token), STR("smtp"), str_of(peer), str_of(user),
	                   ((int64_t)time(NULL) + seconds_later) * 1000000);
}

static void test_right(void **state)
{
	char token[TOKEN_MAX];

	(void)state;
	token_make(&key, "authd", STR("smtp"), STR("192.0.2.1"), STR("anna"), token);
	assert_int_equal(strncmp(token, "authd:", 6), 0);
	assert_true(check(token, "192.0.2.1", "anna", 0));
	assert_true(check(token, "192.0.2.1", "anna", TOKEN_LIFETIME_S - 10));
	assert_false(check(token, "192.0.2.1", "anna", TOKEN_LIFETIME_S + 10));
	assert_false(check(token, "192.0.2.1", "anna", -100000));
}

static void test_forged(void **state)
{
	struct token_key other = key, absent = {.present = false};
	char token[TOKEN_MAX];
	size_t length;

	(void)state;
	token_make(&key, "authd", STR("smtp"), STR("192.0.2.1"), STR("anna"), token);
	length = strlen(token);
	assert_false(check(token, "192.0.2.2", "anna", 0));
	assert_false(check(token, "192.0.2.1", "bob", 0));
	assert_false(check(token, "192.0.2.1a", "nna", 0));
	assert_false(check("", "192.0.2.1", "anna", 0));
	assert_false(check("authd", "192.0.2.1", "anna", 0));
	assert_false(check("authd:", "192.0.2.1", "anna", 0));
	assert_false(token_check(&key, "smtpd", str_of(token), STR("smtp"), STR("192.0.2.1"), STR("anna"),
	                         (int64_t)time(NULL) * 1000000));
	other.bytes[0] ^= 1;
	assert_false(token_check(&other, "authd", str_of(token), STR("smtp"), STR("192.0.2.1"), STR("anna"),
	                         (int64_t)time(NULL) * 1000000));
	assert_false(token_check(&absent, "authd", str_of(token), STR("smtp"), STR("192.0.2.1"), STR("anna"),
	                         (int64_t)time(NULL) * 1000000));
	token[length - 1] = token[length - 1] == '0' ? '1' : '0';
	assert_false(check(token, "192.0.2.1", "anna", 0));
	token[length - 1] = '\0';
	assert_false(check(token, "192.0.2.1", "anna", 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_right), cmocka_unit_test(test_forged)};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("common/spool/token", tests, NULL, NULL);
}
