#include "authd/web_tokens.h"

#include "common/base/memory.h"
#include "common/db/query.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <time.h>

enum { DIGEST_LEN = 32, TOUCH_S = 3600 };

/* A session's text has no dot, so neither can be taken for the other. */
#define API_PREFIX "pt."

/* What a row is called in the table: never changed. */
static const char *const kind_words[] = {
    [WEB_TOKEN_REMEMBER] = "remember", [WEB_TOKEN_API] = "api", [WEB_TOKEN_RESET] = "reset"};

const char *const web_scope_words[WEB_SCOPES] = {"own", "admin", "full"};

/* Numbers are never given out again: a page may still show the one that had it. */
const char web_tokens_schema[] =
    "CREATE TABLE web_token(id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, uid INTEGER NOT NULL,"
    " digest TEXT NOT NULL UNIQUE, name TEXT NOT NULL, scope INTEGER NOT NULL, made INTEGER NOT NULL,"
    " used INTEGER NOT NULL, expires INTEGER NOT NULL);"
    "CREATE INDEX web_token_uid ON web_token(uid, kind);";

bool web_token_is_api(struct str text)
{
	return str_starts(text, STR(API_PREFIX));
}

/* The hash of a text, in hexadecimal digits. -1: OpenSSL cannot. */
static int digest_of(struct str text, char out[2 * DIGEST_LEN + 1], struct err *err)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (EVP_Digest(text.data, text.len, digest, &len, EVP_sha256(), NULL) != 1 || len != DIGEST_LEN)
		return err_set(err, ERR_SYSTEM, "OpenSSL makes no SHA-256 here");
	for (size_t i = 0; i < DIGEST_LEN; i++) {
		out[2 * i] = digits[digest[i] >> 4];
		out[2 * i + 1] = digits[digest[i] & 15];
	}
	out[2 * DIGEST_LEN] = '\0';
	return 0;
}

/* What has expired, and the oldest of a user who has too many. */
static int make_room(struct db *db, const char *kind, int64_t uid, struct err *err)
{
	if (db_query_run(db, err, "DELETE FROM web_token WHERE expires > 0 AND expires <= ?", "n", (int64_t)time(NULL)) !=
	    0)
		return -1;
	return db_query_run(db, err,
	                    "DELETE FROM web_token WHERE uid = ? AND kind = ? AND id NOT IN (SELECT id FROM web_token"
	                    " WHERE uid = ? AND kind = ? ORDER BY id DESC LIMIT ?)",
	                    "ntntn", uid, str_of(kind), uid, str_of(kind), (int64_t)WEB_TOKENS_OF_USER - 1);
}

int web_tokens_add(struct db *db, enum web_token_kind kind, struct web_token *token, char *text_out, struct err *err)
{
	char digest[2 * DIGEST_LEN + 1], random[WEB_TEXT_LEN + 1];

	web_text_random(random);
	snprintf(text_out, WEB_TOKEN_MAX, "%s%s", kind == WEB_TOKEN_API ? API_PREFIX : "", random);
	memory_wipe(random, sizeof random);
	token->made = time(NULL);
	if (digest_of(str_of(text_out), digest, err) != 0 || make_room(db, kind_words[kind], token->uid, err) != 0 ||
	    db_query_run(db, err,
	                 "INSERT INTO web_token(kind, uid, digest, name, scope, made, used, expires)"
	                 " VALUES(?, ?, ?, ?, ?, ?, 0, ?)",
	                 "tnttnnn", str_of(kind_words[kind]), token->uid, str_of(digest), str_of(token->name),
	                 (int64_t)token->scope, token->made, token->expires) != 0)
		return -1;
	token->id = sqlite3_last_insert_rowid(db->handle);
	return 0;
}

static void read_row(const struct db_statement *row, struct web_token *token)
{
	int64_t scope = db_number(row, 3);

	*token = (struct web_token){
	    .id = db_number(row, 0),
	    .uid = db_number(row, 1),
	    .scope = scope > 0 && scope < WEB_SCOPES ? (enum web_scope)scope : WEB_SCOPE_OWN,
	    .made = db_number(row, 4),
	    .used = db_number(row, 5),
	    .expires = db_number(row, 6),
	};
	if (!str_copy(db_text(row, 2), token->name, sizeof token->name))
		token->name[0] = '\0';
}

int web_tokens_find(struct db *db, enum web_token_kind kind, struct str text, struct web_token *token_out,
                    struct err *err)
{
	char digest[2 * DIGEST_LEN + 1];
	struct db_statement statement;
	int row;

	if (text.len == 0 || text.len >= WEB_TOKEN_MAX)
		return 0;
	if (digest_of(text, digest, err) != 0 ||
	    db_query(db, &statement, err,
	             "SELECT id, uid, name, scope, made, used, expires FROM web_token WHERE digest = ? AND kind = ?"
	             " AND (expires = 0 OR expires > ?)",
	             "ttn", str_of(digest), str_of(kind_words[kind]), (int64_t)time(NULL)) != 0)
		return -1;
	row = db_step(&statement, err);
	if (row == 1)
		read_row(&statement, token_out);
	db_finalize(&statement);
	return row;
}

int web_tokens_touch(struct db *db, const struct web_token *token, struct err *err)
{
	int64_t now = time(NULL);

	if (now - token->used < TOUCH_S && now >= token->used)
		return 0;
	return db_query_run(db, err, "UPDATE web_token SET used = ? WHERE id = ?", "nn", now, token->id);
}

int web_tokens_retire(struct db *db, const struct web_token *token, int64_t seconds, struct err *err)
{
	int64_t end = time(NULL) + seconds;

	return db_query_run(db, err, "UPDATE web_token SET expires = ? WHERE id = ? AND (expires = 0 OR expires > ?)",
	                    "nnn", end, token->id, end);
}

int web_tokens_delete(struct db *db, enum web_token_kind kind, int64_t uid, int64_t id, struct err *err)
{
	if (db_query_run(db, err, "DELETE FROM web_token WHERE id = ? AND uid = ? AND kind = ?", "nnt", id, uid,
	                 str_of(kind_words[kind])) != 0)
		return -1;
	return sqlite3_changes(db->handle) > 0;
}

int web_tokens_forget_browsers(struct db *db, int64_t uid, int64_t but, struct err *err)
{
	return db_query_run(db, err, "DELETE FROM web_token WHERE uid = ? AND kind = ? AND id <> ?", "ntn", uid,
	                    str_of(kind_words[WEB_TOKEN_REMEMBER]), but);
}

int web_tokens_forget(struct db *db, int64_t uid, bool api_too, struct err *err)
{
	return db_query_run(db, err, "DELETE FROM web_token WHERE uid = ? AND (? = 1 OR kind <> ?)", "nnt", uid,
	                    (int64_t)api_too, str_of(kind_words[WEB_TOKEN_API]));
}

int web_tokens_each(struct db *db, enum web_token_kind kind, int64_t uid,
                    void (*visit)(const struct web_token *token, void *context), void *context, struct err *err)
{
	struct db_statement statement;
	struct web_token token;
	int row;

	if (db_query(db, &statement, err,
	             "SELECT id, uid, name, scope, made, used, expires FROM web_token WHERE uid = ? AND kind = ?"
	             " AND (expires = 0 OR expires > ?) ORDER BY id DESC",
	             "ntn", uid, str_of(kind_words[kind]), (int64_t)time(NULL)) != 0)
		return -1;
	while ((row = db_step(&statement, err)) == 1) {
		read_row(&statement, &token);
		visit(&token, context);
	}
	db_finalize(&statement);
	return row;
}
