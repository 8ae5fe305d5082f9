/*
 * smtp_client: the client's side of SMTP (RFC 5321), one connection, in sequence.
 *
 *     smtp_client_init(&client, "mail.example.com", timeouts);
 *     smtp_client_connect(&client, "mx.example.net", "192.0.2.1", 25, NULL, false, &err)    TCP, greeting
 *     smtp_client_hello(&client, &err)                             EHLO, or HELO
 *     smtp_client_start_tls(&client, tls, true, &err)              where wanted
 *     smtp_client_login(&client, &login, &err)                     where wanted
 *     smtp_client_send(&client, &message, &arena)                  as often as there are messages
 *     smtp_client_close(&client)
 *
 * The server is a stranger: what it sends is read by smtp_reply with its limits, every answer has a time limit as a
 * whole, and nothing it says changes more than this connection. Neither password nor challenge ever stands in an error.
 * What happened to each recipient is decided so that no mail is lost: only a 5xx, or what this message needs and the
 * server cannot, is a failure; every doubt is "deferred" and may rather send a message twice (RFC 1047).
 */
#ifndef POSTROOM_NET_SMTP_CLIENT_H
#define POSTROOM_NET_SMTP_CLIENT_H

#include "common/login/sasl_client.h"
#include "common/net/smtp_reply.h"
#include "common/net/socks.h"

enum {
	SMTP_CLIENT_RECIPIENTS_MAX = 100, /* of one transaction: what every server takes, RFC 5321 4.5.3.1.8 */
};

/* Codes of struct err beside the common ones. */
enum smtp_client_code {
	SMTP_CLIENT_REFUSED = 300, /* the server said 4xx or 5xx: see client->reply */
	SMTP_CLIENT_LACKS,         /* it does not offer what was asked for */
	SMTP_CLIENT_TLS,           /* the TLS handshake failed; the connection is closed */
};

/* How long to wait for what, in milliseconds; 0: as RFC 5321 4.5.3.2 and specification 04 say. */
struct smtp_timeouts {
	int connect_ms, greeting_ms, hello_ms, starttls_ms, auth_ms, mail_ms, rcpt_ms, data_ms;
	int data_end_ms; /* answer to the end of a message */
	int rset_ms, quit_ms;
};

struct smtp_client;
/* A reply was read into client->reply, which may be replaced. shown: the command, as errors may name it. */
typedef void smtp_heard(struct smtp_client *client, const char *shown, void *context);

struct smtp_client {
	struct conn conn;
	bool reached;             /* the last smtp_client_connect came as far as a connection */
	bool open;                /* connected, and no command failed for want of a connection */
	bool used;                /* smtp_client_send was called on this connection */
	bool injected;            /* something stood in clear behind the last answer to STARTTLS; it was dropped */
	bool reset_needed;        /* it was not ended: RSET before the next */
	char host[256];           /* for SNI, the certificate, and messages */
	long refused_certificate; /* of the last handshake, as in struct conn */
	char helo[256];           /* the name we give */
	struct smtp_timeouts timeouts;
	smtp_heard *heard; /* NULL: nobody is told */
	void *heard_context;
	/* A connection came about, before anything is said on it; NULL: nobody is told. */
	void (*begun)(struct conn *conn, void *context);
	void *begun_context;
	const char *from; /* address of ours that connections come from; NULL: as the system has it. The caller's */
	const struct socks_proxy *proxy; /* for the next connections; NULL: none. The caller's */
	/* What the certificate has to match in the next handshakes, in place of verify; NULL: no TLSA records. The
	 * caller's. */
	const struct tlsa_set *tlsa;
	const char *tlsa_domain;           /* that mail is for */
	struct smtp_extensions extensions; /* of the last EHLO */
	struct smtp_reply reply;           /* the last */
};

/* helo: a host name. Nothing is connected yet. */
void smtp_client_init(struct smtp_client *client, const char *helo, struct smtp_timeouts timeouts);

/*
 * Connect and read the greeting. address: IPv4 or IPv6 as text (or what the proxy takes, socks.h); host: what it is
 * called. tls: NULL, or the context for TLS from the first octet (verify: check the certificate for host). -1:
 * ERR_SYSTEM, ERR_TIMEOUT (no connection); SMTP_CLIENT_TLS; SMTP_CLIENT_REFUSED (greeted with 4xx or 5xx); ERR_CLOSED,
 * ERR_PROTOCOL, ERR_LIMIT. The connection is closed then.
 */
int smtp_client_connect(struct smtp_client *client, const char *host, const char *address, unsigned port, SSL_CTX *tls,
                        bool verify, struct err *err);

/* The same on a connection that is there already (a pair of sockets); taken over. host: what the server is called. */
int smtp_client_begin(struct smtp_client *client, const char *host, int fd, struct err *err);

/* EHLO; HELO where that is refused. -1: SMTP_CLIENT_REFUSED, or the connection is lost. */
int smtp_client_hello(struct smtp_client *client, struct err *err);

/*
 * STARTTLS, the handshake, EHLO again (RFC 3207 4.2: what was offered before counts no more).
 * -1: SMTP_CLIENT_LACKS (not offered, nothing sent), SMTP_CLIENT_REFUSED (still usable in clear), SMTP_CLIENT_TLS, or
 * the connection is lost.
 */
int smtp_client_start_tls(struct smtp_client *client, SSL_CTX *tls, bool verify, struct err *err);

/*
 * AUTH by the strongest mechanism that both sides speak and login's method allows (sasl_client.h); its host and port
 * are the connection's. -1: SMTP_CLIENT_LACKS, SMTP_CLIENT_REFUSED, ERR_PROTOCOL (the server could not prove that it
 * knows the password), or the connection is lost.
 */
int smtp_client_login(struct smtp_client *client, const struct sasl_client_login *login, struct err *err);

enum smtp_outcome {
	SMTP_UNDECIDED, /* not tried yet; smtp_client_send leaves none of these */
	SMTP_DELIVERED, /* the server took it over */
	SMTP_DEFERRED,  /* try again, here or elsewhere */
	SMTP_FAILED,    /* will never be taken */
};

struct smtp_recipient {
	struct str address; /* without brackets */
	unsigned notify;    /* as SPOOL_NOTIFY_..., RFC 3461 4.1; 0 = not given */
	struct str orcpt;   /* "rfc822;xtext", or empty */
	enum smtp_outcome outcome;
	char enhanced[12]; /* "4.4.2" */
	struct str words;  /* the server's, or ours where it said nothing; printable, in the arena */
};

struct smtp_message {
	int file; /* read from offset on, size octets, lines ended by CRLF */
	off_t offset;
	off_t size;
	struct str on_top;  /* header fields that go before it, with their line ends; ASCII */
	struct str from;    /* without brackets; empty = <> */
	bool smtputf8;      /* declared so when it was taken (RFC 6531) */
	bool requiretls;    /* only a server that promises the same gets it, but for reports (RFC 8689); TLS is the caller's
	                       business */
	int64_t hold_until; /* not before that time, seconds since 1970, where the server offers that (RFC 4865); 0: at once
	                     */
	struct str ret;     /* "FULL", "HDRS" or empty */
	struct str envid;   /* xtext, or empty */
	struct smtp_recipient *recipients;
	size_t recipient_count;
	bool dsn_passed; /* set: the server announced DSN and takes over what was asked for (RFC 3461 5.2) */
	bool in_doubt; /* set: it was sent whole, but its end never answered; to try elsewhere may send it twice (RFC 1047)
	                */
};

/*
 * Send one message to those of its recipients that are SMTP_UNDECIDED, in transactions of at most
 * SMTP_CLIENT_RECIPIENTS_MAX, and decide each. Words live in arena. Whether the connection can be used again is in
 * client->open. Returns 0; -1 where a connection that was used before is good for nothing now, as idle ones are
 * ended without a word: recipients are SMTP_UNDECIDED still, connect again.
 */
int smtp_client_send(struct smtp_client *client, struct smtp_message *message, struct arena *arena, struct err *err);

/*
 * Does the server know this recipient? MAIL FROM:<>, RCPT, RSET; no message is sent. address: without brackets.
 * -1: SMTP_CLIENT_REFUSED (the reply to RCPT, or to MAIL, is in client->reply), or the connection is lost.
 * refused_rcpt_out: it was RCPT that was refused.
 */
int smtp_client_probe(struct smtp_client *client, struct str address, bool *refused_rcpt_out, struct err *err);

/* QUIT where the connection is open, and close; client->reply stays as it is. Waits for the answer a few seconds only:
 * nothing depends on it. */
void smtp_client_close(struct smtp_client *client);

#endif
