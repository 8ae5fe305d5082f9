/* Unit tests of authd/oauth_account: what is asked of token servers, and what is believed of their answers. */
#include "authd/oauth_account.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static json_t *make(const char *device_url, const char *user)
{
	struct ipc_message request;
	json_t *account;
	struct err err;

	ipc_message_init(&request);
	ipc_request(&request, "oauth-begin");
	ipc_add_text(&request, "user", user);
	ipc_add_text(&request, "device_url", device_url);
	ipc_add_text(&request, "token_url", "https://login.test/token");
	ipc_add_text(&request, "client_id", "our id");
	ipc_add_text(&request, "client_secret", "a&b=c");
	ipc_add_text(&request, "scope", "mail offline");
	account = oauth_account_make(&request, &err);
	if (account == NULL)
		assert_int_equal(err.code, ERR_SYNTAX);
	ipc_message_free(&request);
	return account;
}

static void test_names(void **state)
{
	(void)state;
	assert_true(oauth_account_is_name(STR("office-1.mail_x")));
	assert_false(oauth_account_is_name(STR("")));
	assert_false(oauth_account_is_name(STR("a/b")));
	assert_false(oauth_account_is_name(STR("a b")));
	assert_false(oauth_account_is_name(STR("0123456789012345678901234567890123456789012345678901234567890123")));
}

static void test_make(void **state)
{
	json_t *account = make("https://login.test/device", "tim@login.test");

	(void)state;
	assert_non_null(account);
	assert_string_equal(oauth_account_text(account, "state"), "pending");
	assert_string_equal(oauth_account_url(account, OAUTH_DEVICE), "https://login.test/device");
	assert_string_equal(oauth_account_url(account, OAUTH_RENEW), "https://login.test/token");
	json_decref(account);
	assert_null(make("http://login.test/device", "tim"));
	assert_null(make("https://login.test/device", ""));
	assert_null(make("https://login.test/device", "tim\r\nx"));
}

static void assert_form(const json_t *account, enum oauth_question question, const char *wanted)
{
	struct buf form;

	buf_init(&form, 4096);
	oauth_account_form(account, question, &form);
	assert_string_equal(buf_text(&form), wanted);
	buf_free(&form);
}

/* RFC 8628 3.1, 3.4; RFC 6749 section 6 and its appendix B. */
static void test_forms(void **state)
{
	json_t *account = make("https://login.test/device", "tim");

	(void)state;
	json_object_set_new(account, "device_code", json_string("d/1"));
	json_object_set_new(account, "refresh_token", json_string("r+1"));
	assert_form(account, OAUTH_DEVICE, "client_id=our%20id&scope=mail%20offline");
	assert_form(account, OAUTH_CONSENT,
	            "client_id=our%20id&client_secret=a%26b%3Dc&"
	            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant%2Dtype%3Adevice%5Fcode&device_code=d%2F1");
	assert_form(account, OAUTH_RENEW,
	            "client_id=our%20id&client_secret=a%26b%3Dc&grant_type=refresh%5Ftoken&refresh_token=r%2B1");
	json_decref(account);
}

static int take(json_t *account, const char *access, const char *refresh, int64_t life)
{
	struct ipc_message answer;
	struct err err;
	int result;

	ipc_message_init(&answer);
	ipc_reply_ok(&answer);
	if (access != NULL)
		ipc_add_text(&answer, "access_token", access);
	if (refresh != NULL)
		ipc_add_text(&answer, "refresh_token", refresh);
	if (life != 0)
		ipc_add_number(&answer, "expires_in", life);
	result = oauth_account_take(account, &answer, 1000, &err);
	ipc_message_free(&answer);
	return result;
}

static void test_take(void **state)
{
	json_t *account = make("https://login.test/device", "tim");

	(void)state;
	assert_int_equal(take(account, NULL, NULL, 60), -1);
	assert_int_equal(take(account, "a b", "r", 60), -1);
	assert_int_equal(take(account, "a\1b", "r", 60), -1);
	assert_int_equal(take(account, "a", NULL, 60), -1); /* no refresh token, and none from before */
	assert_string_equal(oauth_account_text(account, "state"), "pending");
	assert_int_equal(take(account, "a", "r", 60), 0);
	assert_string_equal(oauth_account_text(account, "state"), "granted");
	assert_int_equal(json_integer_value(json_object_get(account, "expires")), 1060);
	assert_int_equal(take(account, "b", NULL, 0), 0); /* the old refresh token stays */
	assert_string_equal(oauth_account_text(account, "refresh_token"), "r");
	assert_string_equal(oauth_account_text(account, "access_token"), "b");
	json_decref(account);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_make),
	    cmocka_unit_test(test_forms),
	    cmocka_unit_test(test_take),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
