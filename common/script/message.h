/*
 * script/message: what scripts that see whole messages have in common: functions that read parts of the message,
 * ProcessMessage, and lines that are passed through a function (specification 09-5.5).
 *
 * Security stance: what a script answers is held to the form that it must have, else it is told in luaerrors.log and
 * counts as nothing. Addresses are checked by who uses them.
 */
#ifndef POSTROOM_SCRIPT_MESSAGE_H
#define POSTROOM_SCRIPT_MESSAGE_H

#include "common/mime/mime.h"
#include "common/script/script.h"

/* The table Postroom with GetMessageLines and the like; they find nothing but while ProcessMessage runs. */
const struct script_offer *script_message_offer(void);

struct script_message {
	struct mime_source source;
	struct str from; /* reverse-path */
	const struct str *recipients;
	size_t recipient_count;
};

/* What ProcessMessage wants; texts are in the arena of the call. */
struct script_actions {
	bool keeps_recipients;
	bool ignore;                  /* nobody gets it */
	bool remove;                  /* of a collector: delete it at the server */
	const struct str *recipients; /* more of them, or in place of the original ones */
	size_t recipient_count;
	const struct str *lines; /* header fields to be put on top, the first on top */
	size_t line_count;
	struct str reason; /* for the log; may be empty */
};

/* Call it, where the script has it; actions are always filled in. */
void script_process_message(struct script *script, const struct script_message *message, struct arena *arena,
                            struct script_actions *actions);

/*
 * Pass a line, without its end, through a function: a text takes its place, nil leaves it as it is. False: the function
 * returned false, so the line goes; only where may_drop is set.
 */
bool script_pass_line(struct script *script, const char *function, struct str *line, bool may_drop,
                      struct arena *arena);

/* A header field on one line, without its line end (RFC 5322 2.2)? */
bool script_is_field(struct str line);

#endif
