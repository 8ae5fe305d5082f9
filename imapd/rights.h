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

#include "common/base/buf.h"
#include "common/store/folders.h"

/* In the usual order of their letters, "lrswipkxtea". */
enum right {
	RIGHT_LOOKUP = 1, /* l */
	RIGHT_READ = 2,
	RIGHT_SEEN = 4,
	RIGHT_WRITE = 8, /* flags other than \Seen and \Deleted */
	RIGHT_INSERT = 16,
	RIGHT_POST = 32,
	RIGHT_CREATE = 64,       /* k: below it */
	RIGHT_DELETE = 128,      /* x: the folder */
	RIGHT_DELETED = 256,     /* t: the flag */
	RIGHT_EXPUNGE = 512,     /* e */
	RIGHT_ADMINISTER = 1024, /* a */
	RIGHTS_ALL = 2047,
};

enum { RIGHTS_TEXT_MAX = 16 };

struct session;

/* What this session may do in a folder. -1: as the store fails. */
int rights_find(struct session *session, int64_t folder, unsigned *rights_out, struct err *err);

/* Add letters to rights: "c" stands for "kx", "d" for "et" (RFC 4314 2.1.1). False: a letter is not known. */
bool rights_parse(struct str letters, unsigned *rights);
/* As letters, with "c" and "d" behind them for old clients where with_old. Returns out. */
const char *rights_text(unsigned rights, bool with_old, char out[RIGHTS_TEXT_MAX]);

/* The flags (of enum store_flag) that may not be touched with these rights; keywords go with RIGHT_WRITE. */
unsigned rights_closed_flags(unsigned rights);

#endif
