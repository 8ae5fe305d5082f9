/*
 * cidr: one range of IP addresses, "192.168.0.0/16" or "fe80::/10", and what lies in it (RFC 4632, RFC 4291 2.3).
 *
 * A range has one form: bits behind its prefix are zero, and an IPv4 address written in IPv6 ("::ffff:10.0.0.1",
 * RFC 4291 2.5.5.2) is the IPv4 address. A zone ("%eth0") is ignored. Nothing here allocates or looks anything up.
 */
#ifndef POSTROOM_ADDR_CIDR_H
#define POSTROOM_ADDR_CIDR_H

#include "common/base/buf.h"
#include "common/base/err.h"

#include <sys/socket.h>

enum { CIDR_TEXT_MAX = 64 };

struct cidr {
	bool is_ipv6;
	unsigned char address[16]; /* IPv4: the first four; bits behind the prefix are zero */
	unsigned prefix;           /* bits; 32 or 128 is a single address */
};

/*
 * Parse "ADDRESS", "ADDRESS/PREFIX" or "ADDRESS/MASK", as in 10.0.0.0/255.0.0.0. host_bits is set where bits behind the
 * prefix were not zero, which means that somebody wrote an address where a network is wanted; it may be NULL.
 * -1: ERR_SYNTAX, with a sentence that says which part of the text is wrong.
 */
int cidr_parse(struct str text, struct cidr *cidr_out, bool *host_bits, struct err *err);
/* Is text a single address of that family, without a prefix? */
bool cidr_is_address(struct str text, bool is_ipv6);
/* The single address of an inet or inet6 socket address. False for other families. */
bool cidr_from_sockaddr(const struct sockaddr_storage *address, struct cidr *cidr_out);
/* The range of that prefix around an address of 4 or 16 octets; a larger prefix than there are bits is all of them. */
struct cidr cidr_from_octets(const unsigned char *octets, bool is_ipv6, unsigned prefix);

/* Does range hold all of inner, which is a single address most of the time? Families do not mix. */
bool cidr_holds(const struct cidr *range, const struct cidr *inner);
bool cidr_equal(const struct cidr *a, const struct cidr *b);
/* A single address? */
bool cidr_is_host(const struct cidr *cidr);
/* Add it as text: "10.0.0.0/8"; the prefix is left out where it is a single address. */
void cidr_format(const struct cidr *cidr, struct buf *text);

#endif
