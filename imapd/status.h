/*
 * imapd/status: the items of STATUS, for STATUS itself, LIST ... RETURN (STATUS) (RFC 5819) and NOTIFY (RFC 5465).
 */
#ifndef POSTROOM_IMAPD_STATUS_H
#define POSTROOM_IMAPD_STATUS_H

#include "imapd/imapd.h"

enum status_item {
	STATUS_MESSAGES = 1,
	STATUS_RECENT = 2,
	STATUS_UIDNEXT = 4,
	STATUS_UIDVALIDITY = 8,
	STATUS_UNSEEN = 16,
	STATUS_DELETED = 32,
	STATUS_SIZE = 64,
	STATUS_DELETED_STORAGE = 128,
	STATUS_HIGHESTMODSEQ = 256,
	STATUS_MAILBOXID = 512,
	STATUS_APPENDLIMIT = 1024,
};

/* Parse "(" items ")" into an or of enum status_item. False: the parser has failed. */
bool status_parse_items(struct imap_parser *parser, unsigned *items);
/* Write "* STATUS name (...)" of a folder; name as the client knows it. -1 as the store fails; nothing is written. */
int status_write(struct session *session, struct str name, const struct mailbox_folder *folder, unsigned items,
                 struct err *err);

#endif
