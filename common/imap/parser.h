/*
 * imap/parser: one IMAP command, pulled from the connection piece by piece (RFC 9051 section 9).
 *
 * A command's function asks for what its grammar wants next: a space, an atom, a string. A literal is fetched when it
 * is met: its size is checked against the limits before the continuation request, so that what is refused is never
 * read; a non-synchronising literal that is refused is read and dropped in small pieces, up to a bound, past which the
 * connection ends. APPEND's message is not taken into memory: imap_parse_literal hands out the size and the caller
 * takes the octets from the connection itself.
 *
 * After the first failure all further calls fail at once, so that a function looks once, at imap_parse_end; the
 * sentence for the tagged BAD (or NO, for what is too large) is in the parser then. What was parsed lives in the arena
 * until the command ends. Nothing a client sends makes it hold more than IMAP_COMMAND_MAX octets or recurse deeper than
 * IMAP_DEPTH_MAX.
 */
#ifndef POSTROOM_IMAP_PARSER_H
#define POSTROOM_IMAP_PARSER_H

#include "common/base/arena.h"
#include "common/net/conn.h"

enum {
	IMAP_LINE_MAX = 65536,          /* octets between two line ends (RFC 2683 3.2.1.5 wants 8,000 at least) */
	IMAP_COMMAND_MAX = 1024 * 1024, /* octets of a command with its literals, without messages */
	IMAP_LITERAL_MAX = 512 * 1024,  /* octets of one literal that is not a message */
	IMAP_LOGIN_LITERAL_MAX = 4096,  /* the same before the login */
	IMAP_DEPTH_MAX = 64,            /* nested parentheses */
	IMAP_TAG_MAX = 128,
};

enum imap_failure {
	IMAP_PARSED,
	IMAP_BAD,      /* the grammar was broken: tagged BAD, the connection stays */
	IMAP_TOO_BIG,  /* a limit: tagged NO [TOOBIG] or BAD, the connection stays */
	IMAP_TOO_LONG, /* a limit of the grammar: tagged BAD; both are logged */
	IMAP_ENDED,    /* the connection failed, or has to end */
};

struct imap_parser {
	struct conn *conn;
	struct arena *arena;
	struct str rest;    /* of the current line */
	size_t taken;       /* octets of the command so far */
	size_t literal_max; /* octets of one literal that is kept in memory */
	uint64_t drop_max;  /* octets of a command's refused non-synchronising literals that are read away */
	struct str given;   /* the last mailbox name as the client wrote it, in UTF-8 */
	bool wants_utf8;    /* quoted strings may hold UTF-8 (RFC 9051, RFC 6855); otherwise 8-bit octets are BAD */
	unsigned depth;
	enum imap_failure failure;
	const char *message; /* the sentence, NULL while all is well */
};

/* literal_max: IMAP_LOGIN_LITERAL_MAX or IMAP_LITERAL_MAX. drop_max is 32 times as much; who takes messages raises it.
 */
void imap_parser_init(struct imap_parser *parser, struct conn *conn, struct arena *arena, size_t literal_max);

/*
 * Wait for a command: reads a line, takes the tag and the command's name (upper case, in the arena; UID and its
 * command are one name, "UID FETCH"). False: failure is set; where it is IMAP_BAD, *tag may be empty ("*" is to be
 * answered with). Literals of the line before are gone.
 */
bool imap_parse_command(struct imap_parser *parser, struct str *tag, struct str *name);
/* The command is done with: what is left of it (also non-synchronising literals) is read away. False: IMAP_ENDED. */
bool imap_parse_finish(struct imap_parser *parser);

bool imap_parse_space(struct imap_parser *parser);
bool imap_parse_end(struct imap_parser *parser); /* the command must end here */
bool imap_at_end(const struct imap_parser *parser);
bool imap_parse_char(struct imap_parser *parser, char c); /* this character must come */
bool imap_peek_char(const struct imap_parser *parser, char c);
bool imap_skip_char(struct imap_parser *parser, char c); /* true where it came; no failure otherwise */
/* An opening parenthesis, counted against IMAP_DEPTH_MAX; and its end. */
bool imap_parse_open(struct imap_parser *parser);
bool imap_parse_close(struct imap_parser *parser);
/* Does this word (letters in any case) come next, ended by space, parenthesis, bracket or the end? Taken if so. */
bool imap_skip_word(struct imap_parser *parser, const char *word);

bool imap_parse_atom(struct imap_parser *parser, struct str *atom);            /* atom characters and "]" excluded */
bool imap_parse_flag_atom(struct imap_parser *parser, struct str *flag);       /* "\Seen", "$Junk", "work" */
bool imap_parse_astring(struct imap_parser *parser, struct str *string);       /* atom (with "]"), quoted or literal */
bool imap_parse_string(struct imap_parser *parser, struct str *string);        /* quoted or literal */
bool imap_parse_nstring(struct imap_parser *parser, struct str *string);       /* NIL: data NULL */
bool imap_parse_literal8(struct imap_parser *parser, struct str *octets);      /* "~{n}": any octets, also NUL */
bool imap_parse_list_pattern(struct imap_parser *parser, struct str *pattern); /* list-mailbox: "%" and "*" too */
bool imap_parse_number(struct imap_parser *parser, uint64_t max, uint64_t *number);
/* A mailbox name, as the store has it: UTF-8; modified UTF-7 is decoded unless wants_utf8 (then it is UTF-8 already,
 * RFC 9051 5.1). It comes in Unicode's form C; "inbox" in any case becomes "INBOX", also as the first level. */
bool imap_parse_mailbox(struct imap_parser *parser, struct str *name);
/* Text of a sequence set, checked for its grammar: digits, ':', ',', '*', or "$" alone. */
bool imap_parse_sequence_text(struct imap_parser *parser, struct str *text);
/* date-time ("17-Jul-1996 02:44:25 -0700") as seconds since 1970; date ("1-Feb-1994", quoted or not) as days since
 * 1970. */
bool imap_parse_date_time(struct imap_parser *parser, int64_t *seconds);
bool imap_parse_date(struct imap_parser *parser, int64_t *days);
/*
 * A literal that the caller reads: "{n}", "{n+}", "~{n}", "~{n+}" (literal8). size is checked against max; the
 * continuation request is sent. The caller takes exactly size octets by conn_read_some and conn_consume, then calls
 * imap_parse_literal_end, which reads the rest of the command's line.
 */
bool imap_parse_literal(struct imap_parser *parser, uint64_t max, uint64_t *size, bool *is_literal8);
bool imap_parse_literal_end(struct imap_parser *parser);

/* What is left of the command as it is on the wire, its literals as "{n+}", with the last line end, for who hands it on
 * unread: added to out. */
bool imap_parse_raw(struct imap_parser *parser, struct buf *out);

/* Is that a keyword (flag-keyword: an atom)? For what another process says. */
bool imap_is_keyword(struct str word);

/* Fail with a sentence of the caller's own. Always returns false. */
bool imap_fail(struct imap_parser *parser, enum imap_failure failure, const char *message);

#endif
