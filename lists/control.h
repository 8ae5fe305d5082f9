/*
 * control: what a message tells the mailer daemon to do (specification 02, "Control by mail").
 *
 * The subject says what it is about; lines of the text say who it is and what is to change:
 *
 *     Subject: Set Forwarding
 *
 *     USERNAME anna
 *     PASSWORD secret
 *     FORWARD TO anna@example.com; bert
 *
 * Upper and lower case of these words are one. Of several lines with the same word the first counts; other lines
 * (signatures, what is quoted) are passed over, and nothing counts after a line of "--". A subject with "[id TOKEN]",
 * 32 hexadecimal digits, is an answer to mail that the collector asks with (specification 04, download rules).
 *
 * Security stance: strangers wrote it all. Parsing asks nobody and allocates nothing; who may do what is decided
 * elsewhere.
 */
#ifndef POSTROOM_LISTS_CONTROL_H
#define POSTROOM_LISTS_CONTROL_H

#include "common/base/str.h"

enum {
	CONTROL_VALUE_MAX = 1000, /* octets of what stands behind a word; a longer line is none */
	CONTROL_TOKEN_LEN = 32,
};

enum control_kind {
	CONTROL_UNKNOWN, /* the subject is no command, or its text lacks the line that says what is to change */
	CONTROL_SET_FORWARDING,
	CONTROL_QUERY_FORWARDING,
	CONTROL_SET_ASSISTANT,
	CONTROL_QUERY_ASSISTANT,
	CONTROL_PASSWORD,
	CONTROL_FETCH, /* an answer to a question of the collector's: value is its token */
	CONTROL_KINDS,
};

enum control_change {
	CONTROL_NOTHING, /* of queries */
	CONTROL_TO,      /* value */
	CONTROL_ON,
	CONTROL_OFF,
	CONTROL_CHANGES,
};

struct control {
	enum control_kind kind;
	enum control_change change;
	struct str user, password; /* empty: not given */
	struct str value;          /* addresses, or the new password */
};

/*
 * subject  decoded, UTF-8, one line
 * body     plain text, UTF-8; lines end with LF or CRLF
 * What is returned are views of them.
 */
void control_parse(struct str subject, struct str body, struct control *control_out);

/* The commands, lines that end with LF: for those whose message was not understood. */
extern const char control_help[];

#endif
