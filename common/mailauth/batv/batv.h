/*
 * mailauth/batv: return paths with a tag that this server alone can make, so that it knows reports about its own mail
 * from those about mail that others sent in its name (draft-levine-smtp-batv, the scheme "prvs").
 *
 * bob@example.com becomes prvs=KDDDSSSSSS=bob@example.com: K the number of the key (0), DDD the last three digits of
 * the day (of those since 1970) until which it is good, SSSSSS the first six hexadecimal digits of HMAC-SHA1 by the
 * secret over KDDD and the address. Letters of the address count in lower case, the domain as A-labels: servers on the
 * way may change that.
 *
 * Security stance: 24 bits keep floods of false reports out; they do not prove anything to anybody. Whoever gets a
 * tagged return path may write to it until it expires.
 */
#ifndef POSTROOM_MAILAUTH_BATV_H
#define POSTROOM_MAILAUTH_BATV_H

#include "common/addr/addr.h"

enum { BATV_DAYS = 7 }; /* after the day it was made on that a tag is good for */

/*
 * The tagged form of an address that has a domain; now: seconds since 1970. An address that cannot be tagged (its local
 * part would exceed ADDR_LOCAL_MAX, its path ADDR_PATH_MAX, or it is tagged already) is returned as it is. Lives in
 * arena, or is address->text.
 */
struct str batv_tag(struct str secret, const struct addr *address, int64_t now, struct arena *arena);

/* Can batv_tag make a tagged form of it? Who cannot have a tag is not missed to have one. */
bool batv_can_tag(const struct addr *address);

enum batv_state {
	BATV_UNTAGGED, /* it has no tag of this scheme */
	BATV_VALID,
	BATV_INVALID, /* made by another secret, changed, or expired */
};

/* Look at an address; *original_out is set with BATV_VALID alone, and lives in arena. An empty secret made no tag. */
enum batv_state batv_check(struct str secret, const struct addr *address, int64_t now, struct arena *arena,
                           struct addr *original_out);

#endif
