/*
 * rule: what is to become of a message, and on which conditions.
 *
 * A rule is written as six texts (struct rule_text): on the command line, in the export, in the settings. rule_parse
 * makes of them what the engine runs (rules.h) and says of each text that is wrong which one, and why.
 *
 * There are rules of SMTP services, and rules of collectors (CONDITION_DOWNLOAD), which say what to do with a message
 * that is still at its server; the two have other actions and conditions. A collector's rule has no stage, and holds
 * for every message where it has no condition.
 */
#ifndef POSTROOM_RULES_RULE_H
#define POSTROOM_RULES_RULE_H

#include "common/rules/condition.h"
#include "common/rules/target.h"

enum {
	RULE_NAME_MAX = 100,       /* octets */
	RULE_CONDITIONS_MAX = 100, /* of one rule */
	RULE_HEADER_MAX = 998,     /* octets of a header line (RFC 5322 2.1.1) */
	RULE_FUNCTION_MAX = 64,    /* octets of a script's function */
	RULE_MINUTES_MAX = 525600, /* of a block */
};

enum rule_action {
	RULE_ACCEPT,
	RULE_REJECT,
	RULE_REDIRECT,
	RULE_IGNORE,
	RULE_COPY,
	RULE_HOLD,
	RULE_REJECT_DISCONNECT,
	RULE_SET_HEADER, /* and go on */
	RULE_SET_HEADER_ACCEPT,
	RULE_IF,
	RULE_ELSE,
	RULE_END_IF,
	RULE_BLOCK, /* the client's address; rejects and disconnects, for a client that is blocked does not go on */
	RULE_CALL,
	/* of collectors alone; they have redirect, copy, ignore, reject, set-header, if, else and end-if, too */
	RULE_DOWNLOAD,
	RULE_DOWNLOAD_DELETE,
	RULE_REDIRECT_DELETE,
	RULE_COPY_DELETE,
	RULE_QUERY,
	RULE_REDIRECT_QUERY,
	RULE_COPY_QUERY,
	RULE_DELETE_WARN,
	RULE_DELETE_WARN_OTHER,
	RULE_DELETE_COPY_WARNING,
	RULE_DELETE,
	RULE_HEADERS,
	RULE_REDIRECT_HEADERS,
	RULE_COPY_HEADERS,
	RULE_SET_HEADER_STOP,
	RULE_STOP,
	RULE_ACTIONS,
};

/* data is NULL where a text is not given: the first word of its list, or nothing. */
struct rule_text {
	struct str name;
	struct str stage;               /* auto, mail, rcpt, data; none of a collector's */
	struct str action;              /* one of rule_action_words */
	struct str parameter;           /* addresses, a header line, minutes, a function's name */
	struct str match;               /* all, any */
	struct str conditions;          /* one a line */
	enum condition_dialect dialect; /* SMTP, where it is not set, or download */
};

struct rule {
	struct str name;
	enum rules_stage wanted; /* as written */
	enum rules_stage stage;  /* as it is run: rules_finish */
	enum rule_action action;
	struct str parameter; /* in its normal form */
	struct rule_targets targets;
	unsigned minutes;
	bool match_any;
	struct condition *conditions;
	size_t condition_count;
	bool is_temporary; /* a rejection ends with the hour or the day: it, or an If around it, asks for the time */
};

/* -1: ERR_SYNTAX, ERR_LIMIT, the sentence beginning with the text that is wrong; nothing to free then. */
int rule_parse(const struct rule_text *text, struct arena *arena, struct rule *rule_out, struct err *err);
void rule_free(struct rule *rule);
/* All six texts in their normal form. */
void rule_format(const struct rule *rule, struct arena *arena, struct rule_text *text_out);

const char *rule_stage_word(enum rules_stage stage);
const char *rule_action_word(enum rule_action action);
/* The one with that word; RULE_ACTIONS: that dialect has none. */
enum rule_action rule_action_find(struct str word, enum condition_dialect dialect);
/* Does it send the message, or news of it, to targets? */
bool rule_action_has_targets(enum rule_action action);

/* Is it "Name: value", one line? For lines of scripts too. -1: ERR_SYNTAX, ERR_LIMIT. */
int rule_check_header(struct str line, struct err *err);

#endif
