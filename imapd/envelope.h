/*
 * imapd/envelope: ENVELOPE and BODYSTRUCTURE as text (RFC 9051 7.5.2), from what common/mime found.
 *
 * Strings are quoted or literals by what is in them, never UTF-8 in quotes: so one text is right for every client,
 * whatever it has enabled. Broken 8-bit text is sent as UTF-8.
 */
#ifndef POSTROOM_IMAPD_ENVELOPE_H
#define POSTROOM_IMAPD_ENVELOPE_H

#include "common/mime/mime.h"

void envelope_format(const struct mime_envelope *envelope, struct arena *arena, struct buf *out);
/* extended: BODYSTRUCTURE, else BODY. What out has no room for is shown as a single part of octets. */
void structure_format(const struct mime_part *root, bool extended, struct arena *arena, struct buf *out);

/* A string as it is to be sent; data NULL: NIL. */
void envelope_format_string(struct str string, struct arena *arena, struct buf *out);

#endif
