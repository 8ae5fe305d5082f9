/*
 * pop3/reply: what a POP3 server says (RFC 1939, RFC 2449), taken apart line by line.
 *
 * The server is a stranger: every number is limited, what does not follow the grammar is told as such, and the views
 * point into the line. Nothing is decided here.
 */
#ifndef POSTROOM_POP3_REPLY_H
#define POSTROOM_POP3_REPLY_H

#include "common/base/str.h"

enum {
	POP3_REPLY_LINE_MAX = 16 * 1024, /* octets of a line that is no message's; a challenge may be long (RFC 5034) */
	POP3_MESSAGES_MAX = 1000000,     /* in one mailbox */
	POP3_UIDL_MAX = 1000,            /* octets; RFC 1939 section 7 allows 70 */
};

enum pop3_status {
	POP3_STATUS_OK,
	POP3_STATUS_ERROR,
	POP3_STATUS_CONTINUE, /* "+ ": RFC 5034 section 4 */
	POP3_STATUS_NONE,     /* no status line */
};

/* A status line; *text is what follows the indicator, without blanks around it. */
enum pop3_status pop3_reply_status(struct str line, struct str *text);

/* The text behind STAT's +OK: the number of messages, and their octets. False: not the two numbers, or too many. */
bool pop3_reply_stat(struct str text, uint32_t *count, uint64_t *octets);

/* A line of LIST. False: none. */
bool pop3_reply_size(struct str line, uint32_t *number, uint64_t *octets);

/*
 * A line of UIDL. Servers that put blanks or more than 70 octets into an id are understood: *uidl is all that follows
 * the number. False: none, an empty one, or more than POP3_UIDL_MAX octets.
 */
bool pop3_reply_uidl(struct str line, uint32_t *number, struct str *uidl);

/* The timestamp of a greeting, with its angle brackets (RFC 1939 section 7, APOP); empty: there is none. */
struct str pop3_reply_timestamp(struct str greeting);

enum pop3_offer {
	POP3_OFFER_STLS = 1,
	POP3_OFFER_PIPELINING = 2,
	POP3_OFFER_SASL = 4,
};

/* A line of CAPA's answer: a bit of enum pop3_offer (0: of no interest); of SASL *words are the mechanisms. */
unsigned pop3_reply_capability(struct str line, struct str *words);

#endif
