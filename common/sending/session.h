/*
 * session: one connection of queue-manager, one destination, message after message.
 *
 * The session opens its channels and enters the sandbox before it reads anything of a remote server. It can connect out
 * and read the settings; it has neither the spool (a message comes as a descriptor) nor other passwords than that of
 * the server it sends by.
 */
#ifndef POSTROOM_SENDING_SESSION_H
#define POSTROOM_SENDING_SESSION_H

#include "common/daemon/daemon.h"
#include "common/net/listen.h"
#include "common/net/sandbox.h"
#include "common/sending/sending.h"

#include <openssl/types.h>

struct session_parent {
	const struct daemon *daemon;
	struct sandbox sandbox;
	SSL_CTX *tls;
	const struct sending *sending;
	/*
	 * With its objects open. Sessions use what they inherit: to open and read the settings is a fifth of what a session
	 * costs. A published snapshot never changes and is read without locks, so that a fork does no harm to its handle.
	 */
	struct settings settings;
	uid_t caller; /* queue-manager's user */
};

/* Before connections are taken: settings, TLS, and the sandbox of sessions. */
int session_prepare(struct session_parent *parent, struct err *err);
/* Before each fork (listen_hooks.refresh): look at the settings again. */
void session_refresh(struct session_parent *parent);

/* A hook of listen_run; context is a struct session_parent. */
int session_run(int fd, const struct listen_origin *origin, void *context);

#endif
