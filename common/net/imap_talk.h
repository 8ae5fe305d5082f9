/*
 * imap_talk: any command of IMAP to a server that is ours, its replies as trees.
 *
 * For who works in a mailbox as a mail program does (webmail): the conversation begins behind the login, on one end of
 * a pair of sockets whose other end an imapd session has. imap_client does what collecting from strangers' servers
 * needs; here commands are written piece by piece and their replies are handed on:
 *
 *     imap_talk_open(&talk, fd, timeouts, &err)
 *     imap_talk_begin(&talk, "UID FETCH ");  conn_printf(imap_talk_conn(&talk), "%u (FLAGS)", uid);
 *     imap_talk_finish(&talk, take, context, &err)
 *     imap_talk_close(&talk)
 *
 * Security stance: what comes is limited (IMAP_TALK_REPLY_MAX octets of a reply with its literals) and follows IMAP's
 * grammar, or the conversation ends; who answers may be somebody who took an imapd session over, so whoever uses the
 * replies believes no number in them.
 */
#ifndef POSTROOM_NET_IMAP_TALK_H
#define POSTROOM_NET_IMAP_TALK_H

#include "common/imap/value.h"
#include "common/net/imap_client.h"

enum {
	IMAP_TALK_LINE_MAX = 1 << 20,
	IMAP_TALK_REPLY_MAX = 8 << 20,
	IMAP_TALK_CODE_MAX = 512,
};

struct imap_talk {
	struct imap_client client;
	struct buf reply;               /* the one that is looked at, with its literals */
	struct arena arena;             /* of the same */
	char code[IMAP_TALK_CODE_MAX];  /* what stood in brackets where the last command ended: "APPENDUID 38 9"; or "" */
	char words[IMAP_TALK_CODE_MAX]; /* what stood behind it, for people */
};

/*
 * Take over a connection (closed by imap_talk_close) whose server answers our first command, "p1", with OK: the tag
 * that whoever asked for the session gave. -1: MAIL_CLIENT_REFUSED, or lost; closed then.
 */
int imap_talk_open(struct imap_talk *talk, int fd, struct mail_client_timeouts timeouts, struct err *err);
void imap_talk_close(struct imap_talk *talk);
/* Can commands be given? */
bool imap_talk_is_open(const struct imap_talk *talk);

/* A new command: its tag and first words. What follows is written to the connection, or by the functions below. */
void imap_talk_begin(struct imap_talk *talk, const char *words);
struct conn *imap_talk_conn(struct imap_talk *talk);
void imap_talk_string(struct imap_talk *talk, struct str text);  /* quoted, or a literal */
void imap_talk_mailbox(struct imap_talk *talk, struct str name); /* in UTF-8 */

/*
 * Sees each untagged reply: value is the tree of a data reply, NULL for a status reply (reply->status and its text).
 * Both are valid until it returns. -1: the reply cannot be; the conversation ends.
 */
typedef int imap_talk_take(const struct imap_reply *reply, const struct imap_value *value, void *context,
                           struct err *err);
/*
 * End the command, and read replies up to the tagged one. take may be NULL. -1: MAIL_CLIENT_REFUSED (words say why,
 * code may be "NONEXISTENT"), or lost.
 */
int imap_talk_finish(struct imap_talk *talk, imap_talk_take *take, void *context, struct err *err);

/*
 * The same for a FETCH of one message's octets: those of the first BODY[...] or BINARY[...] go to take as they are,
 * octets_max at most. *found: there was one. -1: as above; ERR_LIMIT, or as take says: lost.
 */
int imap_talk_finish_octets(struct imap_talk *talk, uint64_t octets_max, mail_client_take *take, void *context,
                            bool *found, struct err *err);

/* End the command's line where it waits for "+" (APPEND, IDLE), and wait for that. -1: as imap_talk_finish. */
int imap_talk_continue(struct imap_talk *talk, imap_talk_take *take, void *context, struct err *err);

/* While a command runs (IDLE) or none: wait so long for an untagged reply and hand it on, with those that are there
 * already. 1: there was one, 0: none, -1: lost. */
int imap_talk_listen(struct imap_talk *talk, int timeout_ms, imap_talk_take *take, void *context, struct err *err);

#endif
