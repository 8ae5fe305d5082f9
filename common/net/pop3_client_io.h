/*
 * pop3_client_io: what the files of pop3_client share; for nobody else.
 */
#ifndef POSTROOM_NET_POP3_CLIENT_IO_H
#define POSTROOM_NET_POP3_CLIENT_IO_H

#include "common/net/pop3_client.h"

/* The status of the next line, its text in *text_out, valid until the next read. -1: the connection is lost. */
int pop3_client_read_line(struct pop3_client *client, const char *shown, enum pop3_status *status, struct str *text_out,
                          struct err *err);

/* One command, one status line. */
int pop3_client_command(struct pop3_client *client, const char *shown, struct str command, struct err *err);

#endif
