/*
 * rules: an ordered list of rules, run over a message at each of its three stages.
 *
 * From the top down; the first rule whose conditions hold ends the run, but for those that say "and go on". A rule
 * belongs to one stage: the one that was asked for, else the earliest at which all its conditions can be told. An If
 * lasts to its Else and End-If, or to the end of the list; what stands in it belongs to a stage no earlier than its
 * own, and its conditions are asked again at each stage. Rules are numbered by position from 1, If, Else and End-If
 * included.
 *
 * A script (common/script) may take part: First before the rules of a stage (Start where it has no First), Last after
 * them where none ended the run, and any function that a "call" rule names. What fails there counts as absent.
 *
 * Rules of collectors run at RULES_DATA alone; what is to be done says the action of the rule that ended the run.
 *
 * What a run decides is told, not done: who runs it (smtpd, the command line's test) carries it out. Lines of header
 * fields gather over the stages of a message (struct rules_lines); later rules do not see them.
 *
 * Security stance: rules and scripts are the administrator's, messages strangers'. No I/O but the script's and one line
 * in the log for a regular expression that reaches its limit.
 */
#ifndef POSTROOM_RULES_RULES_H
#define POSTROOM_RULES_RULES_H

#include "common/db/db.h"
#include "common/rules/rule.h"
#include "common/script/script.h"

enum {
	RULES_MAX = 1000,         /* of one list */
	RULES_DEPTH_MAX = 16,     /* Ifs inside one another */
	RULES_LINES_MAX = 100,    /* header lines of one message */
	RULES_KEYWORDS_MAX = 50,  /* of one message */
	RULES_BLOCK_MINUTES = 30, /* where a script blocks without saying for how long */
};

struct rules {
	struct arena arena;
	struct rule *list;
	size_t count, room;
	bool has_stage[RULES_STAGES]; /* is there any rule of it? */
};

void rules_init(struct rules *rules);
void rules_free(struct rules *rules);
/* Add one at the end. -1: as rule_parse, or ERR_LIMIT. */
int rules_add(struct rules *rules, const struct rule_text *text, struct err *err);
/* When all are added: bring Ifs and stages together. -1: ERR_SYNTAX, the sentence beginning with "rule 3". */
int rules_finish(struct rules *rules, struct err *err);

/*
 * All of it for one service, from a database with the table smtp_rule (doc/ipc.md): a snapshot, or configd's. rules
 * must be empty (rules_init). -1: as above; the database's errors.
 */
int rules_load(struct rules *rules, struct db *db, int64_t service, struct err *err);

/* Header lines that rules of a message have set so far, without line ends. */
struct rules_lines {
	struct str *list;
	size_t count;
};

enum rules_verdict {
	RULES_NONE, /* no rule ended the run: as RULES_ACCEPT, but later stages run too */
	RULES_ACCEPT,
	RULES_REJECT,
	RULES_REDIRECT, /* to targets instead */
	RULES_IGNORE,
	RULES_COPY, /* to targets too */
};

struct rules_result {
	enum rules_verdict verdict;
	int64_t number; /* of the rule that ended the run; 0: none */
	struct str name;
	enum rule_action action; /* of that rule */
	bool is_temporary;       /* a rejection may be tried again */
	bool disconnect;         /* end the session when the message is answered */
	bool hold;
	int64_t block_minutes; /* 0: do not block the client */
	struct rule_targets targets;
	struct str *keywords; /* IMAP keywords of the copies that are delivered */
	size_t keyword_count;
};

/* What became of one rule, in the order of the run. */
enum rules_fate {
	RULES_TRIGGERED,
	RULES_TAKEN, /* of an If: its conditions hold */
	RULES_NOT_MATCHED,
	RULES_SKIPPED,     /* of another branch of an If */
	RULES_OTHER_STAGE, /* runs at another one */
};

struct rules_event {
	enum rules_stage stage;
	int64_t number; /* 0: of a script that said none */
	struct str name;
	const char *action; /* in the words of rule_text */
	struct str detail;  /* the rule's parameter, or what the script gave */
	enum rules_fate fate;
};

/* One run. facts->stage says which; facts->arena holds what the result has. */
struct rules_run {
	const struct rules *rules;
	struct facts *facts;
	struct script *script; /* NULL: none */
	struct rules_lines *lines;
	/* Told of every rule; NULL where nobody listens. Texts are valid during the call. */
	void (*tell)(void *context, const struct rules_event *event);
	void *context;
};

void rules_execute(const struct rules_run *run, struct rules_result *result_out);

/* The answer to a client whose message, or recipient, is rejected. */
struct rules_reply {
	int code;
	const char *enhanced;
	char text[80]; /* "Sender Prohibited (2)" */
};
void rules_reply(enum rules_stage stage, const struct rules_result *result, struct rules_reply *reply_out);

#endif
