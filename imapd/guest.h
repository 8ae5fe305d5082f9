/*
 * imapd/guest: a session in the mailbox of an owner who shares some of it, for another user: his guest.
 *
 * The guest's own session asks the listener for it (common/net/bell.h) and gives it a ticket of authd's, which names
 * owner and guest; it enters its own sandbox, in which there is the owner's mailbox alone. It runs the same commands as
 * every session, one at a time as the guest's session hands them on (doc/ipc.md), with the rights that the owner's
 * access lists give the guest; its answers go back the same way. Folders are called "#users/<owner>/<name>" there.
 *
 * What is taken over here is the owner's mailbox. What is taken over on the guest's side gets from here what the rights
 * allow: they are checked here alone.
 */
#ifndef POSTROOM_IMAPD_GUEST_H
#define POSTROOM_IMAPD_GUEST_H

#include "imapd/imapd.h"

struct target;
struct stored;
struct upload;

enum {
	GUEST_IDLE_MS = 60000,  /* without a folder selected it ends after this; the guest's session asks no later than */
	GUEST_FRESH_MS = 50000, /* this */
	GUEST_GROUPS_MAX = 1000,
};

struct guest {
	char name[IMAP_USER_MAX];
	int64_t uid;
	int64_t *groups;
	size_t group_count;
	char owner[IMAP_USER_MAX];
	int control; /* to the guest's session */
};

/* A whole session; control is the descriptor that the guest's session gave away. Returns the exit status. */
int guest_session(struct imapd *imapd, int control);

/* Is that the name of a folder of this owner's? */
bool guest_is_here(const struct guest *guest, struct str name);
/* "#users/karen/Sales" to "Sales"; a name without "#users/" stays. False: it is not this owner's. */
bool guest_local_name(const struct session *session, struct str *name);
/* The other way, in the arena; in a session of the owner the name itself. */
struct str guest_full_name(struct session *session, struct str name);
/* Is that a level above a folder that the guest may see? */
bool guest_is_level(struct session *session, struct str name);
/* May the guest still read the selected folder? False: the BYE is said. Rights that changed are told. */
bool guest_may_stay(struct session *session);
/* Let the guest's session put messages where its command says. Notes the NO: -1. */
int guest_store(struct session *session, struct upload *upload, struct stored *stored);

#endif
