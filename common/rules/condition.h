/*
 * condition: one question about a message, in one line of text.
 *
 *     [not] [case] FIELD[,FIELD ...] OPERATOR DATA   To,Cc contains boss@example.com
 *                                                    not MailFrom ends-with @office.example
 *     [not] Always 0|1, TimeNow FROM-TO, DayNow DAYS     TimeNow 9-17
 *
 * FIELD is the name of a header field, or IPAddress, MailFrom, AuthUser, RcptTo, ThisRcptTo, RcptCount, Bcc, BccCount,
 * Size. A field that stands in the header several times, several fields, and several recipients are as many values: the
 * condition holds where it holds for any of them; "not" turns the answer round. A header field that is missing has no
 * value. Header fields are compared as they stand, unfolded.
 *
 * That is what rules of SMTP services ask (CONDITION_SMTP). A user's rules (CONDITION_USER) run when a message is
 * delivered to him. They know Always, DayNow, MailFrom, Size; TimeNow (hh:mm) and DateNow, MsgDate (yyyy-mm-dd) as
 * texts to compare; Incoming, Local, System, Quarantine, MarkRead, Flag, which are 1 or 0; SpamScore; Keywords and
 * RuleMatch, what rules before this one added and which of them matched; Body, the message behind its header as it
 * stands. All other words name header fields, which are compared decoded (RFC 2047); one that is missing counts as
 * empty.
 *
 * Rules of collectors (CONDITION_DOWNLOAD) look at the header of a message that is still at its server. They know
 * Always, TimeNow, DayNow, Size; Rcpt, an address or the name of a user or list that is among the recipients;
 * Collector, the name or number of the one that collects (both without an operator); ValidRecipients,
 * InvalidRecipients, how many addresses are somebody here, and nobody; Any, each line of the header. All other words
 * name header fields.
 *
 * OPERATOR is equals, not-equals (no value is equal), greater, at-least, less, at-most (numbers as numbers, else by the
 * alphabet), contains, begins-with, ends-with, matches (a wildcard pattern, or a regular expression in slashes) or
 * regex. Case does not matter but for regular expressions, and where the line says "case". The one text form is that of
 * the command line, the export and the stored rule.
 *
 * Security stance: DATA is an administrator's or user's, values are strangers'; each comparison is bounded
 * (base/wildcard.h, rules/regex.h). No I/O but a line in the log where a regular expression reaches its limit.
 */
#ifndef POSTROOM_RULES_CONDITION_H
#define POSTROOM_RULES_CONDITION_H

#include "common/base/err.h"
#include "common/rules/facts.h"
#include "common/rules/regex.h"

enum {
	CONDITION_DATA_MAX = REGEX_TEXT_MAX, /* octets */
	CONDITION_FIELDS_MAX = 20,
};

enum field_kind {
	FIELD_HEADER,
	FIELD_ALWAYS,
	FIELD_TIME_NOW,
	FIELD_DAY_NOW,
	FIELD_IP_ADDRESS,
	FIELD_MAIL_FROM,
	FIELD_AUTH_USER,
	FIELD_RCPT_TO,
	FIELD_THIS_RCPT_TO,
	FIELD_RCPT_COUNT,
	FIELD_BCC,
	FIELD_BCC_COUNT,
	FIELD_SIZE,
	/* of a user's rules */
	FIELD_CLOCK,
	FIELD_DATE_NOW,
	FIELD_MESSAGE_DATE,
	FIELD_BODY,
	FIELD_SPAM_SCORE,
	FIELD_INCOMING,
	FIELD_LOCAL,
	FIELD_SYSTEM,
	FIELD_QUARANTINED,
	FIELD_SEEN,
	FIELD_FLAGGED,
	FIELD_KEYWORDS,
	FIELD_RULE_MATCH,
	/* of a collector's rules */
	FIELD_RECIPIENT,
	FIELD_COLLECTOR,
	FIELD_VALID,
	FIELD_INVALID,
	FIELD_ANY,
};

/* Whose rule a condition belongs to; which words are fields depends on it. */
enum condition_dialect { CONDITION_SMTP, CONDITION_USER, CONDITION_DOWNLOAD };

struct condition_field {
	enum field_kind kind;
	struct str name;
};

enum condition_operator {
	OPERATOR_NONE, /* of Always, TimeNow, DayNow */
	OPERATOR_EQUALS,
	OPERATOR_NOT_EQUALS,
	OPERATOR_GREATER,
	OPERATOR_AT_LEAST,
	OPERATOR_LESS,
	OPERATOR_AT_MOST,
	OPERATOR_CONTAINS,
	OPERATOR_BEGINS_WITH,
	OPERATOR_ENDS_WITH,
	OPERATOR_MATCHES,
	OPERATOR_REGEX,
};

struct condition {
	bool negate;
	bool exact; /* case matters */
	struct condition_field *fields;
	size_t field_count;
	enum condition_operator op;
	struct str data;   /* as written */
	struct str folded; /* for comparing: where exact is not set, without case */
	bool is_number;
	double number;
	struct regex *regex;
	int from, to;  /* of TimeNow: minutes of the day, both inside */
	unsigned days; /* of DayNow: bit 0 is Sunday */
};

/*
 * Parse one line; what is kept lives in arena, but for the regular expression (condition_free).
 * -1: ERR_SYNTAX, ERR_LIMIT, with a sentence for who wrote it; nothing to free then.
 */
int condition_parse(struct str text, enum condition_dialect dialect, struct arena *arena,
                    struct condition *condition_out, struct err *err);
void condition_free(struct condition *condition);
/* The line in its normal form, which parses to the same condition. */
struct str condition_format(const struct condition *condition, struct arena *arena);

/* The first stage at which everything it asks is certain, and the first at which it can be asked at all. */
enum rules_stage condition_stage(const struct condition *condition);
enum rules_stage condition_first_stage(const struct condition *condition);
/* Does it ask for the recipient being given? Then it can be asked at RULES_RCPT only. */
bool condition_asks_recipient(const struct condition *condition);
/* Does the answer depend on the time of day or the day of the week? */
bool condition_asks_time(const struct condition *condition);

bool condition_holds(const struct condition *condition, struct facts *facts);

#endif
