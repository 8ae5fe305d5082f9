/*
 * imapd/names: all names of folders that a user has, as LIST needs them: those of folders, those subscribed to, and the
 * levels above both.
 */
#ifndef POSTROOM_IMAPD_NAMES_H
#define POSTROOM_IMAPD_NAMES_H

#include "imapd/imapd.h"

struct name_entry {
	struct str name;
	int64_t folder; /* 0: there is none of that name */
	bool subscribed;
	bool has_children; /* folders below it */
	bool is_shared;    /* another user's: `folder` is only not 0 */
};

struct names {
	struct name_entry *entries; /* INBOX first; what is below a name follows it */
	size_t count;
};

/* Collect, into the session's arena. subscriptions: are they wanted? shared: and folders of others? -1 as the store
 * fails. */
int names_collect(struct session *session, bool subscriptions, bool shared, struct names *names, struct err *err);
/* Is name below parent? */
bool names_is_below(struct str name, struct str parent);

/* "* LIST (attributes) "/" name" for a client that enabled IMAP4rev2; with OLDNAME where it called the folder
 * otherwise: given (RFC 9051 6.3.9.7). */
void names_write_list(struct session *session, const char *attributes, struct str name, struct str given);
/* The same, and only where it is needed: the client enabled IMAP4rev2 and called the folder otherwise. name: as the
 * mailbox has it, also for a guest. */
void names_tell_oldname(struct session *session, const char *attributes, struct str name, struct str given);

#endif
