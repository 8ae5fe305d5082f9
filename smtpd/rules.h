/*
 * smtpd/rules: the SMTP rules of a service in a session (common/rules).
 *
 * The listener loads the rules of all services when settings change; a session inherits them, and looks again at each
 * MAIL, so that one message is judged by one list. Where a service has neither rules nor a script nothing is done but
 * one stat(2) a message. Sessions of the local socket belong to no service and have none.
 *
 * A rule at MAIL that ends the run ends the rules of the message; one at RCPT speaks of its recipient; one at the end
 * of the data of all recipients. What rules decide of recipients is carried out when the envelope is written. Every
 * rule that runs is told to historyd (smtprules.log) by way of statusd.
 */
#ifndef POSTROOM_SMTPD_RULES_H
#define POSTROOM_SMTPD_RULES_H

#include "common/rules/rules.h"
#include "common/settings/settings.h"
#include "common/smtp/command.h"
#include "common/spool/spool.h"

struct service_rules {
	int64_t service;
	struct rules rules;
};

struct smtpd_rules {
	uint64_t generation; /* of the settings that were loaded */
	struct service_rules *list;
	size_t count;
};

/* What rules decided of one recipient, or of all. */
struct rules_decision {
	bool is_for_all;
	size_t recipient; /* index in the transaction */
	enum rules_verdict verdict;
	struct rule_targets targets;
	struct rules_decision *next;
};

/* Of one transaction. */
struct rules_state {
	bool active;               /* rules or a script may have something to say */
	bool ended;                /* a rule at MAIL ended the rules of this message */
	const struct rules *rules; /* empty list where there is a script alone */
	struct rules_lines lines;
	struct str *given; /* recipients as the client gave them */
	size_t given_count, given_room;
	struct rules_decision *decisions;
	struct str keywords; /* separated by blanks */
	bool hold, disconnect;
};

struct session;
struct message;

/* Load again where settings have changed. */
void smtpd_rules_refresh(struct smtpd_rules *rules, const struct settings *settings);

/* Run the rules of a stage. False: they refuse, and the client was told. */
bool rules_at_mail(struct session *session);
bool rules_at_rcpt(struct session *session, struct str address);

/*
 * Run those of the message, whose header lines are put on top of it then. NULL, or how it is refused (valid until the
 * end of the transaction).
 */
const struct smtp_refusal *rules_at_data(struct session *session, struct message *message);

/* The copies in mailboxes get this keyword, too. */
void rules_add_keyword(struct session *session, struct str keyword);

/* Carry out what was decided: recipients, hold, keywords. No recipients are left where the message is discarded. */
void rules_address(struct session *session, struct spool_envelope *envelope);

/* A recipient that was given will not get the message: the rules of the end of data do not see it. */
void rules_drop_recipient(struct session *session, struct str address);

#endif
