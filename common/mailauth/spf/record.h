/*
 * mailauth/spf/record: an SPF record taken apart (RFC 7208 section 12), for the files of this folder alone.
 *
 * All of the record is checked here, as 4.6 wants it: a mistake behind the term that would match is a mistake too.
 */
#ifndef POSTROOM_MAILAUTH_SPF_RECORD_H
#define POSTROOM_MAILAUTH_SPF_RECORD_H

#include "common/mailauth/spf/spf.h"

enum spf_mechanism { SPF_ALL, SPF_INCLUDE, SPF_A, SPF_MX, SPF_PTR, SPF_IP4, SPF_IP6, SPF_EXISTS };

struct spf_term {
	enum spf_mechanism mechanism;
	enum spf_result qualifier; /* the result where it matches */
	struct str text;           /* all of it */
	struct str spec;           /* domain-spec, macros not expanded; data NULL where there is none */
	struct cidr network;       /* of ip4 and ip6 */
	unsigned length4, length6; /* bits to compare of addresses that a and mx find */
};

struct spf_record {
	struct spf_term *terms;
	size_t count;
	struct str redirect, explanation; /* domain-specs; data NULL where there is none */
};

/* Is text a record of this kind ("v=spf1" and nothing, or a space, behind it)? */
bool spf_is_record(struct str text);

/* Take it apart: views of text, terms in the arena. -1: ERR_SYNTAX with what is wrong. */
int spf_record_parse(struct str text, struct arena *arena, struct spf_record *record_out, struct err *err);

#endif
