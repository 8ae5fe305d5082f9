/*
 * message: a DNS answer as it comes (RFC 1035 section 4), read with bounds.
 *
 * libunbound hands over the bytes of an answer; what is in them came from strangers. Every length and every compression
 * pointer is checked, names end at their 255 octets, and what is returned owns nothing of the packet.
 */
#ifndef POSTROOM_DNSD_MESSAGE_H
#define POSTROOM_DNSD_MESSAGE_H

#include "common/base/arena.h"
#include "common/base/err.h"

enum dns_type {
	DNS_A = 1,
	DNS_NS = 2,
	DNS_CNAME = 5,
	DNS_SOA = 6,
	DNS_PTR = 12,
	DNS_MX = 15,
	DNS_AAAA = 28,
	DNS_DNSKEY = 48,
};

enum dns_rcode { DNS_NOERROR = 0, DNS_SERVFAIL = 2, DNS_NXDOMAIN = 3 };

enum {
	DNS_NAME_MAX = 255,     /* octets of a name on the wire */
	DNS_RECORDS_MAX = 1000, /* of one answer; what is more is left out */
	DNS_ALIASES_MAX = 16,   /* CNAMEs followed from one name */
};

struct dns_answer {
	int rcode;
	struct str *rdata; /* of the type asked for, at the end of the CNAMEs; names in it are not compressed */
	size_t count;
};

/*
 * Read the records of one type out of an answer. Views into arena. -1: ERR_SYNTAX: not an answer, or its parts do not
 * fit.
 */
int dns_answer_parse(struct str packet, unsigned type, struct arena *arena, struct dns_answer *answer_out,
                     struct err *err);

/*
 * A host name out of rdata, from `at` on (uncompressed, as dns_answer_parse leaves it): lower case with dots, "" for
 * the root. -1: ERR_SYNTAX where it is cut, or no host name (RFC 1123 2.1, with the underscore that is seen).
 */
int dns_host_name(struct str rdata, size_t at, struct arena *arena, struct str *name_out, struct err *err);

#endif
