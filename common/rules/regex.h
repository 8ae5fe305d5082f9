/*
 * regex: the regular expressions that an administrator or user writes, as Perl has them (PCRE2), bounded in time.
 *
 * Written bare or as /<expression>/<flags>, with the flags i (any case), m (^ and $ at lines), s (. also for a line
 * end), x (blanks and comments) and g (repeat; for those who look for groups, or replace). A match is a search: it is
 * anchored only by ^ and $. Subjects are bytes.
 *
 * Security stance: the expression is an administrator's, the subject a stranger's. A search that takes too many steps
 * from one place of the subject, too much memory, or REGEX_TIME_MS altogether is given up, which the caller takes for
 * no match and tells in the log. Compiled code (JIT) is used where the system allows that.
 */
#ifndef POSTROOM_RULES_REGEX_H
#define POSTROOM_RULES_REGEX_H

#include "common/base/err.h"
#include "common/base/str.h"

enum {
	REGEX_TEXT_MAX = 2000,      /* octets of an expression */
	REGEX_STEPS_MAX = 1000000,  /* of the matcher, from one place of the subject */
	REGEX_MEMORY_MAX_KB = 8192, /* for what a search has to come back to */
	REGEX_TIME_MS = 200,        /* of one search */
};

enum regex_result { REGEX_NO, REGEX_YES, REGEX_LIMIT };

struct regex;

/* Compile. -1: ERR_SYNTAX or ERR_LIMIT, with the position of the mistake. Freed with regex_free (NULL is allowed). */
int regex_compile(struct str text, struct regex **regex_out, struct err *err);
void regex_free(struct regex *regex);

/* Is there a match in subject? REGEX_LIMIT: that is not known, a limit was reached. */
enum regex_result regex_search(struct regex *regex, struct str subject);

/*
 * What the groups of matches are: of the first match, or with the flag g of one after another; views of subject,
 * without groups that took no part. Those beyond room are left out. *count_out is right also where a limit was reached.
 */
enum regex_result regex_groups(struct regex *regex, struct str subject, struct str *groups, size_t room,
                               size_t *count_out);
/* How many groups the expression has. */
size_t regex_group_count(const struct regex *regex);

#endif
