/*
 * imap/rights: the rights of access lists and their letters (RFC 4314 section 2).
 */
#ifndef POSTROOM_IMAP_RIGHTS_H
#define POSTROOM_IMAP_RIGHTS_H

#include "common/base/str.h"

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

/* Add letters to rights: "c" stands for "kx", "d" for "et" (RFC 4314 2.1.1). False: a letter is not known. */
bool rights_parse(struct str letters, unsigned *rights);
/* As letters, with "c" and "d" behind them for old clients where with_old. Returns out. */
const char *rights_text(unsigned rights, bool with_old, char out[RIGHTS_TEXT_MAX]);

#endif
