/*
 * addr: mail addresses, in SMTP paths and in header fields.
 *
 * The one parser of addresses in the house: RFC 5321 4.1.2 with the extensions of RFC 6531 3.3, RFC 5322 3.4 for header
 * fields, xtext of RFC 3461 4. What it returns is syntactically right, within the limits of RFC 5321 4.5.3.1, holds no
 * control characters, and is valid UTF-8 where it is not ASCII. It never asks the network or the settings, and never
 * decides whether an address exists.
 *
 * Local parts are handled unquoted ("a b" is the local part a b) and written quoted only where they must be; so one
 * mailbox has one form and a comparison needs no second parser.
 */
#ifndef POSTROOM_ADDR_ADDR_H
#define POSTROOM_ADDR_ADDR_H

#include "common/base/arena.h"
#include "common/base/err.h"

enum {
	ADDR_LOCAL_MAX = 64,    /* octets of a local part, RFC 5321 4.5.3.1.1 */
	ADDR_DOMAIN_MAX = 255,  /* octets of a domain, 4.5.3.1.2 */
	ADDR_PATH_MAX = 256,    /* octets of a path with its brackets, 4.5.3.1.3 */
	ADDR_LIST_MAX = 100000, /* addresses in one header list */
};

/* Codes of struct err beside the common ones. */
enum addr_code {
	ADDR_SYNTAX = 100, /* not an address */
	ADDR_TOO_LONG,     /* one, but over a limit above */
};

struct addr {
	struct str local_part; /* unquoted */
	struct str domain;     /* as given, a literal with its brackets; empty: "postmaster" alone, or the null path */
	struct str text;       /* canonical: local part quoted only where it must be, "@", domain; "" for the null path */
	bool is_null;          /* "<>" */
	bool is_literal;       /* the domain is an address: [192.0.2.1], [IPv6:2001:db8::1] */
	bool is_utf8;          /* local part or domain holds other than ASCII: needs SMTPUTF8 as it stands */
};

/*
 * Parse one SMTP path ("<a@b>", "<>", "<@relay:a@b>"; the source route is dropped, RFC 5321 appendix C). "<postmaster>"
 * needs no domain (RFC 5321 4.5.1). Blanks before the path are forgiven.
 *
 * line      text after "FROM:" or "TO:", without the line end; need not be terminated
 * addr_out  set to views into line and arena
 * rest_out  set to what follows the path (the ESMTP parameters), without the blanks before it
 * Returns 0, or -1 with err->code ADDR_SYNTAX, ADDR_TOO_LONG.
 */
int addr_parse_path(struct str line, struct arena *arena, struct addr *addr_out, struct str *rest_out, struct err *err);

/* The same for clients of this house: a local part alone gets that domain, where it is not empty. */
int addr_parse_path_at(struct str line, struct str domain, struct arena *arena, struct addr *addr_out,
                       struct str *rest_out, struct err *err);

/* Parse "local@domain" (or "postmaster") that fills all of text, without brackets. Errors as above. */
int addr_parse_mailbox(struct str text, struct arena *arena, struct addr *addr_out, struct err *err);

/* One address of a header field. */
struct addr_entry {
	struct str name;  /* display name, unquoted, encoded words as they are; empty where there is none */
	struct addr addr; /* domain is empty where the field has a local part alone ("To: anna") */
};

struct addr_list {
	struct addr_entry *entries;
	size_t count;
};

/*
 * Parse the value of an address field (To, Cc, Bcc, From ...; RFC 5322 3.4 with the obsolete forms that are seen:
 * routes, empty list elements): names, groups (their members are taken), comments and folding. Unlike in SMTP, any
 * local part may come without a domain; who sends it adds one.
 * -1: ADDR_SYNTAX, ADDR_TOO_LONG, ERR_LIMIT (more than ADDR_LIST_MAX).
 */
int addr_parse_list(struct str value, struct arena *arena, struct addr_list *list_out, struct err *err);

/* "local@domain" with the local part quoted where it must be; without domain where that is empty. */
struct str addr_format(struct str local_part, struct str domain, struct arena *arena);

/*
 * The form of a domain by which it is compared and looked up: lower case, U-labels as A-labels (IDNA 2008 with UTS 46
 * mapping), an address literal in lower case. -1: ADDR_SYNTAX, ADDR_TOO_LONG.
 */
int addr_normalise_domain(struct str domain, struct arena *arena, struct str *domain_out, struct err *err);

/* Is this the syntax of a domain name (not a literal; U-labels allowed)? */
bool addr_is_domain(struct str domain);
/* Is this an address literal with its brackets, [192.0.2.1] or [IPv6:2001:db8::1]? */
bool addr_is_literal(struct str domain);

/*
 * Do two addresses name the same mailbox in this house: domains equal once normalised, local parts equal but for the
 * case of ASCII letters (RFC 5321 2.4 leaves that to the receiver)?
 */
bool addr_equal(const struct addr *a, const struct addr *b);

/* xtext (RFC 3461 4): "+" and "=" and what is not printable ASCII as +XX. */
struct str addr_xtext_encode(struct str plain, struct arena *arena);
/* -1: ADDR_SYNTAX: not xtext (a "+" without two upper case hexadecimal digits, "=", blank, control, not ASCII). */
int addr_xtext_decode(struct str xtext, struct arena *arena, struct str *plain_out, struct err *err);

#endif
