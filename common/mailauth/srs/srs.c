#include "common/mailauth/srs/srs.h"

#include "common/base/base64.h"
#include "common/base/io.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#define SRS0 "SRS0="
#define SRS1 "SRS1="

enum { TAG = 5 /* octets of these */, HASH = 4, DAY_S = 86400, DAYS = 1024 /* then their numbers come again */ };

static const char base32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

static struct str lower(struct str text, struct arena *arena)
{
	char *copy = arena_text(arena, text);

	for (size_t i = 0; i < text.len; i++)
		copy[i] = (char)tolower((unsigned char)copy[i]);
	return str_from(copy, text.len);
}

static struct str hash_of(struct str secret, struct str text, struct arena *arena)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned size = sizeof digest;
	struct str data = lower(text, arena), result = STR("");
	struct buf encoded;

	if (HMAC(EVP_sha1(), secret.data, (int)secret.len, (const unsigned char *)data.data, data.len, digest, &size) ==
	    NULL)
		return result;
	buf_init(&encoded, 64);
	if (base64_encode(str_from((const char *)digest, size), &encoded) == 0)
		result = arena_copy(arena, str_sub(buf_str(&encoded), 0, HASH));
	buf_free(&encoded);
	return result;
}

/* Servers on the way may change the case. */
static bool is_hash(struct str hash, struct str secret, struct str text, struct arena *arena)
{
	struct str expected = hash_of(secret, text, arena);

	return hash.len == HASH && expected.len == HASH && io_equal_secret(lower(hash, arena), lower(expected, arena));
}

bool srs_is(const struct addr *address)
{
	return str_starts_nocase(address->local_part, STR(SRS0)) || str_starts_nocase(address->local_part, STR(SRS1));
}

/* The local part of the new address. */
static struct str rewrite(struct str secret, const struct addr *address, int64_t now, struct arena *arena)
{
	struct str local = address->local_part, host = address->domain;
	unsigned day = (unsigned)(now / DAY_S % DAYS);
	char stamp[3] = {base32[day / 32], base32[day % 32], '\0'};

	if (str_starts_nocase(local, STR(SRS1))) { /* the first server stays */
		local = str_skip(local, TAG + HASH + 1);
		host = str_cut(&local, '=');
	} else if (str_starts_nocase(local, STR(SRS0))) {
		local = str_skip(local, TAG - 1); /* with the sign before the hash */
	} else {
		return arena_printf(
		    arena, SRS0 "%.*s=%s=%.*s=%.*s",
		    STR_ARG(hash_of(secret, arena_printf(arena, "%s%.*s%.*s", stamp, STR_ARG(host), STR_ARG(local)), arena)),
		    stamp, STR_ARG(host), STR_ARG(local));
	}
	return arena_printf(arena, SRS1 "%.*s=%.*s=%.*s",
	                    STR_ARG(hash_of(secret, arena_printf(arena, "%.*s%.*s", STR_ARG(host), STR_ARG(local)), arena)),
	                    STR_ARG(host), STR_ARG(local));
}

struct str srs_rewrite(struct str secret, const struct addr *address, struct str domain, int64_t now,
                       struct arena *arena)
{
	struct str local;

	if (secret.len == 0 || address->domain.len == 0 || address->local_part.len == 0)
		return address->text;
	local = rewrite(secret, address, now, arena);
	if (local.len > ADDR_LOCAL_MAX || local.len + domain.len + 3 > ADDR_PATH_MAX)
		return address->text;
	return addr_format(local, domain, arena);
}

/* Was it made on one of the last SRS_DAYS days? */
static bool is_fresh(struct str stamp, int64_t now)
{
	const char *high, *low;
	int64_t day;

	if (stamp.len != 2)
		return false;
	high = strchr(base32, toupper((unsigned char)stamp.data[0]));
	low = strchr(base32, toupper((unsigned char)stamp.data[1]));
	if (high == NULL || low == NULL || *high == '\0' || *low == '\0')
		return false;
	day = (high - base32) * 32 + (low - base32);
	return (now / DAY_S % DAYS - day + DAYS) % DAYS <= SRS_DAYS;
}

bool srs_reverse(struct str secret, const struct addr *address, int64_t now, struct arena *arena,
                 struct str *original_out)
{
	bool is_first = str_starts_nocase(address->local_part, STR(SRS0));
	struct str rest = str_skip(address->local_part, TAG), hash, stamp = STR(""), host;

	if (secret.len == 0 || !srs_is(address))
		return false;
	hash = str_cut(&rest, '=');
	if (is_first)
		stamp = str_cut(&rest, '=');
	host = str_cut(&rest, '=');
	if (host.len == 0 || rest.data == NULL || rest.len == 0 || !addr_is_domain(host) ||
	    !is_hash(hash, secret, arena_printf(arena, "%.*s%.*s%.*s", STR_ARG(stamp), STR_ARG(host), STR_ARG(rest)),
	             arena) ||
	    (is_first && !is_fresh(stamp, now)))
		return false;
	*original_out = addr_format(is_first ? arena_copy(arena, rest) : arena_printf(arena, "SRS0%.*s", STR_ARG(rest)),
	                            arena_copy(arena, host), arena);
	return true;
}
