/*
 * logs: smtprules.log, security.log, connect.log and the logs of what is said in sessions.
 *
 * What is written of a session begins with what historyd knows itself: the time, and the process at the other end of
 * the channel. Service and client are what the session said at its begin; one in
 * which this server is the client says it before each of its connections. A channel is for one log, which its
 * program decides. A session may say much at once, but not for long: what is more is left out, and how much it was is
 * said.
 */
#ifndef POSTROOM_STATUSD_HISTORYD_LOGS_H
#define POSTROOM_STATUSD_HISTORYD_LOGS_H

#include "common/ipc/loop.h"
#include "common/settings/settings.h"
#include "common/status/record.h"
#include "statusd/historyd/log_file.h"

struct logs {
	const struct settings *settings;
	struct syslog syslog;
	struct old_logs old;
	struct log_file files[LOG_KINDS]; /* but luaerrors, which is errors.h's, and those of summary.h */
	struct log_file postroom;         /* to be read alone: the log writer's (ctl/log_writer.h) */
};

/* Before the sandbox; settings must stay. -1: as log_file_open. */
int logs_open(struct logs *logs, const struct instance *instance, const struct settings *settings, struct err *err);
void logs_close(struct logs *logs);

/* A line of common/status/security.h. false: it is none. */
bool logs_security(struct logs *logs, struct str line);
/* A rule that ran, of a service or a collector: milliseconds since 1970, TAB, text. false: it is none. */
bool logs_rule(struct logs *logs, enum log_kind kind, struct str line);
/* A session has ended. */
void logs_connect(struct logs *logs, const struct status_record *record);
/* What the scheduler says of a connection, into connect.log, where that is wanted. */
void logs_connector(struct logs *logs, struct str text);

/*
 * Requests of sessions, transcript-begin and transcript: notices, which are not answered. What makes no sense is told
 * in the ordinary log.
 */
void logs_take_transcript(struct logs *logs, struct ipc_incoming *incoming);
/* The session has ended: its channel's data is freed. */
void logs_end_transcript(struct ipc_peer *peer);

#endif
