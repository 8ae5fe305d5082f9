/*
 * mailauth/dmarc: does the domain in From: stand behind this message, and what does its owner want done where it does
 * not? Domain-based Message Authentication, Reporting and Conformance, RFC 7489.
 *
 * It weighs what SPF and DKIM found; it verifies nothing itself. Organisational domains come from the public suffix
 * list that is built into libpsl, so that nothing is read from files. Whoever asks decides whether the owner's policy
 * is applied.
 *
 * Records are strangers' text. As 6.3 wants it, what is wrong in one is left out, and the rest counts; but a record
 * whose policy cannot be read asks for nothing.
 */
#ifndef POSTROOM_MAILAUTH_DMARC_H
#define POSTROOM_MAILAUTH_DMARC_H

#include "common/mailauth/dns/dns.h"

enum { DMARC_TARGETS_MAX = 10 }; /* addresses for reports that are read of one record */

enum dmarc_policy { DMARC_NONE, DMARC_QUARANTINE, DMARC_REJECT };

struct dmarc_record {
	enum dmarc_policy policy;           /* p */
	enum dmarc_policy subdomain_policy; /* sp, else p */
	bool dkim_is_strict, spf_is_strict; /* adkim=s, aspf=s */
	unsigned percent;                   /* pct, 0 to 100 */
	struct str aggregate, failure;      /* rua, ruf: lists of URIs; data NULL where there are none */
	uint32_t interval_s;                /* ri: seconds between aggregate reports */
};

/* An address that reports are wanted at. */
struct dmarc_target {
	struct str address;
	uint64_t size_max; /* bytes; 0: any */
};

/* Is it a record of this version (6.4: "v=DMARC1" first)? */
bool dmarc_is_record(struct str text);
/*
 * Read it: views of text. -1: ERR_SYNTAX: it asks for nothing, since its policy cannot be read and it wants no reports
 * (6.6.3 step 6).
 */
int dmarc_record_parse(struct str text, struct dmarc_record *record_out, struct err *err);
/* The mailto: URIs of a list (6.2), percent signs decoded, at most DMARC_TARGETS_MAX; others are left out. */
size_t dmarc_read_targets(struct str list, struct arena *arena, struct dmarc_target targets[DMARC_TARGETS_MAX]);

enum dmarc_found { DMARC_MISSING, DMARC_FOUND, DMARC_AMBIGUOUS /* more than one */, DMARC_NOT_NOW };

/* The text of the record at this very name; err is set with DMARC_NOT_NOW. */
enum dmarc_found dmarc_find_text(const struct mailauth_dns *dns, struct str name, struct arena *arena,
                                 struct str *text_out, struct err *err);

/*
 * Where the owner of a domain wants aggregate reports, as its record says now: addresses in another organisation only
 * with its consent in the DNS, at the address that it names instead, where it names one (7.1). Returns 0; -1: the DNS
 * does not answer now.
 */
int dmarc_find_targets(const struct mailauth_dns *dns, struct str domain, struct arena *arena,
                       struct dmarc_target targets[DMARC_TARGETS_MAX], size_t *count_out, struct err *err);

/* The organisational domain (3.2) of a domain in A-labels: the part of it that somebody registered, else itself. */
struct str dmarc_organisational_domain(struct str domain, struct arena *arena);

enum dmarc_result {
	DMARC_RESULT_NONE, /* no record, or nothing to look for one with */
	DMARC_RESULT_PASS,
	DMARC_RESULT_FAIL,
	DMARC_RESULT_TEMPERROR, /* the DNS does not answer now */
	DMARC_RESULT_PERMERROR, /* the record is wrong */
};

/* What SPF or a signature found about a domain. */
enum dmarc_evidence { DMARC_PASSED, DMARC_FAILED, DMARC_UNKNOWN /* for want of an answer of the DNS */ };

struct dmarc_identity {
	struct str domain;
	enum dmarc_evidence evidence;
};

struct dmarc_check {
	const struct mailauth_dns *dns;
	struct str from;                   /* the domain of the one address in From: */
	struct dmarc_identity spf;         /* MAIL FROM's domain or HELO; an empty domain: not checked */
	const struct dmarc_identity *dkim; /* d= of each signature */
	size_t dkim_count;
	unsigned lot; /* 0 to 99, drawn for this message: decides by pct (6.6.4) */
};

struct dmarc_outcome {
	enum dmarc_result result;
	struct str from;            /* in A-labels */
	struct str policy_domain;   /* whose record it is: From's domain, or the organisational one; empty: none */
	struct dmarc_record record; /* where there is one */
	bool dkim_is_aligned;       /* a signature of such a domain was good */
	bool spf_is_aligned;        /* SPF passed for such a domain */
	enum dmarc_policy policy;   /* that the owner published for this domain */
	enum dmarc_policy wanted;   /* what he wants for this message: of one that failed, with the lot's say */
	struct str problem;         /* with DMARC_RESULT_TEMPERROR and DMARC_RESULT_PERMERROR */
};

/* dmarc_check will be called for an author of this domain: ask what it asks first. */
void dmarc_foresee(const struct mailauth_dns *dns, struct str from, struct arena *arena);

/* Evaluate; all texts of the outcome live in the arena or are literals. */
void dmarc_check(const struct dmarc_check *check, struct arena *arena, struct dmarc_outcome *outcome_out);

/* The words: "pass", "temperror" ... (RFC 7489 11.2); "none", "quarantine", "reject". */
const char *dmarc_result_word(enum dmarc_result result);
const char *dmarc_policy_word(enum dmarc_policy policy);

#endif
