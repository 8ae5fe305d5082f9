#include "authd/exchange.h"

#include "common/base/memory.h"

#include <openssl/evp.h>
#include <stdio.h>

enum { KEY_TEXT_MAX = 48 }; /* base64 of SCRAM_KEY_LEN bytes with its NUL */

typedef enum exchange_state exchange_step_function(struct exchange *exchange, struct str response,
                                                   struct buf *challenge);

struct exchange {
	struct exchanges *exchanges;
	const struct mechanism *mechanism;
	int steps;
	Gsasl_session *session; /* of SCRAM */
	bool unsure;            /* of SCRAM: lookup failed */
	struct buf name;
	struct buf password;
};

static exchange_step_function step_plain, step_login, step_scram;

static const struct mechanism {
	const char *name;
	exchange_step_function *step;
} mechanisms[] = {
    {"SCRAM-SHA-256", step_scram},
    {"PLAIN", step_plain},
    {"LOGIN", step_login},
};

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

/* libgsasl's manual says hexadecimal, its code wants base64. */
static void set_bytes(Gsasl_session *session, Gsasl_property property, const unsigned char *bytes, size_t len)
{
	char text[KEY_TEXT_MAX];

	EVP_EncodeBlock((unsigned char *)text, bytes, (int)len);
	gsasl_property_set(session, property, text);
	memory_wipe(text, sizeof text);
}

/* libgsasl asks first when it knows the name: give it all there is then. */
static int give_keys(struct exchange *exchange)
{
	const char *name = gsasl_property_fast(exchange->session, GSASL_AUTHID);
	char iterations[12];
	struct scram_keys keys;

	if (name == NULL || exchange->name.len != 0)
		return GSASL_NO_CALLBACK;
	if (buf_add_str(&exchange->name, str_of(name)) != 0)
		return GSASL_AUTHENTICATION_ERROR;
	exchange->unsure = exchange->exchanges->lookup(buf_str(&exchange->name), &keys, exchange->exchanges->context) != 0;
	if (exchange->unsure)
		return GSASL_AUTHENTICATION_ERROR;
	snprintf(iterations, sizeof iterations, "%u", keys.iterations);
	gsasl_property_set(exchange->session, GSASL_SCRAM_ITER, iterations);
	set_bytes(exchange->session, GSASL_SCRAM_SALT, keys.salt, sizeof keys.salt);
	set_bytes(exchange->session, GSASL_SCRAM_STOREDKEY, keys.stored, sizeof keys.stored);
	set_bytes(exchange->session, GSASL_SCRAM_SERVERKEY, keys.server, sizeof keys.server);
	memory_wipe(&keys, sizeof keys);
	return GSASL_OK;
}

static int on_property(Gsasl *library, Gsasl_session *session, Gsasl_property property)
{
	(void)library;
	switch (property) {
	case GSASL_SCRAM_ITER:
	case GSASL_SCRAM_SALT:
		return give_keys(gsasl_session_hook_get(session));
	default: /* no plain password, no channel binding */
		return GSASL_NO_CALLBACK;
	}
}

/* May the one who logged in act as authzid? Only as himself. */
static bool authzid_is_own(const struct exchange *exchange)
{
	const char *authzid = gsasl_property_fast(exchange->session, GSASL_AUTHZID);

	return authzid == NULL || authzid[0] == '\0' || str_equal_nocase(str_of(authzid), buf_str(&exchange->name));
}

/*
 * Is there a name in the client's first message (RFC 5802 section 7: "...,n=name,r=nonce") that is empty after
 * SASLprep? Nobody has it, and libgsasl (2.2.0) loses memory over it.
 */
static bool name_is_empty(struct str message)
{
	ptrdiff_t at = str_find(message, STR(",n="));
	struct str rest = str_skip(message, at < 0 ? message.len : (size_t)at + 3);
	char *name = memory_text(str_cut(&rest, ',')), *prepared = NULL;
	bool empty = gsasl_saslprep(name, GSASL_ALLOW_UNASSIGNED, &prepared, NULL) == GSASL_OK && prepared[0] == '\0';

	memory_free(name);
	gsasl_free(prepared);
	return empty;
}

static enum exchange_state step_scram(struct exchange *exchange, struct str response, struct buf *challenge)
{
	char *output = NULL;
	size_t output_len = 0;
	enum exchange_state state;
	int result;

	if (response.data == NULL) /* the client speaks first */
		return exchange->steps == 1 ? EXCHANGE_CONTINUE : EXCHANGE_MALFORMED;
	/* RFC 5802 section 6: channel binding ("p=...") is not offered, so asking for it must fail; libgsasl lets it. */
	if (str_find_char(response, '\0') >= 0 || (exchange->name.len == 0 && str_starts(response, STR("p="))))
		return EXCHANGE_MALFORMED;
	if (exchange->name.len == 0 && name_is_empty(response))
		return EXCHANGE_MALFORMED;
	result = gsasl_step(exchange->session, response.data, response.len, &output, &output_len);
	if (exchange->unsure)
		state = EXCHANGE_UNSURE;
	else if (result == GSASL_NEEDS_MORE && exchange->name.len != 0 && authzid_is_own(exchange))
		state = EXCHANGE_CONTINUE;
	else if (result == GSASL_OK)
		state = EXCHANGE_PROVED;
	else if (result == GSASL_MECHANISM_PARSE_ERROR)
		state = EXCHANGE_MALFORMED;
	else
		state = EXCHANGE_WRONG;
	if ((state == EXCHANGE_CONTINUE || state == EXCHANGE_PROVED) && output != NULL)
		buf_add(challenge, output, output_len);
	gsasl_free(output);
	return state;
}

int exchanges_open(struct exchanges *exchanges, exchange_lookup *lookup, void *context, struct err *err)
{
	int result = gsasl_init(&exchanges->library);

	if (result != GSASL_OK)
		return err_set(err, ERR_SYSTEM, "cannot start libgsasl: %s", gsasl_strerror(result));
	exchanges->lookup = lookup;
	exchanges->context = context;
	gsasl_callback_set(exchanges->library, on_property);
	return 0;
}

void exchanges_close(struct exchanges *exchanges)
{
	gsasl_done(exchanges->library);
	exchanges->library = NULL;
}

struct exchange *exchange_begin(struct exchanges *exchanges, struct str mechanism, struct err *err)
{
	const struct mechanism *found = NULL;
	struct exchange *exchange;

	for (int i = 0; i < MECHANISM_COUNT; i++)
		if (str_equal_nocase(mechanism, str_of(mechanisms[i].name)))
			found = &mechanisms[i];
	if (found == NULL) {
		err_set(err, ERR_NOT_FOUND, "unknown mechanism");
		return NULL;
	}
	exchange = memory_get(sizeof *exchange);
	exchange->exchanges = exchanges;
	exchange->mechanism = found;
	buf_init(&exchange->name, EXCHANGE_NAME_MAX);
	buf_init(&exchange->password, EXCHANGE_MESSAGE_MAX);
	if (found->step == step_scram) {
		if (gsasl_server_start(exchanges->library, found->name, &exchange->session) != GSASL_OK) {
			exchange_end(exchange);
			err_set(err, ERR_SYSTEM, "libgsasl does not offer %s", found->name);
			return NULL;
		}
		gsasl_session_hook_set(exchange->session, exchange);
	}
	return exchange;
}

void exchange_end(struct exchange *exchange)
{
	if (exchange->session != NULL)
		gsasl_finish(exchange->session);
	if (exchange->password.data != NULL)
		memory_wipe(exchange->password.data, exchange->password.capacity);
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
