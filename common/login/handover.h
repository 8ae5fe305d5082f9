/*
 * handover: after the login, the connection goes to the daemon that serves the mailbox.
 *
 * In clear the client's socket itself is passed, and this process may end. Under TLS the keys stay here, with the
 * process that did the handshake: the daemon gets one end of a pair of sockets, and this process carries bytes between
 * that pair and the client until either side ends (shovel.h). It looks at none of them.
 */
#ifndef POSTROOM_LOGIN_HANDOVER_H
#define POSTROOM_LOGIN_HANDOVER_H

#include "common/ipc/ipc.h"
#include "common/net/conn.h"

/* What the daemon is told beside the connection. */
struct handover {
	const char *ticket;     /* authd's */
	const char *mechanisms; /* what the client was told of AUTH; NULL: not sent */
	int64_t service;        /* the number of the service that the client came to */
	struct str tag;         /* of the IMAP command that logged in, for its answer; data NULL: not sent */
};

/*
 * Hand conn over on a channel that was opened before the sandbox, with what the client sent already. The channel is
 * closed then. Returns 0 when this process has nothing left to do with the connection: at once in clear, at the
 * session's end under TLS. -1: the daemon could not be reached; conn is as before, so that the client can be told.
 */
int handover_send(struct ipc_channel *channel, struct conn *conn, const struct handover *handover, struct err *err);

#endif
