#include "common/net/smtp_client_io.h"

enum { COMMAND_LINE_MAX = 510 }; /* RFC 4954 section 4: a longer initial response waits for the server's 334 */

/* An exchange in progress. */
struct exchange {
	struct sasl_client sasl;
	struct str first;  /* an initial response that is still to be sent; data NULL: none */
	const char *shown; /* for errors: no secret */
};

/* The text of a 334 reply: the challenge. */
static struct str challenge_of(const struct smtp_reply *reply)
{
	struct str rest = buf_str(&reply->lines);

	return str_trim(str_cut(&rest, '\n'));
}

static int begin(struct smtp_client *client, struct exchange *exchange, struct arena *arena, struct err *err)
{
	const char *name = sasl_client_name(&exchange->sasl);
	struct str command = arena_printf(arena, "AUTH %s", name);

	exchange->first = sasl_client_first(&exchange->sasl);
	if (exchange->first.data != NULL && command.len + 1 + exchange->first.len <= COMMAND_LINE_MAX) {
		command = arena_printf(arena, "AUTH %s %.*s", name, STR_ARG(exchange->first));
		exchange->first = (struct str){0};
	}
	return smtp_client_command(client, exchange->shown, command,
	                           smtp_client_wait(client->timeouts.auth_ms, SMTP_WAIT_COMMAND_MS), err);
}

/* Give up an exchange; the server answers 501 (RFC 4954 section 4). err keeps its reason. */
static int cancel(struct smtp_client *client, const struct exchange *exchange)
{
	struct err ignored;

	smtp_client_command(client, exchange->shown, STR("*"),
	                    smtp_client_wait(client->timeouts.auth_ms, SMTP_WAIT_COMMAND_MS), &ignored);
	return -1;
}

static int converse(struct smtp_client *client, struct exchange *exchange, struct arena *arena, struct err *err)
{
	if (begin(client, exchange, arena, err) != 0)
		return -1;
	while (client->reply.code == 334) {
		struct str response = exchange->first;

		exchange->first = (struct str){0};
		if (response.data == NULL &&
		    sasl_client_step(&exchange->sasl, challenge_of(&client->reply), &response, err) != 0)
			return cancel(client, exchange);
		if (smtp_client_command(client, exchange->shown, response,
		                        smtp_client_wait(client->timeouts.auth_ms, SMTP_WAIT_COMMAND_MS), err) != 0)
			return -1;
	}
	if (smtp_reply_class(&client->reply) != 2)
		return smtp_client_refused(client, exchange->shown, err);
	if (!sasl_client_is_proven(&exchange->sasl))
		return err_set(err, ERR_PROTOCOL, "the server did not prove that it knows the password");
	return 0;
}

int smtp_client_login(struct smtp_client *client, const struct sasl_client_login *login, struct err *err)
{
	struct sasl_client_login whole = *login;
	struct exchange exchange = {0};
	struct arena arena;
	int result;

	if ((client->extensions.offered & SMTP_AUTH) == 0)
		return err_set(err, SMTP_CLIENT_LACKS, "The server does not offer AUTH, and a login is required");
	whole.host = client->host;
	whole.port = client->conn.peer_port;
	if (sasl_client_start(&exchange.sasl, client->extensions.mechanisms, &whole, err) != 0)
		return err->code != ERR_NOT_FOUND
		           ? -1
		           : err_set(err, SMTP_CLIENT_LACKS, "The server offers no AUTH mechanism that may be used");
	arena_init(&arena);
	exchange.shown = arena_text(&arena, arena_printf(&arena, "AUTH %s *****", sasl_client_name(&exchange.sasl)));
	result = converse(client, &exchange, &arena, err);
	arena_free(&arena);
	sasl_client_end(&exchange.sasl);
	return result;
}
