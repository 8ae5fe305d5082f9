/*
 * footer: a list's signature in a message, where and as the message's form allows it.
 *
 * Appended to a message that is one text/plain, where its charset and encoding can take it; one more text/plain part in
 * a multipart/mixed; around all else a new multipart/mixed, with the message's body as its first part, byte for byte.
 * Nothing where the message as a whole is signed or encrypted (multipart/signed, multipart/encrypted, S/MIME, PGP in a
 * plain text) or has a DKIM-Signature: another reader than us checks those bytes. But for who wants it all the same.
 */
#ifndef POSTROOM_LISTS_FOOTER_H
#define POSTROOM_LISTS_FOOTER_H

#include "common/mime/mime.h"
#include "lists/output.h"

enum footer_way { FOOTER_NONE, FOOTER_APPEND, FOOTER_PART, FOOTER_WRAP };

struct footer {
	enum footer_way way;
	struct str text;     /* UTF-8, lines end with LF */
	struct str boundary; /* PART: the message's; WRAP: a new one */
	bool is_quoted;      /* APPEND: in quoted-printable */
};

/*
 * Find out the way. text "": none. is_signed: its header has a DKIM-Signature. breaks: signatures do not count. -1: the
 * message cannot be read.
 */
struct footer_wish {
	struct str text;
	bool is_signed, breaks;
};
int footer_choose(const struct mime_source *source, const struct mime_part *root, const struct footer_wish *wish,
                  struct arena *arena, struct footer *footer_out, struct err *err);

/* Does the new multipart need that field of the message's header itself? With WRAP, Content-* go to the first part. */
bool footer_moves(const struct footer *footer, struct str field_name);
/* WRAP: the fields that take their place, with line ends; "" otherwise. */
struct str footer_fields(const struct footer *footer, const struct mime_part *root, struct arena *arena);

/*
 * Write the body with the footer. moved: the fields that footer_moves took out of the header, with line ends.
 */
int footer_write_body(const struct footer *footer, const struct mime_source *source, const struct mime_part *root,
                      struct str moved, struct output *output, struct err *err);

#endif
