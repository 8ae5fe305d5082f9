/*
 * pop3_client_io: what the files of pop3_client share; for nobody else.
 */
#ifndef POSTROOM_NET_POP3_CLIENT_IO_H
#define POSTROOM_NET_POP3_CLIENT_IO_H

#include "common/net/pop3_client.h"

/* From now on an answer may take its time: timeouts.reply_ms, and more for each octet of it. */
void pop3_client_begin_wait(struct pop3_client *client);

/* The status of the next line, its text in *text_out, valid until the next read. -1: the connection is lost. */
int pop3_client_read_line(struct pop3_client *client, const char *shown, enum pop3_status *status, struct str *text_out,
                          struct err *err);

/* One command, one status line. */
int pop3_client_command(struct pop3_client *client, const char *shown, struct str command, struct err *err);

/* Set POP3_CLIENT_REFUSED and the server's words: Error from remote server on "PASS *****" -> -ERR ... Returns -1. */
int pop3_client_refused(const struct pop3_client *client, const char *shown, struct err *err);

/* Close after a failure, and say in err what happened, on which command. Returns -1. */
int pop3_client_lost(struct pop3_client *client, const char *shown, struct err *err);

#endif
