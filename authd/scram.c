#include "authd/scram.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdio.h>

enum { BASE64_MAX = 48 }; /* of SCRAM_KEY_LEN bytes with its NUL */

static int hmac(const unsigned char *key, size_t key_len, struct str text, unsigned char *out)
{
	unsigned len = SCRAM_KEY_LEN;
	const unsigned char *bytes = (const unsigned char *)text.data;

	return HMAC(EVP_sha256(), key, (int)key_len, bytes, text.len, out, &len) != NULL ? 0 : -1;
}

int scram_derive(struct str password, struct scram_keys *keys, struct err *err)
{
	unsigned char salted[SCRAM_KEY_LEN], client[SCRAM_KEY_LEN];
	bool done;

	/* RFC 5802 section 3: SaltedPassword := Hi(...), which is PBKDF2; StoredKey := H(HMAC(SaltedPassword, ...)). */
	done = PKCS5_PBKDF2_HMAC(password.data, (int)password.len, keys->salt, sizeof keys->salt, (int)keys->iterations,
	                         EVP_sha256(), sizeof salted, salted) == 1 &&
	       hmac(salted, sizeof salted, STR("Client Key"), client) == 0 &&
	       hmac(salted, sizeof salted, STR("Server Key"), keys->server) == 0 &&
	       SHA256(client, sizeof client, keys->stored) != NULL;
	OPENSSL_cleanse(salted, sizeof salted);
	OPENSSL_cleanse(client, sizeof client);
	return done ? 0 : err_set(err, ERR_SYSTEM, "OpenSSL cannot derive keys from a password");
}

void scram_fake(const unsigned char *secret, struct str name, struct scram_keys *keys)
{
	unsigned char digest[SCRAM_KEY_LEN] = {0};

	keys->iterations = SCRAM_ITERATIONS;
	hmac(secret, SCRAM_KEY_LEN, name, digest);
	memcpy(keys->salt, digest, sizeof keys->salt);
	hmac(secret, SCRAM_KEY_LEN, str_from((const char *)digest, sizeof digest), keys->stored);
	memcpy(keys->server, keys->stored, sizeof keys->server);
}

static const char *base64(const unsigned char *bytes, size_t len, char *out)
{
	EVP_EncodeBlock((unsigned char *)out, bytes, (int)len);
	return out;
}

void scram_format(const struct scram_keys *keys, char *out)
{
	char salt[BASE64_MAX], stored[BASE64_MAX], server[BASE64_MAX];

	snprintf(out, SCRAM_TEXT_MAX, "SCRAM-SHA-256$%u:%s$%s:%s", keys->iterations,
	         base64(keys->salt, sizeof keys->salt, salt), base64(keys->stored, sizeof keys->stored, stored),
	         base64(keys->server, sizeof keys->server, server));
}

/* Exactly want bytes; the padding that EVP_DecodeBlock counts as zeros is what want says. */
static bool unbase64(struct str text, unsigned char *out, size_t want)
{
	unsigned char bytes[BASE64_MAX];

	if (text.len != (want + 2) / 3 * 4 ||
	    EVP_DecodeBlock(bytes, (const unsigned char *)text.data, (int)text.len) != (int)((want + 2) / 3 * 3))
		return false;
	memcpy(out, bytes, want);
	return true;
}

int scram_parse(struct str text, struct scram_keys *keys, struct err *err)
{
	struct str mechanism = str_cut(&text, '$');
	struct str iterations = str_cut(&text, ':');
	struct str salt = str_cut(&text, '$');
	struct str stored = str_cut(&text, ':');
	uint64_t count;

	if (!str_equal(mechanism, STR("SCRAM-SHA-256")) || !str_to_u64(iterations, SCRAM_ITERATIONS_MAX, &count) ||
	    count == 0 || !unbase64(salt, keys->salt, sizeof keys->salt) ||
	    !unbase64(stored, keys->stored, sizeof keys->stored) || !unbase64(text, keys->server, sizeof keys->server))
		return err_set(err, ERR_SYNTAX, "SCRAM keys read SCRAM-SHA-256$iterations:salt$stored:server");
	keys->iterations = (uint32_t)count;
	return 0;
}
