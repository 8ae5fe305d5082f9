/*
 * mime/edit: another form of a message: its header changed, a text added at the end of what people read.
 *
 * What is not changed keeps every byte. A text goes into each part where it belongs: a text/plain or text/html that is
 * no attachment, of a multipart/alternative each child, of any other multipart the first; in the part's own charset and
 * transfer encoding. A part is encoded anew only where its charset or encoding cannot hold the text, or where base64
 * leaves no choice. A plain message never becomes HTML.
 *
 * Never touched: the body of what is signed or encrypted (multipart/signed, multipart/encrypted, S/MIME, OpenPGP in the
 * text, a DKIM signature of others), of reports, digests and TNEF.
 *
 *     struct mime_edit edit;
 *
 *     mime_parse(&source, &arena, &root, err);
 *     mime_edit_open(&edit, &source, root, &arena, err);
 *     mime_fields_set(&edit.header, STR("X-Org"), STR("Example Ltd"));
 *     mime_edit_append(&edit, plain, html, err);
 *     mime_edit_write(&edit, fd, err);
 *
 * Security stance: strangers wrote the message; memory is limited by MIME_EDIT_TEXT_MAX for each part that is changed,
 * and MIME_HEADER_MAX.
 */
#ifndef POSTROOM_MIME_EDIT_H
#define POSTROOM_MIME_EDIT_H

#include "common/mime/fields.h"

enum { MIME_EDIT_TEXT_MAX = 16 << 20 }; /* bytes of a part; a longer one gets no text */

/* Bytes of the message, and what stands there instead. */
struct mime_splice {
	int64_t at, len;
	struct str bytes;
	struct mime_splice *next;
};

struct mime_edit {
	const struct mime_source *source;
	const struct mime_part *root;
	struct arena *arena;
	struct mime_fields header; /* of the message, to be changed with fields.h */
	struct str original;       /* header as it stands there */
	struct mime_splice *splices, **last;
	unsigned appended; /* parts that got the text */
};

/*
 * Begin. The source and root (of mime_parse) must stay, all else is in arena. A header of more than MIME_HEADER_MAX is
 * refused. -1: ERR_SYSTEM, ERR_CORRUPT, ERR_LIMIT.
 */
int mime_edit_open(struct mime_edit *edit, const struct mime_source *source, const struct mime_part *root,
                   struct arena *arena, struct err *err);

/* May the body not be changed, since it is signed or encrypted? */
bool mime_edit_is_sealed(const struct mime_edit *edit);

/* Which kinds of parts would take a text? */
void mime_edit_takes(const struct mime_edit *edit, bool *plain_out, bool *html_out);

/*
 * Add a text at the end of each part where it belongs; once for an edit. plain and html are UTF-8, one of them may be
 * empty and is made from the other. Where nothing can take it edit->appended stays 0. -1: as mime_send.
 */
int mime_edit_append(struct mime_edit *edit, struct str plain, struct str html, struct err *err);

/* Write the message as it is now to a file. -1: ERR_SYSTEM, ERR_CORRUPT. */
int mime_edit_write(const struct mime_edit *edit, int fd, struct err *err);

/* Is it as it was, so that writing it would make a copy? */
bool mime_edit_is_unchanged(const struct mime_edit *edit);

/* edit_text.c: a part with the text at its end, for this module alone. is_last: the message ends with the part. */
int mime_edit_part(struct mime_edit *edit, const struct mime_part *part, struct str plain, struct str html,
                   struct err *err);
void mime_edit_splice(struct mime_edit *edit, int64_t at, int64_t len, struct str bytes);

#endif
