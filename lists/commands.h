/*
 * commands: what a message tells the ListServer to do (specification 03, ListServer).
 *
 * The subject is tried first: "subscribe LIST", "unsubscribe LIST" or an answer to a token ("Re: confirm TOKEN") there
 * is the only command. Otherwise each line of the text is one, up to "stop" or a line of "--". A "+" of the subject is
 * a blank, as the address of an unsubscribe link gives it. Upper and lower case of command words are one; empty lines
 * and quoted ones (">") are passed over; a line that is no command is kept as such, so that it can be answered.
 *
 * Security stance: strangers wrote it all. Parsing asks nobody, allocates from an arena alone and stops at the limits
 * below; what a command may do is decided elsewhere.
 */
#ifndef POSTROOM_LISTS_COMMANDS_H
#define POSTROOM_LISTS_COMMANDS_H

#include "common/base/arena.h"

enum {
	COMMANDS_MAX = 20,      /* of one message; lines that are no commands count */
	COMMAND_LINE_MAX = 200, /* octets of a line that are looked at */
};

enum command_kind {
	COMMAND_UNKNOWN,
	COMMAND_SUBSCRIBE,   /* LIST */
	COMMAND_UNSUBSCRIBE, /* LIST or "*", [ADDRESS] */
	COMMAND_LISTS,
	COMMAND_USERS, /* LIST */
	COMMAND_HELP,
	COMMAND_CONFIRM, /* TOKEN */
	COMMAND_APPROVE, /* TOKEN */
	COMMAND_REJECT,  /* TOKEN */
	COMMAND_ADD,     /* LIST ADDRESS */
	COMMAND_REMOVE,  /* LIST ADDRESS */
	COMMAND_STOP,    /* parsed, never returned */
	COMMAND_KINDS,
};

struct command {
	enum command_kind kind;
	struct str line;          /* as written, for the answer */
	struct str first, second; /* its arguments; empty where there are fewer */
	const char *usage;        /* of COMMAND_UNKNOWN: what it should have been, NULL: no such command */
};

struct commands {
	struct command list[COMMANDS_MAX];
	size_t count;
	bool cut; /* there were more */
};

/*
 * subject  decoded, UTF-8, one line
 * body     plain text, UTF-8; lines end with LF or CRLF
 * All that is returned are views of them and of the arena.
 */
void commands_parse(struct str subject, struct str body, struct arena *arena, struct commands *commands_out);

/* How the command is written that a line begins with: "subscribe LIST"; NULL: it begins with none. */
const char *command_usage(struct str line);

/* What each command does, lines that end with LF: the answer to "help". */
extern const char command_help[];

#endif
