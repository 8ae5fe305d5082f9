/* What authd keeps on disk: accounts, encrypted secrets, who shares with whom; and the hashing of passwords. */
#include "authd/accounts.h"
#include "authd/secrets.h"
#include "authd/shares.h"
#include "common/base/io.h"
#include "common/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64], auth_path[96], secrets_path[96], key_path[96];

static int make_folder(void **state)
{
	char key[SECRETS_KEY_LEN];

	(void)state;
	str_copy(STR("/tmp/authd-files-XXXXXX"), folder, sizeof folder);
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(auth_path, sizeof auth_path, "%s/auth.db", folder);
	snprintf(secrets_path, sizeof secrets_path, "%s/secrets.db", folder);
	snprintf(key_path, sizeof key_path, "%s/secrets.key", folder);
	io_random(key, sizeof key);
	return io_replace_file(key_path, str_from(key, sizeof key), 0400, NULL);
}

static int remove_folder(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof command, "rm -rf %s", folder);
	return system(command);
}

static void hash(const char *password, struct hash_reply *reply)
{
	struct hash_request request = {.kind = HASH_MAKE, .cost = 1, .password_len = (uint32_t)strlen(password)};

	memcpy(request.password, password, strlen(password));
	hash_run(&request, reply);
	assert_int_equal(request.password[0], '\0');
}

static enum hash_result check(struct str password, const char *text)
{
	struct hash_request request = {.kind = HASH_CHECK, .password_len = (uint32_t)password.len};
	struct hash_reply reply;

	memcpy(request.password, password.data, password.len);
	str_copy(str_of(text), request.hash, sizeof request.hash);
	hash_run(&request, &reply);
	return reply.result;
}

static void test_hash(void **state)
{
	char dummy[HASH_TEXT_MAX];
	struct hash_reply reply;

	(void)state;
	hash("geheim", &reply);
	assert_int_equal(reply.result, HASH_RIGHT);
	assert_int_equal(strncmp(reply.hash, "$y$", 3), 0);
	assert_int_equal(check(STR("geheim"), reply.hash), HASH_RIGHT);
	assert_int_equal(check(STR("Geheim"), reply.hash), HASH_WRONG);
	assert_int_equal(check(STR(""), reply.hash), HASH_WRONG);
	assert_int_equal(check(STR("geheim\0x"), reply.hash), HASH_WRONG);
	assert_int_equal(check(STR("geheim"), "$y$!"), HASH_FAILED);
	assert_int_equal(hash_dummy(1, dummy, NULL), 0);
	assert_int_equal(check(STR("geheim"), dummy), HASH_WRONG);
}

/* RFC 4013 section 3 */
static void test_saslprep(void **state)
{
	struct hash_reply reply;

	(void)state;
	hash("IX", &reply);
	assert_int_equal(check(STR("I\xc2\xadX"), reply.hash), HASH_RIGHT);   /* U+00AD maps to nothing */
	assert_int_equal(check(STR("\xe2\x85\xa8"), reply.hash), HASH_RIGHT); /* U+2168 is NFKC "IX" */
	assert_int_equal(check(STR("ix"), reply.hash), HASH_WRONG);
	hash("\x07", &reply);
	assert_int_equal(reply.result, HASH_REFUSED); /* a control character */
	hash("\xff", &reply);
	assert_int_equal(reply.result, HASH_REFUSED); /* not UTF-8 */
	hash("\xc2\xad", &reply);
	assert_int_equal(reply.result, HASH_REFUSED); /* nothing is left */
}

static void count(const struct account *account, void *context)
{
	*(int64_t *)context += account->uid;
}

static void test_accounts(void **state)
{
	struct accounts accounts;
	struct account account = {.uid = 7}, again;
	struct hash_reply reply;
	unsigned char secret[ACCOUNTS_SECRET_LEN];
	int64_t sum = 0;

	(void)state;
	assert_int_equal(accounts_open(&accounts, auth_path, NULL), 0);
	memcpy(secret, accounts.secret, sizeof secret);
	assert_int_equal(accounts_get(&accounts, 7, &again, NULL), 0);
	hash("geheim", &reply);
	memcpy(account.hash, reply.hash, sizeof account.hash);
	account.scram = reply.scram;
	assert_int_equal(accounts_put(&accounts, &account, NULL), 0);
	accounts_close(&accounts);

	assert_int_equal(accounts_open(&accounts, auth_path, NULL), 0);
	assert_memory_equal(secret, accounts.secret, sizeof secret);
	assert_int_equal(accounts_get(&accounts, 7, &again, NULL), 1);
	assert_string_equal(again.hash, account.hash);
	assert_memory_equal(again.scram.stored, account.scram.stored, SCRAM_KEY_LEN);
	assert_int_equal(accounts_put(&accounts, &account, NULL), 0);
	assert_int_equal(accounts_get(&accounts, 7, &again, NULL), 1);
	account.uid = 8;
	accounts_put(&accounts, &account, NULL);
	assert_int_equal(accounts_each(&accounts, count, &sum, NULL), 0);
	assert_int_equal(sum, 15);
	assert_int_equal(accounts_delete(&accounts, 7, NULL), 0);
	assert_int_equal(accounts_get(&accounts, 7, &again, NULL), 0);
	accounts_close(&accounts);
}

static void test_accounts_damaged(void **state)
{
	struct accounts accounts;
	struct err err = {0};
	char path[128];

	(void)state;
	snprintf(path, sizeof path, "%s/damaged.db", folder);
	assert_int_equal(io_replace_file(path, STR("this is no database, this is no database"), 0600, NULL), 0);
	assert_int_equal(accounts_open(&accounts, path, &err), -1);
	assert_non_null(strstr(err.text, path));
}

static bool file_holds(const char *path, const char *text)
{
	struct buf content;
	bool found;

	buf_init(&content, 1 << 20);
	if (access(path, F_OK) != 0)
		return false;
	assert_int_equal(io_read_file(path, &content, NULL), 0);
	found = str_find(buf_str(&content), str_of(text)) >= 0;
	buf_free(&content);
	return found;
}

static void test_secrets(void **state)
{
	struct secrets secrets;
	struct buf value;
	struct err err;
	char wal[128], key[SECRETS_KEY_LEN] = "another key";

	(void)state;
	buf_init(&value, SECRETS_VALUE_MAX);
	assert_int_equal(secrets_open(&secrets, secrets_path, key_path, NULL), 0);
	assert_int_equal(secrets_set(&secrets, STR("sender/1"), STR("provider-password"), NULL), 0);
	assert_int_equal(secrets_set(&secrets, STR("sender/2"), STR(""), NULL), 0);
	assert_int_equal(secrets_get(&secrets, STR("sender/1"), &value, NULL), 0);
	assert_true(str_equal(buf_str(&value), STR("provider-password")));
	snprintf(wal, sizeof wal, "%s-wal", secrets_path);
	assert_false(file_holds(secrets_path, "provider-password") || file_holds(wal, "provider-password"));
	buf_reset(&value);
	assert_int_equal(secrets_get(&secrets, STR("sender/2"), &value, NULL), 0);
	assert_int_equal(value.len, 0);
	assert_int_equal(secrets_get(&secrets, STR("sender/3"), &value, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);

	/* a row passed off as another's */
	assert_int_equal(db_exec(&secrets.db,
	                         "UPDATE secret SET sealed = (SELECT sealed FROM secret WHERE name = 'sender/1')"
	                         " WHERE name = 'sender/2'",
	                         NULL),
	                 0);
	assert_int_equal(secrets_get(&secrets, STR("sender/2"), &value, &err), -1);
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_int_equal(secrets_set(&secrets, STR(""), STR("x"), &err), -1);
	assert_int_equal(secrets_delete(&secrets, STR("sender/2"), NULL), 0);
	secrets_close(&secrets);

	assert_int_equal(io_replace_file(key_path, str_from(key, sizeof key), 0400, NULL), 0);
	assert_int_equal(secrets_open(&secrets, secrets_path, key_path, NULL), 0);
	assert_int_equal(secrets_get(&secrets, STR("sender/1"), &value, &err), -1);
	assert_int_equal(err.code, ERR_CORRUPT);
	secrets_close(&secrets);
	assert_int_equal(io_replace_file(key_path, STR("short"), 0400, NULL), 0);
	assert_int_equal(secrets_open(&secrets, secrets_path, key_path, &err), -1);
	assert_non_null(strstr(err.text, key_path));
	buf_free(&value);
}

static void add_up(int64_t owner, void *context)
{
	*(int64_t *)context = *(int64_t *)context * 10 + owner;
}

static int64_t owners(struct shares *shares, const struct shares_person *person)
{
	int64_t digits = 0;

	assert_int_equal(shares_each_owner(shares, person, add_up, &digits, NULL), 0);
	return digits;
}

static void test_shares(void **state)
{
	const int64_t groups[] = {3, 4};
	const struct shares_person guest = {.uid = 12}, member = {.uid = 2, .groups = groups, .group_count = 2};
	const struct str annas[] = {STR("user 12"), STR("group 4")}, open[] = {STR("anyone")}, wrong[] = {STR("user x")};
	struct shares shares;
	char path[128];

	(void)state;
	snprintf(path, sizeof path, "%s/shares.db", folder);
	assert_int_equal(shares_open(&shares, path, NULL), 0);
	assert_int_equal(shares_set(&shares, 1, annas, 2, NULL), 0);
	assert_int_equal(shares_set(&shares, 2, open, 1, NULL), 0);
	assert_int_equal(shares_reach(&shares, 1, &guest, NULL), 1);
	assert_int_equal(shares_reach(&shares, 3, &guest, NULL), 0);
	assert_int_equal(owners(&shares, &guest), 21); /* anyone, then by name */
	assert_int_equal(owners(&shares, &member), 1); /* not himself */
	assert_int_equal(shares_set(&shares, 1, wrong, 1, NULL), -1);
	assert_int_equal(shares_reach(&shares, 1, &member, NULL), 1); /* nothing was changed */
	assert_int_equal(shares_set(&shares, 1, NULL, 0, NULL), 0);
	assert_int_equal(shares_reach(&shares, 1, &member, NULL), 0);
	shares_close(&shares);
	assert_int_equal(shares_open(&shares, path, NULL), 0);
	assert_int_equal(shares_reach(&shares, 2, &guest, NULL), 1);
	assert_int_equal(shares_forget(&shares, 2, NULL), 0);
	assert_int_equal(shares_reach(&shares, 2, &guest, NULL), 0);
	shares_close(&shares);
	assert_true(shares_grantee_valid(STR("group 1")));
	assert_false(shares_grantee_valid(STR("group 0")));
	assert_false(shares_grantee_valid(STR("user")));
	assert_false(shares_grantee_valid(STR("anyone 1")));
	assert_false(shares_grantee_valid(STR("")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_hash),    cmocka_unit_test(test_saslprep),         cmocka_unit_test(test_accounts),
	    cmocka_unit_test(test_secrets), cmocka_unit_test(test_accounts_damaged), cmocka_unit_test(test_shares),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("authd/files", tests, make_folder, remove_folder);
}
