#include "common/net/smtp_client_turn.h"

#include "common/net/smtp_client_io.h"

enum { NO_MAIL = 453 }; /* RFC 2645 section 5.2.1 */

/* What could be another command, or more than one parameter, is none. */
static int check_parameter(struct str parameter, struct err *err)
{
	for (size_t i = 0; i < parameter.len; i++)
		if ((unsigned char)parameter.data[i] <= ' ' || (unsigned char)parameter.data[i] >= 0x7f)
			return err_set(err, ERR_SYNTAX, "\"%.*s\" cannot be sent to an SMTP server", STR_ARG(parameter));
	return 0;
}

static int command(struct smtp_client *client, const char *verb, struct str parameter, struct err *err)
{
	struct arena arena;
	int result;

	if (check_parameter(parameter, err) != 0)
		return -1;
	arena_init(&arena);
	result = smtp_client_command(
	    client, verb, arena_printf(&arena, "%s%s%.*s", verb, parameter.len > 0 ? " " : "", STR_ARG(parameter)),
	    SMTP_WAIT_COMMAND_MS, err);
	arena_free(&arena);
	return result;
}

int smtp_client_etrn(struct smtp_client *client, struct str node, struct err *err)
{
	if ((client->extensions.offered & SMTP_ETRN) == 0)
		return err_set(err, SMTP_CLIENT_LACKS, "The server does not offer ETRN");
	if (command(client, "ETRN", node, err) != 0)
		return -1;
	return client->reply.code >= 250 && client->reply.code <= 253 ? 0 : smtp_client_refused(client, "ETRN", err);
}

int smtp_client_atrn(struct smtp_client *client, struct str domains, bool *has_mail_out, struct err *err)
{
	*has_mail_out = false;
	if (command(client, "ATRN", domains, err) != 0)
		return -1;
	*has_mail_out = client->reply.code == 250;
	return *has_mail_out || client->reply.code == NO_MAIL ? 0 : smtp_client_refused(client, "ATRN", err);
}
