/*
 * ipc/loop: ipc inside a libevent loop: answering many callers, asking without waiting.
 *
 * Requests of one channel may be answered in any order; the sequence number pairs them.
 */
#ifndef POSTROOM_IPC_LOOP_H
#define POSTROOM_IPC_LOOP_H

#include "common/daemon/daemon.h"
#include "common/ipc/ipc.h"

#include <event2/event.h>

struct ipc_peer; /* one connected caller */

struct ipc_incoming {
	struct ipc_message message;
	const char *caller;    /* by which program's socket it came; whom that speaks for (common/daemon/programs.h) */
	struct ipc_peer *peer; /* identifies the connection; valid until the answer, also when the caller is gone */
	uint32_t sequence;
};

/* The handler owns incoming until it calls one of the ipc_answer functions, at once or later. */
typedef void ipc_handler(struct ipc_incoming *incoming, void *context);
/* A caller's connection ended: forget what is tied to peer. May be NULL. */
typedef void ipc_gone(struct ipc_peer *peer, void *context);

/*
 * Take requests on every "from-<caller>" socket the daemon was handed. Only postroom, configd, queue-manager and
 * brokerd may send more than IPC_PACKET_MAX bytes of fields, and anybody to brokerd. -1: ERR_NOT_FOUND (none),
 * ERR_SYSTEM.
 */
int ipc_serve(struct event_base *base, const struct daemon *daemon, ipc_handler *handler, ipc_gone *gone, void *context,
              struct err *err);

/* Answer, and free incoming. Where the caller is gone meanwhile the answer is dropped. */
void ipc_answer(struct ipc_incoming *incoming, const struct ipc_message *reply);
void ipc_answer_ok(struct ipc_incoming *incoming);
void ipc_answer_error(struct ipc_incoming *incoming, const struct err *err);
/* Free incoming without an answer: it was a notice, for which the caller does not wait (doc/ipc.md names those). */
void ipc_no_answer(struct ipc_incoming *incoming);

/* Has the caller hung up meanwhile, so that nobody waits for the answer? */
bool ipc_caller_gone(const struct ipc_incoming *incoming);

/* Which program's socket a connection came by. */
const char *ipc_peer_caller(const struct ipc_peer *peer);

/* Something of the daemon's own tied to a connection (an exchange in progress); NULL at first. */
void ipc_peer_set_data(struct ipc_peer *peer, void *data);
void *ipc_peer_data(const struct ipc_peer *peer);
/* The process that connected, as the kernel knows it (SO_PEERCRED); 0 where it does not. */
pid_t ipc_peer_pid(const struct ipc_peer *peer);

struct ipc_client; /* a channel to one callee that connects when needed and again after a failure */

/* reply is NULL and err is set where the call failed or the answer's status is not ok (then reply may be set too). */
typedef void ipc_callback(struct ipc_message *reply, const struct err *err, void *context);

struct ipc_client *ipc_client_new(struct event_base *base, const struct instance *instance, const char *callee,
                                  const char *caller);
/* Close the channel; the next call connects again. Not while calls are open. */
void ipc_client_hang_up(struct ipc_client *client);
void ipc_client_free(struct ipc_client *client); /* open calls are not called back */
/* Ask; the callback comes later, exactly once, never from within this call. Descriptors in request are duplicated. */
void ipc_client_call(struct ipc_client *client, const struct ipc_message *request, int timeout_ms,
                     ipc_callback *callback, void *context);

#endif
