/*
 * pop3_client: the client's side of POP3 (RFC 1939), one connection, in sequence.
 *
 *     pop3_client_init(&client, timeouts);
 *     pop3_client_connect(&client, &target, &err)                  TCP, greeting
 *     pop3_client_capabilities(&client, &err)                      CAPA, where the server knows it
 *     pop3_client_start_tls(&client, tls, true, &err)              where wanted
 *     pop3_client_login(&client, &login, &err)
 *     pop3_client_stat(...), pop3_client_list(...), pop3_client_uidl(...)
 *     pop3_client_send(&client, "RETR %u", 1); ...                 several at once where client.offered has PIPELINING
 *     pop3_client_read_status(...), pop3_client_read_message(...)  their answers in order
 *     pop3_client_quit(&client, &err); pop3_client_close(&client)
 *
 * The server is a stranger: lines, their number and the octets of a message are limited, and see mail_client.h; nothing
 * that was read in clear counts after TLS began. A password is sent in clear only by the methods that say so.
 */
#ifndef POSTROOM_NET_POP3_CLIENT_H
#define POSTROOM_NET_POP3_CLIENT_H

#include "common/login/sasl_client.h"
#include "common/net/mail_client.h"
#include "common/pop3/reply.h"
#include "common/smtp/data.h"

struct pop3_client {
	struct mail_client mail;
	unsigned offered;    /* enum pop3_offer, of the last CAPA */
	unsigned mechanisms; /* enum sasl_client_mechanism, of the same */
	char timestamp[256]; /* of the greeting, for APOP; "" : none */
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

void pop3_client_init(struct pop3_client *client, struct mail_client_timeouts timeouts);

/*
 * Connect and read the greeting. -1: as mail_client_connect; MAIL_CLIENT_REFUSED; ERR_CLOSED, ERR_PROTOCOL, ERR_LIMIT.
 * The connection is closed then.
 */
int pop3_client_connect(struct pop3_client *client, const struct mail_client_target *target, struct err *err);

/* CAPA (RFC 2449). A server that does not know it offers nothing. -1: the connection is lost. */
int pop3_client_capabilities(struct pop3_client *client, struct err *err);

/*
 * STLS, the handshake, CAPA again (RFC 2595 section 4). It is also tried where CAPA did not say that it is offered.
 * -1: MAIL_CLIENT_REFUSED (still usable in clear), MAIL_CLIENT_TLS, or the connection is lost.
 */
int pop3_client_start_tls(struct pop3_client *client, SSL_CTX *tls, bool verify, struct err *err);

/*
 * -1: MAIL_CLIENT_LACKS (no timestamp for APOP, no mechanism in common), MAIL_CLIENT_REFUSED, ERR_SYNTAX (a name or
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
 * closed). -1: MAIL_CLIENT_REFUSED, or the connection is lost.
 */
int pop3_client_lines(struct pop3_client *client, const char *command, uint32_t lines_max, pop3_client_visit *visit,
                      void *context, struct err *err);

/* Put a command into the buffer; it leaves at the latest when an answer is waited for. */
void pop3_client_send(struct pop3_client *client, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Read a status line. shown: the command as errors may name it. -1: MAIL_CLIENT_REFUSED, or the connection is lost. */
int pop3_client_read_status(struct pop3_client *client, const char *shown, struct err *err);

/*
 * Read the lines behind the +OK of RETR or TOP, with their dots taken away and CRLF at the end of each; the last line
 * is ended where the server did not. The first octets given have the whole first line, or 1,000 octets of it. What is
 * more than octets_max is ERR_LIMIT. -1: the connection is closed.
 */
int pop3_client_read_message(struct pop3_client *client, enum smtp_data_mode mode, uint64_t octets_max,
                             mail_client_take *take, void *context, struct err *err);

/* QUIT and its answer, which says whether what was marked is deleted. -1: as pop3_client_read_status. */
int pop3_client_quit(struct pop3_client *client, struct err *err);
/* Close without a word. */
void pop3_client_close(struct pop3_client *client);

#endif
