#include "common/mailauth/batv/batv.h"

#include "common/base/io.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#define PREFIX "prvs="

enum {
	DAY_S = 86400,
	DAYS = 1000, /* after so many the numbers of days come again */
	KDDD = 4,    /* octets of a tag before its hash */
	TAG = 10,    /* octets of a tag: KDDDSSSSSS */
	KEY_NUMBER = 0,
};

static struct str lower(struct str text, struct arena *arena)
{
	char *copy = arena_text(arena, text);

	for (size_t i = 0; i < text.len; i++)
		if (copy[i] >= 'A' && copy[i] <= 'Z')
			copy[i] = (char)(copy[i] - 'A' + 'a');
	return str_from(copy, text.len);
}

/* SSSSSS for an address, in lower case. */
static struct str hash_of(struct str secret, struct str kddd, struct str local_part, struct str domain,
                          struct arena *arena)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned size = sizeof hash;
	struct str normal, text;
	struct err err;

	if (addr_normalise_domain(domain, arena, &normal, &err) != 0)
		normal = lower(domain, arena);
	text = arena_printf(arena, "%.*s%.*s@%.*s", STR_ARG(kddd), STR_ARG(lower(local_part, arena)), STR_ARG(normal));
	if (HMAC(EVP_sha1(), secret.data, (int)secret.len, (const unsigned char *)text.data, text.len, hash, &size) == NULL)
		return STR("");
	return arena_printf(arena, "%02x%02x%02x", hash[0], hash[1], hash[2]);
}

bool batv_can_tag(const struct addr *address)
{
	size_t longer = strlen(PREFIX) + TAG + strlen("=");

	return address->domain.len != 0 && address->local_part.len != 0 &&
	       longer + address->local_part.len <= ADDR_LOCAL_MAX &&
	       longer + address->text.len + strlen("<>\"\"") <= ADDR_PATH_MAX &&
	       !str_starts_nocase(address->local_part, STR(PREFIX));
}

struct str batv_tag(struct str secret, const struct addr *address, int64_t now, struct arena *arena)
{
	struct str kddd, hash;

	if (!batv_can_tag(address) || secret.len == 0)
		return address->text;
	kddd = arena_printf(arena, "%d%03d", KEY_NUMBER, (int)((now / DAY_S + BATV_DAYS) % DAYS));
	hash = hash_of(secret, kddd, address->local_part, address->domain, arena);
	if (hash.len == 0)
		return address->text;
	return addr_format(
	    arena_printf(arena, PREFIX "%.*s%.*s=%.*s", STR_ARG(kddd), STR_ARG(hash), STR_ARG(address->local_part)),
	    address->domain, arena);
}

/* Is the day DDD today, or one of the BATV_DAYS to come? */
static bool is_good_until(struct str ddd, int64_t now)
{
	uint64_t day;

	return str_to_u64(ddd, DAYS - 1, &day) && ((int64_t)day - now / DAY_S % DAYS + DAYS) % DAYS <= BATV_DAYS;
}

enum batv_state batv_check(struct str secret, const struct addr *address, int64_t now, struct arena *arena,
                           struct addr *original_out)
{
	struct str rest = address->local_part, tag, local_part, hash;

	if (!str_starts_nocase(rest, STR(PREFIX)))
		return BATV_UNTAGGED;
	rest = str_skip(rest, strlen(PREFIX));
	tag = lower(str_sub(rest, 0, TAG), arena);
	local_part = str_skip(rest, TAG + 1);
	if (secret.len == 0 || local_part.len == 0 || rest.data[TAG] != '=' || tag.data[0] != '0' + KEY_NUMBER ||
	    !is_good_until(str_sub(tag, 1, KDDD - 1), now))
		return BATV_INVALID;
	hash = hash_of(secret, str_sub(tag, 0, KDDD), local_part, address->domain, arena);
	if (hash.len == 0 || !io_equal_secret(hash, str_skip(tag, KDDD)))
		return BATV_INVALID;
	*original_out = *address;
	original_out->local_part = arena_copy(arena, local_part);
	original_out->text = addr_format(original_out->local_part, address->domain, arena);
	return BATV_VALID;
}
