/*
 * mailauth/results: the field Authentication-Results (RFC 8601): written, and those recognised that claim to be ours.
 *
 * What is written comes partly from strangers (domains, selectors, local parts, names): whatever is no plain value is
 * quoted, control characters and line ends are left out, so that nobody can add a result or a field. What is read is
 * only asked whom it claims to be of; comments, quotes and folding anywhere before that do not hide it.
 */
#ifndef POSTROOM_MAILAUTH_RESULTS_H
#define POSTROOM_MAILAUTH_RESULTS_H

#include "common/base/arena.h"
#include "common/base/buf.h"

enum {
	RESULTS_PROPERTIES_MAX = 6,
	RESULTS_ENTRIES_MAX = 20,
	RESULTS_VALUE_MAX = 400,       /* octets of a value, and of a comment or reason; what is longer is cut, */
	RESULTS_TEXT_MAX = 200,        /* so that no line exceeds what a message may have (RFC 5322 2.1.1) */
	RESULTS_FIELD_MAX = 64 * 1024, /* octets of a field; the limit for the buf */
};

/* One "type.name=value", such as smtp.mailfrom=example.org. */
struct results_property {
	const char *name; /* "smtp.mailfrom" */
	struct str value; /* empty: the property is left out */
};

struct results_entry {
	const char *method;                                         /* "spf", "dkim", "dmarc", "auth" ... */
	const char *result;                                         /* "pass" ... */
	struct str comment;                                         /* for people, in parentheses; empty: none */
	struct str reason;                                          /* empty: none */
	struct results_property properties[RESULTS_PROPERTIES_MAX]; /* up to the first without a name */
};

/* Results while they are found. */
struct results_list {
	struct results_entry entries[RESULTS_ENTRIES_MAX];
	size_t count;
};

/* One more, to be filled in. Who adds sees to it that there are never more than RESULTS_ENTRIES_MAX. */
struct results_entry *results_add(struct results_list *list, const char *method, const char *result);

/*
 * Add a whole field with its line end to field: one result a line, "none" without results (2.2). Returns 0, -1 where it
 * does not fit (as buf_add).
 */
int results_write(struct str authserv_id, const struct results_entry *entries, size_t count, struct buf *field);

/*
 * Add what stands behind "Authentication-Results:" alone, for ARC-Authentication-Results (RFC 8617 4.1.1), without a
 * line end. Returns as above.
 */
int results_write_payload(struct str authserv_id, const struct results_entry *entries, size_t count,
                          struct buf *payload);

/*
 * What results_write_payload wrote as one line, for envelopes, and such a line as what it was. They live in the arena.
 */
struct str results_unfold(struct str payload, struct arena *arena);
struct str results_fold(struct str line, struct arena *arena);

/*
 * The authserv-id that the value of an Authentication-Results field claims: unquoted, without comments and folding.
 * Empty where there is none to be read. Lives in the arena.
 */
struct str results_authserv_id(struct str value, struct arena *arena);

/* Does it claim to be of this authserv-id? Case, a final dot and the way a domain is encoded do not count. */
bool results_claims(struct str value, struct str authserv_id);

#endif
