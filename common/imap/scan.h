/*
 * imap/scan: which characters may stand where (RFC 9051 section 9), for the files of common/imap alone.
 */
#ifndef POSTROOM_IMAP_SCAN_H
#define POSTROOM_IMAP_SCAN_H

#include "common/imap/parser.h"

bool imap_is_atom_char(char c);
bool imap_is_astring_char(char c); /* "]" too */
bool imap_is_tag_char(char c);     /* all of these but "+" */

/* Does the line end in "{n}" or "{n+}"? Sets where the digits' brace is; waits: for a continuation request. */
bool imap_find_literal(struct str line, size_t *brace, uint64_t *size, bool *waits);
/* A literal that is kept in memory, with whatever octets; the next line is read. */
bool imap_scan_octets(struct imap_parser *parser, struct str *octets);
/* The same for a literal of CHAR8: a NUL in it is BAD. */
bool imap_scan_literal(struct imap_parser *parser, struct str *string);

#endif
