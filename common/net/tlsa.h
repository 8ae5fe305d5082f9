/*
 * tlsa: TLSA records (RFC 6698), as SMTP uses them (RFC 7672).
 *
 * They come from the DNS: who reads them makes sure that the answer was validated. Every length is checked; records of
 * a kind that SMTP does not use (PKIX-TA, PKIX-EE), or that nobody knows, are left out, as RFC 7672 3.1.3 wants it.
 */
#ifndef POSTROOM_NET_TLSA_H
#define POSTROOM_NET_TLSA_H

#include "common/base/arena.h"

enum {
	TLSA_RECORDS_MAX = 32, /* of one server that are looked at */
	TLSA_TYPE = 52,        /* of the DNS, RFC 6698 section 7.1 */
};

enum tlsa_usage { TLSA_DANE_TA = 2, TLSA_DANE_EE = 3 };

struct tlsa {
	unsigned char usage;    /* enum tlsa_usage */
	unsigned char selector; /* 0: the certificate, 1: its public key */
	unsigned char matching; /* 0: itself, 1: SHA-256, 2: SHA-512 */
	struct str data;
};

struct tlsa_set {
	struct tlsa records[TLSA_RECORDS_MAX];
	size_t count;
};

/* Add the record where it is usable; data is a view into rdata. False: it is not, or there is no room. */
bool tlsa_read(struct str rdata, struct tlsa_set *set);

/* "_25._tcp.mx.example.net" */
struct str tlsa_name(struct str host, unsigned port, struct arena *arena);

#endif
