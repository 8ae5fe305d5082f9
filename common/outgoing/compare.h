/*
 * compare: comparisons in what administrators write about mail that leaves (filter.h, overrides.h).
 *
 * Numbers are compared as numbers; texts without regard to case, "<" and its like by the codes of their characters.
 * A wildcard covers the whole text, a regular expression stands in slashes and is bounded in time (rules/regex.h): one
 * that reaches its limit does not hold.
 */
#ifndef POSTROOM_OUTGOING_COMPARE_H
#define POSTROOM_OUTGOING_COMPARE_H

#include "common/base/arena.h"
#include "common/base/err.h"

enum compare_operator {
	COMPARE_EQUAL,
	COMPARE_UNEQUAL,
	COMPARE_LESS,
	COMPARE_AT_MOST,
	COMPARE_MORE,
	COMPARE_AT_LEAST,
	COMPARE_CONTAINS,
	COMPARE_WILDCARD,
	COMPARE_REGEX,
};

struct regex;

struct comparison {
	enum compare_operator operator;
	bool negated;
	int64_t number;
	struct str text;
	struct regex *regex; /* of COMPARE_REGEX: freed by comparison_free */
};

/* What a comparison is about: one message on its way to one recipient. */
struct outgoing_facts {
	int64_t size;          /* octets */
	int64_t age;           /* seconds in the queue */
	unsigned retries;      /* attempts so far */
	struct str authsender; /* who logged in, or empty */
	struct str from;       /* return path; empty: <> */
	struct str to;         /* recipient */
};

/* Take "=", "==", "<>", "!=", "<", "<=", ">" or ">=" off *rest. False: none of these is there. */
bool compare_take_symbol(struct str *rest, enum compare_operator *operator_out);
/* Take a regular expression with its slashes and flags off *rest, into comparison. -1: ERR_SYNTAX, ERR_LIMIT. */
int compare_take_regex(struct str *rest, struct comparison *comparison, struct err *err);

bool comparison_holds_number(const struct comparison *comparison, int64_t number);
bool comparison_holds_text(const struct comparison *comparison, struct str text);
void comparison_free(struct comparison *comparison);

#endif
