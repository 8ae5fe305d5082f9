/*
 * mail_client: what clients of POP3 and IMAP have in common: the connection, its time limits, what went wrong on it.
 *
 * The server is a stranger: an answer has to begin within the time of timeouts, and to go on at MAIL_CLIENT_SLOWEST
 * octets a second at least. What it said last is kept with all that cannot be shown made visible. No error names a
 * secret: the callers say what a command is to be called.
 */
#ifndef POSTROOM_NET_MAIL_CLIENT_H
#define POSTROOM_NET_MAIL_CLIENT_H

#include "common/net/socks.h"

enum {
	MAIL_CLIENT_SLOWEST = 200, /* octets a second, on average of an answer */
	MAIL_CLIENT_WORDS_MAX = 200,
	MAIL_CLIENT_HAND_OVER = 16 * 1024, /* octets of a message that are given at once, about */
};

/* Codes of struct err beside the common ones. */
enum mail_client_code {
	MAIL_CLIENT_REFUSED = 320, /* by the server: its words are in words; the connection is open */
	MAIL_CLIENT_LACKS,         /* it does not offer what was asked for; nothing was sent */
	MAIL_CLIENT_TLS,           /* the TLS handshake failed; the connection is closed */
};

struct mail_client_timeouts {
	int connect_ms;
	int reply_ms; /* of each answer */
};

struct mail_client {
	struct conn conn;
	bool open;      /* connected, and no command failed for want of a connection */
	bool connected; /* TCP was there once */
	char host[256]; /* for SNI, the certificate, and messages */
	struct mail_client_timeouts timeouts;
	char words[MAIL_CLIENT_WORDS_MAX + 4]; /* of the last answer */
};

/* Where to connect, and how. */
struct mail_client_target {
	const char *host;    /* what it is called */
	const char *address; /* IPv4 or IPv6 as text; through a proxy what socks_connect takes */
	unsigned port;
	const struct socks_proxy *proxy; /* NULL: none */
	SSL_CTX *tls;                    /* NULL, or the context for TLS from the first octet */
	bool verify;                     /* check the certificate for host */
	/* May be NULL; called between the connection and its first octet. */
	void (*prepare)(struct conn *conn, void *context);
	void *context;
};

/* Takes the next octets of a message; -1: the session cannot go on (its err). */
typedef int mail_client_take(struct str bytes, void *context, struct err *err);

void mail_client_init(struct mail_client *client, struct mail_client_timeouts timeouts);
/* Connect, and shake hands where target says so. -1: ERR_SYSTEM, ERR_TIMEOUT, MAIL_CLIENT_TLS; closed then. */
int mail_client_connect(struct mail_client *client, const struct mail_client_target *target, struct err *err);
/* TLS on the open connection. -1: MAIL_CLIENT_TLS; closed then. */
int mail_client_shake_hands(struct mail_client *client, SSL_CTX *tls, bool verify, struct err *err);
/* Close without a word. */
void mail_client_close(struct mail_client *client);

/* From now on an answer may take its time: timeouts.reply_ms. */
void mail_client_begin_wait(struct mail_client *client);
/* So many octets of it came: it may take so much longer. */
void mail_client_extend_wait(struct mail_client *client, size_t octets);

/*
 * Give what was gathered of a message to take, and empty it; *total counts its octets. -1: ERR_LIMIT where there are
 * more than octets_max; what take says.
 */
int mail_client_hand_over(struct buf *gathered, uint64_t *total, uint64_t octets_max, mail_client_take *take,
                          void *context, struct err *err);

/* Keep what the server said. */
void mail_client_keep_words(struct mail_client *client, struct str line);
/* Set MAIL_CLIENT_REFUSED and the server's words: Error from remote server on "PASS *****" -> -ERR ... Returns -1. */
int mail_client_refused(const struct mail_client *client, const char *shown, struct err *err);
/* Close after a failure, and say in err what happened, on which command. Returns -1. */
int mail_client_lost(struct mail_client *client, const char *shown, struct err *err);

#endif
