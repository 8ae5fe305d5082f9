/*
 * facts: what conditions can ask of a message while it comes in.
 *
 * There are three moments (enum rules_stage); at each of them more is known. Whoever takes the message fills in what
 * is known so far; what follows from the header is worked out here, once, when a condition asks for it first.
 *
 * Security stance: strangers wrote all of it. Nothing here asks anybody, and time is linear in the header's size, but
 * for sorting its addresses.
 */
#ifndef POSTROOM_RULES_FACTS_H
#define POSTROOM_RULES_FACTS_H

#include "common/base/arena.h"
#include "common/mime/mime.h"

#include <time.h>

/* The numbers are those that scripts are told. */
enum rules_stage {
	RULES_AUTO, /* of a rule: as early as its conditions allow */
	RULES_MAIL, /* the return path is known */
	RULES_RCPT, /* one of the recipients, and those before it */
	RULES_DATA, /* the header, all recipients, the real size */
	RULES_STAGES,
};

/* Where a message comes from; the numbers are those of a rule's mask. */
enum facts_type {
	FACTS_INCOMING = 1, /* from outside */
	FACTS_LOCAL = 2,    /* of a user of this server, or a program of this machine */
	FACTS_SYSTEM = 4,   /* made by the server */
};

/* What is known when a message is delivered to one of its users; his rules change it as they run (message_rule.h). */
struct facts_delivery {
	enum facts_type type;
	double spam_score;
	bool quarantined, seen, flagged;
	struct str *keywords, *matched; /* names of rules */
	size_t keyword_count, matched_count;
	struct mime_source message;
	int64_t body_at; /* where the header has ended */
};

/* What is known of a message that a collector may fetch. */
struct facts_download {
	struct str collector;    /* its name */
	int64_t number;          /* its number */
	const struct str *names; /* users, lists and addresses elsewhere that the recipients lead to */
	size_t name_count;
	size_t valid, invalid; /* addresses that are somebody here, and nobody */
};

enum { FACTS_BODY_MAX = 4 << 20 }; /* octets of a body that are looked at */

struct facts {
	enum rules_stage stage;
	struct str mail_from;   /* without brackets; "" for <> */
	struct str client;      /* address as text */
	struct str user;        /* who logged in, or "" */
	struct str *recipients; /* so far, with the one being given as the last */
	size_t recipient_count;
	uint64_t size;     /* octets; before RULES_DATA as the client announced, or 0 */
	struct str header; /* at RULES_DATA, as the client sent it */
	time_t now;
	struct arena *arena;             /* for what is worked out; lives as long as the facts */
	struct facts_delivery *delivery; /* NULL while the message comes in */
	struct facts_download *download; /* of a collector's rules; recipients are addresses of the header then */

	/* Worked out here; use the functions below. */
	struct mime_field *fields;
	size_t field_count;
	struct str *bcc;
	size_t bcc_count;
	struct str body;
	bool fields_known, bcc_known, body_known;
};

/* The recipient being given; empty where the stage has none. */
struct str facts_this_recipient(const struct facts *facts);
/* The fields of the header, broken lines left out. Returns their number. */
size_t facts_fields(struct facts *facts, const struct mime_field **fields_out);
/* The first field of a name, unfolded; data is NULL where there is none. */
struct str facts_field(struct facts *facts, struct str name);
/* The first FACTS_BODY_MAX octets behind the header, of a message that is delivered; empty where it cannot be read. */
struct str facts_body(struct facts *facts);
/* The recipients that neither To nor Cc names; their number. None before RULES_DATA. */
size_t facts_bcc(struct facts *facts, const struct str **bcc_out);

#endif
