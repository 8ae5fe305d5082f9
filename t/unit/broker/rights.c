/* broker/rights: each row of the table, asked for by each kind of person; and that what is not in it nobody may. */
#include "broker/rights.h"

#include "broker/guarded.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct rights_caller user = {.uid = 7, .administrator = false, .confirmed = 0};
static const struct rights_caller administrator = {.uid = 1, .administrator = true, .confirmed = -1};
static const struct rights_caller confirmed = {.uid = 1, .administrator = true, .confirmed = RIGHTS_CONFIRMED_S};
static const struct rights_caller too_late = {.uid = 1, .administrator = true, .confirmed = RIGHTS_CONFIRMED_S + 1};

static const struct rights_caller shut = {.uid = 1, .administrator = true, .confirmed = 0, .shut = true};

static enum rights_verdict judge(const struct right *right, const struct rights_caller *caller, bool own,
                                 const char *key, const char *value)
{
	struct ipc_message message;
	enum rights_verdict verdict;

	ipc_message_init(&message);
	ipc_request(&message, "ask");
	if (key != NULL)
		ipc_add_text(&message, key, value);
	verdict = rights_judge(right, caller, own, &message, 0);
	ipc_message_free(&message);
	return verdict;
}

static void each_row_for_each_kind_of_person(void **state)
{
	size_t rows = 0;

	(void)state;
	for (const struct right *right = rights; right->callee != NULL; right++, rows++) {
		bool of_users = right->kind == RIGHT_OWN || right->kind == RIGHT_OWN_OR_ADMIN;
		bool takes_password = right->kind == RIGHT_CONFIRMED;
		enum rights_verdict plain = right->kind == RIGHT_OWN     ? RIGHTS_OWN
		                            : right->kind == RIGHT_STEPS ? RIGHTS_NOBODY /* without a step */
		                                                         : RIGHTS_ALL;

		assert_int_equal(judge(right, &user, false, NULL, NULL), of_users ? RIGHTS_OWN : RIGHTS_ADMIN);
		assert_int_equal(judge(right, &user, false, "user", "somebody-else"), of_users ? RIGHTS_OWN : RIGHTS_ADMIN);
		assert_int_equal(judge(right, &user, true, NULL, NULL), of_users ? RIGHTS_OWN : RIGHTS_ADMIN);
		assert_int_equal(judge(right, &administrator, true, NULL, NULL), of_users ? RIGHTS_OWN : RIGHTS_ADMIN);
		assert_int_equal(judge(right, &administrator, false, NULL, NULL), takes_password ? RIGHTS_CONFIRM : plain);
		assert_int_equal(judge(right, &too_late, false, NULL, NULL), takes_password ? RIGHTS_CONFIRM : plain);
		assert_int_equal(judge(right, &confirmed, false, NULL, NULL), plain);
	}
	assert_true(rows > 100);
}

static void rows_are_there_once_and_say_whose(void **state)
{
	(void)state;
	for (const struct right *right = rights; right->callee != NULL; right++) {
		assert_ptr_equal(rights_find(str_of(right->callee), str_of(right->request)), right);
		if (right->kind == RIGHT_OWN || right->kind == RIGHT_OWN_OR_ADMIN)
			assert_true(strcmp(right->own, "user") == 0 || strcmp(right->own, "uid") == 0);
		else
			assert_null(right->own);
	}
}

static void what_is_not_there_nobody_may(void **state)
{
	(void)state;
	assert_null(rights_find(STR("authd"), STR("dump")));
	assert_null(rights_find(STR("authd"), STR("password-set")));
	assert_null(rights_find(STR("authd"), STR("share-set")));
	assert_null(rights_find(STR("configd"), STR("")));
	assert_null(rights_find(STR(""), STR("set")));
	assert_null(rights_find(STR("queue-manager"), STR("set")));
	assert_null(rights_find(STR("configd"), STR("SET")));
	assert_null(rights_find(STR("brokerd"), STR("ask")));
}

/* Each step of several as its own row says, with its own fields. */
static void steps_are_judged_each(void **state)
{
	static const struct {
		const char *steps[4]; /* a step, or "=key" of a field with the value 1 */
		const struct rights_caller *caller;
		enum rights_verdict verdict;
	} cases[] = {
	    {{"domain-add", "item-add"}, &administrator, RIGHTS_ALL},
	    {{"domain-add", "item-add"}, &user, RIGHTS_ADMIN},
	    {{"item-add"}, &user, RIGHTS_ADMIN},
	    {{"domain-add", "user-delete"}, &administrator, RIGHTS_CONFIRM},
	    {{"user-delete", "domain-add"}, &too_late, RIGHTS_CONFIRM},
	    {{"user-delete", "domain-add"}, &confirmed, RIGHTS_ALL},
	    {{"domain-add", "user-add", "=administrator"}, &administrator, RIGHTS_CONFIRM},
	    {{"domain-add", "user-add", "=name"}, &administrator, RIGHTS_ALL},
	    {{"domain-add", "own-set"}, &confirmed, RIGHTS_NOBODY},
	    {{"together", "domain-add"}, &confirmed, RIGHTS_NOBODY},
	    {{"domain-add", "list-join"}, &confirmed, RIGHTS_NOBODY},
	    {{"=name"}, &confirmed, RIGHTS_NOBODY},
	};
	const struct right *right = rights_find(STR("configd"), STR("together"));

	(void)state;
	assert_non_null(right);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct ipc_message message;

		ipc_message_init(&message);
		ipc_request(&message, "ask");
		for (size_t j = 0; j < 4 && cases[i].steps[j] != NULL; j++)
			if (cases[i].steps[j][0] == '=')
				ipc_add_text(&message, cases[i].steps[j] + 1, "1");
			else
				ipc_add_text(&message, "step", cases[i].steps[j]);
		assert_int_equal(rights_judge(right, cases[i].caller, false, &message, 0), cases[i].verdict);
		ipc_message_free(&message);
	}
}

/* Passwords, administrators, the end of users: the password again. */
static void what_matters_most_takes_the_password(void **state)
{
	static const struct {
		const char *request, *key, *value;
	} serious[] =
	    {
	        {"user-password", NULL, NULL},
	        {"user-delete", NULL, NULL},
	        {"user-import", NULL, NULL},
	        {"import", NULL, NULL},
	        {"user-add", "administrator", "1"},
	        {"attribute-set", "key", "administrator"},
	        {"attribute-set", "key", "Administrator"},
	        {"attribute-set", "unset", "administrator"},
	        {"attribute-unset", "key", "administrator"},
	        {"export", "passwords", "1"},
	        {"user-export", "passwords", "1"},
	    },
	  harmless[] = {
	      {"user-add", "administrator", "0"},  {"user-add", "name", "administrator"},
	      {"attribute-set", "key", "comment"}, {"attribute-set", "value", "administrator"},
	      {"export", "passwords", "0"},
	  };

	(void)state;
	for (size_t i = 0; i < sizeof serious / sizeof serious[0]; i++) {
		const struct right *right = rights_find(STR("configd"), str_of(serious[i].request));

		assert_int_equal(judge(right, &administrator, false, serious[i].key, serious[i].value), RIGHTS_CONFIRM);
		assert_int_equal(judge(right, &confirmed, false, serious[i].key, serious[i].value), RIGHTS_ALL);
		assert_int_equal(judge(right, &user, false, serious[i].key, serious[i].value), RIGHTS_ADMIN);
	}
	for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++)
		assert_int_equal(judge(rights_find(STR("configd"), str_of(harmless[i].request)), &administrator, false,
		                       harmless[i].key, harmless[i].value),
		                 RIGHTS_ALL);
}

/* Message Security: what shows others' mail or leads it elsewhere. */
static void others_mail_takes_a_password_of_its_own(void **state)
{
	static const struct {
		const char *callee, *request, *key, *value;
		bool is_guarded;
	} cases[] = {
	    {"queue-manager", "show", "id", "x", true},
	    {"queue-manager", "list", NULL, NULL, false},
	    {"configd", "mapping-set", NULL, NULL, true},
	    {"configd", "mapping-list", NULL, NULL, false},
	    {"configd", "attribute-set", "key", "forward", true},
	    {"configd", "attribute-set", "key", "Assistant.Redirect", true},
	    {"configd", "attribute-set", "key", "change.forwards", false},
	    {"configd", "attribute-set", "value", "forward", false},
	    {"configd", "item-add", "kind", "message-rule", true},
	    {"configd", "item-add", "kind", "prune-rule", false},
	    {"configd", "set", "key", "monitor.target", true},
	    {"configd", "set", "key", "smtp.log", true},
	    {"configd", "set", "key", "log.keep", false},
	    {"historyd", "log", "name", "smtpsvr", true},
	    {"historyd", "log", "name", "security", false},
	    {"configd", "user-password", NULL, NULL, true},
	    {"authd", "message-security-off", NULL, NULL, true},
	    {"authd", "message-security", NULL, NULL, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct right *right = rights_find(str_of(cases[i].callee), str_of(cases[i].request));

		assert_non_null(right);
		assert_int_equal(judge(right, &shut, false, cases[i].key, cases[i].value),
		                 cases[i].is_guarded ? RIGHTS_SHUT : RIGHTS_ALL);
		assert_int_equal(judge(right, &user, false, cases[i].key, cases[i].value),
		                 right->kind == RIGHT_OWN_OR_ADMIN ? RIGHTS_OWN : RIGHTS_ADMIN);
	}
	for (const struct guarded *row = guarded; row->callee != NULL; row++)
		assert_non_null(rights_find(str_of(row->callee), str_of(row->request)));
}

/* Of several fields of a name the last may be the one that matters. */
static void all_fields_are_looked_at(void **state)
{
	const struct right *right = rights_find(STR("configd"), STR("attribute-set"));
	struct ipc_message message;
	size_t position = 0;
	struct str key, value;

	(void)state;
	ipc_message_init(&message);
	ipc_request(&message, "ask");
	ipc_add_text(&message, "key", "administrator"); /* not a field of the request: before it */
	ipc_add_text(&message, "request", "attribute-set");
	while (ipc_next(&message, &position, &key, &value) && !str_equal(key, STR("request")))
		;
	ipc_add_text(&message, "key", "comment");
	ipc_add_text(&message, "value", "x");
	assert_int_equal(rights_judge(right, &administrator, false, &message, position), RIGHTS_ALL);
	ipc_add_text(&message, "key", "administrator");
	assert_int_equal(rights_judge(right, &administrator, false, &message, position), RIGHTS_CONFIRM);
	ipc_message_free(&message);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_row_for_each_kind_of_person),
	    cmocka_unit_test(rows_are_there_once_and_say_whose),
	    cmocka_unit_test(what_is_not_there_nobody_may),
	    cmocka_unit_test(what_matters_most_takes_the_password),
	    cmocka_unit_test(all_fields_are_looked_at),
	    cmocka_unit_test(steps_are_judged_each),
	    cmocka_unit_test(others_mail_takes_a_password_of_its_own),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
