#include "authd/authd.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/base/memory.h"

#include <stdio.h>

enum { COST_MIN = 1, COST_MAX = 11, HASH_LINE_MAX = 24 + HASH_TEXT_MAX + SCRAM_TEXT_MAX };

/* A new password on its way through the pool. */
struct new_password {
	struct authd *authd;
	struct ipc_incoming *incoming; /* NULL: nobody waits for it */
	int64_t uid;
	bool only_try; /* nothing is kept of it */
	bool of_web;   /* it is the one that the web has of its own */
	char user[NAMES_NAME_MAX];
	size_t password_len;
	char password[HASH_PASSWORD_MAX]; /* where challenge logins keep it */
};

static void answer_error(struct ipc_incoming *incoming, int code, const char *text)
{
	struct err err;

	err_set(&err, code, "%s", text);
	ipc_answer_error(incoming, &err);
}

static bool read_uid(struct ipc_incoming *incoming, int64_t *uid)
{
	if (ipc_get_number(&incoming->message, "uid", 0, INT64_MAX, uid))
		return true;
	answer_error(incoming, ERR_PROTOCOL, "uid is missing");
	return false;
}

/* What was right before is not right any more. */
static void forget_past(struct authd *authd, int64_t uid)
{
	authd->password_changes++;
	cache_drop(&authd->cache, uid);
	lockout_clear_all(&authd->lockout, uid, io_now_ms());
	web_forget(authd, uid);
}

static bool is_wanted(void *context)
{
	const struct new_password *change = context;

	return change->incoming == NULL || !ipc_caller_gone(change->incoming);
}

static int store_web(struct new_password *change, const struct hash_reply *reply, struct err *err)
{
	if (accounts_put_web(&change->authd->accounts, change->uid, reply->hash, err) != 0)
		return -1;
	forget_past(change->authd, change->uid);
	log_info("the web password of user=%s was set", change->user);
	return 0;
}

/* Store what was made. */
static int store(struct new_password *change, const struct hash_reply *reply, struct err *err)
{
	struct account account = {.uid = change->uid, .scram = reply->scram};
	int result;

	if (change->of_web)
		return store_web(change, reply, err);
	memcpy(account.hash, reply->hash, sizeof account.hash);
	result = challenges_drop(change->authd, change->uid, err) != 0
	             ? -1
	             : accounts_put(&change->authd->accounts, &account, err);
	memory_wipe(&account, sizeof account);
	if (result != 0)
		return -1;
	challenges_keep(change->authd, change->uid, str_from(change->password, change->password_len));
	forget_past(change->authd, change->uid);
	log_info("the password of user=%s was set", change->user);
	return 0;
}

static void free_change(struct new_password *change)
{
	memory_wipe(change, sizeof *change);
	memory_free(change);
}

static void hash_made(const struct hash_reply *reply, void *context)
{
	struct new_password *change = context;
	struct err err = {0};

	if (reply->result == HASH_UNWANTED)
		answer_error(change->incoming, ERR_DENIED, "the script passwordcheck.lua does not allow this password");
	else if (reply->result == HASH_REFUSED)
		answer_error(change->incoming, ERR_SYNTAX, "a password must be UTF-8 text without control characters");
	else if (reply->result != HASH_RIGHT)
		answer_error(change->incoming, ERR_TEMPORARY, "the password could not be hashed now");
	else if (!change->only_try && store(change, reply, &err) != 0)
		request_put_off(change->incoming, &err);
	else
		ipc_answer_ok(change->incoming);
	free_change(change);
}

static void hash_kept(const struct hash_reply *reply, void *context)
{
	struct new_password *change = context;
	struct err err;

	err_set(&err, ERR_TEMPORARY, "it is not allowed, or could not be hashed");
	if (reply->result != HASH_RIGHT || store(change, reply, &err) != 0)
		log_warning("the system password of user=%s was not kept: %s", change->user, err.text);
	free_change(change);
}

void password_keep(struct authd *authd, int64_t uid, const char *user, struct str password)
{
	struct hash_request request = {.kind = HASH_MAKE,
	                               .cost = (unsigned)settings_number(&authd->settings, SETTING_PASSWORD_COST),
	                               .password_len = (uint32_t)password.len};
	struct new_password *change = memory_get(sizeof *change);
	struct err err;

	*change = (struct new_password){.authd = authd, .uid = uid, .password_len = password.len};
	memcpy(change->password, password.data, password.len);
	memcpy(request.password, password.data, password.len);
	str_copy(str_of(user), change->user, sizeof change->user);
	str_copy(str_of(user), request.user, sizeof request.user);
	if (pool_submit(authd->pool, STR("system"), &request, is_wanted, hash_kept, change, &err) != 0) {
		log_warning("the system password of user=%s was not kept: %s", user, err.text);
		free_change(change);
	}
	memory_wipe(&request, sizeof request);
}

/* Have a password hashed, and stored where change does not say otherwise; what is incoming is answered then. */
static void make_hash(struct new_password *change, struct str password, unsigned cost)
{
	struct authd *authd = change->authd;
	struct hash_request request = {.kind = change->only_try ? HASH_TRY : HASH_MAKE, .cost = cost};
	struct err err;

	request.min_length = (uint32_t)settings_number(&authd->settings, SETTING_PASSWORD_MIN);
	request.password_len = (uint32_t)password.len;
	memcpy(request.password, password.data, password.len);
	change->password_len = password.len;
	memcpy(change->password, password.data, password.len);
	str_copy(str_of(change->user), request.user, sizeof request.user);
	request_forget(change->incoming);
	if (pool_submit(authd->pool, str_of(change->incoming->caller), &request, is_wanted, hash_made, change, &err) != 0) {
		request_put_off(change->incoming, &err);
		free_change(change);
	}
	memory_wipe(&request, sizeof request);
}

bool password_read(struct ipc_incoming *incoming, struct str *password_out)
{
	*password_out = ipc_get(&incoming->message, "password");
	if (password_out->len > 0 && password_out->len <= HASH_PASSWORD_MAX)
		return true;
	answer_error(incoming, ERR_LIMIT, "a password has 1 to 256 octets");
	return false;
}

bool password_read_new(struct authd *authd, struct ipc_incoming *incoming, struct str *password_out)
{
	if (!password_read(incoming, password_out))
		return false;
	if (str_utf8_length(*password_out) >= (size_t)settings_number(&authd->settings, SETTING_PASSWORD_MIN))
		return true;
	answer_error(incoming, ERR_SYNTAX, "the password is too short");
	return false;
}

void password_set(struct authd *authd, struct ipc_incoming *incoming)
{
	bool only_try = ipc_is(&incoming->message, "password-try");
	int64_t cost = settings_number(&authd->settings, SETTING_PASSWORD_COST), uid = 0;
	struct new_password *change;
	struct str password;

	if ((!only_try && !read_uid(incoming, &uid)) || !password_read(incoming, &password))
		return;
	if (ipc_get(&incoming->message, "cost").data != NULL &&
	    !ipc_get_number(&incoming->message, "cost", COST_MIN, COST_MAX, &cost)) {
		answer_error(incoming, ERR_SYNTAX, "the cost of a hash is 1 to 11");
		return;
	}
	change = memory_get(sizeof *change);
	*change = (struct new_password){.authd = authd,
	                                .incoming = incoming,
	                                .uid = uid,
	                                .only_try = only_try,
	                                .of_web = str_equal(ipc_get(&incoming->message, "web"), STR("1"))};
	ipc_get_text(&incoming->message, "user", change->user, sizeof change->user);
	make_hash(change, password, (unsigned)cost);
}

void password_replace(struct authd *authd, struct ipc_incoming *incoming, const struct login_name *login)
{
	struct new_password *change;
	struct str password;

	if (!password_read_new(authd, incoming, &password))
		return;
	change = memory_get(sizeof *change);
	*change =
	    (struct new_password){.authd = authd, .incoming = incoming, .uid = login->uid, .of_web = login->web_apart};
	str_copy(str_of(login->name), change->user, sizeof change->user);
	make_hash(change, password, (unsigned)settings_number(&authd->settings, SETTING_PASSWORD_COST));
}

/* Accounts go by uid and names by the settings, so that only what is remembered of the old name is to be dropped. */
void password_user_rename(struct authd *authd, struct ipc_incoming *incoming)
{
	int64_t uid;

	if (!read_uid(incoming, &uid))
		return;
	cache_drop(&authd->cache, uid);
	ipc_answer_ok(incoming);
}

void password_user_delete(struct authd *authd, struct ipc_incoming *incoming)
{
	struct err err;
	int64_t uid;

	if (!read_uid(incoming, &uid))
		return;
	if (challenges_drop(authd, uid, &err) != 0 || accounts_delete(&authd->accounts, uid, &err) != 0 ||
	    shares_forget(&authd->shares, uid, &err) != 0) {
		request_put_off(incoming, &err);
		return;
	}
	forget_past(authd, uid);
	log_info("the password of uid=%lld was deleted", (long long)uid);
	ipc_answer_ok(incoming);
}

static void dump_account(const struct account *account, void *context)
{
	char line[HASH_LINE_MAX], scram[SCRAM_TEXT_MAX];

	scram_format(&account->scram, scram);
	snprintf(line, sizeof line, "%lld:%s:%s", (long long)account->uid, account->hash, scram);
	ipc_add_text(context, "hash", line);
}

void password_dump(struct authd *authd, struct ipc_incoming *incoming)
{
	struct ipc_message reply;
	struct err err;

	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	if (!str_equal(ipc_get(&incoming->message, "passwords"), STR("1"))) {
		ipc_answer(incoming, &reply);
	} else if (accounts_each(&authd->accounts, dump_account, &reply, &err) == 0) {
		log_info("the password hashes were exported");
		ipc_answer(incoming, &reply);
	} else {
		request_put_off(incoming, &err);
	}
	if (reply.fields.data != NULL)
		memory_wipe(reply.fields.data, reply.fields.len);
	ipc_message_free(&reply);
}

/* "uid:yescrypt:scram" */
static int parse_line(struct str line, struct account *account, struct err *err)
{
	struct str uid = str_cut(&line, ':');
	struct str hash = str_cut(&line, ':');
	uint64_t number;

	*account = (struct account){0};
	if (!str_to_u64(uid, INT64_MAX, &number) || !str_starts(hash, STR("$y$")) ||
	    !str_copy(hash, account->hash, sizeof account->hash))
		return err_set(err, ERR_SYNTAX, "a line of password hashes reads uid:$y$...:SCRAM-SHA-256$...");
	account->uid = (int64_t)number;
	return scram_parse(line, &account->scram, err);
}

static int restore_all(struct authd *authd, const struct ipc_message *request, struct err *err)
{
	struct account account;
	struct str key, value;
	size_t position = 0;

	if (str_equal(ipc_get(request, "check"), STR("1")))
		return parse_line(ipc_get(request, "hash"), &account, err);
	if (db_begin(&authd->accounts.db, err) != 0)
		return -1;
	while (ipc_next(request, &position, &key, &value)) {
		if (!str_equal(key, STR("hash")))
			continue;
		if (parse_line(value, &account, err) != 0 || challenges_drop(authd, account.uid, err) != 0 ||
		    accounts_put(&authd->accounts, &account, err) != 0) {
			db_rollback(&authd->accounts.db);
			return -1;
		}
		forget_past(authd, account.uid);
	}
	return db_commit(&authd->accounts.db, err);
}

void password_restore(struct authd *authd, struct ipc_incoming *incoming)
{
	struct err err;

	if (restore_all(authd, &incoming->message, &err) == 0) {
		if (ipc_get(&incoming->message, "check").data == NULL)
			log_info("password hashes were imported");
		ipc_answer_ok(incoming);
	} else if (err.code == ERR_SYNTAX) {
		ipc_answer_error(incoming, &err);
	} else {
		request_put_off(incoming, &err);
	}
}
