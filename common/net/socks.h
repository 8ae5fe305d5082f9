/*
 * socks: reaching a server through a SOCKS proxy (SOCKS protocol 4 and 4A; RFC 1928, RFC 1929).
 *
 * socks_connect stands where conn_connect would: afterwards the connection is the server's, and what comes next is said
 * to it. Without a proxy it is conn_connect. There is never a direct attempt where there is a proxy, and what went
 * wrong with it names it.
 *
 * Security stance: a proxy's answers have fixed lengths, of which nothing is believed but a code; it gets a name and a
 * password in clear, as the protocol has it.
 */
#ifndef POSTROOM_NET_SOCKS_H
#define POSTROOM_NET_SOCKS_H

#include "common/net/conn.h"

enum socks_version { SOCKS_4, SOCKS_4A, SOCKS_5 };

struct socks_proxy {
	enum socks_version version;
	const char *address; /* IPv4 or IPv6 as text */
	unsigned port;
	const char *user;     /* "": none */
	const char *password; /* for version 5; "": none */
};

/*
 * Connect to target, an address, or with versions 4A and 5 a host's name, of 255 octets at most. proxy NULL: directly.
 * Then conn->peer is the target. from: as of conn_connect_from. -1: as conn_connect; ERR_DENIED (the proxy refuses),
 * ERR_CLOSED, ERR_PROTOCOL.
 */
int socks_connect(struct conn *conn, const struct socks_proxy *proxy, const char *from, const char *target,
                  unsigned port, int connect_timeout_ms, int timeout_ms, struct err *err);

#endif
