/*
 * mailauth/spf/macro: macros in domain-specs and explanations (RFC 7208 section 7), for the files of this folder alone.
 */
#ifndef POSTROOM_MAILAUTH_SPF_MACRO_H
#define POSTROOM_MAILAUTH_SPF_MACRO_H

#include "common/mailauth/spf/run.h"

/* Does text follow the grammar of macro-string? */
bool spf_is_macro_string(struct str text);
/* Does it follow that of domain-spec: without the macros of explanations, and ending like a domain or in a macro? */
bool spf_is_domain_spec(struct str text);

/*
 * A domain-spec with its macros expanded, in a record of domain; as much of its right side as a name can hold (7.3),
 * without a final dot. -1: ERR_LIMIT: too long to be expanded.
 */
int spf_expand_domain(struct spf_run *run, struct str spec, struct str domain, struct str *name_out, struct err *err);

/* An explanation expanded. -1: ERR_SYNTAX, ERR_LIMIT. */
int spf_expand_explanation(struct spf_run *run, struct str text, struct str domain, struct str *text_out,
                           struct err *err);

#endif
