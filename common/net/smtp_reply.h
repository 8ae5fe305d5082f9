/*
 * smtp_reply: what an SMTP server answered, read line by line.
 *
 * The server is a stranger: lines, their number and the whole are limited, the lines of one reply must agree on the
 * code, and the words that go into logs, reports and the queue are made of printable UTF-8 only.
 */
#ifndef POSTROOM_NET_SMTP_REPLY_H
#define POSTROOM_NET_SMTP_REPLY_H

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/err.h"

enum {
	SMTP_REPLY_LINE_MAX = 12 * 1024 + 512, /* octets; RFC 4954 section 4 allows challenges of 12,288 */
	SMTP_REPLY_LINES_MAX = 200,
	SMTP_REPLY_MAX = 64 * 1024,  /* octets of text altogether */
	SMTP_REPLY_WORDS_MAX = 1000, /* octets of what smtp_reply_words makes of it */
};

struct smtp_reply {
	int code;          /* 200 to 599; 0 = none yet */
	char enhanced[12]; /* "5.1.1" (RFC 2034), of the code's class; "" where the last line has none */
	struct buf lines;  /* texts behind the codes, as they came, each followed by LF */
	size_t line_count;
};

void smtp_reply_init(struct smtp_reply *reply);
void smtp_reply_reset(struct smtp_reply *reply); /* for the next reply */
void smtp_reply_free(struct smtp_reply *reply);

/*
 * Add one line, without its end. Returns 1 where more lines follow, 0 where the reply is whole; -1 with ERR_PROTOCOL
 * (not a reply, RFC 5321 4.2) or ERR_LIMIT.
 */
int smtp_reply_add_line(struct smtp_reply *reply, struct str line, struct err *err);

/*
 * The reply on one line, in the server's own words: the code, then the texts of all lines, joined by blanks; an
 * enhanced code that each line repeats stands once. Control characters become blanks, what is not UTF-8 '?', long
 * replies are cut
 * ("...") at SMTP_REPLY_WORDS_MAX. "" where there is no reply.
 */
struct str smtp_reply_words(const struct smtp_reply *reply, struct arena *arena);

/* The class of a reply: 2, 3, 4 or 5 (0: none). */
int smtp_reply_class(const struct smtp_reply *reply);

/* The extensions of an EHLO reply (RFC 5321 4.1.1.1). */
enum smtp_extension {
	SMTP_PIPELINING = 1,       /* RFC 2920 */
	SMTP_8BITMIME = 2,         /* RFC 6152 */
	SMTP_SIZE = 4,             /* RFC 1870 */
	SMTP_STARTTLS = 8,         /* RFC 3207 */
	SMTP_AUTH = 16,            /* RFC 4954 */
	SMTP_DSN = 32,             /* RFC 3461 */
	SMTP_SMTPUTF8 = 64,        /* RFC 6531 */
	SMTP_ETRN = 128,           /* RFC 1985 */
	SMTP_ATRN = 256,           /* RFC 2645 */
	SMTP_REQUIRETLS = 512,     /* RFC 8689 */
	SMTP_FUTURERELEASE = 1024, /* RFC 4865 */
};

struct smtp_extensions {
	unsigned offered;    /* enum smtp_extension */
	unsigned mechanisms; /* enum sasl_client_mechanism, those that we speak */
	uint64_t size_limit; /* octets of a message; 0 = none said */
};

/* Read them out of the lines behind the first. What is unknown or malformed is passed over. */
void smtp_reply_extensions(const struct smtp_reply *reply, struct smtp_extensions *extensions_out);

#endif
