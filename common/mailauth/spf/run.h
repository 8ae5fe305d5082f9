/*
 * mailauth/spf/run: a check that is under way, for the files of this folder alone.
 */
#ifndef POSTROOM_MAILAUTH_SPF_RUN_H
#define POSTROOM_MAILAUTH_SPF_RUN_H

#include "common/mailauth/spf/spf.h"

struct spf_run {
	const struct spf_check *check;
	struct mailauth_dns dns; /* with the deadline of this check */
	struct arena *arena;
	struct spf_outcome *outcome;
	struct str local_part, domain; /* of the sender, as %{s} has them */
	unsigned terms, voids;         /* that asked, and that found nothing */
	bool names_known;
	struct str names[SPF_HOSTS_MAX]; /* of the client, that lead back to its address */
	size_t name_count;
};

/* As mailauth_query; a name in UTF-8 does not exist (RFC 8616 4). */
int spf_query(struct spf_run *run, struct str name, enum mailauth_type type, struct mailauth_answer *answer_out,
              struct err *err);

/*
 * The client's names that its PTR records give and that have its address (RFC 7208 5.5); asked for once. Errors of the
 * DNS make names missing.
 */
void spf_find_names(struct spf_run *run);

/* Is name the domain, or in it? Both without a final dot. */
bool spf_name_is_in(struct str name, struct str domain);

/*
 * Has host one of the addresses, of the client's family, whose first bits are the client's? found: it has any. -1: the
 * DNS does not answer now.
 */
int spf_match_host(struct spf_run *run, struct str host, unsigned length4, unsigned length6, bool *matches, bool *found,
                   struct err *err);

#endif
