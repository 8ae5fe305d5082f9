#include "authd/accounts.h"

#include "authd/web_tokens.h"

#include "common/base/io.h"
#include "common/base/memory.h"
#include "common/db/query.h"

#include <time.h>

enum { BUSY_MS = 2000 };

/* locked_until is of an earlier version: locks are in memory now. */
static const char *const schema[] = {
    "CREATE TABLE account(uid INTEGER PRIMARY KEY, hash TEXT NOT NULL, scram TEXT NOT NULL, changed INTEGER NOT NULL,"
    " locked_until INTEGER NOT NULL DEFAULT 0);"
    "CREATE TABLE secret(name TEXT PRIMARY KEY, value BLOB NOT NULL);",
    "CREATE TABLE web_account(uid INTEGER PRIMARY KEY, hash TEXT NOT NULL, changed INTEGER NOT NULL);",
    web_tokens_schema,
};

/* The secret is as old as the database: a new one would give new salts to the names that do not exist, and to them
 * alone. */
static int load_secret(struct accounts *accounts, struct err *err)
{
	struct db_statement statement;
	struct str value;
	int result;

	if (db_prepare(&accounts->db, &statement, "SELECT value FROM secret WHERE name = 'salt'", err) != 0)
		return -1;
	result = db_step(&statement, err);
	if (result == 1) {
		value = db_text(&statement, 0);
		if (value.len == sizeof accounts->secret)
			memcpy(accounts->secret, value.data, sizeof accounts->secret);
		else
			result = err_set(err, ERR_CORRUPT, "%s: the secret has a wrong length", accounts->db.path);
	}
	db_finalize(&statement);
	if (result != 0)
		return result == 1 ? 0 : -1;
	io_random(accounts->secret, sizeof accounts->secret);
	if (db_prepare(&accounts->db, &statement, "INSERT INTO secret VALUES('salt', ?1)", err) != 0)
		return -1;
	db_bind_blob(&statement, 1, str_from((const char *)accounts->secret, sizeof accounts->secret));
	result = db_run(&statement, err);
	db_finalize(&statement);
	return result;
}

int accounts_open(struct accounts *accounts, const char *path, struct err *err)
{
	*accounts = (struct accounts){0};
	if (db_open(&accounts->db, path, DB_CREATE, BUSY_MS, err) != 0)
		return -1;
	if (db_migrate(&accounts->db, schema, sizeof schema / sizeof schema[0], err) == 0 &&
	    db_prepare(&accounts->db, &accounts->get, "SELECT uid, hash, scram FROM account WHERE uid = ?1", err) == 0 &&
	    db_prepare(&accounts->db, &accounts->put,
	               "INSERT INTO account(uid, hash, scram, changed) VALUES(?1, ?2, ?3, ?4) ON CONFLICT(uid) "
	               "DO UPDATE SET hash = ?2, scram = ?3, changed = ?4",
	               err) == 0 &&
	    load_secret(accounts, err) == 0)
		return 0;
	accounts_close(accounts);
	return -1;
}

void accounts_close(struct accounts *accounts)
{
	db_finalize(&accounts->get);
	db_finalize(&accounts->put);
	db_close(&accounts->db);
	memory_wipe(accounts->secret, sizeof accounts->secret);
}

static int read_row(const struct accounts *accounts, const struct db_statement *row, struct account *account,
                    struct err *err)
{
	account->uid = db_number(row, 0);
	if (!str_copy(db_text(row, 1), account->hash, sizeof account->hash) ||
	    scram_parse(db_text(row, 2), &account->scram, NULL) != 0)
		return err_set(err, ERR_CORRUPT, "%s: the row of account %lld is damaged", accounts->db.path,
		               (long long)account->uid);
	return 0;
}

int accounts_get(struct accounts *accounts, int64_t uid, struct account *account_out, struct err *err)
{
	int result;

	db_bind_number(&accounts->get, 1, uid);
	result = db_step(&accounts->get, err);
	if (result == 1 && read_row(accounts, &accounts->get, account_out, err) != 0)
		result = -1;
	db_reset(&accounts->get);
	return result;
}

int accounts_put(struct accounts *accounts, const struct account *account, struct err *err)
{
	char scram[SCRAM_TEXT_MAX];

	scram_format(&account->scram, scram);
	db_bind_number(&accounts->put, 1, account->uid);
	db_bind_text(&accounts->put, 2, str_of(account->hash));
	db_bind_text(&accounts->put, 3, str_of(scram));
	db_bind_number(&accounts->put, 4, time(NULL));
	return db_run(&accounts->put, err);
}

int accounts_get_web(struct accounts *accounts, int64_t uid, char hash_out[HASH_TEXT_MAX], struct err *err)
{
	struct db_statement statement;
	int row;

	if (db_query(&accounts->db, &statement, err, "SELECT hash FROM web_account WHERE uid = ?", "n", uid) != 0)
		return -1;
	row = db_step(&statement, err);
	if (row == 1 && !str_copy(db_text(&statement, 0), hash_out, HASH_TEXT_MAX))
		row = err_set(err, ERR_CORRUPT, "%s: the web password of %lld is damaged", accounts->db.path, (long long)uid);
	db_finalize(&statement);
	return row;
}

int accounts_put_web(struct accounts *accounts, int64_t uid, const char *hash, struct err *err)
{
	return db_query_run(&accounts->db, err, "INSERT OR REPLACE INTO web_account VALUES(?, ?, ?)", "ntn", uid,
	                    str_of(hash), (int64_t)time(NULL));
}

int accounts_get_guard(struct accounts *accounts, char hash_out[HASH_TEXT_MAX], struct err *err)
{
	struct db_statement statement;
	int row;

	hash_out[0] = '\0';
	if (db_query(&accounts->db, &statement, err, "SELECT value FROM secret WHERE name = 'message-security'", "") != 0)
		return -1;
	row = db_step(&statement, err);
	if (row == 1 && !str_copy(db_text(&statement, 0), hash_out, HASH_TEXT_MAX))
		row = err_set(err, ERR_CORRUPT, "%s: the password of Message Security is damaged", accounts->db.path);
	db_finalize(&statement);
	return row;
}

int accounts_put_guard(struct accounts *accounts, const char *hash, struct err *err)
{
	if (hash[0] == '\0')
		return db_query_run(&accounts->db, err, "DELETE FROM secret WHERE name = 'message-security'", "");
	return db_query_run(&accounts->db, err, "INSERT OR REPLACE INTO secret VALUES('message-security', ?)", "t",
	                    str_of(hash));
}

int accounts_delete(struct accounts *accounts, int64_t uid, struct err *err)
{
	if (db_begin(&accounts->db, err) != 0)
		return -1;
	if (db_query_run(&accounts->db, err, "DELETE FROM account WHERE uid = ?", "n", uid) != 0 ||
	    db_query_run(&accounts->db, err, "DELETE FROM web_account WHERE uid = ?", "n", uid) != 0 ||
	    web_tokens_forget(&accounts->db, uid, true, err) != 0) {
		db_rollback(&accounts->db);
		return -1;
	}
	return db_commit(&accounts->db, err);
}

int accounts_each(struct accounts *accounts, void (*visit)(const struct account *account, void *context), void *context,
                  struct err *err)
{
	struct db_statement statement;
	struct account account;
	int result;

	if (db_prepare(&accounts->db, &statement, "SELECT uid, hash, scram FROM account ORDER BY uid", err) != 0)
		return -1;
	while ((result = db_step(&statement, err)) == 1) {
		if (read_row(accounts, &statement, &account, err) != 0) {
			result = -1;
			break;
		}
		visit(&account, context);
	}
	db_finalize(&statement);
	return result;
}
