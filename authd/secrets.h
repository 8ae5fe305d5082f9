/*
 * authd/secrets: state/auth/secrets.db: passwords that Postroom itself logs in with elsewhere ("sender/1").
 *
 * Each is encrypted by AES-256-GCM under etc/keys/secrets.key, with a nonce of its own and its name as associated data,
 * so that a row cannot be passed off as another's. The key file lies apart from the state: a copy of one without the
 * other gives nothing away.
 */
#ifndef POSTROOM_AUTHD_SECRETS_H
#define POSTROOM_AUTHD_SECRETS_H

#include "common/base/buf.h"
#include "common/db/db.h"

enum {
	SECRETS_KEY_LEN = 32,
	SECRETS_NAME_MAX = 128, /* octets */
	SECRETS_VALUE_MAX = 16 * 1024,
};

struct secrets {
	struct db db;
	unsigned char key[SECRETS_KEY_LEN];
};

/* Read the key, open the database, made where it is missing. -1: any error, which names the file. */
int secrets_open(struct secrets *secrets, const char *path, const char *key_path, struct err *err);
void secrets_close(struct secrets *secrets);

/* On disk when the function returns. -1: ERR_LIMIT, ERR_SYNTAX (no name), or the database's errors. */
int secrets_set(struct secrets *secrets, struct str name, struct str value, struct err *err);
int secrets_delete(struct secrets *secrets, struct str name, struct err *err);
/* All secrets of a group, "challenge" for "challenge/17". Returns how many there were, or -1. */
int secrets_delete_group(struct secrets *secrets, const char *group, struct err *err);

/* Call visit with the rest of each name in a group, in their order. -1: the database's errors. */
int secrets_each(struct secrets *secrets, const char *group, void (*visit)(struct str rest, void *context),
                 void *context, struct err *err);

/* Add the secret to value. -1: ERR_NOT_FOUND, ERR_CORRUPT (not encrypted with this key), or the database's errors. */
int secrets_get(struct secrets *secrets, struct str name, struct buf *value, struct err *err);

#endif
