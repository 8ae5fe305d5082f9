/*
 * logs: the log files beside postroom.log, which historyd writes (statusd/historyd/log_file.h).
 *
 * They stand in a folder where historyd can make nothing, so who prepares the instance makes them: each as <name>.log
 * and <name>.lbk, where the content goes when the first is full.
 */
#ifndef POSTROOM_DAEMON_LOGS_H
#define POSTROOM_DAEMON_LOGS_H

enum log_kind {
	LOG_LUAERRORS, /* errors of scripts, and what they print */
	LOG_SMTPRULES, /* SMTP rules that ran */
	LOG_DLRULES,   /* rules of collectors that ran */
	LOG_EXTROUTER, /* programs of legacy.* that ran */
	LOG_SECURITY,  /* logins that failed, with the true reason; others where wanted */
	LOG_CONNECT,   /* one line for each connection that ended */
	LOG_SMTPSVR,   /* what is said in sessions, by protocol */
	LOG_POP3SVR,
	LOG_IMAP4SVR,
	LOG_POP3CLT, /* of collectors */
	LOG_SMTPCLT, /* of senders */
	LOG_SUMMARY, /* today's transfers, a line each (specification 09-11): enum summary_item */
	LOG_MAIL,    /* today's messages that were received or sent, a line each */
	LOG_WEBSVR,  /* requests of browsers, a line each */
	LOG_KINDS,
};

/* Codes of summary.log, of specification 09-11; a line is YYYYMMDDHHMMSS,<code>,<value>,<user>. */
enum summary_item {
	SUMMARY_LOCAL_RECEIVED,
	SUMMARY_LOCAL_SENT,
	SUMMARY_INTERNET_RECEIVED,
	SUMMARY_INTERNET_SENT,
	SUMMARY_SYSTEM_RECEIVED,
	SUMMARY_LAN_QUEUED, /* user: who sends */
	SUMMARY_COLLECTED,
	SUMMARY_CLIENT_SENT,
	SUMMARY_LAN_SENT,
	SUMMARY_ONLINE, /* value: seconds */
	SUMMARY_URGENT,
	SUMMARY_LAN_RECIPIENT, /* user: who is to get it */
	SUMMARY_ITEMS,
};

enum { SUMMARY_USER_MAX = 1024 }; /* octets of a user in a line */

extern const char *const log_names[LOG_KINDS];
/* Where mail.log goes at the end of a day, by tm_wday; complete names. */
extern const char *const log_week[7];

#endif
