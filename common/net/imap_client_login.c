/* imap_client: LOGIN and AUTHENTICATE. */
#include "common/net/imap_client_io.h"

#include <stdio.h>

static int login_by_command(struct imap_client *client, const struct sasl_client_login *login, struct err *err)
{
	struct err lost;

	if ((client->offered & IMAP_OFFER_LOGINDISABLED) != 0)
		return err_set(err, MAIL_CLIENT_LACKS, "The server allows no LOGIN on this connection");
	imap_client_begin_command(client, "LOGIN ");
	if (imap_client_write_quoted(client, str_of(login->user))) {
		conn_write(&client->mail.conn, STR(" "));
		if (imap_client_write_quoted(client, str_of(login->secret))) {
			imap_client_end_command(client);
			return imap_client_finish(client, "LOGIN *****", NULL, NULL, err);
		}
	}
	err_set(&lost, ERR_SYNTAX, "given up");
	mail_client_lost(&client->mail, "LOGIN *****", &lost);
	return err_set(err, ERR_SYNTAX, "A name or password cannot be sent by LOGIN, only by AUTHENTICATE");
}

/* Answer the server's challenges until it says yes or no. first: a response still to be sent; data NULL: none. */
static int converse(struct imap_client *client, struct sasl_client *sasl, const char *shown, struct str first,
                    struct err *err)
{
	struct imap_reply reply;
	struct str response;
	bool stopped;

	mail_client_begin_wait(&client->mail);
	for (;;) {
		if (imap_client_read_reply(client, shown, false, &reply, &stopped, err) != 0)
			return -1;
		if (reply.kind == IMAP_REPLY_TAGGED)
			return imap_client_conclude(client, shown, &reply, err);
		if (reply.kind == IMAP_REPLY_UNTAGGED)
			continue;
		response = first;
		first = (struct str){0};
		if (response.data == NULL && sasl_client_step(sasl, reply.text, &response, err) != 0) {
			struct err ignored;

			conn_write(&client->mail.conn, STR("*\r\n")); /* RFC 9051 6.2.2: given up; err keeps its reason */
			imap_client_finish(client, shown, NULL, NULL, &ignored);
			return -1;
		}
		mail_client_begin_wait(&client->mail);
		conn_write(&client->mail.conn, response);
		conn_write(&client->mail.conn, STR("\r\n"));
	}
}

static int login_by_sasl(struct imap_client *client, const struct sasl_client_login *login, struct err *err)
{
	struct sasl_client sasl;
	struct str first;
	char shown[64];
	int result;

	if (sasl_client_start(&sasl, client->mechanisms, login, err) != 0) {
		if (err->code == ERR_NOT_FOUND)
			err_set(err, MAIL_CLIENT_LACKS, "The server offers no AUTHENTICATE mechanism that is wanted here");
		return -1;
	}
	snprintf(shown, sizeof shown, "AUTHENTICATE %s *****", sasl_client_name(&sasl));
	first = sasl_client_first(&sasl);
	imap_client_begin_command(client, "AUTHENTICATE ");
	conn_write(&client->mail.conn, str_of(sasl_client_name(&sasl)));
	if (first.data != NULL && (client->offered & IMAP_OFFER_SASL_IR) != 0) {
		conn_write(&client->mail.conn, STR(" "));
		conn_write(&client->mail.conn, first);
		first = (struct str){0};
	}
	imap_client_end_command(client);
	result = converse(client, &sasl, shown, first, err);
	if (result == 0 && !sasl_client_is_proven(&sasl))
		result = err_set(err, ERR_PROTOCOL, "The server did not prove that it knows the password");
	sasl_client_end(&sasl);
	return result;
}

int imap_client_login(struct imap_client *client, const struct imap_client_login *login, struct err *err)
{
	const struct sasl_client_login *sasl = &login->sasl;
	bool falls_back = sasl->method == SASL_CLIENT_METHOD_AUTOMATIC && client->mechanisms == 0;

	if (sasl->user[0] == '\0' || sasl->secret[0] == '\0')
		return err_set(err, ERR_SYNTAX, "A name or password is missing");
	if ((login->by_command || falls_back ? login_by_command : login_by_sasl)(client, sasl, err) != 0)
		return -1;
	return imap_client_capabilities(client, err); /* servers tell more of them now */
}
