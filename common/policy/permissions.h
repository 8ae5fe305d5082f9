/*
 * permissions: whom users may write to, and who may write to them (specification 07, global permissions; 02,
 * permissions).
 *
 * Four lists of patterns of addresses for all, and the same four for each user: targets that may, or may not, be
 * written to, and senders that may, or may not, write. They are about mail to and from the Internet; between users of
 * this server nothing is asked. One function has the order of the decision, for targets and for senders.
 *
 * Reads a published snapshot of the settings; keeps nothing and asks nobody else.
 */
#ifndef POSTROOM_POLICY_PERMISSIONS_H
#define POSTROOM_POLICY_PERMISSIONS_H

#include "common/base/err.h"
#include "common/db/db.h"

enum { PERMISSIONS_MAX = 10000, PERMISSIONS_FOR_ALL = 0 }; /* entries of a list; whose lists those for all are */

enum permission_direction { PERMISSION_TARGET, PERMISSION_SENDER };

/* "target-white", "target-black", "sender-white", "sender-black", as they are called in tables and commands. */
const char *permission_list_name(enum permission_direction direction, bool white);
/* NULL where there is no such list; in the spelling of the table. */
const char *permission_list_find(struct str name);

/* What the lists say of an address. */
struct permission_facts {
	bool user_white, user_black, global_white, global_black; /* it is on that list */
	bool any_white;                                          /* the user's or the global white list has entries */
};

/* The decision, in the order of specification 07-9: 1 to 6, the first that applies. */
bool permission_decide(const struct permission_facts *facts);

/*
 * May this user write to (PERMISSION_TARGET), or get mail from (PERMISSION_SENDER), an address?
 *
 * uid     PERMISSIONS_FOR_ALL where nobody in particular is known: the global lists alone decide
 * domain  normalised. The null sender, which has no address, is asked for nowhere: delivery reports come from it.
 * Returns 1 = yes, 0 = no, -1: the snapshot cannot be read.
 */
int permission_ask(struct db *objects, int64_t uid, enum permission_direction direction, struct str local_part,
                   struct str domain, struct err *err);

#endif
