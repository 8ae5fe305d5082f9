/*
 * digests: messages known by what is in them.
 *
 * Where a server has no identity for a message alone, its identity is "sha256:", the digest of its octets in
 * hexadecimal, and how often the same came before in this session: so that it is known again after a session that
 * broke, and two of them stay two.
 */
#ifndef POSTROOM_COLLECTOR_DIGESTS_H
#define POSTROOM_COLLECTOR_DIGESTS_H

#include "common/base/arena.h"
#include "common/mime/mime.h"

enum { DIGEST_LEN = 32 };

struct digest {
	unsigned char bytes[DIGEST_LEN];
	uint32_t count;        /* how often it came */
	struct str recipients; /* who got it, one a line */
};

struct digests {
	struct digest *slots; /* a hash table; count 0: free */
	size_t size, used;
};

/* The entry of a digest, made where there is none (count 0 then; the caller counts). Valid until the next call. */
struct digest *digests_get(struct digests *digests, const unsigned char bytes[DIGEST_LEN]);
void digests_free(struct digests *digests);

/* SHA-256 of some octets, then of a message from an offset on. -1: as mime_source_read. */
int digest_make(struct str before, const struct mime_source *source, int64_t from, unsigned char bytes[DIGEST_LEN],
                struct err *err);
/* The identity of a message that came so often before. */
struct str digest_identity(const unsigned char bytes[DIGEST_LEN], uint32_t before, struct arena *arena);

#endif
