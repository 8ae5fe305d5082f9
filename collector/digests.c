#include "collector/digests.h"

#include "common/base/memory.h"

#include <openssl/evp.h>
#include <stdio.h>

enum { SLOTS_FIRST = 256, SLICE = 64 * 1024 };

static struct digest *find(const struct digests *digests, const unsigned char bytes[DIGEST_LEN])
{
	size_t at;

	memcpy(&at, bytes, sizeof at);
	for (;; at++) {
		struct digest *slot = &digests->slots[at & (digests->size - 1)];

		if (slot->count == 0 || memcmp(slot->bytes, bytes, DIGEST_LEN) == 0)
			return slot;
	}
}

static void grow(struct digests *digests)
{
	struct digests larger = {.size = digests->size != 0 ? 2 * digests->size : SLOTS_FIRST, .used = digests->used};

	larger.slots = memory_get(larger.size * sizeof *larger.slots);
	for (size_t i = 0; i < digests->size; i++)
		if (digests->slots[i].count != 0)
			*find(&larger, digests->slots[i].bytes) = digests->slots[i];
	memory_free(digests->slots);
	*digests = larger;
}

struct digest *digests_get(struct digests *digests, const unsigned char bytes[DIGEST_LEN])
{
	struct digest *slot;

	if (2 * (digests->used + 1) > digests->size)
		grow(digests);
	slot = find(digests, bytes);
	if (slot->count == 0) {
		memcpy(slot->bytes, bytes, DIGEST_LEN);
		digests->used++;
	}
	return slot;
}

void digests_free(struct digests *digests)
{
	memory_free(digests->slots);
	*digests = (struct digests){0};
}

static int add_source(EVP_MD_CTX *context, const struct mime_source *source, int64_t from, struct err *err)
{
	char slice[SLICE];

	while (from < source->size) {
		size_t len = source->size - from < SLICE ? (size_t)(source->size - from) : SLICE;

		if (mime_source_read(source, from, slice, len, err) != 0)
			return -1;
		EVP_DigestUpdate(context, slice, len);
		from += (int64_t)len;
	}
	return 0;
}

int digest_make(struct str before, const struct mime_source *source, int64_t from, unsigned char bytes[DIGEST_LEN],
                struct err *err)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	int result;

	if (context == NULL || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1) {
		EVP_MD_CTX_free(context);
		return err_set(err, ERR_SYSTEM, "cannot make a digest");
	}
	EVP_DigestUpdate(context, before.data, before.len);
	result = add_source(context, source, from, err);
	EVP_DigestFinal_ex(context, bytes, NULL);
	EVP_MD_CTX_free(context);
	return result;
}

struct str digest_identity(const unsigned char bytes[DIGEST_LEN], uint32_t before, struct arena *arena)
{
	char hex[2 * DIGEST_LEN + 1];

	for (size_t i = 0; i < DIGEST_LEN; i++)
		snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
	return arena_printf(arena, "sha256:%s.%u", hex, before);
}
