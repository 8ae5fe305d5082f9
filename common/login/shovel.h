/*
 * shovel: bytes from a TLS connection to a socket in clear, and back.
 *
 * The whole work of a login process after a login under TLS. It keeps one buffer for each direction and reads no side
 * whose last bytes the other has not taken, so a slow client slows the daemon and fills no memory.
 */
#ifndef POSTROOM_LOGIN_SHOVEL_H
#define POSTROOM_LOGIN_SHOVEL_H

#include "common/net/conn.h"

/*
 * Carry until the daemon behind pair ends, or the client does and the daemon has followed. What the daemon wrote before
 * its end is delivered, for conn's time limit at most. An idle client is not this function's business: the daemon ends
 * such a session. pair is left open.
 */
void shovel_run(struct conn *conn, int pair);

#endif
