/*
 * policy/known: is anything held against a client? A look that costs nothing, before policyd is asked.
 *
 * policyd keeps a small file that all listeners map: a bit for each address (by its hash) of which it knows something
 * bad, and whether whole networks are blocked. A clear bit is a fact: policyd would let this client in. A bit that is
 * set says nothing but that policyd has to be asked. Beside it is a table of the addresses that are blocked, each with
 * the end of its block, so that a listener can send those away who knock again and again, without a process for each
 * knock; what has no room there is asked about. The file outlives policyd; while it is away nobody new gets in it.
 */
#ifndef POSTROOM_POLICY_KNOWN_H
#define POSTROOM_POLICY_KNOWN_H

#include "common/addr/cidr.h"
#include "common/daemon/instance.h"

enum {
	KNOWN_BITS = 1 << 20,
	KNOWN_BLOCKS = 1 << 16, /* places in the table */
	KNOWN_PROBES = 8,       /* places that an address may have */
};

/* A place of the table. Who writes makes expires 0 first and sets it last. */
struct known_block {
	unsigned char address[16]; /* of the key; IPv4: the first four */
	uint64_t is_ipv6;
	int64_t expires; /* milliseconds since 1970 */
};

struct known_file {
	uint64_t networks; /* blocks of more than one key: everybody has to be looked at */
	unsigned char bits[KNOWN_BITS / 8];
	struct known_block blocks[KNOWN_BLOCKS];
};

/* For listeners: map it; also later, when policyd has made it. -1: it is not there (yet), or ERR_SYSTEM. */
struct known {
	const volatile struct known_file *file; /* NULL: not mapped */
};
int known_open(struct known *known, const struct instance *instance, struct err *err);
/* Has policyd to be asked about this address? Also where the file is not mapped. */
bool known_has(const struct known *known, const char *peer);

/* Is the client blocked for certain, by an entry for it alone? For listeners: costs a look at the clock. */
bool known_is_blocked(const struct known *known, const struct cidr *client);
/* The places in the table where a key may be: the first of KNOWN_PROBES, which go round. */
size_t known_place(const struct cidr *key);
/* Is that the place of a key? */
bool known_is_of(const volatile struct known_block *block, const struct cidr *key);

/*
 * What stands for a client in all accounts: an IPv4 address, the /64 network of an IPv6 one. False: peer is no address.
 */
bool policy_key(struct str peer, struct cidr *key_out);
/* Which bit a key has. */
size_t known_bit(const struct cidr *key);

#endif
