/*
 * smtp/message: a message that comes in, kept until everything about it is decided.
 *
 * What the peer sends is kept as it comes: in memory, and from MESSAGE_IN_MEMORY on in an unnamed file beside the
 * drop. Only when the checks have said what is to become of it (fields on top of it, fields taken out) it is written
 * into the spool, behind an envelope with the recipients that it has then. A message that is refused never was there.
 *
 * The header is in memory always; a longer one than MESSAGE_IN_MEMORY is refused.
 */
#ifndef POSTROOM_SMTP_MESSAGE_H
#define POSTROOM_SMTP_MESSAGE_H

#include "common/mime/mime.h"
#include "common/smtp/fields.h"
#include "common/spool/spool.h"

enum { MESSAGE_IN_MEMORY = 1 << 20 }; /* octets */

struct message {
	struct buf text;         /* all of it; its header alone where it is in a file */
	int fd;                  /* the file, -1 without */
	uint64_t size;           /* octets */
	size_t header_len;       /* octets of header without the empty line */
	struct fields fields;    /* what was seen in the header */
	bool header_is_too_long; /* nothing more is kept then */
	struct buf on_top;       /* fields that checks add, with their line ends */
	struct buf removed;      /* struct span of each field that checks take out */
};

/* An empty one. message_free gives everything back, and may be called at any time after. */
void message_init(struct message *message);
void message_free(struct message *message);

/*
 * Add the next octets; a CR and its LF are never parted, and the first call has the first line (common/smtp/fields.h).
 * -1: ERR_SYSTEM.
 */
int message_add(struct message *message, const struct spool_drop *drop, struct str bytes, struct err *err);

/* Each becomes the other, whole; fields that were put on top or taken out stay with what they were done to. */
void message_swap(struct message *message, struct message *other);

/* The header as the peer sent it: fields for mime_field_next. */
struct str message_header(const struct message *message);
/* The whole message, for common/mime; also to read any part of it (mime_source_read). */
struct mime_source message_source(const struct message *message);

/* Put fields, with their line ends, above the message and above what was added so; Received goes above all of them. */
void message_add_on_top(struct message *message, struct str fields);

/* Take out a field of message_header, once. What it says there stays as it is until the message is written. */
void message_remove(struct message *message, const struct mime_field *field);

/*
 * Write it all into the spool: trace (the Received field), what was put on top, the header without what was taken out,
 * `missing` (fields that the header lacks) at its end, the rest. -1: ERR_SYSTEM.
 */
int message_write(const struct message *message, struct str trace, struct str missing, struct spool_file *file,
                  struct err *err);

#endif
