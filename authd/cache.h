/*
 * authd/cache: logins that were right a moment ago, so that a client that logs in every minute costs no yescrypt.
 *
 * Holds no password and no hash of one that could be tried elsewhere: only an HMAC under a key that dies with the
 * process, over account, stored hash and password. One password an account, CACHE_LIFETIME_MS, a bounded table.
 */
#ifndef POSTROOM_AUTHD_CACHE_H
#define POSTROOM_AUTHD_CACHE_H

#include "common/base/str.h"

enum {
	CACHE_LIFETIME_MS = 5 * 60 * 1000,
	CACHE_SLOTS = 4096, /* accounts that fall into the same slot displace each other */
	CACHE_DIGEST_LEN = 32,
};

struct cache_slot {
	int64_t uid;
	int64_t expires_ms; /* 0: empty */
	unsigned char digest[CACHE_DIGEST_LEN];
};

struct cache {
	unsigned char key[CACHE_DIGEST_LEN];
	struct cache_slot slots[CACHE_SLOTS];
};

void cache_init(struct cache *cache);

/* Was this password right for this account and its present hash, not long ago? now_ms: io_now_ms(). */
bool cache_holds(const struct cache *cache, int64_t uid, const char *hash, struct str password, int64_t now_ms);
void cache_add(struct cache *cache, int64_t uid, const char *hash, struct str password, int64_t now_ms);
void cache_drop(struct cache *cache, int64_t uid);

#endif
