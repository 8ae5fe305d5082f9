/*
 * pop3_client: the client's side of POP3 (RFC 1939), one connection, in sequence.
 *
 *     pop3_client_init(&client, timeouts);
 *     pop3_client_connect(&client, "pop.example.net", "192.0.2.1", 110, NULL, false, &err)   TCP, greeting
 *     pop3_client_capabilities(&client, &err)                      CAPA, where the server knows it
 *     pop3_client_start_tls(&client, tls, true, &err)              where wanted
 *     pop3_client_login(&client, &login, &err)
 *     pop3_client_stat(...), pop3_client_list(...), pop3_client_uidl(...)
 *     pop3_client_send(&client, "RETR %u", 1); ...                 several at once where client.offered has PIPELINING
 *     pop3_client_read_status(...), pop3_client_read_message(...)  their answers in order
 *     pop3_client_quit(&client, &err); pop3_client_close(&client)
 *
 * The server is a stranger: lines, their number and the octets of a message are limited; an answer has to begin within
 * the time of timeouts and to go on at POP3_CLIENT_SLOWEST octets a second at least; nothing that was read in clear
 * counts after TLS began. A password is sent in clear only by the methods that say so, and no error names it.
 */
#ifndef POSTROOM_NET_POP3_CLIENT_H
#define POSTROOM_NET_POP3_CLIENT_H

#include "common/login/sasl_client.h"
#include "common/net/conn.h"
#include "common/pop3/reply.h"
#include "common/smtp/data.h"

enum {
	POP3_CLIENT_SLOWEST = 200, /* octets a second, on average of an answer */
	POP3_CLIENT_WORDS_MAX = 200,
};

/* Codes of struct err beside the common ones. */
enum pop3_client_code {
	POP3_CLIENT_REFUSED = 320, /* -ERR: its words are in client->words; the connection is open */
	POP3_CLIENT_LACKS,         /* it does not offer what was asked for; nothing was sent */
	POP3_CLIENT_TLS,           /* the TLS handshake failed; the connection is closed */
};

struct pop3_client_timeouts {
	int connect_ms;
	int reply_ms; /* of each answer */
};

struct pop3_client {
	struct conn conn;
	bool open;      /* connected, and no command failed for want of a connection */
	bool connected; /* TCP was there once */
	char host[256]; /* for SNI, the certificate, and messages */
	struct pop3_client_timeouts timeouts;
	unsigned offered;                      /* enum pop3_offer, of the last CAPA */
	unsigned mechanisms;                   /* enum sasl_client_mechanism, of the same */
	char timestamp[256];                   /* of the greeting, for APOP; "" : none */
	char words[POP3_CLIENT_WORDS_MAX + 4]; /* of the last status line, made visible, with its indicator */
};

/* How to log in. */
enum pop3_login_method {
	POP3_LOGIN_PLAIN, /* USER and PASS */
	POP3_LOGIN_APOP,
	POP3_LOGIN_SASL, /* as sasl says */
};

struct pop3_login {
	enum pop3_login_method method;
	struct sasl_client_login sasl; /* user, secret; for POP3_LOGIN_SASL its method, too */
};

void pop3_client_init(struct pop3_client *client, struct pop3_client_timeouts timeouts);

/*
 * Connect and read the greeting. address: IPv4 or IPv6 as text; host: what it is called. tls: NULL, or the context for
 * TLS from the first octet (verify: check the certificate for host). prepare (may be NULL) is called between the
 * connection and its first octet. -1: ERR_SYSTEM, ERR_TIMEOUT (no connection); POP3_CLIENT_TLS; POP3_CLIENT_REFUSED;
 * ERR_CLOSED, ERR_PROTOCOL, ERR_LIMIT. The connection is closed then.
 */
int pop3_client_connect(struct pop3_client *client, const char *host, const char *address, unsigned port, SSL_CTX *tls,
                        bool verify, void (*prepare)(struct pop3_client *client, void *context), void *context,
                        struct err *err);

/* CAPA (RFC 2449). A server that does not know it offers nothing. -1: the connection is lost. */
int pop3_client_capabilities(struct pop3_client *client, struct err *err);

/*
 * STLS, the handshake, CAPA again (RFC 2595 section 4). It is also tried where CAPA did not say that it is offered.
 * -1: POP3_CLIENT_REFUSED (still usable in clear), POP3_CLIENT_TLS, or the connection is lost.
 */
int pop3_client_start_tls(struct pop3_client *client, SSL_CTX *tls, bool verify, struct err *err);

/*
 * -1: POP3_CLIENT_LACKS (no timestamp for APOP, no mechanism in common), POP3_CLIENT_REFUSED, ERR_SYNTAX (a name or
 * password that the method cannot carry), ERR_PROTOCOL (no proof that the server knows the password), or the connection
 * is lost.
 */
int pop3_client_login(struct pop3_client *client, const struct pop3_login *login, struct err *err);

/* Number of messages, and their octets. */
int pop3_client_stat(struct pop3_client *client, uint32_t *count, uint64_t *octets, struct err *err);

/* Sees each line of an answer; its views last for the call. */
typedef void pop3_client_visit(struct str line, void *context);
/*
 * Send a command ("LIST", "UIDL") whose answer has several lines, and visit each, at most lines_max (ERR_LIMIT,
 * closed). -1: POP3_CLIENT_REFUSED, or the connection is lost.
 */
int pop3_client_lines(struct pop3_client *client, const char *command, uint32_t lines_max, pop3_client_visit *visit,
                      void *context, struct err *err);

/* Put a command into the buffer; it leaves at the latest when an answer is waited for. */
void pop3_client_send(struct pop3_client *client, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Read a status line. shown: the command as errors may name it. -1: POP3_CLIENT_REFUSED, or the connection is lost. */
int pop3_client_read_status(struct pop3_client *client, const char *shown, struct err *err);

/* Takes the next octets of a message; -1: the session cannot go on (its err). */
typedef int pop3_client_take(struct str bytes, void *context, struct err *err);
/*
 * Read the lines behind the +OK of RETR or TOP, with their dots taken away and CRLF at the end of each; the last line
 * is ended where the server did not. The first octets given have the whole first line, or 1,000 octets of it. What is
 * more than octets_max is ERR_LIMIT. -1: the connection is closed.
 */
int pop3_client_read_message(struct pop3_client *client, enum smtp_data_mode mode, uint64_t octets_max,
                             pop3_client_take *take, void *context, struct err *err);

/* QUIT and its answer, which says whether what was marked is deleted. -1: as pop3_client_read_status. */
int pop3_client_quit(struct pop3_client *client, struct err *err);
/* Close without a word. */
void pop3_client_close(struct pop3_client *client);

#endif
