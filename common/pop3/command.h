/*
 * pop3/command: what a POP3 client may say (RFC 1939, RFC 2449 section 3), taken apart.
 *
 * Reads a line, decides nothing: which command is allowed when is the table of the daemon that answers. The views point
 * into the line.
 */
#ifndef POSTROOM_POP3_COMMAND_H
#define POSTROOM_POP3_COMMAND_H

#include "common/base/str.h"

/* Octets of a command with its end. RFC 2449 section 4 wants 255; names and passwords in UTF-8 may need more. */
enum { POP3_LINE_MAX = 1024 };

enum pop3_verb {
	POP3_UNKNOWN,
	POP3_APOP,
	POP3_AUTH, /* RFC 5034 */
	POP3_CAPA, /* RFC 2449 */
	POP3_DELE,
	POP3_LIST,
	POP3_NOOP,
	POP3_PASS,
	POP3_QUIT,
	POP3_RETR,
	POP3_RSET,
	POP3_STAT,
	POP3_STLS, /* RFC 2595 */
	POP3_TOP,
	POP3_UIDL,
	POP3_USER,
	POP3_VERB_COUNT
};

struct pop3_command {
	enum pop3_verb verb;
	/* What follows the one space behind the keyword, blanks included: a password may begin or end with them. */
	struct str argument;
};

/* Take a line without its end apart. A line that holds NUL is POP3_UNKNOWN. */
struct pop3_command pop3_command_parse(struct str line);

/* Is there nothing but blanks in the argument? */
bool pop3_command_is_bare(const struct pop3_command *command);

/*
 * Read count numbers, and nothing else, from the argument; at most 9 digits each (more is larger than any message
 * number or line count that exists, and is read as UINT32_MAX). False: another number of words, or not numbers.
 */
bool pop3_command_numbers(const struct pop3_command *command, uint32_t *numbers, int count);

#endif
