/*
 * summary: summary.log and mail.log, what was received and sent today (specification 09, 11, and 07, Logging).
 *
 * All lines of a summary.log are of one day. Before the first of another day, or a minute after it has begun, the day
 * is ended: its report is made (report.h), what the administrator wants kept of the two logs goes to log/summaries,
 * mail.log takes the place of the file of its weekday, and both begin anew. Where the machine was off at midnight that
 * happens at the start. The report waits for the scheduler, which asks for it and tells noticed: this process connects
 * to nobody. A crash meanwhile loses it; the copy of the log stays.
 *
 * summary.log is data for the report, so it is a file also where logs go to syslog. Users may be whatever strangers
 * call themselves: they stand at the end of a line, without control characters, 256 octets at most.
 */
#ifndef POSTROOM_STATUSD_HISTORYD_SUMMARY_H
#define POSTROOM_STATUSD_HISTORYD_SUMMARY_H

#include "common/ipc/ipc.h"
#include "statusd/historyd/historyd.h"

struct summary {
	struct historyd *historyd;
	struct log_file transfers, mail;
	int week[7];           /* where mail.log goes, by weekday; -1: nowhere */
	int folder;            /* log/summaries */
	int date;              /* YYYYMMDD of the lines */
	struct report *report; /* of the last day that ended, until it is asked for; NULL: none waits */
};

/* Before the sandbox. -1: ERR_SYSTEM. */
int summary_open(struct historyd *historyd, struct err *err);
void summary_close(struct historyd *historyd);

/* Is the day over? */
void summary_look(struct summary *summary);
/* item, value and user of a request, now. -1: ERR_PROTOCOL, it is no line of summary.log. */
int summary_take(struct summary *summary, const struct ipc_message *message, struct err *err);
/* Add the report that waits to a reply: subject, text, html. Then it waits no more. */
void summary_hand_report(struct summary *summary, struct ipc_message *reply);
/* What queue-manager says of a message: item, value, user, from, to, separated by TAB. false: it is no such thing. */
bool summary_add(struct summary *summary, struct str id, struct str line);

#endif
