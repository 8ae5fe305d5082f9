/*
 * imap_client_io: what the files of imap_client share; for nobody else.
 */
#ifndef POSTROOM_NET_IMAP_CLIENT_IO_H
#define POSTROOM_NET_IMAP_CLIENT_IO_H

#include "common/net/imap_client.h"

/* The tag of a new command, and its first word or words, into the buffer. */
void imap_client_begin_command(struct imap_client *client, const char *words);
/* A string as the grammar wants it, quoted; false: it holds what cannot be quoted, and nothing was written. */
bool imap_client_write_quoted(struct imap_client *client, struct str text);
/* "17,19:23" */
void imap_client_write_uids(struct imap_client *client, const uint32_t *uids, size_t count);
/* The end of the command. */
void imap_client_end_command(struct imap_client *client);

/*
 * Read one reply with the literals in it left out, which must not be longer than skip_max octets. With stop_at_body it
 * ends before the literal of a BODY[...]: client->literal says how long it is, and *stopped is set. shown: the command
 * as errors may name it. -1: lost.
 */
int imap_client_read_reply(struct imap_client *client, const char *shown, bool stop_at_body, struct imap_reply *reply,
                           bool *stopped, struct err *err);

/* Sees the text of each untagged data reply; -1: it follows no grammar (err), the connection is closed. */
typedef int imap_client_data(struct imap_client *client, struct str text, void *context, struct err *err);
/*
 * Read replies up to the tagged one of the command that is answered next. data may be NULL. -1: MAIL_CLIENT_REFUSED, or
 * lost; a "+" is ERR_PROTOCOL.
 */
int imap_client_finish(struct imap_client *client, const char *shown, imap_client_data *data, void *context,
                       struct err *err);
/* What a tagged reply says: 0, or -1 as above. */
int imap_client_conclude(struct imap_client *client, const char *shown, const struct imap_reply *reply,
                         struct err *err);

/* CAPABILITY. */
int imap_client_capabilities(struct imap_client *client, struct err *err);

#endif
