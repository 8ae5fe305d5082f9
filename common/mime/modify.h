/*
 * mime/modify: lines that change the header of a message, as administrators and owners of lists write them.
 *
 *     X-Organisation: Example Ltd       sets the field: the first of that name gets the value, others go
 *     X-Mailer:                         takes the field away
 *     From: %n <%l>                     data may have codes; "%%" is "%", one that nobody knows stays as it is
 *
 * Values come into the header folded and encoded (fields.h), whatever a code stands for.
 */
#ifndef POSTROOM_MIME_MODIFY_H
#define POSTROOM_MIME_MODIFY_H

#include "common/mime/fields.h"

/* What a code stands for: adds it to out. False: it is not known. */
typedef bool modifier_expand(char code, void *context, struct buf *out);

/* Are all lines well-formed? Empty ones are passed over. -1: ERR_SYNTAX, with a sentence that shows the line. */
int modifiers_check(struct str lines, struct err *err);

/* Apply them in their order. A line that is not well-formed is passed over. A value that comes out empty takes the
 * field away. */
void modifiers_apply(struct mime_fields *fields, struct str lines, modifier_expand *expand, void *context);

#endif
