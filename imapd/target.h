/*
 * imapd/target: the folder that messages go to: one of this mailbox, one that another user shares (shared.h), or, from
 * a session that serves a guest, one of the guest's (guest.h). Another mailbox gets them as an unnamed file that is
 * passed as a descriptor, so neither session reaches into the other's mailbox.
 */
#ifndef POSTROOM_IMAPD_TARGET_H
#define POSTROOM_IMAPD_TARGET_H

#include "imapd/rights.h"
#include "imapd/upload.h"

struct target {
	enum target_place {
		TARGET_HERE,
		TARGET_SHARED, /* in another user's mailbox */
		TARGET_GUEST,  /* where the guest's own session says */
	} place;
	struct str name;
	struct mailbox_folder folder; /* TARGET_HERE; with rights */
	unsigned rights;
};

/* What became of messages, in their order. */
struct stored {
	uint32_t uidvalidity;
	uint32_t *uids; /* in the arena */
};

/* Find it, and see that messages may be put there. Notes NO [TRYCREATE], ... and returns -1. */
int target_find(struct session *session, struct str name, struct target *target);
/* Put messages there, all or none, synced; flags that may not be set there are left out. Notes the NO: -1. */
int target_store(struct session *session, const struct target *target, struct upload *upload, struct stored *stored);

/* "APPENDUID validity set" (RFC 4315), in the arena. */
const char *target_append_code(struct session *session, const struct stored *stored, size_t count);

/*
 * bundle.c: messages in a request from session to session: a field each, and the file. bundle_add moves those in memory
 * to the file first: false, noted. bundle_take trusts nothing: -1, ERR_PROTOCOL. uids: of count messages, or -1.
 */
bool bundle_add(struct ipc_message *message, struct upload *upload);
int bundle_take(struct ipc_message *message, struct upload *upload, struct err *err);
void bundle_add_stored(struct ipc_message *message, const struct stored *stored, size_t count);
int bundle_take_stored(struct session *session, const struct ipc_message *message, size_t count, struct stored *stored,
                       struct err *err);
/* How a command ended, for the session that answers the client: with code and text. */
void bundle_add_result(struct ipc_message *message, const struct session *session);
/* The same back: notes it. True: it is OK. */
bool bundle_take_result(struct session *session, const struct ipc_message *message);

#endif
