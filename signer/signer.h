/*
 * signer: signs messages on their way out (DKIM, RFC 6376), and seals those that are passed on (ARC, RFC 8617).
 *
 * queue-manager asks for the signatures of a message that is about to leave; sender then puts them on top of it. By
 * then nothing of ours changes the message any more. A session is two processes on one connection of queue-manager:
 *
 *   the reader   takes the message as a descriptor, finds its author's domain, makes the hashes. It has no key, no file
 *                and no network.
 *   the keeper   has the keys and nothing else: it is asked which keys a domain has, and to sign a hash. It never sees
 *                an octet of a message.
 *
 * So a message that takes the reader over gets, at worst, signatures of other texts while it lasts, never a key; and
 * sender, which hears strangers' servers, can ask for none.
 *
 * Promises: a message is never kept back nor changed. Without a key that fits it leaves unsigned, and the log says why.
 * A seal says what queue-manager says was found when the message came, nothing that stands in it.
 *
 * Files: main.c, session.c the reader's side, message.c what is signed, seal.c the seal, questions.c what the keeper is
 * asked, keys.c the keeper.
 */
#ifndef POSTROOM_SIGNER_SIGNER_H
#define POSTROOM_SIGNER_SIGNER_H

#include "common/daemon/daemon.h"
#include "common/ipc/ipc.h"
#include "common/net/listen.h"
#include "common/net/sandbox.h"

enum {
	SIGNER_KEYS_MAX = 4,         /* signatures of one message */
	SIGNER_SET_MAX = 160 * 1024, /* octets of the three fields of a seal */
};

struct signer_parent {
	const struct daemon *daemon;
	struct sandbox reader, keeper;
	int folder; /* of the keys */
};

/* A hook of listen_run; context is a struct signer_parent. */
int session_run(int fd, const struct listen_origin *origin, void *context);

/* keys.c. The keeper's life, on one end of a pair of sockets: until the reader closes the other. */
void keys_serve(int fd, int folder);

/*
 * message.c. Answer one request "sign" (doc/ipc.md): the fields to put on top of the message, as far as there are keys
 * for it. -1: ERR_PROTOCOL, ERR_SYSTEM (the message cannot be read), or the keeper does not answer.
 */
int message_sign(struct ipc_message *request, struct ipc_channel *keeper, struct ipc_message *reply, struct err *err);

#endif
