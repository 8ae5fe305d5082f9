#include "common/base/memory.h"
#include "common/net/pop3_client_io.h"

#include <openssl/evp.h>
#include <stdio.h>

enum { COMMAND_LINE_MAX = 253 }; /* RFC 5034 section 4: a longer initial response waits for the server's "+ " */

/* A line end or NUL in it would be another command. */
static bool is_argument(const char *text)
{
	return text[0] != '\0' && strpbrk(text, "\r\n") == NULL;
}

static int send_secret(struct pop3_client *client, const char *shown, const char *verb, const char *secret,
                       struct err *err)
{
	mail_client_begin_wait(&client->mail);
	conn_write(&client->mail.conn, str_of(verb));
	conn_write(&client->mail.conn, str_of(secret));
	conn_write(&client->mail.conn, STR("\r\n"));
	return pop3_client_read_status(client, shown, err);
}

static int login_plain(struct pop3_client *client, const struct sasl_client_login *login, struct err *err)
{
	if (send_secret(client, "USER", "USER ", login->user, err) != 0)
		return -1;
	return send_secret(client, "PASS *****", "PASS ", login->secret, err);
}

/* RFC 1939 section 7: the digest is MD5's of the timestamp and the password, in lower-case hexadecimal. */
static int login_apop(struct pop3_client *client, const struct sasl_client_login *login, struct err *err)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	char hex[2 * EVP_MAX_MD_SIZE + 1];
	EVP_MD_CTX *context;
	unsigned length = 0;
	bool done;

	if (client->timestamp[0] == '\0')
		return err_set(err, MAIL_CLIENT_LACKS, "The server's greeting has no timestamp, so it does not offer APOP");
	context = EVP_MD_CTX_new();
	done = context != NULL && EVP_DigestInit_ex(context, EVP_md5(), NULL) == 1 &&
	       EVP_DigestUpdate(context, client->timestamp, strlen(client->timestamp)) == 1 &&
	       EVP_DigestUpdate(context, login->secret, strlen(login->secret)) == 1 &&
	       EVP_DigestFinal_ex(context, digest, &length) == 1;
	EVP_MD_CTX_free(context);
	if (!done)
		return err_set(err, ERR_SYSTEM, "OpenSSL refuses MD5, which APOP needs");
	for (unsigned i = 0; i < length; i++)
		snprintf(hex + 2 * (size_t)i, 3, "%02x", digest[i]);
	conn_printf(&client->mail.conn, "APOP %s ", login->user);
	return send_secret(client, "APOP *****", "", hex, err);
}

/* Answer the server's challenges until it says yes or no. first: a response that is still to be sent; NULL: none. */
static int converse(struct pop3_client *client, struct sasl_client *sasl, const char *shown, struct str first,
                    struct err *err)
{
	enum pop3_status status;
	struct str text, response;

	for (;;) {
		if (pop3_client_read_line(client, shown, &status, &text, err) != 0)
			return -1;
		if (status == POP3_STATUS_OK)
			return 0;
		if (status == POP3_STATUS_ERROR)
			return mail_client_refused(&client->mail, shown, err);
		response = first;
		first = (struct str){0};
		if (response.data == NULL && sasl_client_step(sasl, text, &response, err) != 0) {
			struct err ignored;

			/* RFC 5034 section 4: the exchange is given up; err keeps its reason */
			pop3_client_command(client, shown, STR("*"), &ignored);
			return -1;
		}
		conn_write(&client->mail.conn, response);
		conn_write(&client->mail.conn, STR("\r\n"));
	}
}

static int login_sasl(struct pop3_client *client, const struct sasl_client_login *login, struct err *err)
{
	struct sasl_client sasl;
	struct str first;
	char shown[64];
	int result;

	if (sasl_client_start(&sasl, client->mechanisms, login, err) != 0) {
		if (err->code == ERR_NOT_FOUND)
			err_set(err, MAIL_CLIENT_LACKS, "The server offers no AUTH mechanism that is wanted here");
		return -1;
	}
	snprintf(shown, sizeof shown, "AUTH %s *****", sasl_client_name(&sasl));
	first = sasl_client_first(&sasl);
	conn_printf(&client->mail.conn, "AUTH %s", sasl_client_name(&sasl));
	if (first.data != NULL && strlen(shown) + first.len <= COMMAND_LINE_MAX) {
		conn_write(&client->mail.conn, STR(" "));
		conn_write(&client->mail.conn, first);
		first = (struct str){0};
	}
	conn_write(&client->mail.conn, STR("\r\n"));
	result = converse(client, &sasl, shown, first, err);
	if (result == 0 && !sasl_client_is_proven(&sasl))
		result = err_set(err, ERR_PROTOCOL, "The server did not prove that it knows the password");
	sasl_client_end(&sasl);
	return result;
}

int pop3_client_login(struct pop3_client *client, const struct pop3_login *login, struct err *err)
{
	if (!is_argument(login->sasl.user) || !is_argument(login->sasl.secret))
		return err_set(err, ERR_SYNTAX, "A name or password is missing, or holds a line end");
	switch (login->method) {
	case POP3_LOGIN_PLAIN:
		return login_plain(client, &login->sasl, err);
	case POP3_LOGIN_APOP:
		return login_apop(client, &login->sasl, err);
	case POP3_LOGIN_SASL:
		break;
	}
	return login_sasl(client, &login->sasl, err);
}
