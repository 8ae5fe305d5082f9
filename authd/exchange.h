/*
 * authd/exchange: the conversations of SASL (RFC 4422) on the server's side, step by step, without base64 and protocol.
 *
 * PLAIN (RFC 4616) and LOGIN end in a name and a password for somebody else to check, since that takes long.
 * SCRAM-SHA-256 (scram_server.h) is done with keys that `find_keys` gives, for names that do not exist too. CRAM-MD5
 * (RFC 2195) and APOP (RFC 1939 7) need the password itself, which `find_secret` gives; they are there only where the
 * administrator has challenge logins on. What a client sends is limited to EXCHANGE_MESSAGE_MAX, a conversation to a
 * few steps.
 */
#ifndef POSTROOM_AUTHD_EXCHANGE_H
#define POSTROOM_AUTHD_EXCHANGE_H

#include "authd/scram_server.h"

enum {
	EXCHANGE_MESSAGE_MAX = SCRAM_MESSAGE_MAX, /* octets of one response */
	EXCHANGE_NAME_MAX = SCRAM_NAME_MAX,
	EXCHANGE_DIGEST_LEN = 32, /* hexadecimal digits of CRAM-MD5 and APOP */
};

/* Where the answers about names come from. */
struct exchanges {
	/* The keys of a name; it must give some for every name (scram_fake). -1: it cannot say now. */
	int (*find_keys)(struct str name, struct scram_keys *keys_out, void *context);
	/* The password of a name; for one whose password is not kept, something that nobody knows. -1: it cannot say now.
	 */
	int (*find_secret)(struct str name, struct buf *secret, void *context);
	void *context;
};

/* How a client is connected, and what it may use. */
struct exchange_terms {
	struct scram_bindings bindings; /* none: no SCRAM-SHA-256-PLUS */
	bool challenges;                /* CRAM-MD5 and APOP */
	const char *host;               /* the server's name, for challenges */
};

enum exchange_state {
	EXCHANGE_CONTINUE,  /* send challenge, wait for a response */
	EXCHANGE_PASSWORD,  /* name and password are known, to be checked */
	EXCHANGE_PROVED,    /* the client knows the password; challenge holds the server's last words, if there are some */
	EXCHANGE_WRONG,     /* it does not; or the name asks to be somebody else */
	EXCHANGE_MALFORMED, /* not what the mechanism's grammar allows */
	EXCHANGE_UNSURE,    /* `exchanges` could not say */
};

struct exchange;

/* The mechanisms from index 0 on, strongest first; NULL behind the last. */
const char *exchange_offered(int index);

/* Begin a conversation; exchanges and the host must outlive it. NULL: ERR_NOT_FOUND, no such mechanism here. */
struct exchange *exchange_begin(const struct exchanges *exchanges, struct str mechanism,
                                const struct exchange_terms *terms, struct err *err);
/* The same for APOP, which is no mechanism of SASL: the challenge of its first step belongs into POP3's greeting. */
struct exchange *exchange_begin_apop(const struct exchanges *exchanges, const struct exchange_terms *terms,
                                     struct err *err);
void exchange_end(struct exchange *exchange);

/*
 * One step. response.data is NULL at the first one where the client gave no initial response. challenge is set where
 * the state is EXCHANGE_CONTINUE or EXCHANGE_PROVED. After any state but EXCHANGE_CONTINUE only exchange_end may
 * follow.
 */
enum exchange_state exchange_step(struct exchange *exchange, struct str response, struct buf *challenge);

/*
 * What CRAM-MD5 (keyed) and APOP make of a challenge and a password: hexadecimal digits, terminated. False: OpenSSL
 * does not do MD5 here.
 */
bool exchange_digest(bool is_keyed, struct str challenge, struct str secret, char text[EXCHANGE_DIGEST_LEN + 1]);

/* Who, and by what; "" while unknown. They live as long as the exchange. */
const char *exchange_mechanism(const struct exchange *exchange);
struct str exchange_name(const struct exchange *exchange);
struct str exchange_password(const struct exchange *exchange);
/* Is it one that needs the password itself to be kept? */
bool exchange_is_challenge(const struct exchange *exchange);

#endif
