/*
 * imap/text: what goes to the client: strings, mailbox names, flags, dates (RFC 9051 section 9); and the forms of names
 * and of what is sorted.
 */
#ifndef POSTROOM_IMAP_TEXT_H
#define POSTROOM_IMAP_TEXT_H

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/net/conn.h"

/*
 * A string: quoted where it can be, else a literal. utf8: UTF-8 may stand in quotes (IMAP4rev2 or UTF8=ACCEPT enabled).
 * data NULL is NIL for imap_write_nstring.
 */
void imap_write_string(struct conn *conn, struct str string, bool utf8);
void imap_write_nstring(struct conn *conn, struct str string, bool utf8);
void imap_write_astring(struct conn *conn, struct str string, bool utf8);
/* A mailbox name: UTF-8 as it is, or in modified UTF-7 (RFC 3501 5.1.3). */
void imap_write_mailbox(struct conn *conn, struct str name, bool utf8);
/* "17-Jul-1996 02:44:25 +0000", with quotes, in UTC. */
void imap_write_date_time(struct conn *conn, int64_t seconds);

/*
 * UTF-8 to modified UTF-7 and back. Decoding accepts only what encoding would have produced. -1: ERR_SYNTAX; ERR_LIMIT
 * where out is full.
 */
int mutf7_encode(struct str utf8, struct buf *out, struct err *err);
int mutf7_decode(struct str mutf7, struct buf *out, struct err *err);

/* A name in Unicode's form C (RFC 9051 5.1): the same in the arena, or itself where it is so already or is no UTF-8. */
struct str imap_normalise(struct str utf8, struct arena *arena);
/* The same, and "inbox" in any case becomes "INBOX", also as the first level. */
struct str imap_mailbox_name(struct str utf8, struct arena *arena);

/*
 * A text so that i;unicode-casemap (RFC 5051) compares it octet by octet: characters in title case, decomposed. Of what
 * is no UTF-8 only the ASCII letters are changed. In the arena.
 */
struct str imap_casemap(struct str text, struct arena *arena);

#endif
