/*
 * token: the right to relay, carried in an envelope, checked by queue-manager.
 *
 * A token is "<issuer>:<seconds>:<hex of HMAC-SHA256>" over issuer, time, service, peer and user. Issuers: "authd" for
 * a login, "smtpd" for a client address that may relay, or the local socket. Each issuer has a key file,
 * etc/keys/relay-<issuer>.key (32 bytes, 0440 issuer's user : postroom-queue), read at start; a listener's session
 * wipes the key after fork, so that a hijacked session can use the token of its own connection and none other.
 */
#ifndef POSTROOM_SPOOL_TOKEN_H
#define POSTROOM_SPOOL_TOKEN_H

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/daemon/instance.h"

enum { TOKEN_KEY_LEN = 32, TOKEN_MAX = 128, TOKEN_LIFETIME_S = 86400 };

struct token_key {
	unsigned char bytes[TOKEN_KEY_LEN];
	bool present;
};

int token_key_load(struct token_key *key, const struct instance *instance, const char *issuer, struct err *err);
void token_key_wipe(struct token_key *key);

/* Make a token valid from now on for TOKEN_LIFETIME_S. service: "smtp"; peer: the client's address or "local"; user:
 * who logged in, or "". out: TOKEN_MAX bytes. */
void token_make(const struct token_key *key, const char *issuer, struct str service, struct str peer, struct str user,
                char *out);
/* Does the token give the right, for a message taken at time_us? */
bool token_check(const struct token_key *key, const char *issuer, struct str token, struct str service, struct str peer,
                 struct str user, int64_t time_us);

#endif
