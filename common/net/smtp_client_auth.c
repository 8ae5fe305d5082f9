#include "common/base/memory.h"
#include "common/net/smtp_client_io.h"

#include <gsasl.h>

enum {
	STEPS_MAX = 8,          /* of one exchange; SCRAM has three */
	COMMAND_LINE_MAX = 510, /* RFC 4954 section 4: a longer initial response waits for the server's 334 */
};

static const struct mechanism {
	const char *name;
	const char *shown; /* for errors: no secret */
	enum smtp_mechanism bit;
	bool client_first;  /* the client speaks first */
	bool proves_server; /* success counts only after the server has shown that it knows the password */
} mechanisms[] = {
    {"SCRAM-SHA-256", "AUTH SCRAM-SHA-256 *****", SMTP_SCRAM_SHA_256, true, true},
    {"CRAM-MD5", "AUTH CRAM-MD5 *****", SMTP_CRAM_MD5, false, false},
    {"PLAIN", "AUTH PLAIN *****", SMTP_PLAIN, true, false},
    {"LOGIN", "AUTH LOGIN *****", SMTP_LOGIN, false, false},
};

/* An exchange in progress. */
struct exchange {
	Gsasl_session *session;
	const struct mechanism *mechanism;
	char *response; /* base64, the library's memory, NULL where there is none yet */
	bool done;      /* the library has no more to say or check */
};

static void forget_response(struct exchange *exchange)
{
	if (exchange->response != NULL) {
		memory_wipe(exchange->response, strlen(exchange->response));
		gsasl_free(exchange->response);
	}
	exchange->response = NULL;
}

/* Answer a challenge (base64); NULL where the client begins. */
static int step(struct exchange *exchange, const char *challenge, struct err *err)
{
	int rc;

	forget_response(exchange);
	if (exchange->done) {
		err_set(err, ERR_PROTOCOL, "the server goes on with %s after its end", exchange->mechanism->name);
		return -1;
	}
	rc = gsasl_step64(exchange->session, challenge, &exchange->response);
	if ((rc != GSASL_OK && rc != GSASL_NEEDS_MORE) || exchange->response == NULL) {
		exchange->response = NULL;
		err_set(err, ERR_PROTOCOL, "login by %s failed: %s", exchange->mechanism->name, gsasl_strerror(rc));
		return -1;
	}
	exchange->done = rc == GSASL_OK;
	return 0;
}

/* The text of a 334 reply: the challenge. */
static struct str challenge_of(const struct smtp_reply *reply)
{
	struct str rest = buf_str(&reply->lines);

	return str_trim(str_cut(&rest, '\n'));
}

static int begin(struct smtp_client *client, struct exchange *exchange, struct arena *arena, struct err *err)
{
	const char *name = exchange->mechanism->name;
	struct str command = arena_printf(arena, "AUTH %s", name);

	if (exchange->mechanism->client_first) {
		if (step(exchange, NULL, err) != 0)
			return -1;
		if (command.len + 1 + strlen(exchange->response) <= COMMAND_LINE_MAX) {
			command = arena_printf(arena, "AUTH %s %s", name, exchange->response);
			forget_response(exchange);
		}
	}
	return smtp_client_command(client, exchange->mechanism->shown, command, SMTP_WAIT_COMMAND_MS, err);
}

/* Give up an exchange; the server answers 501 (RFC 4954 section 4). err keeps its reason. */
static int cancel(struct smtp_client *client, const struct exchange *exchange)
{
	struct err ignored;

	smtp_client_command(client, exchange->mechanism->shown, STR("*"), SMTP_WAIT_COMMAND_MS, &ignored);
	return -1;
}

static int converse(struct smtp_client *client, struct exchange *exchange, struct arena *arena, struct err *err)
{
	if (begin(client, exchange, arena, err) != 0)
		return -1;
	for (int i = 0; client->reply.code == 334; i++) {
		if (i == STEPS_MAX) {
			err_set(err, ERR_PROTOCOL, "the server does not come to an end with %s", exchange->mechanism->name);
			return cancel(client, exchange);
		}
		/* A response that was too long for the command line is still to be sent. */
		if (exchange->response == NULL && step(exchange, arena_text(arena, challenge_of(&client->reply)), err) != 0)
			return cancel(client, exchange);
		if (smtp_client_command(client, exchange->mechanism->shown, str_of(exchange->response), SMTP_WAIT_COMMAND_MS,
		                        err) != 0)
			return -1;
		forget_response(exchange);
	}
	if (smtp_reply_class(&client->reply) != 2)
		return smtp_client_refused(client, exchange->mechanism->shown, err);
	if (exchange->mechanism->proves_server && !exchange->done)
		return err_set(err, ERR_PROTOCOL, "the server did not prove that it knows the password");
	return 0;
}

static const struct mechanism *choose(unsigned offered)
{
	for (size_t i = 0; i < sizeof mechanisms / sizeof mechanisms[0]; i++)
		if ((offered & mechanisms[i].bit) != 0)
			return &mechanisms[i];
	return NULL;
}

int smtp_client_login(struct smtp_client *client, const char *username, const char *password, struct err *err)
{
	struct exchange exchange = {.mechanism = choose(client->extensions.mechanisms)};
	struct arena arena;
	Gsasl *library;
	int rc, result;

	if ((client->extensions.offered & SMTP_AUTH) == 0)
		return err_set(err, SMTP_CLIENT_LACKS, "The server does not offer AUTH, and a login is required");
	if (exchange.mechanism == NULL)
		return err_set(err, SMTP_CLIENT_LACKS, "The server offers no AUTH mechanism that is spoken here");
	rc = gsasl_init(&library);
	if (rc != GSASL_OK)
		return err_set(err, ERR_SYSTEM, "cannot use the SASL library: %s", gsasl_strerror(rc));
	rc = gsasl_client_start(library, exchange.mechanism->name, &exchange.session);
	if (rc != GSASL_OK) {
		gsasl_done(library);
		return err_set(err, ERR_SYSTEM, "cannot use %s: %s", exchange.mechanism->name, gsasl_strerror(rc));
	}
	gsasl_property_set(exchange.session, GSASL_AUTHID, username);
	gsasl_property_set(exchange.session, GSASL_PASSWORD, password);
	arena_init(&arena);
	result = converse(client, &exchange, &arena, err);
	forget_response(&exchange);
	arena_free(&arena);
	gsasl_finish(exchange.session);
	gsasl_done(library);
	return result;
}
