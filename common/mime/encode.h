/*
 * mime/encode: what a program of this house writes into a message of its own: texts that are not ASCII, dates.
 *
 * Takes UTF-8 (what is not becomes so as mime_utf8 reads it); in fields line ends are dropped and other control
 * characters become blanks, so that no text can end the field it stands in. Lines are folded at 76 characters (RFC 2047
 * 2), counted from `column`, the length of what stands before the text on its line.
 */
#ifndef POSTROOM_MIME_ENCODE_H
#define POSTROOM_MIME_ENCODE_H

#include "common/base/arena.h"
#include "common/base/buf.h"

/* Add a text as an unstructured field has it (RFC 2047 5 (1)): as it is where it is ASCII, else in encoded words. */
void mime_encode_text(struct str text, size_t column, struct buf *out);

/* Add a display name (RFC 5322 3.2.5, RFC 2047 5 (3)): atoms, a quoted string, or encoded words. Nothing for "". */
void mime_encode_phrase(struct str name, size_t column, struct buf *out);

/* Add a text as the body of a part in quoted-printable (RFC 2045 6.7). Its line ends, LF or CRLF, become CRLF. */
void mime_encode_quoted(struct str text, struct buf *out);

/* Add a date as in a Date field (RFC 5322 3.3), in local time. seconds: since 1970. */
void mime_format_date(int64_t seconds, struct buf *out);

#endif
