/*
 * imapd/rights: who may do what with a folder (RFC 4314).
 *
 * Access lists are stored in the owner's mailbox, with users and groups by number: "user 12", "group 3", "anyone", each
 * behind a "-" where it takes rights away, and "owner". What is not named there may do nothing; the owner may do
 * everything unless the administrator has set "owner" otherwise. A session in its own user's mailbox acts as the owner,
 * one that was opened by a guest's ticket (guest.h) as this guest, with the groups that authd named.
 */
#ifndef POSTROOM_IMAPD_RIGHTS_H
#define POSTROOM_IMAPD_RIGHTS_H

#include "common/base/err.h"
#include "common/imap/rights.h"

struct session;

/* What this session may do in a folder. -1: as the store fails. */
int rights_find(struct session *session, int64_t folder, unsigned *rights_out, struct err *err);

/* The flags (of enum store_flag) that may not be touched with these rights; keywords go with RIGHT_WRITE. */
unsigned rights_closed_flags(unsigned rights);

#endif
