/*
 * mailauth/dmarc/row: what one message tells the owner of a domain, for his aggregate report (RFC 7489 7.2).
 *
 * A row is a text (JSON, its members in one order), so that messages which tell the same have the same row and are
 * counted. Whoever sees the message writes it, the reporter reads it; in between nobody has to understand it. Texts
 * come from strangers: what is not UTF-8 is left out, and all have limits.
 */
#ifndef POSTROOM_MAILAUTH_DMARC_ROW_H
#define POSTROOM_MAILAUTH_DMARC_ROW_H

#include "common/base/buf.h"
#include "common/mailauth/dmarc/dmarc.h"

enum {
	DMARC_ROW_MAX = 8192,   /* octets of a row */
	DMARC_ROW_RESULTS = 12, /* results of SPF and DKIM in it */
	DMARC_ROW_TEXT_MAX = 255,
};

/* A result of SPF or of one signature. */
struct dmarc_row_result {
	const char *method; /* "spf", "dkim" */
	struct str domain;  /* that was checked */
	struct str detail;  /* the selector; "helo" or "mfrom" of SPF */
	struct str result;  /* "pass" ... */
};

struct dmarc_row {
	/* as the owner published it */
	struct str policy, subdomain_policy; /* "none", "quarantine", "reject" */
	bool dkim_is_strict, spf_is_strict;
	int64_t percent;
	/* the message */
	struct str source;                     /* the client's address */
	struct str header_from, envelope_from; /* domains; the second may be empty */
	struct str disposition;                /* what was done: "none", "quarantine", "reject" */
	struct str reason;                     /* why less than he wanted: "local_policy", "sampled_out"; "": no less */
	bool dkim_passed, spf_passed;          /* and aligned */
	struct dmarc_row_result results[DMARC_ROW_RESULTS];
	size_t result_count;
};

/* Add it to text. -1: ERR_LIMIT. */
int dmarc_row_format(const struct dmarc_row *row, struct buf *text, struct err *err);
/* Read it; texts live in arena. -1: ERR_SYNTAX. */
int dmarc_row_parse(struct str text, struct arena *arena, struct dmarc_row *row_out, struct err *err);

#endif
