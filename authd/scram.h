/*
 * authd/scram: the keys of SCRAM-SHA-256 (RFC 5802 section 3, RFC 7677) that are kept instead of a password.
 *
 * Who steals them must still guess the password; who holds them can check a login but, but for an account's own
 * StoredKey, never make one. As text they read "SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>", base64.
 */
#ifndef POSTROOM_AUTHD_SCRAM_H
#define POSTROOM_AUTHD_SCRAM_H

#include "common/base/err.h"
#include "common/base/str.h"

enum {
	SCRAM_KEY_LEN = 32,
	SCRAM_SALT_LEN = 16,
	SCRAM_ITERATIONS = 10000, /* of new keys; RFC 7677 section 4 wants at least 4,096 */
	SCRAM_ITERATIONS_MAX = 10000000,
	SCRAM_TEXT_MAX = 160, /* with its NUL */
};

struct scram_keys {
	uint32_t iterations;
	unsigned char salt[SCRAM_SALT_LEN];
	unsigned char stored[SCRAM_KEY_LEN];
	unsigned char server[SCRAM_KEY_LEN];
};

/* Derive stored and server from a password (after SASLprep), with keys' salt and iterations. -1: ERR_SYSTEM. */
int scram_derive(struct str password, struct scram_keys *keys, struct err *err);

/*
 * Keys for a name that does not exist: always the same salt for the same name, so that asking twice tells nothing, and
 * a StoredKey that no proof fits. secret: SCRAM_KEY_LEN bytes that nobody else knows.
 */
void scram_fake(const unsigned char *secret, struct str name, struct scram_keys *keys);

/* As text, into SCRAM_TEXT_MAX bytes; and back: -1 with ERR_SYNTAX. */
void scram_format(const struct scram_keys *keys, char *out);
int scram_parse(struct str text, struct scram_keys *keys, struct err *err);

#endif
