/*
 * mailauth/tlsrpt: reports about TLS on the way to a domain's mail exchangers (SMTP TLS Reporting, RFC 8460).
 *
 * Who sends mail tells of each session as one row of text: under which policy of the domain it was, as JSON, a TAB, and
 * what failed, as JSON, or nothing. Rows that are the same are counted as one, so they hold no times. Out of a day's
 * rows one report is put together.
 *
 * Rows come from sessions that hear strangers: whoever reads them takes the fields that the RFC knows, as texts of
 * limited length, and nothing else. Where reports go the DNS alone says.
 */
#ifndef POSTROOM_MAILAUTH_TLSRPT_H
#define POSTROOM_MAILAUTH_TLSRPT_H

#include "common/mailauth/dns/dns.h"

#include <jansson.h>

enum {
	TLSRPT_ROW_MAX = 8192, /* octets */
	TLSRPT_TARGETS_MAX = 10,
	TLSRPT_URL_MAX = 1000,
};

/* One session, or that none came about. */
struct tlsrpt_session {
	const char *policy_type; /* "tlsa", "sts", "no-policy-found" (RFC 8460 4.4) */
	struct str domain;       /* whose policy it is */
	const struct str *policy;
	size_t policy_count; /* lines of the policy, records */
	const struct str *mx;
	size_t mx_count;         /* patterns of an STS policy */
	const char *failure;     /* result type (4.3); NULL: the session was under TLS as the policy wants it */
	struct str sending_ip;   /* of a failure; what is not known is empty */
	struct str receiving_mx; /* its name */
	struct str receiving_ip;
	struct str reason; /* in words */
};

/* Add the row of a session to out. -1: ERR_LIMIT. */
int tlsrpt_format(const struct tlsrpt_session *session, struct buf *out, struct err *err);

/*
 * Put a row that was counted into a report's array of policies (4.4): sums, and details of failures. False: it is no
 * row.
 */
bool tlsrpt_add(json_t *policies, struct str row, int64_t count);

/* Where a domain's reports go. */
struct tlsrpt_target {
	struct str text; /* a mail address, or a URL by HTTPS */
	bool is_web;
};

/* Understand a record (RFC 8460 3). Returns the number of targets that can be used, 0: also if it is none. */
size_t tlsrpt_parse_record(struct str text, struct arena *arena, struct tlsrpt_target targets[TLSRPT_TARGETS_MAX]);

/* As _smtp._tls.<domain> says now; several records are none (3). -1: the DNS does not answer now. */
int tlsrpt_find_targets(const struct mailauth_dns *dns, struct str domain, struct arena *arena,
                        struct tlsrpt_target targets[TLSRPT_TARGETS_MAX], size_t *count_out, struct err *err);

#endif
