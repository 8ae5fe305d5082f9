/*
 * imap/id: the command ID (RFC 2971), the same before and after the login.
 */
#ifndef POSTROOM_IMAP_ID_H
#define POSTROOM_IMAP_ID_H

#include "common/imap/parser.h"

enum { /* RFC 2971 section 3.3 */
	   IMAP_ID_FIELDS_MAX = 30,
	   IMAP_ID_NAME_MAX = 30,
	   IMAP_ID_VALUE_MAX = 1024,
};

/*
 * Parse the arguments of ID to the command's end. client: what the client says it is, its name and version, for the
 * log; "" where it says nothing; in the arena. False: the parser has failed.
 */
bool imap_parse_id(struct imap_parser *parser, struct str *client);
/* "* ID (...)": who we are; anonymous: "* ID NIL". */
void imap_write_id(struct conn *conn, bool anonymous);

#endif
