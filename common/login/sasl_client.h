/*
 * sasl_client: the client's side of a SASL exchange (RFC 4422), for any line protocol that carries base64.
 *
 *     sasl_client_start(&client, offered, &login, &err)      chooses the mechanism
 *     sasl_client_first(&client)                             the initial response, where the client speaks first
 *     sasl_client_step(&client, challenge, &response, &err)  as often as the server asks
 *     sasl_client_is_proven(&client)                         before its success is believed
 *     sasl_client_end(&client)
 *
 * Mechanisms: SCRAM-SHA-256 and SCRAM-SHA-1 (RFC 7677, 5802), CRAM-MD5 (RFC 2195), PLAIN (RFC 4616), LOGIN; with an
 * access token OAUTHBEARER (RFC 7628) and XOAUTH2 (Google, Microsoft). A token is never given to a mechanism for
 * passwords, nor the other way round. The server is a stranger: exchanges and challenges are limited, and where the
 * mechanism lets it prove that it knows the password, its success without that proof counts for nothing. Secrets are
 * wiped and stand in no error.
 */
#ifndef POSTROOM_LOGIN_SASL_CLIENT_H
#define POSTROOM_LOGIN_SASL_CLIENT_H

#include "common/base/buf.h"
#include "common/base/err.h"

struct Gsasl;
struct Gsasl_session;

/* What a server may offer and is spoken here; the strongest first. */
enum sasl_client_mechanism {
	SASL_CLIENT_SCRAM_SHA_256 = 1,
	SASL_CLIENT_SCRAM_SHA_1 = 2,
	SASL_CLIENT_CRAM_MD5 = 4,
	SASL_CLIENT_PLAIN = 8,
	SASL_CLIENT_LOGIN = 16,
	SASL_CLIENT_OAUTHBEARER = 32,
	SASL_CLIENT_XOAUTH2 = 64,
};

/* What the administrator wants. */
enum sasl_client_method {
	SASL_CLIENT_METHOD_AUTOMATIC,  /* the strongest for passwords */
	SASL_CLIENT_METHOD_PLAIN_TEXT, /* PLAIN, LOGIN */
	SASL_CLIENT_METHOD_CRAM_MD5,
	SASL_CLIENT_METHOD_SCRAM,
	SASL_CLIENT_METHOD_OAUTH, /* the secret is an access token */
};

enum { SASL_CLIENT_LINE_MAX = 12288 }; /* octets of a challenge or a response in base64 (RFC 4954 section 4) */

struct sasl_client_login {
	const char *user;
	const char *secret; /* a password, or an access token */
	enum sasl_client_method method;
	const char *host; /* the server, for OAUTHBEARER */
	unsigned port;
};

struct sasl_client {
	const struct sasl_client_kind *kind;
	struct Gsasl *library; /* NULL where the mechanism is ours */
	struct Gsasl_session *session;
	struct buf response; /* base64, the last */
	int steps;
	bool done; /* nothing more to say or to check */
};

/* The method that a word of the settings means: automatic, plain, cram-md5, scram, oauth. -1: none of these. */
int sasl_client_parse_method(struct str word, enum sasl_client_method *method_out);

/* Mechanisms out of a server's list, words separated by blanks, as bits; what is not spoken here is passed over. */
unsigned sasl_client_mechanisms(struct str words);

/*
 * Choose the strongest of the offered mechanisms that the method allows, and begin. The texts of login are copied.
 * -1: ERR_NOT_FOUND (none in common), ERR_SYNTAX (a name or secret that the mechanism cannot carry), ERR_LIMIT,
 * ERR_SYSTEM; nothing to end then.
 */
int sasl_client_start(struct sasl_client *client, unsigned offered, const struct sasl_client_login *login,
                      struct err *err);

/* "SCRAM-SHA-256" */
const char *sasl_client_name(const struct sasl_client *client);

/* The initial response in base64, never empty; data NULL where the server speaks first. Valid until the next step. */
struct str sasl_client_first(const struct sasl_client *client);

/*
 * Answer a challenge, both in base64; the response may be empty, and is valid until the next step.
 * -1: ERR_PROTOCOL (it is no challenge of this mechanism, its proof is wrong, it goes on after the end), ERR_LIMIT:
 * give the exchange up.
 */
int sasl_client_step(struct sasl_client *client, struct str challenge, struct str *response_out, struct err *err);

/* May the server's success be believed? False where it had to prove that it knows the password, and did not. */
bool sasl_client_is_proven(const struct sasl_client *client);

void sasl_client_end(struct sasl_client *client);

#endif
