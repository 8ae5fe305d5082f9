/*
 * imapd/identities: who is meant in access lists, by name (to clients) and by number (at rest); and whom authd is told
 * of. Names are authd's to know: a session in its sandbox sees no list of users.
 */
#ifndef POSTROOM_IMAPD_IDENTITIES_H
#define POSTROOM_IMAPD_IDENTITIES_H

#include "imapd/imapd.h"

struct identity {
	struct str identifier; /* as stored: "user 12", "-group 3", "owner" */
	struct str name;       /* as clients call it: "anna", "-$sales"; empty: gone, or not known */
};

/* Fill in the names of identifiers, or the identifiers of names (where `identifier` is empty); in the arena. The
 * owner's name and "owner" are one. -1: noted. */
int identities_resolve(struct session *session, struct identity *identities, size_t count);

/*
 * Tell authd who is named in any access list of this mailbox, and about_to (may be empty) whom one is going to name:
 * who is not told of cannot come to see anything. -1: noted.
 */
int identities_tell(struct session *session, struct str about_to);

#endif
