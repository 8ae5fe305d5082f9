/*
 * imap/scan: which characters may stand where (RFC 9051 section 9), for the files of common/imap alone.
 */
#ifndef POSTROOM_IMAP_SCAN_H
#define POSTROOM_IMAP_SCAN_H

#include "common/imap/parser.h"

bool imap_is_atom_char(char c);
bool imap_is_astring_char(char c); /* "]" too */
bool imap_is_tag_char(char c);     /* all of these but "+" */

/* A literal that is kept in memory; the next line is read. */
bool imap_scan_literal(struct imap_parser *parser, struct str *string);

#endif
