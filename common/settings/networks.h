/*
 * networks: one address range, "192.168.0.0/16" or "fe80::/10", and what lies in it.
 *
 * An IPv4 address written in IPv6 ("::ffff:10.0.0.1", RFC 4291 2.5.5.2) is the IPv4 address. A zone ("%eth0") is
 * ignored.
 */
#ifndef POSTROOM_SETTINGS_NETWORKS_H
#define POSTROOM_SETTINGS_NETWORKS_H

#include "common/base/buf.h"

enum { NETWORK_TEXT_MAX = 64 };

struct network {
	bool is_ipv6;
	unsigned char address[16]; /* IPv4: the first four; bits behind the length are zero */
	unsigned length;           /* bits of the prefix */
};

/* Parse "ADDRESS" or "ADDRESS/LENGTH"; bits behind the length are cleared. False where it is neither. */
bool network_parse(struct str text, struct network *network_out);
/* Is address (itself a network of one address, or any smaller one) in network? */
bool network_holds(const struct network *network, const struct network *address);
/* Add it as text: "10.0.0.0/8"; the length is left out where it is a single address. */
void network_format(const struct network *network, struct buf *text);

/* Cut the next item off a list separated by commas, spaces or tabs. Empty when none is left. */
struct str networks_cut(struct str *rest);

#endif
