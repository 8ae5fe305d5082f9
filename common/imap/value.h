/*
 * imap/value: a reply of an IMAP server as a tree, for those who ask it more than reply.h knows of (RFC 9051 section
 * 9).
 *
 *     * 3 FETCH (UID 17 FLAGS (\Seen) BODY[HEADER] {4}\r\nabcd)      without "* "
 *
 * becomes a list of three values, the third of which is a list again. Literals stand in the text as they came over the
 * wire, "{4}", a line end, the octets.
 *
 * Security stance: the text is a stranger's; nesting is limited by IMAP_VALUE_DEPTH_MAX, memory by a small multiple of
 * the text's length, and what does not follow the grammar is ERR_SYNTAX as a whole.
 */
#ifndef POSTROOM_IMAP_VALUE_H
#define POSTROOM_IMAP_VALUE_H

#include "common/base/arena.h"
#include "common/base/err.h"

enum { IMAP_VALUE_DEPTH_MAX = 100 };

enum imap_value_kind {
	IMAP_VALUE_NIL,
	IMAP_VALUE_ATOM, /* also numbers, flags, "BODY[HEADER.FIELDS (DATE)]<0>", "[UIDNEXT 3]" */
	IMAP_VALUE_STRING,
	IMAP_VALUE_LIST,
};

struct imap_value {
	enum imap_value_kind kind;
	struct str text;          /* of atoms and strings, unquoted */
	struct imap_value *first; /* of a list; NULL: it is empty */
	struct imap_value *next;  /* in the list that it is in */
};

/* *value_out is a list of all that stands in the text. Lives in arena and text. -1: ERR_SYNTAX. */
int imap_value_parse(struct str text, struct arena *arena, struct imap_value **value_out, struct err *err);

/* The value at a place (from 0) of a list; NULL: there is none, or it is no list. NULL as list gives NULL. */
const struct imap_value *imap_value_at(const struct imap_value *list, size_t place);
/* In a list of names and values, the value behind a name, case ignored; NULL: there is none. */
const struct imap_value *imap_value_of(const struct imap_value *list, const char *name);
/* Text of an atom or a string; data is NULL for all else, and for NULL. */
struct str imap_value_text(const struct imap_value *value);
/* A number; false: it is none, or above max. */
bool imap_value_number(const struct imap_value *value, uint64_t max, uint64_t *number);
/* Is it an atom or a string of this text, case ignored? */
bool imap_value_is(const struct imap_value *value, const char *text);

#endif
