/*
 * judge_parts: what the files of the judge share; for nobody else.
 *
 * Files: judge.c decides; judge_errors.c messages without a recipient; judge_mail.c the mails that it makes;
 * judge_script.c what pop3clt.lua has to say, judge_program.c what the administrator's program has.
 */
#ifndef POSTROOM_COLLECTOR_JUDGE_PARTS_H
#define POSTROOM_COLLECTOR_JUDGE_PARTS_H

#include "collector/judge.h"
#include "common/collecting/ask.h"
#include "common/collecting/options.h"
#include "common/collecting/ruling.h"
#include "common/script/script.h"

struct judge {
	struct judge_setup setup;
	struct arena arena; /* as long as the judge */
	struct collector_settings settings;
	struct routing_options options;
	bool uses_rules;
	struct rules rules;
	struct collect_asker asker;
	struct script script;
	struct ipc_channel filterd; /* where a program is set; fd -1: none is */
	struct arena line_arena;    /* of the line that the script sees */
	struct str domain;          /* of names that an administrator gives */
};

/* What the rules, or the script in place of them, want of a message. */
struct verdict {
	struct ruling ruling;
	const struct collect_action *action;
	struct str *marks; /* "name: action" of rules that ran */
	size_t mark_count;
};

/* The recipients of T, or of who else an administrator names; names alone get the default domain. */
void judge_add_named(const struct judge *judge, const struct rule_targets *targets, struct arena *arena,
                     struct spool_recipient *list, size_t *count);
/* The same for the account that a message target names; nothing where nobody is to be told. -1: the snapshot. */
int judge_add_account(const struct judge *judge, const char *target, struct arena *arena, struct spool_recipient *list,
                      size_t *count, struct err *err);

/* judge_mail.c: add a mail to a judgement. */
struct judge_about {
	const struct judge_offer *offer;
	struct str header; /* what is known of it */
	const struct verdict *verdict;
};
void judge_add_query(const struct judge *judge, const struct judge_about *about, struct arena *arena,
                     struct judgement *judgement, struct spool_recipient *recipients, size_t count);
void judge_add_warning(const struct judge *judge, const struct judge_about *about, struct arena *arena,
                       struct judgement *judgement, struct spool_recipient *recipients, size_t count);
void judge_add_reject(const struct judge *judge, const struct judge_about *about, struct arena *arena,
                      struct judgement *judgement);
void judge_add_report(const struct judge *judge, struct arena *arena, struct judgement *judgement,
                      struct spool_recipient *recipients, size_t count);

/* judge_errors.c: nobody gets it: what the collector's settings say of that. -1: the snapshot cannot be read. */
int judge_error(const struct judge *judge, double spam_score, struct arena *arena, struct judgement *judgement,
                struct err *err);

/* judge_script.c: DownloadRules. False: it has no opinion. */
bool judge_ask_script(struct judge *judge, const struct judge_offer *offer, const struct routing *routing,
                      struct str header, struct arena *arena, struct verdict *verdict);
/* ProcessMessage, on what is about to be stored. */
void judge_ask_process(struct judge *judge, const struct judge_arrival *arrival, struct arena *arena,
                       struct judgement *judgement);

/* judge_program.c: the program, on what is about to be stored. -1: it cannot be asked now; the message waits. */
int judge_open_program(struct judge *judge, struct err *err);
int judge_ask_program(struct judge *judge, const struct judge_arrival *arrival, struct arena *arena,
                      struct judgement *judgement, struct err *err);

#endif
