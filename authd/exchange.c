#include "authd/exchange.h"

#include "common/base/io.h"
#include "common/base/memory.h"

#include <gsasl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <time.h>

enum {
	NONCE_LEN = 24,     /* hexadecimal digits */
	CHALLENGE_MAX = 512 /* octets of CRAM-MD5's and APOP's */
};

typedef enum exchange_state exchange_step_function(struct exchange *exchange, struct str response,
                                                   struct buf *challenge);

struct exchange {
	const struct exchanges *exchanges;
	const struct mechanism *mechanism;
	struct exchange_terms terms;
	int steps;
	struct scram_server scram;
	struct buf challenge; /* of CRAM-MD5 and APOP */
	struct buf name;
	struct buf password;
};

static exchange_step_function step_plain, step_login, step_scram, step_digest;

static const struct mechanism {
	const char *name;
	exchange_step_function *step;
	bool is_bound;     /* to the TLS connection */
	bool is_challenge; /* needs the password itself */
	bool is_keyed;     /* its digest is an HMAC (RFC 2195), not a hash (RFC 1939 7) */
} mechanisms[] = {
    {.name = "SCRAM-SHA-256-PLUS", .step = step_scram, .is_bound = true},
    {.name = "SCRAM-SHA-256", .step = step_scram},
    {.name = "CRAM-MD5", .step = step_digest, .is_challenge = true, .is_keyed = true},
    {.name = "PLAIN", .step = step_plain},
    {.name = "LOGIN", .step = step_login},
};

static const struct mechanism apop = {.name = "APOP", .step = step_digest, .is_challenge = true};

enum { MECHANISM_COUNT = sizeof mechanisms / sizeof mechanisms[0] };

const char *exchange_offered(int index)
{
	return index < MECHANISM_COUNT ? mechanisms[index].name : NULL;
}

/* RFC 4616 section 2: [authzid] NUL authcid NUL passwd. Nobody may act for another: an authzid must be the authcid. */
static enum exchange_state step_plain(struct exchange *exchange, struct str response, struct buf *challenge)
{
	struct str authzid, authcid, rest = response;

	(void)challenge;
	if (response.data == NULL)
		return exchange->steps == 1 ? EXCHANGE_CONTINUE : EXCHANGE_MALFORMED;
	authzid = str_cut(&rest, '\0');
	if (rest.data == NULL)
		return EXCHANGE_MALFORMED;
	authcid = str_cut(&rest, '\0');
	if (rest.data == NULL || authcid.len == 0 || rest.len == 0 || str_find_char(rest, '\0') >= 0)
		return EXCHANGE_MALFORMED;
	if (buf_add_str(&exchange->name, authcid) != 0)
		return EXCHANGE_WRONG;
	buf_add_str(&exchange->password, rest);
	return authzid.len == 0 || str_equal_nocase(authzid, authcid) ? EXCHANGE_PASSWORD : EXCHANGE_WRONG;
}

/* Never a standard; this is what clients expect. Some send the name with the command. */
static enum exchange_state step_login(struct exchange *exchange, struct str response, struct buf *challenge)
{
	if (response.data == NULL) {
		buf_add_str(challenge, STR("Username:"));
		return exchange->steps == 1 ? EXCHANGE_CONTINUE : EXCHANGE_MALFORMED;
	}
	if (str_find_char(response, '\0') >= 0 || response.len == 0)
		return EXCHANGE_MALFORMED;
	if (exchange->name.len == 0) {
		buf_add_str(challenge, STR("Password:"));
		return buf_add_str(&exchange->name, response) == 0 ? EXCHANGE_CONTINUE : EXCHANGE_WRONG;
	}
	buf_add_str(&exchange->password, response);
	return EXCHANGE_PASSWORD;
}

/* The name of SCRAM as it is looked up (RFC 5802 5.1: after SASLprep). False: nobody has it. */
static bool take_name(struct exchange *exchange)
{
	char *prepared = NULL;
	bool good = gsasl_saslprep(buf_text(&exchange->scram.name), GSASL_ALLOW_UNASSIGNED, &prepared, NULL) == GSASL_OK &&
	            prepared[0] != '\0' && buf_add_str(&exchange->name, str_of(prepared)) == 0;

	gsasl_free(prepared);
	return good;
}

/* May the one who logs in act as the other name that he gave? Only as himself. */
static bool authzid_is_own(const struct exchange *exchange)
{
	struct str authzid = buf_str(&exchange->scram.authzid);

	return authzid.len == 0 || str_equal_nocase(authzid, buf_str(&exchange->name));
}

static enum exchange_state begin_scram(struct exchange *exchange, struct str response, struct buf *challenge)
{
	struct scram_server *scram = &exchange->scram;
	char nonce[NONCE_LEN + 1];
	struct scram_keys keys;

	switch (scram_server_first(scram, response, exchange->mechanism->is_bound, &exchange->terms.bindings)) {
	case SCRAM_MALFORMED:
		return EXCHANGE_MALFORMED;
	case SCRAM_WRONG:
		take_name(exchange);
		return EXCHANGE_WRONG;
	case SCRAM_GOOD:
		break;
	}
	if (!take_name(exchange))
		return EXCHANGE_MALFORMED;
	if (exchange->exchanges->find_keys(buf_str(&exchange->name), &keys, exchange->exchanges->context) != 0)
		return EXCHANGE_UNSURE;
	io_random_hex(nonce, NONCE_LEN);
	scram_server_challenge(scram, &keys, str_of(nonce), challenge);
	memory_wipe(&keys, sizeof keys);
	return authzid_is_own(exchange) ? EXCHANGE_CONTINUE : EXCHANGE_WRONG;
}

static enum exchange_state step_scram(struct exchange *exchange, struct str response, struct buf *challenge)
{
	if (response.data == NULL) /* the client speaks first */
		return exchange->steps == 1 ? EXCHANGE_CONTINUE : EXCHANGE_MALFORMED;
	if (exchange->name.len == 0)
		return begin_scram(exchange, response, challenge);
	switch (scram_server_last(&exchange->scram, response, challenge)) {
	case SCRAM_GOOD:
		return EXCHANGE_PROVED;
	case SCRAM_MALFORMED:
		return EXCHANGE_MALFORMED;
	case SCRAM_WRONG:
		break;
	}
	return EXCHANGE_WRONG;
}

bool exchange_digest(bool is_keyed, struct str challenge, struct str secret, char text[EXCHANGE_DIGEST_LEN + 1])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	struct buf both;
	bool made;

	buf_init(&both, CHALLENGE_MAX + EXCHANGE_MESSAGE_MAX);
	buf_add_str(&both, challenge);
	buf_add_str(&both, secret);
	if (is_keyed)
		made = HMAC(EVP_md5(), secret.data, (int)secret.len, (const unsigned char *)challenge.data, challenge.len,
		            digest, &len) != NULL;
	else
		made = !both.overflow && EVP_Digest(both.data, both.len, digest, &len, EVP_md5(), NULL) == 1;
	for (size_t i = 0; made && i < EXCHANGE_DIGEST_LEN / 2; i++) {
		text[2 * i] = digits[digest[i] >> 4];
		text[2 * i + 1] = digits[digest[i] & 15];
	}
	text[EXCHANGE_DIGEST_LEN] = '\0';
	if (both.data != NULL)
		memory_wipe(both.data, both.capacity);
	buf_free(&both);
	return made;
}

/* "name digest", where the name may hold blanks. */
static enum exchange_state check_digest(struct exchange *exchange, struct str response)
{
	struct str name =
	    str_sub(response, 0, response.len > EXCHANGE_DIGEST_LEN ? response.len - EXCHANGE_DIGEST_LEN - 1 : 0);
	struct str given = str_skip(response, name.len + 1);
	char text[EXCHANGE_DIGEST_LEN + 1], lower[EXCHANGE_DIGEST_LEN + 1];
	enum exchange_state state = EXCHANGE_WRONG;
	struct buf secret;

	if (name.len == 0 || response.data[name.len] != ' ' || str_find_char(response, '\0') >= 0 ||
	    buf_add_str(&exchange->name, name) != 0)
		return EXCHANGE_MALFORMED;
	str_copy(given, lower, sizeof lower);
	for (char *c = lower; *c != '\0'; c++)
		*c = *c >= 'A' && *c <= 'F' ? (char)(*c + ('a' - 'A')) : *c;
	buf_init(&secret, EXCHANGE_MESSAGE_MAX);
	if (exchange->exchanges->find_secret(name, &secret, exchange->exchanges->context) != 0)
		state = EXCHANGE_UNSURE;
	else if (exchange_digest(exchange->mechanism->is_keyed, buf_str(&exchange->challenge), buf_str(&secret), text) &&
	         io_equal_secret(str_of(text), str_of(lower)))
		state = EXCHANGE_PROVED;
	if (secret.data != NULL)
		memory_wipe(secret.data, secret.capacity);
	buf_free(&secret);
	return state;
}

static enum exchange_state step_digest(struct exchange *exchange, struct str response, struct buf *challenge)
{
	char nonce[NONCE_LEN + 1];

	if (exchange->steps > 1)
		return response.data != NULL ? check_digest(exchange, response) : EXCHANGE_MALFORMED;
	if (response.data != NULL) /* the server speaks first */
		return EXCHANGE_MALFORMED;
	io_random_hex(nonce, NONCE_LEN);
	buf_printf(&exchange->challenge, "<%s.%lld@%s>", nonce, (long long)time(NULL), exchange->terms.host);
	buf_add_str(challenge, buf_str(&exchange->challenge));
	return EXCHANGE_CONTINUE;
}

static struct exchange *begin(const struct exchanges *exchanges, const struct mechanism *mechanism,
                              const struct exchange_terms *terms)
{
	struct exchange *exchange = memory_get(sizeof *exchange);

	*exchange = (struct exchange){.exchanges = exchanges, .mechanism = mechanism, .terms = *terms};
	scram_server_init(&exchange->scram);
	buf_init(&exchange->challenge, CHALLENGE_MAX);
	buf_init(&exchange->name, EXCHANGE_NAME_MAX);
	buf_init(&exchange->password, EXCHANGE_MESSAGE_MAX);
	return exchange;
}

struct exchange *exchange_begin(const struct exchanges *exchanges, struct str mechanism,
                                const struct exchange_terms *terms, struct err *err)
{
	bool can_bind = terms->bindings.exporter_len > 0 || terms->bindings.endpoint_len > 0;

	for (int i = 0; i < MECHANISM_COUNT; i++)
		if (str_equal_nocase(mechanism, str_of(mechanisms[i].name)) && (can_bind || !mechanisms[i].is_bound) &&
		    (terms->challenges || !mechanisms[i].is_challenge))
			return begin(exchanges, &mechanisms[i], terms);
	err_set(err, ERR_NOT_FOUND, "unknown mechanism");
	return NULL;
}

struct exchange *exchange_begin_apop(const struct exchanges *exchanges, const struct exchange_terms *terms,
                                     struct err *err)
{
	if (terms->challenges)
		return begin(exchanges, &apop, terms);
	err_set(err, ERR_NOT_FOUND, "challenge logins are off");
	return NULL;
}

void exchange_end(struct exchange *exchange)
{
	if (exchange->password.data != NULL)
		memory_wipe(exchange->password.data, exchange->password.capacity);
	scram_server_free(&exchange->scram);
	buf_free(&exchange->challenge);
	buf_free(&exchange->password);
	buf_free(&exchange->name);
	memory_free(exchange);
}

enum exchange_state exchange_step(struct exchange *exchange, struct str response, struct buf *challenge)
{
	buf_reset(challenge);
	exchange->steps++;
	if (response.len > EXCHANGE_MESSAGE_MAX)
		return EXCHANGE_MALFORMED;
	return exchange->mechanism->step(exchange, response, challenge);
}

const char *exchange_mechanism(const struct exchange *exchange)
{
	return exchange->mechanism->name;
}

struct str exchange_name(const struct exchange *exchange)
{
	return buf_str(&exchange->name);
}

struct str exchange_password(const struct exchange *exchange)
{
	return buf_str(&exchange->password);
}

bool exchange_is_challenge(const struct exchange *exchange)
{
	return exchange->mechanism->is_challenge;
}
