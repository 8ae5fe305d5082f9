/*
 * routing: whom a collected message is for.
 *
 * What a collector is set to (struct routing_options) says how recipients are found: all to one user, to a server, by
 * the addresses in the header, by the name beside an address, by a marker in the subject. What is found goes into the
 * envelope as it was found; the resolver is asked what it means (struct routing_asker), here whether it means anybody,
 * by queue-manager where it leads.
 *
 * Header routing (specification 04, "Header parsing"): the steps of `order` are taken one after another; each reads its
 * fields and asks what the addresses are. Sources: special fields (special.h); To, Cc, Apparently-To and, unless they
 * are ignored, Resent-To and Resent-Cc; what Received fields say behind "for". FROM mappings of the author count
 * whatever else is found.
 *
 * Of fields of which the first (or last) is read, those that name nobody of an accepted domain do not count.
 *
 * Promises: no I/O but the asker's; a broken field takes nothing from others; each address is asked for once; work and
 * memory are linear in the header, at most ROUTING_ADDRESSES_MAX addresses are looked at.
 * Security stance: strangers wrote the header. An address alone never makes a recipient: the resolver says so.
 */
#ifndef POSTROOM_COLLECTING_ROUTING_H
#define POSTROOM_COLLECTING_ROUTING_H

#include "common/collecting/special.h"
#include "common/rules/target.h"
#include "common/spool/spool.h"

enum {
	ROUTING_ADDRESSES_MAX = 2000, /* of one message */
	ROUTING_FIELDS_MAX = 2000,    /* of its header that are looked at */
	ROUTING_STEPS_MAX = 5,        /* slots of the processing order */
	ROUTING_DOMAINS_MAX = 200,    /* accepted ones */
};

enum routing_method {
	ROUTING_BY_HEADERS,
	ROUTING_TO_USER,    /* or a list, or several of both */
	ROUTING_TO_SERVER,  /* the resolver knows the server by the collector's number */
	ROUTING_BY_NAME,    /* a display name or comment is the name of a user */
	ROUTING_BY_SUBJECT, /* a regular expression finds the name of a user */
};

enum routing_step {
	ROUTING_STEP_NONE,
	ROUTING_STEP_SPECIAL,
	ROUTING_STEP_STANDARD,
	ROUTING_STEP_RECEIVED,
	ROUTING_STEP_STOP_IF_FOUND, /* where a valid recipient has been found */
	ROUTING_STEP_STOP,
};

/* Which of several fields of a name are read. */
enum routing_reading { ROUTING_READ_FIRST, ROUTING_READ_LAST, ROUTING_READ_ALL };

/* What becomes of a message without a valid recipient. */
enum routing_error {
	ROUTING_ERROR_REPORT_ADMIN,   /* the administrator gets a report with the message attached */
	ROUTING_ERROR_MESSAGE_ADMIN,  /* ... or the message itself */
	ROUTING_ERROR_REPORT_ADDRESS, /* error_address gets the report */
	ROUTING_ERROR_MESSAGE_ADDRESS,
	ROUTING_ERROR_BOUNCE,
	ROUTING_ERROR_IGNORE,
};

struct routing_options {
	enum routing_method method;
	struct rule_targets target;              /* of ROUTING_TO_USER */
	struct str forward_address;              /* of ROUTING_TO_SERVER */
	struct regex *subject;                   /* of ROUTING_BY_SUBJECT */
	struct str domains[ROUTING_DOMAINS_MAX]; /* accepted: domains with wildcards, or addresses with wildcards */
	size_t domain_count;
	struct str own_domain; /* of recipients without one: the first accepted domain, else this server's */
	struct special_fields special;
	enum routing_reading read_special, read_received;
	bool ignore_resent;
	bool ignore_received_names, ignore_standard_names; /* addresses without '@' */
	bool ignore_from_line;                             /* of an mbox, before the header */
	enum routing_step order[ROUTING_STEPS_MAX];
	enum routing_error error;
	struct rule_targets error_targets; /* of ROUTING_ERROR_*_ADDRESS */
	bool bounce;                       /* besides that */
	int64_t bounce_below;              /* bounce only what has a spam score below */
	struct str bounce_text;            /* empty: the built-in one */
};

/* What the resolver says of an address that a message names. */
enum routing_standing {
	ROUTING_VALID,
	ROUTING_ELSEWHERE, /* a *REMOTE mapping: exists, is not ours to deliver, and no error */
	ROUTING_UNKNOWN,   /* of an accepted domain, and nobody has it */
	ROUTING_FOREIGN,   /* of another domain */
};

struct routing_address {
	struct str address; /* "fred@example.com" */
	enum routing_standing standing;
	struct str *names; /* of a valid one: users, lists and addresses elsewhere that it leads to */
	size_t name_count;
};

/* Who is asked; each returns 0, or -1: it cannot be told now (ERR_TEMPORARY and the like). */
struct routing_asker {
	/* What is answer->address? The rest is filled in, in arena. */
	int (*address)(void *context, struct arena *arena, struct routing_address *answer, struct err *err);
	/* FROM mappings of an author: names and addresses that get the message, in arena. */
	int (*author)(void *context, struct str address, struct arena *arena, struct rule_targets *targets_out,
	              struct err *err);
	void *context;
};

struct routing {
	struct str header;                 /* without the mbox line that stood before it */
	struct str sender;                 /* for the envelope: Return-Path, else the author; "" is the null path */
	struct str author;                 /* address of From, or "" */
	struct str subject;                /* decoded, on one line */
	struct routing_address *addresses; /* all that were asked for, each once, in the order of the steps */
	size_t address_count;
	struct spool_recipient *recipients; /* for the envelope; none: a routing error */
	size_t recipient_count;
	size_t valid, unknown; /* how many addresses are that */
	struct str *steps;     /* sentences that explain it, where wanted */
	size_t step_count;
};

/*
 * Find the recipients of a message by its header (bytes up to the empty line or without it, line ends CRLF or LF). All
 * that is found lives in arena or is a view of header. explain: fill steps. -1: the asker could not say.
 */
int routing_find(const struct routing_options *options, struct str header, const struct routing_asker *asker,
                 bool explain, struct arena *arena, struct routing *routing_out, struct err *err);

/* Sentences about an order of steps that cannot be what somebody wants (unreachable, repeated); their number. */
size_t routing_check_order(const enum routing_step order[ROUTING_STEPS_MAX], struct str *warnings, size_t room,
                           struct arena *arena);

/* "special, stop-if-found, standard": up to five steps. -1: ERR_SYNTAX, ERR_LIMIT. */
int routing_parse_order(struct str text, enum routing_step order_out[ROUTING_STEPS_MAX], struct err *err);

/*
 * Accepted domains, separated by semicolons: domains or addresses, with wildcards; "@example.com" is a domain. Their
 * normal forms live in arena. -1: ERR_SYNTAX, ERR_LIMIT.
 */
int routing_parse_domains(struct str text, struct arena *arena, struct str domains[ROUTING_DOMAINS_MAX],
                          size_t *count_out, struct err *err);

/* The length of the mbox line ("From ...") that a message begins with, with its line end; 0: there is none. */
size_t routing_from_line(struct str message);

void routing_options_free(struct routing_options *options);

#endif
