/*
 * dsn: delivery status notifications, as text.
 *
 * A multipart/report (RFC 6522) of three parts: a sentence for people, message/delivery-status (RFC 3464; RFC 6533's
 * message/global-delivery-status where an address is not ASCII), and the original's headers or the original itself.
 * What strangers said (addresses, answers, headers) is cleaned of control characters and folded, so that it can neither
 * end a field nor forge a part. Nothing here sends, stores or decides who gets a report.
 */
#ifndef POSTROOM_DSN_DSN_H
#define POSTROOM_DSN_DSN_H

#include "common/base/buf.h"

enum dsn_action { DSN_FAILED, DSN_DELAYED, DSN_DELIVERED, DSN_RELAYED };

struct dsn_recipient {
	struct str address;     /* who could not be reached, in the end */
	struct str orcpt;       /* "rfc822;xtext" as the sender gave it (RFC 3461 4.2); empty = none */
	struct str given;       /* the recipient as the sender wrote it, for people */
	struct str status;      /* "5.1.1"; empty: one that fits the action */
	struct str remote_host; /* who said so; empty: this server */
	struct str words;       /* its words: "550 5.1.1 No such user" */
	bool unrecognised;      /* the address does not exist here */
};

struct dsn {
	enum dsn_action action;
	struct str subject;     /* for people; UTF-8 */
	struct str sentence;    /* for people: lines that end with LF, of 900 octets at most; UTF-8 */
	struct str id;          /* this report's */
	struct str host;        /* this server's name, */
	struct str from;        /* and its address */
	struct str to;          /* the original sender */
	struct str original_id; /* the message reported on */
	struct str envid;       /* xtext, as given; empty = none */
	int64_t arrived_us;     /* when the original came */
	int64_t now_us;
	int64_t retry_until_us; /* of a delay: when it will fail; 0 = not told */
	struct str headers;     /* the original's header section, CRLF line ends */
	bool full;              /* the original as a whole follows: the caller writes it between begin and end */
	const struct dsn_recipient *recipients;
	size_t recipient_count;
};

/*
 * Everything up to the original itself (full), or up to the end of its headers; then the end. Added to text, within its
 * limit (see text->overflow).
 */
void dsn_begin(const struct dsn *dsn, struct buf *text);
void dsn_end(const struct dsn *dsn, struct buf *text);

/* Is a byte of it above 127: does the report need 8BITMIME? */
bool dsn_is_8bit(struct str text);
/* Is it well-formed UTF-8 (RFC 3629)? */
bool dsn_is_utf8(struct str text);

#endif
