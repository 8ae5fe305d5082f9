/*
 * imap/reply: what an IMAP server says (RFC 3501, RFC 9051), taken apart line by line, for our client.
 *
 * A line is what stands before a line end; where it ends with "{12}" a literal follows, and the text goes on behind it.
 * Whoever reads puts such pieces together and leaves the literals out, so a line given here may hold "{12}" followed at
 * once by what came behind the literal.
 *
 * The server is a stranger: every number is limited, what does not follow the grammar is told as such, and the views
 * point into the line. Nothing is decided here.
 */
#ifndef POSTROOM_IMAP_REPLY_H
#define POSTROOM_IMAP_REPLY_H

#include "common/base/str.h"

enum { IMAP_REPLY_LINE_MAX = 64 * 1024 }; /* octets, literals left out */

enum imap_reply_kind {
	IMAP_REPLY_NONE,     /* no answer of IMAP */
	IMAP_REPLY_UNTAGGED, /* "* ..." */
	IMAP_REPLY_CONTINUE, /* "+ ..." */
	IMAP_REPLY_TAGGED,   /* the end of a command */
};

enum imap_reply_status {
	IMAP_REPLY_OTHER, /* data, untagged only */
	IMAP_REPLY_OK,
	IMAP_REPLY_NO,
	IMAP_REPLY_BAD,
	IMAP_REPLY_PREAUTH,
	IMAP_REPLY_BYE,
};

struct imap_reply {
	enum imap_reply_kind kind;
	enum imap_reply_status status;
	struct str tag;  /* of IMAP_REPLY_TAGGED */
	struct str text; /* behind the status word; of data, all behind "* "; of "+", all behind it */
};

struct imap_reply imap_reply_parse(struct str line);

/* Does a line end in the head of a literal ("{12}", "{12+}", "~{12}")? *size: its octets; *head: octets of the head. */
bool imap_reply_ends_in_literal(struct str line, uint64_t *size, size_t *head);

/* The number of a response code, as in "[UIDVALIDITY 3857529045] UIDs valid". False: it is not that code. */
bool imap_reply_code(struct str text, const char *code, uint64_t *number);

/* "3 EXISTS" */
bool imap_reply_exists(struct str text, uint32_t *count);

enum imap_offer {
	IMAP_OFFER_STARTTLS = 1,
	IMAP_OFFER_LOGINDISABLED = 2,
	IMAP_OFFER_SASL_IR = 4,
	IMAP_OFFER_UIDPLUS = 8,
	IMAP_OFFER_MOVE = 16,
	IMAP_OFFER_IDLE = 32,
	IMAP_OFFER_SPECIAL_USE = 64,
	IMAP_OFFER_LIST_EXTENDED = 128,
	IMAP_OFFER_XLIST = 256,
	IMAP_OFFER_NAMESPACE = 512,
};

/* What a word of CAPABILITY offers; 0: nothing of interest. */
unsigned imap_reply_offer(struct str word);
/* The mechanism of "AUTH=PLAIN"; empty: the word is none. */
struct str imap_reply_mechanism(struct str word);

/* What a FETCH says of a message. */
struct imap_reply_fetch {
	uint32_t uid;  /* 0: it does not say */
	uint64_t size; /* RFC822.SIZE */
	bool has_size;
	bool has_body;     /* BODY[...], whatever the section */
	bool is_header;    /* ... which is HEADER */
	struct str quoted; /* its value where it is a quoted string, as it stands between the quotes; else empty */
};

/* "3 FETCH (UID 17 RFC822.SIZE 4096)". False: it is no FETCH, or follows no grammar. */
bool imap_reply_fetch(struct str text, struct imap_reply_fetch *fetch);

#endif
