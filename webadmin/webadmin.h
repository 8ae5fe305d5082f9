/*
 * webadmin: HTTP and HTTPS on one port: administration, webmail, their API, and what mail clients ask for.
 *
 * One process for each connection. Until the client has said something it holds nothing but the connection: it looks
 * at the first octet, by which it knows TLS from HTTP. Under TLS it forks the carrier: that has the keys, does the
 * handshake and carries bytes (common/login/shovel.h), and opens nothing else. The other one parses HTTP
 * (libmicrohttpd), has no keys, and opens its channels before its sandbox, in which it can read the pages and the
 * settings, keep files that are sent for as long as it looks at them, and nothing more. Taking it over yields what the
 * cookies of its connection may do.
 */
#ifndef POSTROOM_WEBADMIN_WEBADMIN_H
#define POSTROOM_WEBADMIN_WEBADMIN_H

#include "common/daemon/daemon.h"
#include "common/net/conn.h"
#include "common/net/listen.h"
#include "common/net/sandbox.h"
#include "common/net/tls.h"
#include "common/policy/access.h"
#include "common/policy/gate.h"

/* What the listener has, and each process of a connection inherits. */
struct webadmin {
	struct daemon daemon;
	struct settings settings;
	struct tls_server tls;
	struct stack_st_X509 *certificates; /* of tls, without keys; in a process of a connection alone */
	struct sandbox sandbox;             /* of who parses HTTP */
	struct sandbox carrier_sandbox;     /* of who has the keys */
	struct access access;
	struct access_decision decision; /* of the access list, on the connection that is forked next */
	struct known known;              /* addresses that policyd has to be asked about */
	struct pace *pace;               /* pace.h */
	int scratch;                     /* descriptor of the folder of files without names that are sent */
	int pages;                       /* descriptor of the folder of pages; -1: there is none */
};

/* session.c: a whole connection. Returns the exit status. */
int session_run(struct webadmin *webadmin, int fd, const struct listen_origin *origin);

/* What stands between the client's first octet and HTTP. */
enum session_kind {
	SESSION_HTTP,     /* it is HTTP */
	SESSION_TLS,      /* TLS comes first */
	SESSION_REDIRECT, /* HTTP, where the service wants TLS: the client is sent there */
	SESSION_ENDED,    /* the client has gone, or said nothing in time */
};

enum session_kind session_kind(enum service_encryption encryption, bool has_tls, unsigned char first_octet);

#endif
