/* authd/web_sessions, authd/web_tokens: texts that stand for users, their ends, and the limits. */
#include "authd/accounts.h"
#include "authd/web_tokens.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { IDLE_MS = 1000 };

static struct web_session *find(struct web_sessions *sessions, const char *text, int64_t now_ms)
{
	return web_sessions_find(sessions, str_of(text), IDLE_MS, now_ms);
}

static void a_session_is_found_until_it_is_idle(void **state)
{
	static struct web_sessions sessions;
	struct web_session *session;
	char text[WEB_TEXT_LEN + 1];

	(void)state;
	web_sessions_init(&sessions);
	session = web_sessions_add(&sessions, 7, 0);
	memcpy(text, session->text, sizeof text);
	assert_int_equal(strlen(text), WEB_TEXT_LEN);
	assert_string_not_equal(session->text, session->csrf);
	assert_int_equal(session->confirmed_ms, -1);
	assert_ptr_equal(find(&sessions, text, IDLE_MS - 1), session);
	web_sessions_touch(&sessions, session, IDLE_MS - 1);
	assert_ptr_equal(find(&sessions, text, 2 * IDLE_MS - 2), session);
	assert_null(find(&sessions, text, 2 * IDLE_MS - 1));
	assert_int_equal(sessions.count, 0);
	web_sessions_free(&sessions);
}

static void other_texts_are_none(void **state)
{
	static struct web_sessions sessions;
	struct web_session *session;
	char text[WEB_TEXT_LEN + 2];

	(void)state;
	web_sessions_init(&sessions);
	session = web_sessions_add(&sessions, 7, 0);
	snprintf(text, sizeof text, "%s", session->text);
	text[WEB_TEXT_LEN - 1] = text[WEB_TEXT_LEN - 1] == 'A' ? 'B' : 'A';
	assert_null(find(&sessions, text, 0));
	snprintf(text, sizeof text, "%sA", session->text);
	assert_null(find(&sessions, text, 0));
	text[WEB_TEXT_LEN - 1] = '\0';
	assert_null(find(&sessions, text, 0));
	assert_null(find(&sessions, "", 0));
	web_sessions_free(&sessions);
}

static void a_user_has_so_many_sessions_and_the_oldest_goes(void **state)
{
	static struct web_sessions sessions;
	struct web_session *session = NULL;
	char first[WEB_TEXT_LEN + 1], second[WEB_TEXT_LEN + 1], others[WEB_TEXT_LEN + 1];
	size_t count = 0;

	(void)state;
	web_sessions_init(&sessions);
	memcpy(first, web_sessions_add(&sessions, 7, 0)->text, sizeof first);
	memcpy(second, web_sessions_add(&sessions, 7, 0)->text, sizeof second);
	memcpy(others, web_sessions_add(&sessions, 8, 0)->text, sizeof others);
	for (int i = 2; i < WEB_SESSIONS_OF_USER; i++)
		web_sessions_add(&sessions, 7, 0);
	web_sessions_touch(&sessions, find(&sessions, first, 1), 1);
	web_sessions_add(&sessions, 7, 2);
	assert_non_null(find(&sessions, first, 2));
	assert_null(find(&sessions, second, 2));
	assert_non_null(find(&sessions, others, 2));
	while ((session = web_sessions_next(&sessions, 7, session)) != NULL)
		count++;
	assert_int_equal(count, WEB_SESSIONS_OF_USER);
	assert_int_equal(web_sessions_end_user(&sessions, 7, 0), WEB_SESSIONS_OF_USER);
	assert_int_equal(sessions.count, 1);
	web_sessions_free(&sessions);
}

static char folder[64], path[128];

static int make_folder(void **state)
{
	(void)state;
	str_copy(STR("/tmp/authd-web-XXXXXX"), folder, sizeof folder);
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/auth.db", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

static void tokens_are_of_a_kind_and_end(void **state)
{
	struct web_token token = {.uid = 7, .scope = WEB_SCOPE_ADMIN, .name = "backup"}, found, brief = {.uid = 7};
	char text[WEB_TOKEN_MAX], past[WEB_TOKEN_MAX];
	struct accounts accounts;
	struct err err;

	(void)state;
	assert_int_equal(accounts_open(&accounts, path, &err), 0);
	assert_int_equal(web_tokens_add(&accounts.db, WEB_TOKEN_API, &token, text, &err), 0);
	assert_true(web_token_is_api(str_of(text)));
	assert_int_equal(web_tokens_find(&accounts.db, WEB_TOKEN_API, str_of(text), &found, &err), 1);
	assert_int_equal(found.uid, 7);
	assert_int_equal(found.scope, WEB_SCOPE_ADMIN);
	assert_string_equal(found.name, "backup");
	assert_int_equal(web_tokens_find(&accounts.db, WEB_TOKEN_REMEMBER, str_of(text), &found, &err), 0);
	assert_int_equal(web_tokens_find(&accounts.db, WEB_TOKEN_API, str_skip(str_of(text), 1), &found, &err), 0);
	assert_int_equal(web_tokens_find(&accounts.db, WEB_TOKEN_API, STR(""), &found, &err), 0);
	assert_int_equal(web_tokens_delete(&accounts.db, WEB_TOKEN_API, 8, token.id, &err), 0);
	assert_int_equal(web_tokens_delete(&accounts.db, WEB_TOKEN_API, 7, token.id, &err), 1);
	assert_int_equal(web_tokens_find(&accounts.db, WEB_TOKEN_API, str_of(text), &found, &err), 0);
	brief.expires = time(NULL) - 1;
	assert_int_equal(web_tokens_add(&accounts.db, WEB_TOKEN_RESET, &brief, past, &err), 0);
	assert_int_equal(web_tokens_find(&accounts.db, WEB_TOKEN_RESET, str_of(past), &found, &err), 0);
	accounts_close(&accounts);
}

static void a_new_password_forgets_browsers_but_not_scripts(void **state)
{
	struct web_token browser = {.uid = 9}, script = {.uid = 9}, other = {.uid = 10}, found;
	char of_browser[WEB_TOKEN_MAX], of_script[WEB_TOKEN_MAX], of_other[WEB_TOKEN_MAX];
	struct accounts accounts;
	struct err err;

	(void)state;
	assert_int_equal(accounts_open(&accounts, path, &err), 0);
	assert_int_equal(web_tokens_add(&accounts.db, WEB_TOKEN_REMEMBER, &browser, of_browser, &err), 0);
	assert_int_equal(web_tokens_add(&accounts.db, WEB_TOKEN_API, &script, of_script, &err), 0);
	assert_int_equal(web_tokens_add(&accounts.db, WEB_TOKEN_REMEMBER, &other, of_other, &err), 0);
	assert_int_equal(web_tokens_forget(&accounts.db, 9, false, &err), 0);
	assert_int_equal(web_tokens_find(&accounts.db, WEB_TOKEN_REMEMBER, str_of(of_browser), &found, &err), 0);
	assert_int_equal(web_tokens_find(&accounts.db, WEB_TOKEN_API, str_of(of_script), &found, &err), 1);
	assert_int_equal(web_tokens_find(&accounts.db, WEB_TOKEN_REMEMBER, str_of(of_other), &found, &err), 1);
	assert_int_equal(accounts_delete(&accounts, 9, &err), 0);
	assert_int_equal(web_tokens_find(&accounts.db, WEB_TOKEN_API, str_of(of_script), &found, &err), 0);
	accounts_close(&accounts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_session_is_found_until_it_is_idle),
	    cmocka_unit_test(other_texts_are_none),
	    cmocka_unit_test(a_user_has_so_many_sessions_and_the_oldest_goes),
	    cmocka_unit_test(tokens_are_of_a_kind_and_end),
	    cmocka_unit_test(a_new_password_forgets_browsers_but_not_scripts),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("authd/web", tests, make_folder, remove_folder);
}
