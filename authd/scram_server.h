/*
 * authd/scram_server: the server's side of SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677), message by
 * message.
 *
 * With PLUS the client's proof covers the TLS connection that it sees, so that nobody can sit between: by tls-exporter
 * (RFC 9266) or tls-server-end-point (RFC 5929), of which the session process gives the octets. A client that could
 * bind but was told that we cannot is refused: somebody changed the list of mechanisms on its way.
 *
 * Messages are strangers': every attribute is looked at where RFC 5802 section 7 puts it, and nothing else is taken.
 */
#ifndef POSTROOM_AUTHD_SCRAM_SERVER_H
#define POSTROOM_AUTHD_SCRAM_SERVER_H

#include "authd/scram.h"
#include "common/base/buf.h"

enum {
	SCRAM_MESSAGE_MAX = 4096, /* octets of a message of the client */
	SCRAM_NAME_MAX = 512,     /* octets of a name, more is nobody's */
	SCRAM_BINDING_MAX = 64,   /* octets of channel binding data */
};

/* What channel binding data the client's TLS connection has; a length of 0: none of that type. */
struct scram_bindings {
	unsigned char exporter[SCRAM_BINDING_MAX], endpoint[SCRAM_BINDING_MAX];
	size_t exporter_len, endpoint_len;
};

enum scram_verdict {
	SCRAM_GOOD,
	SCRAM_MALFORMED, /* not the grammar; a mandatory extension; a type of binding that there is not */
	SCRAM_WRONG,     /* the proof, or the binding, does not fit */
};

struct scram_server {
	struct scram_keys keys;
	struct buf authzid, name; /* as the client's first message has them, unescaped */
	struct buf binding;       /* what "c=" has to decode to: GS2 header and channel binding data */
	struct buf nonce;         /* the client's, then both */
	struct buf said;          /* client-first-bare "," server-first "," */
};

void scram_server_init(struct scram_server *server);
void scram_server_free(struct scram_server *server);

/* The client's first message; is_plus: of SCRAM-SHA-256-PLUS. Sets name and authzid. */
enum scram_verdict scram_server_first(struct scram_server *server, struct str message, bool is_plus,
                                      const struct scram_bindings *bindings);

/* Add the answer to it to challenge. nonce: printable octets without a comma that nobody foresees. */
void scram_server_challenge(struct scram_server *server, const struct scram_keys *keys, struct str nonce,
                            struct buf *challenge);

/* The client's last message. SCRAM_GOOD: the client knows the password; the server's last words are added to last. */
enum scram_verdict scram_server_last(struct scram_server *server, struct str message, struct buf *last);

#endif
