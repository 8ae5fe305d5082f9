/*
 * sasl: a login asked of authd, for any line protocol: a password given in the open, or an exchange (RFC 4422).
 *
 * authd alone decides. Here challenges and responses are carried between a client that writes base64 lines and authd
 * that takes bytes; nothing is kept but what authd grants. Why a login failed is never told: one result, SASL_DENIED,
 * for an unknown user, a wrong password and a locked account alike. The protocol's replies are the caller's. What a
 * login under TLS can be bound to (RFC 5929, 9266) goes with each exchange.
 */
#ifndef POSTROOM_LOGIN_SASL_H
#define POSTROOM_LOGIN_SASL_H

#include "common/ipc/ipc.h"
#include "common/net/conn.h"

enum {
	SASL_LINE_MAX = 12288,     /* octets of a client's base64 line (RFC 4954 section 4) */
	SASL_MECHANISMS_MAX = 256, /* octets of the list */
	SASL_USER_MAX = 256,
	SASL_RIGHT_MAX = 128, /* a ticket or a token */
};

enum sasl_result {
	SASL_GRANTED,
	SASL_DENIED,    /* wrong, for whatever reason */
	SASL_TEMPORARY, /* authd cannot say now; err has the reason, for the log */
	SASL_UNKNOWN,   /* no such mechanism */
	SASL_CANCELLED, /* the client sent "*" */
	SASL_MALFORMED, /* not base64, or a line that is too long */
	SASL_LOST,      /* the connection ended meanwhile; err has the reason */
};

/* Who asks, and how the client is spoken to. */
struct sasl {
	struct conn *conn;
	struct ipc_channel *authd;
	const char *service; /* "pop3" */
	const char *prompt;  /* before a challenge: "+ ", in SMTP "334 " */
	bool bare_lf;        /* the protocol lets LF alone end a line */
	bool challenges;     /* setting login.challenge-methods: CRAM-MD5 and APOP may be used */
	bool binds;          /* setting login.channel-binding: logins may be bound to TLS, methods that end in -PLUS */
};

struct sasl_grant {
	char user[SASL_USER_MAX]; /* who logged in; with SASL_DENIED: who was tried, alone */
	int64_t uid;
	char ticket[SASL_RIGHT_MAX]; /* for pop3-login: redeemed by the daemon that opens the mailbox; else "" */
	char token[SASL_RIGHT_MAX];  /* for smtpd: the right to relay (common/spool/token.h); else "" */
};

/* Does a password cross in clear by this mechanism, unless TLS hides it? */
bool sasl_is_plain(struct str mechanism);

/* Can a mechanism that authd names be used on this connection now: has it what is to be bound, is the setting on? */
bool sasl_is_usable(const struct sasl *sasl, struct str mechanism);

/* The names of authd's mechanisms, strongest first, separated by spaces, into words. -1: authd does not answer. */
int sasl_mechanisms(const struct sasl *sasl, struct buf *words, struct err *err);

/* A name and a password given in the open (USER and PASS, LOGIN). */
enum sasl_result sasl_password(const struct sasl *sasl, struct str user, struct str password, struct sasl_grant *grant,
                               struct err *err);

/*
 * APOP (RFC 1939 7): begin, which gives the challenge for the greeting; then what the client made of it, once. An
 * exchange that begins in between takes its place.
 */
int sasl_begin_apop(const struct sasl *sasl, struct buf *challenge, struct err *err);
enum sasl_result sasl_apop(const struct sasl *sasl, struct str user, struct str digest, struct sasl_grant *grant,
                           struct err *err);

/*
 * A whole exchange. initial is the initial response as it stood in the command (base64, or "=" for an empty one, RFC
 * 5034 section 4), with data NULL where the command had none. Last data of the server are sent as a challenge that the
 * client answers with an empty line (RFC 4422 section 3.7), since neither POP3 nor SMTP can carry them in the final
 * reply.
 */
enum sasl_result sasl_exchange(const struct sasl *sasl, struct str mechanism, struct str initial,
                               struct sasl_grant *grant, struct err *err);

#endif
