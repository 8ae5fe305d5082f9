#include "authd/cache.h"

#include "common/base/buf.h"
#include "common/base/io.h"
#include "common/base/memory.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

enum { INPUT_MAX = 4096 };

void cache_init(struct cache *cache)
{
	*cache = (struct cache){0};
	io_random(cache->key, sizeof cache->key);
}

/* HMAC over uid, hash with its NUL, password: no two triples give the same bytes. */
static bool digest_of(const struct cache *cache, int64_t uid, const char *hash, struct str password, unsigned char *out)
{
	unsigned len = CACHE_DIGEST_LEN;
	struct buf text;
	bool done;

	buf_init(&text, INPUT_MAX);
	buf_add(&text, &uid, sizeof uid);
	buf_add(&text, hash, strlen(hash) + 1);
	buf_add_str(&text, password);
	done = !text.overflow && HMAC(EVP_sha256(), cache->key, sizeof cache->key, (const unsigned char *)text.data,
	                              text.len, out, &len) != NULL;
	memory_wipe(text.data, text.len);
	buf_free(&text);
	return done;
}

static size_t slot_of(int64_t uid)
{
	return (size_t)((uint64_t)uid % CACHE_SLOTS);
}

bool cache_holds(const struct cache *cache, int64_t uid, const char *hash, struct str password, int64_t now_ms)
{
	const struct cache_slot *slot = &cache->slots[slot_of(uid)];
	unsigned char digest[CACHE_DIGEST_LEN];

	return slot->uid == uid && slot->expires_ms > now_ms && digest_of(cache, uid, hash, password, digest) &&
	       io_equal_secret(str_from((const char *)digest, sizeof digest),
	                       str_from((const char *)slot->digest, sizeof slot->digest));
}

void cache_add(struct cache *cache, int64_t uid, const char *hash, struct str password, int64_t now_ms)
{
	struct cache_slot *slot = &cache->slots[slot_of(uid)];

	slot->uid = uid;
	slot->expires_ms = digest_of(cache, uid, hash, password, slot->digest) ? now_ms + CACHE_LIFETIME_MS : 0;
}

void cache_drop(struct cache *cache, int64_t uid)
{
	struct cache_slot *slot = &cache->slots[slot_of(uid)];

	if (slot->uid == uid)
		*slot = (struct cache_slot){0};
}
