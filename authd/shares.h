/*
 * authd/shares: state/auth/shares.db: whose mailbox holds something that others may see.
 *
 * Which folder, and what may be done there, is in the owner's mailbox and enforced by the session that serves it; here
 * is what has to be known before there is such a session: whether it may begin at all. The owner's session says who is
 * named in his access lists. So a session that was taken over reaches no mailbox but those that share something with
 * its user. Every change is on disk when the function returns.
 */
#ifndef POSTROOM_AUTHD_SHARES_H
#define POSTROOM_AUTHD_SHARES_H

#include "common/db/db.h"

enum {
	SHARES_GRANTEES_MAX = 10000, /* of one owner */
	SHARES_GRANTEE_MAX = 32,     /* octets of one */
	SHARES_GROUPS_MAX = 1000,    /* a user is in */
};

struct shares {
	struct db db;
};

/* Somebody who may be meant by a grantee. */
struct shares_person {
	int64_t uid;
	const int64_t *groups; /* by number */
	size_t group_count;
};

/* Open, made where it is missing. -1: any error, which names the file. */
int shares_open(struct shares *shares, const char *path, struct err *err);
void shares_close(struct shares *shares);

/* "user 12", "group 3", "anyone". */
bool shares_grantee_valid(struct str grantee);
/* Replace all grantees of an owner. -1: ERR_SYNTAX, ERR_LIMIT, or as the database fails; nothing was changed. */
int shares_set(struct shares *shares, int64_t owner, const struct str *grantees, size_t count, struct err *err);
/* Forget a user that is deleted: what he shares, and what was shared with him. */
int shares_forget(struct shares *shares, int64_t uid, struct err *err);

/* Does the owner share something with this person? 1, 0 or -1. A person shares nothing with himself. */
int shares_reach(struct shares *shares, int64_t owner, const struct shares_person *person, struct err *err);
/* Call visit for each owner who shares something with this person, by number. */
int shares_each_owner(struct shares *shares, const struct shares_person *person,
                      void (*visit)(int64_t owner, void *context), void *context, struct err *err);

#endif
