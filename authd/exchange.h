/*
 * authd/exchange: the conversations of SASL (RFC 4422) on the server's side, step by step, without base64 and protocol.
 *
 * PLAIN (RFC 4616) and LOGIN end in a name and a password for somebody else to check, since that takes long;
 * SCRAM-SHA-256 (RFC 5802, RFC 7677) is done by libgsasl with keys that `lookup` gives, for names that do not exist
 * too. What a client sends is limited to EXCHANGE_MESSAGE_MAX, a conversation to a few steps.
 */
#ifndef POSTROOM_AUTHD_EXCHANGE_H
#define POSTROOM_AUTHD_EXCHANGE_H

#include "authd/scram.h"
#include "common/base/buf.h"

#include <gsasl.h>

enum {
	EXCHANGE_MESSAGE_MAX = 4096, /* octets of one response */
	EXCHANGE_NAME_MAX = 512,     /* octets of a name, more is nobody's */
};

/* The keys of a name; it must give some for every name (scram_fake). -1: it cannot say now. */
typedef int exchange_lookup(struct str name, struct scram_keys *keys_out, void *context);

struct exchanges {
	Gsasl *library;
	exchange_lookup *lookup;
	void *context;
};

enum exchange_state {
	EXCHANGE_CONTINUE,  /* send challenge, wait for a response */
	EXCHANGE_PASSWORD,  /* name and password are known, to be checked */
	EXCHANGE_PROVED,    /* SCRAM: the client knows the password; challenge holds the server's last words */
	EXCHANGE_WRONG,     /* SCRAM: it does not; or the name asks to be somebody else */
	EXCHANGE_MALFORMED, /* not what the mechanism's grammar allows */
	EXCHANGE_UNSURE,    /* lookup could not say */
};

struct exchange;

/* The mechanisms from index 0 on, strongest first; NULL behind the last. */
const char *exchange_offered(int index);

/* -1: ERR_SYSTEM. */
int exchanges_open(struct exchanges *exchanges, exchange_lookup *lookup, void *context, struct err *err);
void exchanges_close(struct exchanges *exchanges);

/* Begin a conversation. NULL: ERR_NOT_FOUND, no such mechanism. */
struct exchange *exchange_begin(struct exchanges *exchanges, struct str mechanism, struct err *err);
void exchange_end(struct exchange *exchange);

/*
 * One step. response.data is NULL at the first one where the client gave no initial response. challenge is set where
 * the state is EXCHANGE_CONTINUE or EXCHANGE_PROVED. After any state but EXCHANGE_CONTINUE only exchange_end may
 * follow.
 */
enum exchange_state exchange_step(struct exchange *exchange, struct str response, struct buf *challenge);

/* Who, and by what; "" while unknown. They live as long as the exchange. */
const char *exchange_mechanism(const struct exchange *exchange);
struct str exchange_name(const struct exchange *exchange);
struct str exchange_password(const struct exchange *exchange);

#endif
