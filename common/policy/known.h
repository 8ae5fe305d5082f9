/*
 * policy/known: is anything held against a client? A look that costs nothing, before policyd is asked.
 *
 * policyd keeps a small file that all listeners map: a bit for each address (by its hash) of which it knows something
 * bad, and whether whole networks are blocked. A clear bit is a fact: policyd would let this client in. A bit that is
 * set says nothing but that policyd has to be asked. The file outlives policyd; while it is away nobody new gets in it.
 */
#ifndef POSTROOM_POLICY_KNOWN_H
#define POSTROOM_POLICY_KNOWN_H

#include "common/addr/cidr.h"
#include "common/daemon/instance.h"

enum { KNOWN_BITS = 1 << 20 };

struct known_file {
	uint64_t networks; /* blocks of more than one key: everybody has to be looked at */
	unsigned char bits[KNOWN_BITS / 8];
};

/* For listeners: map it; also later, when policyd has made it. -1: it is not there (yet), or ERR_SYSTEM. */
struct known {
	const volatile struct known_file *file; /* NULL: not mapped */
};
int known_open(struct known *known, const struct instance *instance, struct err *err);
/* Has policyd to be asked about this address? Also where the file is not mapped. */
bool known_has(const struct known *known, const char *peer);

/*
 * What stands for a client in all accounts: an IPv4 address, the /64 network of an IPv6 one. False: peer is no address.
 */
bool policy_key(struct str peer, struct cidr *key_out);
/* Which bit a key has. */
size_t known_bit(const struct cidr *key);

#endif
