/*
 * smtp_client_io: what the files of smtp_client share; for nobody else.
 */
#ifndef POSTROOM_NET_SMTP_CLIENT_IO_H
#define POSTROOM_NET_SMTP_CLIENT_IO_H

#include "common/net/smtp_client.h"

enum {
	SMTP_WAIT_GREETING_MS = 300000,
	SMTP_WAIT_COMMAND_MS = 60000, /* EHLO, STARTTLS, AUTH, RSET and others */
	SMTP_WAIT_MAIL_MS = 300000,
	SMTP_WAIT_RCPT_MS = 300000,
	SMTP_WAIT_DATA_MS = 120000,
	SMTP_WAIT_DATA_END_MS = 600000,
	SMTP_WAIT_BLOCK_MS = 180000, /* for the server to take more of a message */
	SMTP_WAIT_QUIT_MS = 5000,    /* nothing depends on it */
};

static inline int smtp_client_wait(int chosen_ms, int usual_ms)
{
	return chosen_ms != 0 ? chosen_ms : usual_ms;
}

/* Until when the server must have answered or taken what is written next, altogether. */
void smtp_client_set_wait(struct smtp_client *client, int timeout_ms);

/*
 * Read one reply into client->reply. shown: the command as errors may name it. A server that said 421 is asked no more.
 * -1: the connection is lost and closed (ERR_CLOSED, ERR_TIMEOUT, ERR_SYSTEM, ERR_PROTOCOL, ERR_LIMIT), or
 * SMTP_CLIENT_REFUSED after a 421, whose reply stays; else client->reply is empty then.
 */
int smtp_client_read_reply(struct smtp_client *client, const char *shown, int timeout_ms, struct err *err);

/* Write one command line and read its reply. */
int smtp_client_command(struct smtp_client *client, const char *shown, struct str command, int timeout_ms,
                        struct err *err);

/* Set SMTP_CLIENT_REFUSED and the words of the reply: Error from remote server on "EHLO" -> 451 ... Returns -1. */
int smtp_client_refused(const struct smtp_client *client, const char *shown, struct err *err);

/* Close after a failure of conn, and say in err what happened, on which command. Returns -1. */
int smtp_client_lost(struct smtp_client *client, const char *shown, struct err *err);

#endif
