/*
 * sendmail: the command that programs know, over smtpd's local socket.
 *
 * It reads a message from standard input and gives it to smtpd as any client would; it has no right of its own. Exit
 * status as in sysexits.h: 0 taken, 64 usage, 65 the message or an address is refused, 75 nobody answers or try later.
 */
#ifndef POSTROOM_CTL_SENDMAIL_SENDMAIL_H
#define POSTROOM_CTL_SENDMAIL_SENDMAIL_H

#include "common/addr/addr.h"
#include "common/base/buf.h"
#include "common/daemon/instance.h"
#include "common/net/conn.h"

enum { SENDMAIL_RECIPIENTS_MAX = 10000, SENDMAIL_MESSAGE_MAX = 1 << 30 };

struct options {
	const char *dir;       /* -C */
	const char *from;      /* -f, -r; NULL: the caller's name */
	const char *full_name; /* -F */
	const char *notify;    /* -N, as NOTIFY= wants it */
	const char *ret;       /* -R: FULL or HDRS */
	const char *envid;     /* -V */
	bool from_header;      /* -t: recipients from To, Cc and Bcc */
	bool ignore_dots;      /* -i */
	enum { MODE_SEND, MODE_QUEUE, MODE_SMTP } mode;
	char **recipients;
	int recipient_count;
};

struct submission {
	struct arena arena;
	struct buf message; /* as it will be sent, line ends as given */
	struct str from;
	struct str domain; /* the default domain, for a From field that is made here; empty where smtpd did not say */
	struct str recipients[SENDMAIL_RECIPIENTS_MAX];
	size_t recipient_count;
};

/* Read the message from fd: to the end of file or, without ignore_dots, to a line of one dot. -1: ERR_SYSTEM,
 * ERR_LIMIT. */
int message_read(struct submission *submission, int fd, bool ignore_dots, struct err *err);

/*
 * Make it complete: recipients of the header where from_header, the Bcc field taken out, a From field where there is
 * none. -1: ERR_SYNTAX (an address of the header).
 */
int message_prepare(struct submission *submission, const struct options *options, struct err *err);

/* Greet smtpd; what it says of the default domain goes into submission. Returns the exit status, conn is open on 0. */
int session_open(const struct instance *instance, struct conn *conn, struct submission *submission);
/* Give the message over. Returns the exit status; the reason of a refusal goes to standard error. */
int session_send(struct conn *conn, const struct submission *submission, const struct options *options);

/* -bs: standard input and output speak SMTP with smtpd. Returns the exit status. */
int relay_session(const struct instance *instance);

#endif
