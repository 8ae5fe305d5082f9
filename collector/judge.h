/*
 * judge: what is to become of the messages of a collector: its routing, the download rules, pop3clt.lua, and the
 * administrator's program (legacy.router-command), which filterd runs.
 *
 *     judge_open(&judge, &setup, err);                 before the sandbox (judge_allow within its making)
 *     judge_start(&judge);                             logged in
 *     for each message:
 *         judge_offer(&judge, &offer, &arena, &judgement, err);         header and size are known
 *         if (judgement.fetch == COLLECT_LEAVE) nothing is fetched
 *         else fetch it, each line through judge_line, store it nowhere yet
 *         judge_arrived(&judge, &arrival, &arena, &judgement, err);     now: envelope, lines on top
 *         write judgement.recipients (none: no file), the lines, the message; then each of judgement.mails
 *         record what was done; DELE where judgement.remove says so
 *     judge_end(&judge);
 *
 * The judge writes no mail and remembers nothing: mails of a judgement are written by the session, under ids that
 * follow from collector, UIDL and mail.step, so that a repeat is recognised, and queries are remembered in collect.db.
 *
 * Security stance: runs in the session's sandbox, asks the resolver and filterd alone. Rules and scripts are the
 * administrator's. What a script answers is held to the syntax of rules.
 */
#ifndef POSTROOM_COLLECTOR_JUDGE_H
#define POSTROOM_COLLECTOR_JUDGE_H

#include "common/collecting/action.h"
#include "common/collecting/routing.h"
#include "common/mime/mime.h"
#include "common/net/sandbox.h"
#include "common/settings/settings.h"
#include "common/status/status.h"

enum {
	JUDGE_MAILS_MAX = 4,     /* that one message makes */
	JUDGE_LINES_MAX = 200,   /* header lines put on top of one */
	JUDGE_MARKS_MAX = 100,   /* rules that are named in it */
	JUDGE_TOKEN_LENGTH = 32, /* characters of a query's token, as the session makes it */
};

struct judge;

struct judge_setup {
	const struct instance *instance;
	struct settings *settings; /* opened with keep_open; stays as long as the judge */
	int64_t collector;         /* number */
	struct str name, server;   /* of it, for rules and scripts */
	struct status *status;     /* for rules that run and errors of scripts */
	/* where a message is put for the administrator's program */
	const struct spool_drop *drop;
};

/* Read options and rules, and connect to the resolver. -1: as db_prepare, ipc_connect. */
int judge_open(struct judge **judge_out, const struct judge_setup *setup, struct err *err);
void judge_close(struct judge *judge);
/* What the sandbox must let it read (scripts). -1: as sandbox_allow. */
int judge_allow(const struct instance *instance, struct sandbox *sandbox, struct err *err);

/* Does anything want the header before the message is fetched? Without it TOP is not needed. */
bool judge_wants_header(struct judge *judge);
/* Does the script look at lines? */
bool judge_wants_lines(struct judge *judge);

void judge_start(struct judge *judge);
void judge_end(struct judge *judge);

/* A message that the server has. */
struct judge_offer {
	struct str uidl;
	const struct rule_targets *targets; /* who gets it, whatever the routing says; NULL: routing decides */
	struct str header;                  /* by TOP; empty where judge_wants_header was false, or the server has no TOP */
	uint64_t size;                      /* 0: not known */
	bool requested;                     /* by an answer to a query, or a mark: it is fetched whatever rules say */
	bool too_large;                     /* over the collector's limit */
	bool asked;                         /* its query mail was sent in an earlier session */
	struct str token;                   /* a new one, for a query that may be made now */
};

/* A mail that the server makes: head, then where `original` is the message (or the header that is known), then tail. */
struct judge_mail {
	const char *step;    /* "query", "warning", "reject", "error": with collector and UIDL, its identity */
	const char *service; /* of its envelope */
	struct str from;     /* reverse-path; "" is the null path */
	struct spool_recipient *recipients;
	size_t recipient_count;
	struct str head, tail;
	bool original;
	bool is_8bit; /* of head and tail */
};

struct judgement {
	enum collect_fetch fetch;
	enum collect_remove remove;
	bool query;        /* somebody is asked: offer.token is to be remembered with those who may answer */
	struct str *asked; /* their addresses: who may answer without the token */
	size_t asked_count;
	struct judge_mail mails[JUDGE_MAILS_MAX];
	size_t mail_count;
	struct spool_recipient *recipients; /* of the message itself; none: it is not stored */
	size_t recipient_count;
	struct str sender;                 /* reverse-path of its envelope */
	struct str lines[JUDGE_LINES_MAX]; /* to be put on top of it, without line ends, the first on top */
	size_t line_count;
	bool ignored;      /* the script wants nobody to get it */
	struct str reason; /* for the log: "rule 3 \"big ones\": Ignore", "script", "no rule"; one line */
	bool no_opinion;   /* the header was not known: judge_arrived decides all */
	struct routing routing;
	void *state; /* what the rules decided, for judge_arrived */
};

/* Before it is fetched. -1: cannot be told now; leave it for the next session. */
int judge_offer(struct judge *judge, const struct judge_offer *offer, struct arena *arena, struct judgement *judgement,
                struct err *err);

/* Around RETR, where judge_wants_lines: a line without its end, dots taken off. */
void judge_begin_lines(struct judge *judge);
/* False: the line is dropped. *line may be set to another, valid until the next call. */
bool judge_line_raw(struct judge *judge, struct str *line);
bool judge_line(struct judge *judge, struct str *line);
void judge_end_lines(struct judge *judge);

/* The whole message, as it was fetched. */
struct judge_arrival {
	const struct judge_offer *offer;
	struct str header;          /* of the message as it will be stored */
	struct mime_source message; /* the same with its body, for the script */
	double spam_score;
};

/* After it was fetched: completes judgement. -1: as above; nothing is stored then. */
int judge_arrived(struct judge *judge, const struct judge_arrival *arrival, struct arena *arena,
                  struct judgement *judgement, struct err *err);

#endif
