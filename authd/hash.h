/*
 * authd/hash: the slow work on a password: checking it against a yescrypt hash, making a new hash and SCRAM keys.
 *
 * Runs in worker processes only (authd/pool.h); the jobs cross a socket as they stand here. A password is put through
 * SASLprep (RFC 4013) first, so that each way of typing it gives the same bytes.
 */
#ifndef POSTROOM_AUTHD_HASH_H
#define POSTROOM_AUTHD_HASH_H

#include "authd/scram.h"

#include <crypt.h>

enum {
	HASH_PASSWORD_MAX = 256, /* octets, before SASLprep */
	HASH_TEXT_MAX = CRYPT_OUTPUT_SIZE,
	HASH_USER_MAX = 256, /* octets of a name, with the NUL */
};

enum hash_kind {
	HASH_CHECK, /* does the password fit request.hash? */
	HASH_MAKE,  /* a new hash of request.cost, and SCRAM keys */
	HASH_TRY,   /* would HASH_MAKE take the password? */
	HASH_NAME,  /* no password: what the administrator's script makes of a name (authd/translate.h) */
};

struct hash_request {
	uint32_t sequence; /* the pool's */
	enum hash_kind kind;
	unsigned cost; /* 1 to 11 */
	uint32_t password_len;
	char password[HASH_PASSWORD_MAX];
	char hash[HASH_TEXT_MAX];
	char user[HASH_USER_MAX]; /* HASH_MAKE, HASH_TRY: whose it becomes, for the administrator's script; HASH_NAME: it */
	char protocol[16];        /* HASH_NAME: "POP3" */
	uint32_t min_length;      /* the same: characters that a password has to have */
};

enum hash_result {
	HASH_RIGHT,    /* HASH_CHECK: the password fits; HASH_MAKE, HASH_TRY: done */
	HASH_WRONG,    /* HASH_CHECK: it does not */
	HASH_REFUSED,  /* the same: SASLprep does not allow such a password (control characters, bad UTF-8) */
	HASH_UNWANTED, /* the same: the administrator's script does not (authd/approve.h) */
	HASH_FAILED,   /* the library or the worker broke down: nothing is known */
};

struct hash_reply {
	uint32_t sequence;
	enum hash_result result;
	char hash[HASH_TEXT_MAX]; /* of HASH_MAKE */
	struct scram_keys scram;
	char user[HASH_USER_MAX]; /* of HASH_NAME, always HASH_RIGHT */
};

/* Do one job, of any kind but HASH_NAME. The request's password is wiped. */
void hash_run(struct hash_request *request, struct hash_reply *reply);

/*
 * A yescrypt setting without a hash, with a fresh salt: no password fits it, and finding that out takes as long as for
 * a real hash of that cost. out: HASH_TEXT_MAX bytes. -1: ERR_SYSTEM.
 */
int hash_dummy(unsigned cost, char *out, struct err *err);

#endif
