/*
 * reporter: sends aggregate reports to the owners of domains who want them: of DMARC (RFC 7489 7.2), what came in the
 * name of a domain; and of TLS (RFC 8460), how it went on the way to its servers.
 *
 * smtpd and sender tell policyd; when a day (UTC) is over reporter asks policyd for it, the DNS for where reports are
 * wanted, and puts one message for each domain into its drop, as XML or JSON in gzip. Reports of TLS may go to a web
 * server, too, by fetchd. What cannot be decided for want of an answer of the DNS, or what no web server took, is tried
 * again every few minutes. A report that is made again, after a crash, has the same id, so it is sent once.
 *
 * One thing after the other: nobody waits for it but an administrator who asks what there is.
 *
 * Security stance: it reads rows that smtpd's and sender's sessions wrote and records of the DNS, no messages.
 * Addresses for reports come from the DNS alone, not from rows; so a session that was taken over can make reports
 * wrong, but get none sent where the domain's owner does not want them. Everything from outside is escaped where it
 * stands in a report.
 *
 * Files: main.c the loop; work.c which reports there are; kinds.c what is different with the one and the other; xml.c,
 * json.c, mail.c and post.c a report.
 */
#ifndef POSTROOM_REPORTER_REPORTER_H
#define POSTROOM_REPORTER_REPORTER_H

#include "common/daemon/daemon.h"
#include "common/ipc/ipc.h"
#include "common/mailauth/dmarc/dmarc.h"
#include "common/mailauth/dmarc/row.h"
#include "common/mailauth/tlsrpt/tlsrpt.h"
#include "common/script/script.h"
#include "common/settings/settings.h"
#include "common/spool/spool.h"

enum {
	REPORT_DAY_S = 86400,
	REPORT_TEXT_MAX = 32 << 20, /* octets of a report's XML or JSON; rows that do not fit are left out */
	REPORT_TARGETS_MAX = 10,    /* of one domain, as many as DMARC or TLS reports have at most */
};

struct reporter {
	const struct instance *instance;
	struct settings settings;
	struct spool_drop drop;
	struct script script; /* dmarcreporter.lua */
	struct status status; /* by which its errors are told */
	int64_t channel_until_ms;
};

/* work.c */
/* Report of the days that are over and not reported, as far as the DNS answers, for a minute at most. */
void work_turn(struct reporter *reporter, int64_t now);
/* Answer "report" of the command line (doc/ipc.md). -1: what policyd or the DNS cannot say, ERR_SYNTAX, ERR_DENIED. */
int work_answer(struct reporter *reporter, const struct ipc_message *request, struct ipc_message *reply, int64_t now,
                struct err *err);

/* One report. */
struct report {
	const struct report_kind *kind;
	struct str domain;           /* whose it is */
	int64_t day;                 /* of those since 1970 */
	struct str organisation;     /* who reports: the default domain */
	struct str host;             /* this server */
	struct str contact;          /* address that the report comes from */
	struct str contact_name;     /* beside it; empty: none */
	struct str id;               /* "1795132800.example.org@mail.example.com" */
	int64_t hold_until, expires; /* seconds since 1970: when it leaves, when it is of no use any more; 0: as others */
	const struct report_row *rows;
	size_t row_count;
};

struct report_row {
	struct str text; /* common/mailauth/dmarc/row.h, common/mailauth/tlsrpt/tlsrpt.h */
	int64_t count;
};

/* Where one goes. */
struct report_target {
	struct str text;   /* a mail address, or a URL */
	uint64_t size_max; /* octets that are taken, 0: any number */
	bool is_web;
};

/* kinds.c */
enum report_kinds { REPORT_DMARC, REPORT_TLS, REPORT_KINDS };
struct report_kind {
	const char *name;   /* "DMARC", for the log */
	const char *prefix; /* "dmarc", of policyd's requests and of parents' names */
	enum setting setting;
	const char *multipart; /* subtype, with its parameters */
	const char *media;     /* of the attachment */
	const char *extension; /* of its name */
	const char *about;     /* what it is, for people */
	/* Where the domain's reports are wanted. -1: the DNS does not answer now. */
	int (*find_targets)(const struct mailauth_dns *dns, struct str domain, struct arena *arena,
	                    struct report_target targets[REPORT_TARGETS_MAX], size_t *count_out, struct err *err);
	/* Add the report to out. Rows that are none are left out. -1: ERR_NOT_FOUND: none is left. */
	int (*write)(const struct report *report, struct buf *out, struct err *err);
	bool names_domain; /* in header fields of its own */
};
extern const struct report_kind report_kinds[REPORT_KINDS];

/* xml.c: RFC 7489 appendix C. As report_kind.write. */
int report_xml(const struct report *report, struct buf *out, struct err *err);
/* Add a text of strangers as XML has it; what XML cannot hold becomes "?". */
void xml_add_text(struct buf *out, struct str text);

/* json.c: RFC 8460 4.4. As report_kind.write. */
int report_json(const struct report *report, struct buf *out, struct err *err);

/*
 * mail.c: compress a report, and put it into the drop for those of the targets that are addresses. Returns how many are
 * to get it, -1: ERR_SYSTEM.
 */
int report_compress(struct str text, struct buf *out, struct err *err);
int report_send(const struct reporter *reporter, const struct report *report, struct str packed,
                const struct report_target *targets, size_t count, struct err *err);

/* script.c: dmarcreporter.lua; where it is not there, or fails, everything stays. It may be asked from then on. */
void report_script_open(struct reporter *reporter);
/* Who gets the report: other addresses, or none. */
void report_script_recipients(struct reporter *reporter, const struct report *report, struct arena *arena,
                              struct report_target targets[REPORT_TARGETS_MAX], size_t *count);
/* As whom it is sent, and when. */
void report_script_details(struct reporter *reporter, struct report *report, const struct report_target *targets,
                           size_t count, struct arena *arena);

/* post.c: give it to those of the targets that are web servers. Returns how many took it; the log tells of others. */
size_t report_post(const struct reporter *reporter, const struct report *report, struct str packed,
                   const struct report_target *targets, size_t count);

#endif
