#include "common/login/sasl_client.h"

#include "common/base/base64.h"
#include "common/base/memory.h"

#include <gsasl.h>

enum {
	STEPS_MAX = 8, /* of one exchange; SCRAM has three */
	TEXT_MAX = 256,
	TOKEN_MAX = 8192,
};

struct sasl_client_kind {
	const char *name;
	enum sasl_client_mechanism bit;
	unsigned methods;   /* 1 << enum sasl_client_method: by which it may be chosen */
	bool client_first;  /* the client speaks first */
	bool proves_server; /* success counts only after the server has shown that it knows the password */
};

enum {
	AUTOMATIC = 1U << SASL_CLIENT_METHOD_AUTOMATIC,
	PLAIN_TEXT = 1U << SASL_CLIENT_METHOD_PLAIN_TEXT,
	CRAM_MD5 = 1U << SASL_CLIENT_METHOD_CRAM_MD5,
	SCRAM = 1U << SASL_CLIENT_METHOD_SCRAM,
	OAUTH = 1U << SASL_CLIENT_METHOD_OAUTH,
};

/* The strongest first. */
static const struct sasl_client_kind kinds[] = {
    {"SCRAM-SHA-256", SASL_CLIENT_SCRAM_SHA_256, AUTOMATIC | SCRAM, true, true},
    {"SCRAM-SHA-1", SASL_CLIENT_SCRAM_SHA_1, AUTOMATIC | SCRAM, true, true},
    {"CRAM-MD5", SASL_CLIENT_CRAM_MD5, AUTOMATIC | CRAM_MD5, false, false},
    {"PLAIN", SASL_CLIENT_PLAIN, AUTOMATIC | PLAIN_TEXT, true, false},
    {"LOGIN", SASL_CLIENT_LOGIN, AUTOMATIC | PLAIN_TEXT, false, false},
    {"OAUTHBEARER", SASL_CLIENT_OAUTHBEARER, OAUTH, true, false},
    {"XOAUTH2", SASL_CLIENT_XOAUTH2, OAUTH, true, false},
};

enum { KINDS = sizeof kinds / sizeof kinds[0] };

int sasl_client_parse_method(struct str word, enum sasl_client_method *method_out)
{
	static const char *const words[] = {
	    [SASL_CLIENT_METHOD_AUTOMATIC] = "automatic", [SASL_CLIENT_METHOD_PLAIN_TEXT] = "plain",
	    [SASL_CLIENT_METHOD_CRAM_MD5] = "cram-md5",   [SASL_CLIENT_METHOD_SCRAM] = "scram",
	    [SASL_CLIENT_METHOD_OAUTH] = "oauth",
	};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (str_equal(word, str_of(words[i]))) {
			*method_out = (enum sasl_client_method)i;
			return 0;
		}
	return -1;
}

unsigned sasl_client_mechanisms(struct str words)
{
	unsigned found = 0;
	struct str word;

	while ((word = str_cut_word(&words)).len != 0)
		for (size_t i = 0; i < KINDS; i++)
			if (str_equal_nocase(word, str_of(kinds[i].name)))
				found |= kinds[i].bit;
	return found;
}

static const struct sasl_client_kind *choose(unsigned offered, enum sasl_client_method method)
{
	for (size_t i = 0; i < KINDS; i++)
		if ((offered & kinds[i].bit) != 0 && (kinds[i].methods & 1U << method) != 0)
			return &kinds[i];
	return NULL;
}

static bool is_for_tokens(const struct sasl_client_kind *kind)
{
	return kind->methods == OAUTH;
}

static void forget_response(struct sasl_client *client)
{
	if (client->response.data != NULL)
		memory_wipe(client->response.data, client->response.len);
	buf_reset(&client->response);
}

/* One step of the library's mechanisms; challenge NULL: the client begins. */
static int step_library(struct sasl_client *client, const char *challenge, struct err *err)
{
	char *response = NULL;
	int rc = gsasl_step64(client->session, challenge, &response);
	bool fits = true;

	if (response != NULL) {
		fits = rc != GSASL_OK && rc != GSASL_NEEDS_MORE ? true : buf_add_str(&client->response, str_of(response)) == 0;
		memory_wipe(response, strlen(response));
		gsasl_free(response);
	}
	if (rc != GSASL_OK && rc != GSASL_NEEDS_MORE)
		return err_set(err, ERR_PROTOCOL, "login by %s failed: %s", client->kind->name, gsasl_strerror(rc));
	if (!fits)
		return err_set(err, ERR_LIMIT, "login by %s failed: the response is too long", client->kind->name);
	client->done = rc == GSASL_OK;
	return 0;
}

static int start_library(struct sasl_client *client, const struct sasl_client_login *login, struct err *err)
{
	int rc = gsasl_init(&client->library);

	if (rc != GSASL_OK)
		return err_set(err, ERR_SYSTEM, "cannot use the SASL library: %s", gsasl_strerror(rc));
	rc = gsasl_client_start(client->library, client->kind->name, &client->session);
	if (rc != GSASL_OK)
		return err_set(err, ERR_SYSTEM, "cannot use %s: %s", client->kind->name, gsasl_strerror(rc));
	gsasl_property_set(client->session, GSASL_AUTHID, login->user);
	gsasl_property_set(client->session, GSASL_PASSWORD, login->secret);
	return client->kind->client_first ? step_library(client, NULL, err) : 0;
}

/* A name as GS2 has it (RFC 5801 section 4): "," and "=" are escaped. */
static void add_saslname(struct buf *text, struct str name)
{
	for (size_t i = 0; i < name.len; i++)
		if (name.data[i] == ',')
			buf_add_str(text, STR("=2C"));
		else if (name.data[i] == '=')
			buf_add_str(text, STR("=3D"));
		else
			buf_add_char(text, name.data[i]);
}

/* RFC 6750 section 2.1: b64token; nothing in it may end a field of the message. */
static bool is_token(struct str token)
{
	for (size_t i = 0; i < token.len; i++)
		if (token.data[i] <= ' ' || token.data[i] > '~')
			return false;
	return token.len != 0 && token.len <= TOKEN_MAX;
}

static bool is_name(struct str name)
{
	for (size_t i = 0; i < name.len; i++)
		if ((unsigned char)name.data[i] < ' ' || name.data[i] == 0x7f)
			return false;
	return name.len != 0 && name.len <= TEXT_MAX && str_is_utf8(name);
}

static int start_token(struct sasl_client *client, const struct sasl_client_login *login, struct err *err)
{
	struct buf text;
	int result;

	if (!is_name(str_of(login->user)) || !is_token(str_of(login->secret)))
		return err_set(err, ERR_SYNTAX, "the name or the token cannot be given to %s", client->kind->name);
	buf_init(&text, TOKEN_MAX + 4L * TEXT_MAX + 64);
	if (client->kind->bit == SASL_CLIENT_OAUTHBEARER) {
		/* RFC 7628 3.1: a GS2 header, then key=value pairs, each ended by ^A. */
		buf_add_str(&text, STR("n,a="));
		add_saslname(&text, str_of(login->user));
		buf_add_str(&text, STR(",\1"));
		if (login->host != NULL)
			buf_printf(&text, "host=%.*s\1port=%u\1", TEXT_MAX, login->host, login->port);
	} else {
		buf_printf(&text, "user=%s\1", login->user);
	}
	buf_printf(&text, "auth=Bearer %s\1\1", login->secret);
	result = text.overflow || base64_encode(buf_str(&text), &client->response) != 0
	             ? err_set(err, ERR_LIMIT, "the token is too long for %s", client->kind->name)
	             : 0;
	memory_wipe(text.data, text.len);
	buf_free(&text);
	client->done = true;
	return result;
}

int sasl_client_start(struct sasl_client *client, unsigned offered, const struct sasl_client_login *login,
                      struct err *err)
{
	int result;

	*client = (struct sasl_client){.kind = choose(offered, login->method)};
	if (client->kind == NULL)
		return err_set(err, ERR_NOT_FOUND, "no login method in common with the server");
	buf_init(&client->response, SASL_CLIENT_LINE_MAX);
	result = is_for_tokens(client->kind) ? start_token(client, login, err) : start_library(client, login, err);
	if (result != 0)
		sasl_client_end(client);
	return result;
}

const char *sasl_client_name(const struct sasl_client *client)
{
	return client->kind->name;
}

struct str sasl_client_first(const struct sasl_client *client)
{
	return client->kind->client_first ? buf_str(&client->response) : (struct str){0};
}

/*
 * A challenge after the token says why it is refused (RFC 7628 3.2.2); the client gives its turn back, and the server
 * then says no in its protocol's own words.
 */
static void answer_refusal(struct sasl_client *client)
{
	if (client->kind->bit == SASL_CLIENT_OAUTHBEARER)
		base64_encode(STR("\1"), &client->response);
}

int sasl_client_step(struct sasl_client *client, struct str challenge, struct str *response_out, struct err *err)
{
	int result = 0;

	forget_response(client);
	if (client->steps++ == STEPS_MAX)
		return err_set(err, ERR_PROTOCOL, "the server does not come to an end with %s", client->kind->name);
	if (challenge.len > SASL_CLIENT_LINE_MAX)
		return err_set(err, ERR_LIMIT, "a challenge of %s is too long", client->kind->name);
	if (is_for_tokens(client->kind)) {
		if (client->steps > 1)
			return err_set(err, ERR_PROTOCOL, "the server goes on with %s after its end", client->kind->name);
		answer_refusal(client);
	} else if (client->done) {
		return err_set(err, ERR_PROTOCOL, "the server goes on with %s after its end", client->kind->name);
	} else {
		char *text = memory_text(challenge);

		result = step_library(client, text, err);
		memory_free(text);
	}
	*response_out = buf_str(&client->response);
	return result;
}

bool sasl_client_is_proven(const struct sasl_client *client)
{
	return client->done || !client->kind->proves_server;
}

void sasl_client_end(struct sasl_client *client)
{
	forget_response(client);
	buf_free(&client->response);
	if (client->session != NULL)
		gsasl_finish(client->session);
	if (client->library != NULL)
		gsasl_done(client->library);
	*client = (struct sasl_client){0};
}
