/*
 * smtp/command: the commands of an SMTP client, taken apart.
 *
 * RFC 5321 4.1.1 with the parameters of SIZE (1870), CHUNKING (3030), 8BITMIME (6152), DSN (3461), AUTH (4954) and
 * SMTPUTF8 (6531), REQUIRETLS (8689), FUTURERELEASE (4865). Only syntax is judged here: what the client may do, and
 * whether an address exists, others decide. Reads the line and nothing else; knows no session but for what is passed
 * in.
 */
#ifndef POSTROOM_SMTP_COMMAND_H
#define POSTROOM_SMTP_COMMAND_H

#include "common/addr/addr.h"

/* Why a command is refused, in the words of the reply. Texts are constants. */
struct smtp_refusal {
	int code;             /* 501 */
	const char *enhanced; /* "5.5.4", RFC 3463 */
	const char *text;
};

struct smtp_command {
	struct str verb;     /* as typed; compare without case */
	struct str argument; /* what follows, without blanks around it; empty where there is nothing */
};

/* Views into line. -1: an empty line, or a control character in it (a bare CR, LF or NUL among them). */
int smtp_parse_command(struct str line, struct smtp_command *command_out, struct smtp_refusal *refusal);

enum smtp_body { SMTP_BODY_NOT_GIVEN, SMTP_BODY_7BIT, SMTP_BODY_8BITMIME };

struct smtp_mail {
	struct addr from; /* is_null for <> */
	uint64_t size;    /* octets announced; 0: not given (RFC 1870 6.1) */
	enum smtp_body body;
	bool smtputf8;
	bool requiretls;    /* RFC 8689 */
	struct str ret;     /* "FULL", "HDRS" or empty */
	struct str envid;   /* xtext as given, or empty */
	int64_t hold_for;   /* seconds to wait before it goes (RFC 4865); 0: not given */
	int64_t hold_until; /* the same as a time, seconds since 1970 */
	struct str auth;    /* xtext as given, "<>", or empty; what it claims is not believed */
};

/*
 * The argument of MAIL: "FROM:<path> parameters". Values are views into argument, domain or arena. domain: given to a
 * local part that comes without one; empty: such is refused.
 * Refusals: 501 5.5.4 (not FROM:, a value that is wrong, a parameter twice), 501 5.1.7 (the address), 553 5.6.7 (not
 * ASCII without SMTPUTF8), 555 5.5.4 (unknown parameter).
 */
int smtp_parse_mail(struct str argument, struct str domain, struct arena *arena, struct smtp_mail *mail_out,
                    struct smtp_refusal *refusal);

struct smtp_rcpt {
	struct addr to;
	unsigned notify;  /* enum spool_notify's bits, 0: not given */
	struct str orcpt; /* "rfc822;anna@example.org" as given, or empty */
};

/* A chunk of a message (RFC 3030 2). */
struct smtp_chunk {
	uint64_t size; /* octets that follow the command */
	bool is_last;
};

/* The argument of BDAT. Refusal: 501 5.5.4; where the octets that follow end nobody knows then. */
int smtp_parse_bdat(struct str argument, struct smtp_chunk *chunk_out, struct smtp_refusal *refusal);

/*
 * The argument of RCPT: "TO:<path> parameters". smtputf8: whether MAIL announced it. Refusals as above, with 501 5.1.3
 * for the address, <> included.
 */
int smtp_parse_rcpt(struct str argument, struct str domain, bool smtputf8, struct arena *arena,
                    struct smtp_rcpt *rcpt_out, struct smtp_refusal *refusal);

#endif
