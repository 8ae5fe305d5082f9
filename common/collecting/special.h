/*
 * special: header fields in which a provider tells whom a message of a catch-all mailbox was for.
 *
 * One definition a line, the colon optional where nothing follows:
 *
 *     Delivered-To                     the whole value is the address
 *     Delivered-To: 547-*              "547-" stands before it
 *     X-RCPT: account-5 * delivered    text before and behind it
 *     X-RCPT: abc * ~                  any text may follow
 *     X-RCPT: /<([^>@]+@[a-z.]+)>/ig   a regular expression: each group is an address; with the flag g of each match
 *
 * Text is compared without case, a run of blanks as one. But for regular expressions a field has one address; a whole
 * value may be a list of some, as Exim's Envelope-To is.
 *
 * Security stance: definitions are the administrator's, values strangers'; regular expressions are bounded
 * (rules/regex.h). What is found is text: whether it is an address says who reads it next.
 */
#ifndef POSTROOM_COLLECTING_SPECIAL_H
#define POSTROOM_COLLECTING_SPECIAL_H

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/rules/regex.h"

enum {
	SPECIAL_FIELDS_MAX = 50, /* definitions */
	SPECIAL_FOUND_MAX = 500, /* addresses of one field */
};

struct special_field {
	struct str name;
	struct str before, behind; /* the text around the address */
	bool any_tail;             /* whatever follows behind is passed over */
	struct regex *regex;       /* instead of all that; NULL: none */
};

struct special_fields {
	struct special_field list[SPECIAL_FIELDS_MAX];
	size_t count;
};

/*
 * Read definitions, one a line; empty lines count nothing. Texts live in arena, regular expressions until special_free.
 * -1: ERR_SYNTAX, ERR_LIMIT, the sentence beginning with the line's number; nothing to free then.
 */
int special_parse(struct str text, struct arena *arena, struct special_fields *fields_out, struct err *err);
void special_free(struct special_fields *fields);

/*
 * What a definition finds in a value (unfolded): up to room texts, trimmed, in arena or views of value. Returns how
 * many, 0 where the value is of another form.
 */
size_t special_find(const struct special_field *field, struct str value, struct arena *arena, struct str *found,
                    size_t room);

#endif
