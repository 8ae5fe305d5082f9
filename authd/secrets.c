#include "authd/secrets.h"

#include "common/base/io.h"
#include "common/base/memory.h"

#include <openssl/evp.h>

enum {
	BUSY_MS = 2000,
	NONCE_LEN = 12,
	TAG_LEN = 16,
	SEALED_MAX = NONCE_LEN + SECRETS_VALUE_MAX + TAG_LEN,
};

static const char *const schema[] = {
    "CREATE TABLE secret(name TEXT PRIMARY KEY, sealed BLOB NOT NULL);", /* nonce, cipher text, tag */
};

static int read_key(struct secrets *secrets, const char *path, struct err *err)
{
	struct buf key;
	int result;

	buf_init(&key, SECRETS_KEY_LEN + 1);
	result = io_read_file(path, &key, err);
	if (result == 0 && key.len != SECRETS_KEY_LEN)
		result = err_set(err, ERR_SYNTAX, "%s must hold %d bytes", path, SECRETS_KEY_LEN);
	if (result == 0)
		memcpy(secrets->key, key.data, SECRETS_KEY_LEN);
	memory_wipe(key.data, key.len);
	buf_free(&key);
	return result;
}

int secrets_open(struct secrets *secrets, const char *path, const char *key_path, struct err *err)
{
	*secrets = (struct secrets){0};
	if (read_key(secrets, key_path, err) != 0)
		return -1;
	if (db_open(&secrets->db, path, DB_CREATE, BUSY_MS, err) == 0 &&
	    db_migrate(&secrets->db, schema, sizeof schema / sizeof schema[0], err) == 0)
		return 0;
	secrets_close(secrets);
	return -1;
}

void secrets_close(struct secrets *secrets)
{
	db_close(&secrets->db);
	memory_wipe(secrets->key, sizeof secrets->key);
}

/* Encrypt value into sealed: nonce, cipher text, tag. */
static bool seal(const struct secrets *secrets, struct str name, struct str value, unsigned char *sealed)
{
	EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
	unsigned char *text = sealed + NONCE_LEN;
	int len;
	bool done;

	io_random(sealed, NONCE_LEN);
	done = cipher != NULL && EVP_EncryptInit_ex(cipher, EVP_aes_256_gcm(), NULL, secrets->key, sealed) == 1 &&
	       EVP_EncryptUpdate(cipher, NULL, &len, (const unsigned char *)name.data, (int)name.len) == 1 &&
	       EVP_EncryptUpdate(cipher, text, &len, (const unsigned char *)value.data, (int)value.len) == 1 &&
	       EVP_EncryptFinal_ex(cipher, text + len, &len) == 1 &&
	       EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_GET_TAG, TAG_LEN, text + value.len) == 1;
	EVP_CIPHER_CTX_free(cipher);
	return done;
}

static bool unseal(const struct secrets *secrets, struct str name, struct str sealed, unsigned char *value)
{
	EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
	const unsigned char *bytes = (const unsigned char *)sealed.data;
	size_t value_len = sealed.len - NONCE_LEN - TAG_LEN;
	unsigned char tag[TAG_LEN];
	int len;
	bool done;

	memcpy(tag, bytes + NONCE_LEN + value_len, sizeof tag);
	done = cipher != NULL && EVP_DecryptInit_ex(cipher, EVP_aes_256_gcm(), NULL, secrets->key, bytes) == 1 &&
	       EVP_DecryptUpdate(cipher, NULL, &len, (const unsigned char *)name.data, (int)name.len) == 1 &&
	       EVP_DecryptUpdate(cipher, value, &len, bytes + NONCE_LEN, (int)value_len) == 1 &&
	       EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_SET_TAG, TAG_LEN, tag) == 1 &&
	       EVP_DecryptFinal_ex(cipher, value + len, &len) == 1;
	EVP_CIPHER_CTX_free(cipher);
	return done;
}

int secrets_set(struct secrets *secrets, struct str name, struct str value, struct err *err)
{
	unsigned char sealed[SEALED_MAX];
	struct db_statement statement;
	int result;

	if (name.len == 0)
		return err_set(err, ERR_SYNTAX, "a secret needs a name");
	if (name.len > SECRETS_NAME_MAX || value.len > SECRETS_VALUE_MAX)
		return err_set(err, ERR_LIMIT, "the secret %.*s is longer than %d bytes", STR_ARG(str_sub(name, 0, 64)),
		               SECRETS_VALUE_MAX);
	if (!seal(secrets, name, value, sealed))
		return err_set(err, ERR_SYSTEM, "OpenSSL cannot encrypt a secret");
	if (db_prepare(&secrets->db, &statement, "REPLACE INTO secret(name, sealed) VALUES(?1, ?2)", err) != 0)
		return -1;
	db_bind_text(&statement, 1, name);
	db_bind_blob(&statement, 2, str_from((const char *)sealed, NONCE_LEN + value.len + TAG_LEN));
	result = db_run(&statement, err);
	db_finalize(&statement);
	return result;
}

int secrets_delete(struct secrets *secrets, struct str name, struct err *err)
{
	struct db_statement statement;
	int result;

	if (db_prepare(&secrets->db, &statement, "DELETE FROM secret WHERE name = ?1", err) != 0)
		return -1;
	db_bind_text(&statement, 1, name);
	result = db_run(&statement, err);
	db_finalize(&statement);
	return result;
}

int secrets_delete_group(struct secrets *secrets, const char *group, struct err *err)
{
	struct db_statement statement;
	int count = 0, result;

	if (db_prepare(&secrets->db, &statement,
	               "DELETE FROM secret WHERE substr(name, 1, length(?1) + 1) = ?1 || '/' RETURNING name", err) != 0)
		return -1;
	db_bind_text(&statement, 1, str_of(group));
	while ((result = db_step(&statement, err)) == 1)
		count++;
	db_finalize(&statement);
	return result == 0 ? count : -1;
}

static int open_row(struct secrets *secrets, struct str name, struct str sealed, struct buf *value, struct err *err)
{
	unsigned char plain[SECRETS_VALUE_MAX];
	int result = 0;

	if (sealed.len < NONCE_LEN + TAG_LEN || sealed.len > SEALED_MAX || !unseal(secrets, name, sealed, plain))
		return err_set(err, ERR_CORRUPT, "%s: the secret %.*s was not encrypted with this key", secrets->db.path,
		               STR_ARG(name));
	if (buf_add(value, plain, sealed.len - NONCE_LEN - TAG_LEN) != 0)
		result = err_set(err, ERR_LIMIT, "the secret %.*s is too long", STR_ARG(name));
	memory_wipe(plain, sizeof plain);
	return result;
}

int secrets_each(struct secrets *secrets, const char *group, void (*visit)(struct str rest, void *context),
                 void *context, struct err *err)
{
	struct db_statement statement;
	int row;

	if (db_prepare(&secrets->db, &statement,
	               "SELECT substr(name, length(?1) + 2) FROM secret WHERE substr(name, 1, length(?1) + 1) = ?1 || '/' "
	               "ORDER BY name",
	               err) != 0)
		return -1;
	db_bind_text(&statement, 1, str_of(group));
	while ((row = db_step(&statement, err)) == 1)
		visit(db_text(&statement, 0), context);
	db_finalize(&statement);
	return row;
}

int secrets_get(struct secrets *secrets, struct str name, struct buf *value, struct err *err)
{
	struct db_statement statement;
	int result;

	name = str_sub(name, 0, SECRETS_NAME_MAX);
	if (db_prepare(&secrets->db, &statement, "SELECT sealed FROM secret WHERE name = ?1", err) != 0)
		return -1;
	db_bind_text(&statement, 1, name);
	result = db_step(&statement, err);
	if (result == 1)
		result = open_row(secrets, name, db_text(&statement, 0), value, err);
	else if (result == 0)
		result = err_set(err, ERR_NOT_FOUND, "there is no secret %.*s", STR_ARG(name));
	db_finalize(&statement);
	return result;
}
