/*
 * pop3d: a POP3 session from its login on (RFC 1939 sections 5 and 6: the TRANSACTION and UPDATE states).
 *
 * One process for each session. It learns from authd, for the ticket that came with the connection, whose mailbox it
 * serves; then the sandbox leaves it that mailbox's folder and nothing else, and only then it reads what the client
 * sent. The session sees the mailbox as it was at the login. Messages are removed at QUIT alone, all of them or none.
 */
#ifndef POSTROOM_POP3D_POP3D_H
#define POSTROOM_POP3D_POP3D_H

#include "common/daemon/daemon.h"
#include "common/ipc/ipc.h"
#include "common/net/bell.h"
#include "common/net/conn.h"
#include "common/net/sandbox.h"
#include "common/policy/bandwidth.h"
#include "common/pop3/command.h"
#include "common/settings/settings.h"
#include "common/status/status.h"
#include "common/status/transcript.h"
#include "common/store/receipts.h"

/* What the listener has, and each session inherits. */
struct pop3_service {
	struct daemon daemon;
	struct settings settings;
	struct sandbox sandbox;
	struct bell_wire bell; /* to the IMAP sessions of a mailbox */
	uid_t login_user;      /* as whom pop3-login runs */
};

/* In the flags of a message of the snapshot: DELE was given. Beside the store's own flags, in this process only. */
enum { POP3_MARKED = 1 << 30 };

/* One session. */
struct session {
	struct pop3_service *service;
	struct conn conn;
	struct transcript transcript;
	struct bandwidth bandwidth;
	struct status status;
	struct receipts receipts;
	struct mailbox *mailbox;
	struct mailbox_list list; /* the snapshot; message number n is messages[n - 1] */
	size_t count;             /* of messages not marked, and the sum of their octets */
	int64_t bytes;
	int64_t uid;
	char user[256];
	char mechanisms[256]; /* of AUTH, as announced before the login */
	bool tls;             /* at the client's end, by way of pop3-login */
	bool hold;            /* setting pop3.hold-deleted */
	bool strip;           /* setting pop3.strip-blank-lines */
	bool ended;           /* no further command is read */
	size_t retrieved;     /* messages sent, for the log */
};

/* A whole session; fd is the connection of one login process. Returns the exit status. */
int pop3_session(int fd, void *context);

/* "+OK 5 messages (61241 octets)": the answer to a login, LIST, UIDL and RSET. */
void pop3_reply_totals(struct session *session);

/* The commands (commands.c). Each answers the client; *command is valid during the call. */
void pop3_capa(struct session *session, const struct pop3_command *command);
void pop3_dele(struct session *session, const struct pop3_command *command);
void pop3_list(struct session *session, const struct pop3_command *command);
void pop3_noop(struct session *session, const struct pop3_command *command);
void pop3_quit(struct session *session, const struct pop3_command *command);
void pop3_retr(struct session *session, const struct pop3_command *command);
void pop3_rset(struct session *session, const struct pop3_command *command);
void pop3_stat(struct session *session, const struct pop3_command *command);
void pop3_top(struct session *session, const struct pop3_command *command);
void pop3_uidl(struct session *session, const struct pop3_command *command);

#endif
