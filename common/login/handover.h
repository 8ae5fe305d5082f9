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

struct handover {
	struct ipc_channel channel; /* to the daemon */
	int pair[2];                /* ours, the daemon's; -1 where no TLS is possible */
};

/*
 * Open what a session will need, before the sandbox forbids it: the channel to callee, and the pair where tls_possible.
 * -1: ERR_SYSTEM; nothing is open then.
 */
int handover_open(struct handover *handover, const struct instance *instance, const char *callee, const char *caller,
                  bool tls_possible, struct err *err);
void handover_close(struct handover *handover);

/*
 * Hand conn over, with the ticket, with what the client sent already, and with what CAPA said of AUTH (mechanisms).
 * Returns 0 when this process has nothing left to do with the connection: at once in clear, at the session's end under
 * TLS. -1: the daemon could not be reached; conn is as before, so that the client can be told.
 */
int handover_send(struct handover *handover, struct conn *conn, const char *ticket, const char *mechanisms,
                  struct err *err);

#endif
