#include "common/net/smtp_client_io.h"

static int ask(struct smtp_client *client, const char *shown, struct str command, struct err *err)
{
	if (smtp_client_command(client, shown, command, SMTP_WAIT_COMMAND_MS, err) != 0)
		return -1;
	return smtp_reply_class(&client->reply) == 2 ? 0 : smtp_client_refused(client, shown, err);
}

int smtp_client_probe(struct smtp_client *client, struct str address, bool *refused_rcpt_out, struct err *err)
{
	struct buf command;
	int result;

	*refused_rcpt_out = false;
	buf_init(&command, 1000);
	buf_printf(&command, "RCPT TO:<%.*s>", STR_ARG(address));
	result = ask(client, "MAIL FROM", STR("MAIL FROM:<>"), err);
	if (result == 0) {
		result = ask(client, "RCPT TO", buf_str(&command), err);
		*refused_rcpt_out = result != 0 && err->code == SMTP_CLIENT_REFUSED;
	}
	buf_free(&command);
	client->reset_needed = true;
	return result;
}
