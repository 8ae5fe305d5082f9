/*
 * ipc: one request, one answer, between the daemons of one instance.
 *
 * Unix SOCK_SEQPACKET sockets at run/<callee>/<caller>.sock. A packet is a header (magic, sequence number, flags) and
 * fields of key and value, each with its length; descriptors travel beside it (SCM_RIGHTS). Fields of more than
 * IPC_PACKET_MAX bytes travel in a sealed memfd, which happens here, unseen. A request's first field is "op"; an
 * answer's is "status": "ok", or the name of an error code, then "text" says why. What each daemon answers to is
 * written in doc/ipc.md.
 *
 * Nothing read here is trusted: lengths are checked against the packet, numbers of descriptors are limited, a broken
 * packet closes the channel.
 */
#ifndef POSTROOM_IPC_IPC_H
#define POSTROOM_IPC_IPC_H

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/daemon/instance.h"

enum {
	IPC_PACKET_MAX = 64 * 1024,         /* bytes of fields in a packet itself */
	IPC_MESSAGE_MAX = 64 * 1024 * 1024, /* bytes of fields altogether */
	IPC_FDS_MAX = 8,
	IPC_TIMEOUT_MS = 10000, /* the usual patience of a caller */
};

struct ipc_message {
	struct buf fields;
	int fds[IPC_FDS_MAX]; /* in a message received: owned until taken; in one to send: borrowed */
	int fd_count;
	bool fds_owned;
};

void ipc_message_init(struct ipc_message *message);
void ipc_message_reset(struct ipc_message *message); /* for the next use; closes descriptors that it owns */
void ipc_message_free(struct ipc_message *message);

/* Build: a reset message with its first field; more fields; descriptors. Past the limits the send fails (ERR_LIMIT). */
void ipc_request(struct ipc_message *message, const char *op);
void ipc_reply_ok(struct ipc_message *message);
void ipc_reply_error(struct ipc_message *message, const struct err *err);
void ipc_add(struct ipc_message *message, const char *key, struct str value);
void ipc_add_field(struct ipc_message *message, struct str key, struct str value); /* as ipc_next gave it */
void ipc_add_text(struct ipc_message *message, const char *key, const char *value);
void ipc_add_number(struct ipc_message *message, const char *key, int64_t value);
void ipc_add_fd(struct ipc_message *message, int fd);

/* Read: the first value of a key. Views live as long as the message. ipc_get: data is NULL where there is none. */
struct str ipc_get(const struct ipc_message *message, const char *key);
bool ipc_get_text(const struct ipc_message *message, const char *key, char *out,
                  size_t size); /* false: none or too long */
bool ipc_get_number(const struct ipc_message *message, const char *key, int64_t min, int64_t max, int64_t *value);
/* All fields in order: start with position 0. */
bool ipc_next(const struct ipc_message *message, size_t *position, struct str *key, struct str *value);
bool ipc_is(const struct ipc_message *message, const char *op); /* the request's op */
/* Take a descriptor over (the caller closes it), or -1. */
int ipc_take_fd(struct ipc_message *message, int index);

/* The caller's side of a channel, blocking. */
struct ipc_channel {
	int fd; /* -1: closed */
	uint32_t sequence;
	void (*on_wait)(void *context); /* called each wait_ms while an answer is awaited; or NULL */
	void *wait_context;
	int wait_ms;
};

/* Connect to run/<callee>/<caller>.sock. -1: ERR_SYSTEM (nobody listens there). */
int ipc_connect(struct ipc_channel *channel, const struct instance *instance, const char *callee, const char *caller,
                struct err *err);
/* The same without ever waiting: it fails at once (sys EAGAIN) where the callee's queue is full, and so does sending.
 */
int ipc_connect_now(struct ipc_channel *channel, const struct instance *instance, const char *callee,
                    const char *caller, struct err *err);
/*
 * Send a request and wait for its answer. Returns 0 on status ok. -1: the answer's error code and text; or ERR_TIMEOUT,
 * ERR_CLOSED, ERR_PROTOCOL, ERR_SYSTEM, after which the channel is closed. reply must be initialised; it holds the
 * answer's fields in both cases.
 */
int ipc_call(struct ipc_channel *channel, const struct ipc_message *request, struct ipc_message *reply, int timeout_ms,
             struct err *err);
/*
 * The halves of ipc_call, for who has several requests on their way: send one, whose number is *sequence_out; wait for
 * the next answer, to whichever it is; find out what that says: 0, or its error. -1 of the first two: the channel is
 * closed.
 */
int ipc_ask(struct ipc_channel *channel, const struct ipc_message *request, uint32_t *sequence_out, struct err *err);
int ipc_await(struct ipc_channel *channel, struct ipc_message *reply, uint32_t *sequence_out, int timeout_ms,
              struct err *err);
int ipc_check_answer(const struct ipc_message *reply, struct err *err);
void ipc_close(struct ipc_channel *channel);

/*
 * Single packets on a connected socket, for who answers without an event loop. receive: timeout_ms -1 waits for ever;
 * 1 = a packet, 0 = the peer closed, -1 = error (ERR_TIMEOUT, ERR_PROTOCOL, ERR_SYSTEM). send: -1: ERR_SYSTEM (with
 * sys EAGAIN where the socket is non-blocking and full), ERR_LIMIT.
 */
int ipc_receive(int fd, struct ipc_message *message, uint32_t *sequence, int timeout_ms, struct err *err);
int ipc_send(int fd, const struct ipc_message *message, uint32_t sequence, struct err *err);

/* Is the peer of a connected socket the user uid (or root)? SO_PEERCRED. */
bool ipc_peer_is(int fd, uid_t uid);

/* The status word of an error code, and back (an unknown word is ERR_PROTOCOL). */
const char *ipc_status_word(int code);
int ipc_status_code(struct str word);

#endif
