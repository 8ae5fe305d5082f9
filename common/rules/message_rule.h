/*
 * message_rule: what a user's own rules make of a message that is delivered to him.
 *
 * A rule is written as five texts (struct message_rule_text): on the command line, in the export, in the settings.
 * Rules run from the top down, each that is meant for the message's type and whose conditions hold; all of its actions
 * are done, and the next rule follows but for the action stop. Actions, one a line:
 *
 *     stop                      no rule after this one
 *     flag 1|0, mark-read 1|0   the IMAP flags \Flagged and \Seen
 *     keyword WORD              an IMAP keyword
 *     copy FOLDER               into this folder too
 *     move FOLDER               into this folder instead of INBOX; several: into each
 *     delete 1|0                into no folder at all, whatever else says so
 *     quarantine 1|0
 *     forward ADDRESS           a copy to somebody
 *     forward-from ADDRESS      who sends the copies of this rule; else the user
 *     header FIELD: DATA        sets the field, or adds it; without data the field goes
 *
 * What rules decide is told (struct facts_delivery, struct message_outcome), not done.
 *
 * Security stance: rules are the user's or an administrator's, messages strangers'. Nothing here asks anybody.
 */
#ifndef POSTROOM_RULES_MESSAGE_RULE_H
#define POSTROOM_RULES_MESSAGE_RULE_H

#include "common/rules/condition.h"

enum {
	MESSAGE_RULES_MAX = 500, /* of a user */
	MESSAGE_RULE_CONDITIONS_MAX = 100,
	MESSAGE_RULE_ACTIONS_MAX = 50,
	MESSAGE_FOLDERS_MAX = 50, /* that one message goes to */
	MESSAGE_FORWARDS_MAX = 50,
	MESSAGE_LINES_MAX = 100, /* header lines set of one message */
	MESSAGE_KEYWORDS_MAX = 50,
	MESSAGE_NAME_MAX = 100,   /* octets of a rule's name */
	MESSAGE_FOLDER_MAX = 1000 /* octets of a folder's name */
};

enum message_action_kind {
	MESSAGE_STOP,
	MESSAGE_FLAG,
	MESSAGE_DELETE,
	MESSAGE_QUARANTINE,
	MESSAGE_MARK_READ,
	MESSAGE_KEYWORD,
	MESSAGE_COPY,
	MESSAGE_MOVE,
	MESSAGE_FORWARD,
	MESSAGE_FORWARD_FROM,
	MESSAGE_HEADER,
	MESSAGE_ACTIONS,
};

struct message_action {
	enum message_action_kind kind;
	struct str data; /* in its normal form */
	bool on;         /* of those that take 1 or 0 */
};

/* data is NULL where a text is not given. */
struct message_rule_text {
	struct str name;
	struct str types;      /* some of incoming, local, system, separated by commas; all where none is given */
	struct str match;      /* all, any */
	struct str conditions; /* one a line; none: the rule holds for every message of its types */
	struct str actions;    /* one a line */
};

struct message_rule {
	struct str name;
	unsigned types; /* enum facts_type, or-ed */
	bool match_any;
	struct condition *conditions;
	size_t condition_count;
	struct message_action *actions;
	size_t action_count;
};

/* -1: ERR_SYNTAX, ERR_LIMIT, the sentence beginning with the text that is wrong; nothing to free then. */
int message_rule_parse(const struct message_rule_text *text, struct arena *arena, struct message_rule *rule_out,
                       struct err *err);
void message_rule_free(struct message_rule *rule);
/* All five texts in their normal form. */
void message_rule_format(const struct message_rule *rule, struct arena *arena, struct message_rule_text *text_out);

/* Is it "Field: data" or "Field:", one line? -1: ERR_SYNTAX, ERR_LIMIT. */
int message_header_check(struct str line, struct err *err);

/* May it be a keyword (RFC 9051 9, flag-keyword), a folder that is made where it is missing? -1: ERR_SYNTAX, ERR_LIMIT.
 */
int message_keyword_check(struct str word, struct err *err);
int message_folder_check(struct str name, struct err *err);

/* A copy that a rule sends to somebody. */
struct message_forward {
	struct str address;
	struct str from; /* empty: the user */
};

/* Where a message goes, beside what struct facts_delivery says of it. Lists are in the arena of the facts. */
struct message_outcome {
	bool keep_inbox; /* it goes to INBOX too */
	bool deleted;    /* it goes nowhere, whatever else is said here */
	struct str folders[MESSAGE_FOLDERS_MAX];
	size_t folder_count;
	struct message_forward forwards[MESSAGE_FORWARDS_MAX];
	size_t forward_count;
	struct str lines[MESSAGE_LINES_MAX]; /* header lines to be set */
	size_t line_count;
};

/*
 * Run rules over a message. facts->stage is RULES_DATA, facts->delivery says what is known so far and is kept up to
 * date; outcome is added to (start with message_outcome_begin). What exceeds a limit is left out, which the log tells.
 */
void message_outcome_begin(struct message_outcome *outcome);
void message_rules_run(const struct message_rule *rules, size_t count, struct facts *facts,
                       struct message_outcome *outcome);

/* Add a keyword to those of the message, once each. */
void message_add_keyword(struct facts *facts, struct str keyword);

#endif
