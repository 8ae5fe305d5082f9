/*
 * mime: the structure of a message (RFC 2045, 2046, 5322), found in one pass over its bytes.
 *
 * A message is read through a struct mime_source: a descriptor (pread in pieces) or memory. mime_parse gives a tree of
 * parts that tells where each header and body stands, so that nobody needs the bytes again to find them. What the tree
 * keeps of the message are the few header fields that IMAP's BODYSTRUCTURE and ENVELOPE need. Values of header fields
 * are read with common/mime/header.h, text of parts with common/mime/text.h.
 *
 * Promises: no message is refused; what is broken is taken as the plainest thing that it can be. Memory depends on the
 * limits below, never on the message's size; time is linear in it. Bytes beyond a limit belong to the part they are in,
 * as content of a leaf. Line ends may be CRLF or LF, also mixed; a lone CR is none.
 * Security stance: strangers wrote every byte; nothing here executes, writes a file, or asks anybody.
 */
#ifndef POSTROOM_MIME_MIME_H
#define POSTROOM_MIME_MIME_H

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/err.h"

enum {
	MIME_PARTS_MAX = 10000,
	MIME_DEPTH_MAX = 50,        /* multiparts and messages inside one another */
	MIME_FIELD_MAX = 256 << 10, /* bytes of one field that are looked at */
	MIME_HEADER_MAX = 1 << 20,  /* bytes of one header that are looked at */
	MIME_KEPT_MAX = 4 << 20,    /* bytes of field values in one tree; what is found after that is left out */
	MIME_PARAMS_MAX = 100,      /* parameters of one field */
	MIME_LANGUAGES_MAX = 20,
	MIME_BOUNDARY_MAX = 200, /* RFC 2046 5.1.1 allows 70 */
};

/* Where a message stands. It must not change while it is used. */
struct mime_source {
	int fd;           /* -1: in memory */
	int64_t offset;   /* of its first byte in the file */
	int64_t size;     /* bytes */
	const char *data; /* where fd is -1 */
};

struct mime_source mime_source_file(int fd, int64_t offset, int64_t size);
struct mime_source mime_source_memory(struct str message);

/*
 * Read exactly len bytes from position at (counted from the message's first byte) into out.
 * -1: ERR_SYSTEM, ERR_CORRUPT (the source ends before that).
 */
int mime_source_read(const struct mime_source *source, int64_t at, void *out, size_t len, struct err *err);

/*
 * A parameter (RFC 2045 5.1, 2231). Continuations (name*0, name*1) are put together. Where the value was in the
 * extended form it still is: charset'language'percent-encoded, as a BODYSTRUCTURE shows it under the name with a "*"
 * behind it (RFC 2231 9); mime_param_text (header.h) decodes it.
 */
struct mime_param {
	struct str name; /* without "*" */
	struct str value;
	bool is_extended;
};

struct mime_params {
	struct mime_param *list;
	size_t count;
};

/* What a field like Content-Type or Content-Disposition says: a value and parameters. */
struct mime_value {
	struct str value; /* "" where the field is missing */
	struct mime_params params;
};

/* The fields that an ENVELOPE is made of: unfolded, otherwise as they stand; data is NULL where a field is missing. */
struct mime_envelope {
	struct str date, subject, from, sender, reply_to, to, cc, bcc, in_reply_to, message_id;
};

enum mime_kind {
	MIME_LEAF,
	MIME_MULTIPART, /* has children */
	MIME_MESSAGE,   /* message/rfc822 or message/global: has one child, the message inside */
};

/*
 * A part. Offsets count from the message's first byte. The header includes the empty line that ends it; the body ends
 * before the line end that belongs to the next boundary (RFC 2046 5.1.1).
 */
struct mime_part {
	struct mime_part *parent, *first_child, *next; /* NULL where there is none */
	enum mime_kind kind;
	unsigned depth; /* of the root: 0 */
	int64_t header_at, header_len, header_lines;
	int64_t body_at, body_len, body_lines; /* lines: line ends in it */

	/*
	 * The media type as it is to be treated: as given where it is well-formed and the part was read so, else the
	 * default (RFC 2045 5.2: text/plain; in a multipart/digest message/rfc822). A multipart in which no part was
	 * found is text/plain, one beyond the limits application/octet-stream.
	 */
	struct str type, subtype; /* never empty */
	struct mime_params params;
	struct mime_value disposition;
	struct str encoding;                       /* "" where the field is missing: 7bit */
	struct str id, description, md5, location; /* unfolded, "" where the field is missing */
	struct str *languages;                     /* Content-Language (RFC 3282) */
	size_t language_count;
	struct mime_envelope *envelope; /* of the root and of the child of a MIME_MESSAGE, else NULL */
};

/*
 * Find the structure of a message. Everything that is returned lives in arena; what is needed meanwhile (a buffer for
 * reading) is released. *root_out is the message itself: its header, its body.
 * -1: the source could not be read (ERR_SYSTEM, ERR_CORRUPT).
 */
int mime_parse(const struct mime_source *source, struct arena *arena, struct mime_part **root_out, struct err *err);

/*
 * The same for the header alone, which is much quicker where the message is long: kind, types and parameters as the
 * header says (a multipart has no children), all lengths of the body but not its lines.
 */
int mime_parse_header(const struct mime_source *source, struct arena *arena, struct mime_part **root_out,
                      struct err *err);

/*
 * The part that IMAP's numbers name (RFC 9051 6.4.5.1: of a message without multipart, 1 is the message's own body; the
 * parts of a MIME_MESSAGE are counted below it in the same way). NULL: there is none. count 0: the root.
 */
struct mime_part *mime_find(struct mime_part *root, const uint32_t *numbers, size_t count);

/* The next part in the order of the message (children first), NULL after the last. */
struct mime_part *mime_next(const struct mime_part *part);

/* Does a part have this media type? Case is ignored. subtype NULL: any. */
bool mime_is(const struct mime_part *part, const char *type, const char *subtype);

/* A parameter by name, case ignored, the extended form where there are both; NULL where there is none. */
const struct mime_param *mime_param(const struct mime_params *params, const char *name);

/* Add header or body of a part (or len bytes from anywhere) to out, up to out's limit. -1: as mime_source_read,
 * ERR_LIMIT. */
int mime_read(const struct mime_source *source, int64_t at, int64_t len, struct buf *out, struct err *err);

/* A field in a header that is in memory: views into it. */
struct mime_field {
	struct str whole; /* with its line ends */
	struct str name;  /* "" where the line is no field (no colon, or a blank in the name) */
	struct str value; /* behind the colon, folded as it stands, without blanks and line ends at its ends */
};
/* Cut the next field off *rest. False at the empty line that ends the header, or at the end of *rest. */
bool mime_field_next(struct str *rest, struct mime_field *field);
/* The first field of that name in a header, case ignored. False: none. */
bool mime_field_find(struct str header, struct str name, struct mime_field *field);

/* A value on one line: line ends are taken out (RFC 5322 2.2.3), NULs too. A view of value itself where it has none. */
struct str mime_unfold(struct str value, struct arena *arena);

#endif
