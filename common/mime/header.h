/*
 * mime/header: what stands in header fields: encoded words, addresses, dates, message ids, subjects, parameters.
 *
 * All take values as they stand in a message (folded or not) and all are tolerant: a value is never refused because a
 * part of it is broken. Texts that are returned are well-formed UTF-8 without NUL and live in the arena (or are views
 * of the value), except where a comment says that something is returned as it stands.
 *
 * Addresses: common/addr has the strict parser, which decides where mail goes. The one here shows what a field says, as
 * ENVELOPE, SORT and SEARCH want it: groups, routes, names that are kept encoded, and something for every broken list.
 * Nobody sends mail to what it returns.
 */
#ifndef POSTROOM_MIME_HEADER_H
#define POSTROOM_MIME_HEADER_H

#include "common/mime/mime.h"

/*
 * A text with its encoded words decoded (RFC 2047, with the language of RFC 2231 5), unfolded. Blanks between two
 * encoded words are dropped; a character that is cut in two by encoded words of one charset is put together. Unknown
 * charsets and unlabelled 8-bit text: UTF-8 where it is that, else windows-1252. Words also count inside a quoted
 * string or next to other text, as they are often sent.
 */
struct str mime_decode_words(struct str value, struct arena *arena);

/* A text of unknown charset as UTF-8: itself where it is well-formed, else read as windows-1252. NULs are dropped. */
struct str mime_utf8(struct str text, struct arena *arena);

enum mime_address_kind {
	MIME_ADDRESS,
	MIME_GROUP_START, /* mailbox is the group's name */
	MIME_GROUP_END,
};

/* Parts are as in an ENVELOPE (RFC 9051 7.5.2): unquoted, encoded words left as they are; data NULL: not there. */
struct mime_address {
	enum mime_address_kind kind;
	struct str name;    /* display name, or the comment behind a bare address */
	struct str route;   /* "@a,@b" (RFC 5322 4.4), for the at-domain-list */
	struct str mailbox; /* local part */
	struct str host;    /* "" where the address has no domain */
};

struct mime_addresses {
	struct mime_address *list;
	size_t count;
};

enum { MIME_ADDRESSES_MAX = 20000 }; /* in one field; the rest is left out */

/* The addresses of a field. A group that is not closed is closed at the end. */
void mime_parse_addresses(struct str value, struct arena *arena, struct mime_addresses *list_out);

/* A date (RFC 5322 3.3, with 4.3: years of two digits, named zones; and what is commonly seen, such as no seconds). A
 * time that is missing or none is 00:00:00, a zone that is none +0000 (RFC 5256 2.2). */
struct mime_date {
	int64_t time;         /* seconds since 1970, UTC */
	int zone;             /* minutes east of Greenwich */
	int year, month, day; /* as written, month 1 to 12: for SENTON, which disregards the zone (RFC 9051 6.4.4) */
};
/* False: no date in it. */
bool mime_parse_date(struct str value, struct mime_date *date_out);

/*
 * The base subject (RFC 5256 2.1) of a subject as it stands in the header (encoded words are decoded first).
 * *is_reply_out (may be NULL): prefixes like "Re:" or a "(fwd)" were taken off (2.1 steps 2, 4, 6).
 */
struct str mime_base_subject(struct str subject, struct arena *arena, bool *is_reply_out);

struct mime_ids {
	struct str *list;
	size_t count;
};
enum { MIME_IDS_MAX = 1000 }; /* the last ones of a field are kept: they are the nearest ancestors */
/*
 * The message ids of a Message-ID, In-Reply-To or References field, without their brackets and normalised so that equal
 * ids are equal bytes (RFC 5256 3: quoting and blanks do not count).
 */
void mime_parse_ids(struct str value, struct arena *arena, struct mime_ids *ids_out);

/* A field "value; name=value; ..." such as Content-Type. Comments are dropped; a missing ";" or quote is forgiven. */
void mime_parse_value(struct str text, struct arena *arena, struct mime_value *value_out);

/* A parameter's value for people: RFC 2231 decoded; encoded words in it too, which RFC 2047 5 forbids and many send. */
struct str mime_param_text(const struct mime_param *param, struct arena *arena);

/* The file name a part is to be saved under (Content-Disposition's filename, else Content-Type's name); "" : none. No
 * path is taken off it and nothing is made safe. */
struct str mime_file_name(const struct mime_part *part, struct arena *arena);

/*
 * Date of a message for sorting (RFC 5256 2.2): the Date field's, or internal_date where it is missing or broken.
 */
int64_t mime_sent_date(struct str date_field, int64_t internal_date);

#endif
