/*
 * imapd/cached: what answers about a message without its file: one blob a message, kept by the store.
 *
 * It holds the ENVELOPE and the BODYSTRUCTURE as they are sent, the header fields that clients ask for in their lists
 * (as they stand in the message), and the preview. Everything in it can be had again from the message; a blob that is
 * missing, damaged or of another version is built anew. SORT and THREAD read their keys from its fields.
 */
#ifndef POSTROOM_IMAPD_CACHED_H
#define POSTROOM_IMAPD_CACHED_H

#include "common/mime/mime.h"

/* Views into the blob, or into the arena where it was built. */
struct cached {
	int64_t header_len;   /* of the message: where its body begins */
	struct str envelope;  /* "(...)" */
	struct str structure; /* BODYSTRUCTURE, "(...)"; data NULL: not known yet */
	struct str fields;    /* the fields of cached_has_field, in the message's order, with their line ends */
	bool has_fields;      /* they were not too many to be kept */
	struct str preview;   /* UTF-8; data NULL: not known yet */
};

enum { CACHED_STRUCTURE = 1, CACHED_PREVIEW = 2 }; /* what is wanted beyond the header's things */

/* false: not a blob of this version, or damaged. */
bool cached_read(struct str blob, struct cached *cached);
/* Add the blob to out. -1: too large to be kept. */
int cached_write(const struct cached *cached, struct buf *out);

/*
 * Find out about a message: all that the header tells, and what wanted names; what *cached knows already is kept
 * (zeroed: nothing). The structure of a message that is read quickly is found in any case. -1: as mime_parse.
 */
int cached_build(const struct mime_source *source, unsigned wanted, struct arena *arena, struct cached *cached,
                 struct err *err);

/* Is a header field of this name among cached->fields, where the message has it? */
bool cached_has_field(struct str name);

/*
 * The THREADID of a message (RFC 8474 5.2): made from the first message id that its References name, or else its
 * In-Reply-To, or its own, so that it needs no memory of other messages. out: CACHED_THREAD_MAX bytes. Returns out.
 */
enum { CACHED_THREAD_MAX = 20 };
const char *cached_thread_id(struct str fields, int64_t email_id, char out[CACHED_THREAD_MAX]);

#endif
