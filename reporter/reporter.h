/*
 * reporter: sends aggregate reports of DMARC (RFC 7489 7.2) to the owners of domains who want them.
 *
 * smtpd tells policyd what each message says of its author's domain; when a day (UTC) is over reporter asks policyd for
 * it, the DNS for where reports are wanted, and puts one message for each domain into its drop, as XML in gzip. What
 * cannot be decided for want of an answer of the DNS is tried again every few minutes. A report that is made again,
 * after a crash, has the same id, so it is sent once.
 *
 * One thing after the other: nobody waits for it but an administrator who asks what there is.
 *
 * Security stance: it reads rows that smtpd's sessions wrote and records of the DNS, no messages. Addresses for reports
 * come from the DNS alone, not from rows; so a session that was taken over can make reports wrong, but get none sent
 * where the domain's owner does not want them. Everything from outside is escaped where it stands in a report.
 *
 * Files: main.c the loop; work.c which reports there are; xml.c and mail.c a report.
 */
#ifndef POSTROOM_REPORTER_REPORTER_H
#define POSTROOM_REPORTER_REPORTER_H

#include "common/daemon/daemon.h"
#include "common/ipc/ipc.h"
#include "common/mailauth/dmarc/dmarc.h"
#include "common/mailauth/dmarc/row.h"
#include "common/settings/settings.h"
#include "common/spool/spool.h"

enum {
	REPORT_DAY_S = 86400,
	REPORT_XML_MAX = 32 << 20, /* octets of a report's XML; rows that do not fit are left out */
};

struct reporter {
	const struct instance *instance;
	struct settings settings;
	struct spool_drop drop;
};

/* work.c */
/* Report of the days that are over and not reported, as far as the DNS answers, for a minute at most. */
void work_turn(struct reporter *reporter, int64_t now);
/* Answer "report" of the command line (doc/ipc.md). -1: what policyd or the DNS cannot say, ERR_SYNTAX, ERR_DENIED. */
int work_answer(struct reporter *reporter, const struct ipc_message *request, struct ipc_message *reply, int64_t now,
                struct err *err);

/* One report. */
struct report {
	struct str domain;       /* whose it is */
	int64_t day;             /* of those since 1970 */
	struct str organisation; /* who reports: the default domain */
	struct str host;         /* this server */
	struct str contact;      /* address that the report comes from */
	struct str id;           /* "1795132800.example.org@mail.example.com" */
	const struct report_row *rows;
	size_t row_count;
};

struct report_row {
	struct str text; /* common/mailauth/dmarc/row.h */
	int64_t count;
};

/* xml.c: add the report to out (RFC 7489 appendix C). Rows that are none are left out. -1: ERR_NOT_FOUND: none is left.
 */
int report_xml(const struct report *report, struct buf *out, struct err *err);
/* Add a text of strangers as XML has it; what XML cannot hold becomes "?". */
void xml_add_text(struct buf *out, struct str text);

/* mail.c: put the report, its XML, into the drop for these targets. Returns how many are to get it, -1: ERR_SYSTEM. */
int report_send(const struct reporter *reporter, const struct report *report, struct str xml,
                const struct dmarc_target *targets, size_t count, struct err *err);

#endif
