/*
 * records: what mail needs of the DNS, made of raw records.
 */
#ifndef POSTROOM_DNSD_RECORDS_H
#define POSTROOM_DNSD_RECORDS_H

#include "dnsd/message.h"

struct record_mx {
	unsigned preference;
	struct str name;
	unsigned lot; /* decides between equal preferences */
};

/*
 * Mail exchangers, sorted by preference, equal ones in random order (RFC 5321 5.1), each name once, at most max.
 * Records that do not name a host are left out. *null_mx: the domain takes no mail (RFC 7505); the count is 0 then.
 */
size_t records_mx(const struct str *rdata, size_t count, struct arena *arena, struct record_mx *hosts, size_t max,
                  bool *null_mx);

/*
 * Addresses as text, IPv6 and IPv4 in alternation, IPv6 first, at most max. Records of a wrong length are left out, and
 * those where no server can be: unspecified, multicast, broadcast.
 */
size_t records_addresses(const struct str *v6, size_t v6_count, const struct str *v4, size_t v4_count,
                         struct arena *arena, struct str *addresses, size_t max);

#endif
