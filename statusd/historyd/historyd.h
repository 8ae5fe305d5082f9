/*
 * historyd: keeps the history of sessions (log.db), and writes the log files beside postroom.log: errors of scripts,
 * SMTP rules that ran, logins, connections, what is said in sessions.
 *
 * The only one that opens any of them. It takes what statusd hands on, in batches, and answers when a batch is durable;
 * what comes twice, because an answer was lost, is kept once. It believes nothing: a line that is no record is dropped
 * and named in the log. The command line asks it for the history. Sessions whose words are to be logged tell them here,
 * by channels of their own.
 *
 * Files: sessions.c log.db; errors.c the errors of scripts; logs.c the other logs; log_file.c a log with its rotation;
 * old_logs.c what is kept of old ones; traces.c what became of messages; summary.c what was received and sent today,
 * report.c the report about it; requests.c what is asked.
 */
#ifndef POSTROOM_STATUSD_HISTORYD_HISTORYD_H
#define POSTROOM_STATUSD_HISTORYD_HISTORYD_H

#include "common/db/db.h"
#include "common/ipc/loop.h"
#include "common/settings/settings.h"
#include "common/status/record.h"
#include "statusd/historyd/errors.h"
#include "statusd/historyd/logs.h"

struct summary;

struct historyd {
	struct daemon daemon;
	struct event_base *base;
	struct settings settings;
	struct db db;
	struct db_statement insert;
	struct errors errors;
	struct logs logs;
	struct summary *summary; /* summary.h */
	int feeders;             /* channels of statusd */
	bool stopping;
};

/* What the command line wants to see: the newest `limit` sessions that match. */
struct history_query {
	struct str user; /* data NULL: of anybody */
	int64_t since;   /* that ended later: milliseconds since 1970 */
	int64_t limit;
};

/* sessions.c: log.db. */
int sessions_open(struct historyd *historyd, struct err *err);
void sessions_close(struct historyd *historyd);
/* Keep one of a batch, between db_begin and db_commit. */
int sessions_add(struct historyd *historyd, const struct status_record *record, struct err *err);
/* Call take for each, the oldest first; the record's texts are valid during the call. */
int sessions_query(struct historyd *historyd, const struct history_query *query,
                   void (*take)(const struct status_record *record, void *context), void *context, struct err *err);
/* Forget what ended before (milliseconds since 1970). */
int sessions_prune(struct historyd *historyd, int64_t before, struct err *err);

/* requests.c: ipc_handler, ipc_gone. */
void requests_take(struct ipc_incoming *incoming, void *context);
void requests_gone(struct ipc_peer *peer, void *context);

#endif
