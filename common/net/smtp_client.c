#include "common/net/smtp_client.h"

#include "common/base/io.h"
#include "common/net/smtp_client_io.h"

void smtp_client_init(struct smtp_client *client, const char *helo, struct smtp_timeouts timeouts)
{
	*client = (struct smtp_client){.timeouts = timeouts};
	client->conn.fd = -1;
	str_copy(str_of(helo), client->helo, sizeof client->helo);
	smtp_reply_init(&client->reply);
}

static void forget_connection(struct smtp_client *client)
{
	conn_close(&client->conn);
	client->open = false;
	client->used = false;
	client->reset_needed = false;
	client->extensions = (struct smtp_extensions){0};
}

void smtp_client_set_wait(struct smtp_client *client, int timeout_ms)
{
	client->conn.timeout_ms = timeout_ms;
	client->conn.deadline_ms = io_now_ms() + timeout_ms;
}

int smtp_client_lost(struct smtp_client *client, const char *shown, struct err *err)
{
	forget_connection(client);
	smtp_reply_reset(&client->reply);
	return conn_explain_loss(shown, err); /* RFC 5321 does not know an end without QUIT or 421 */
}

int smtp_client_refused(const struct smtp_client *client, const char *shown, struct err *err)
{
	struct arena arena;

	arena_init(&arena);
	err_set(err, SMTP_CLIENT_REFUSED, "Error from remote server on \"%s\" -> %.*s", shown,
	        STR_ARG(smtp_reply_words(&client->reply, &arena)));
	arena_free(&arena);
	if (client->conn.hidden != NULL)
		str_blot(err->text, str_of(client->conn.hidden));
	return -1;
}

int smtp_client_read_reply(struct smtp_client *client, const char *shown, int timeout_ms, struct err *err)
{
	struct str line;
	int more = 1;

	if (client->reply.code == 421) {
		forget_connection(client);
		return smtp_client_refused(client, shown, err);
	}
	smtp_reply_reset(&client->reply);
	smtp_client_set_wait(client, timeout_ms);
	while (more == 1) {
		if (conn_read_line(&client->conn, SMTP_REPLY_LINE_MAX, true, &line, err) != 0)
			return smtp_client_lost(client, shown, err);
		more = smtp_reply_add_line(&client->reply, line, err);
	}
	if (more != 0)
		return smtp_client_lost(client, shown, err);
	if (client->heard != NULL)
		client->heard(client, shown, client->heard_context);
	return 0;
}

int smtp_client_command(struct smtp_client *client, const char *shown, struct str command, int timeout_ms,
                        struct err *err)
{
	smtp_client_set_wait(client, timeout_ms);
	conn_write(&client->conn, command);
	conn_write(&client->conn, STR("\r\n"));
	return smtp_client_read_reply(client, shown, timeout_ms, err);
}

static int shake_hands(struct smtp_client *client, SSL_CTX *tls, bool verify, struct err *err)
{
	struct err reason;

	client->refused_certificate = client->conn.refused_certificate = 0;
	smtp_client_set_wait(client, smtp_client_wait(client->timeouts.starttls_ms, SMTP_WAIT_COMMAND_MS));
	if ((client->tlsa != NULL
	         ? conn_connect_dane(&client->conn, tls, client->host, client->tlsa_domain, client->tlsa, &reason)
	         : conn_connect_tls(&client->conn, tls, client->host, verify, &reason)) == 0)
		return 0;
	client->refused_certificate = client->conn.refused_certificate;
	forget_connection(client);
	return err_set(err, SMTP_CLIENT_TLS, "TLS handshake failed: %s", reason.text);
}

static int read_greeting(struct smtp_client *client, int greeting_ms, struct err *err)
{
	if (smtp_client_read_reply(client, "connection", greeting_ms, err) != 0)
		return -1;
	if (smtp_reply_class(&client->reply) == 2)
		return 0;
	smtp_client_refused(client, "connection", err);
	smtp_client_close(client);
	return -1;
}

int smtp_client_begin(struct smtp_client *client, const char *host, int fd, struct err *err)
{
	int greeting_ms = smtp_client_wait(client->timeouts.greeting_ms, SMTP_WAIT_GREETING_MS);

	forget_connection(client);
	smtp_reply_reset(&client->reply);
	str_copy(str_of(host), client->host, sizeof client->host);
	conn_init(&client->conn, fd, greeting_ms);
	client->open = client->reached = true;
	return read_greeting(client, greeting_ms, err);
}

int smtp_client_connect(struct smtp_client *client, const char *host, const char *address, unsigned port, SSL_CTX *tls,
                        bool verify, struct err *err)
{
	int greeting_ms = smtp_client_wait(client->timeouts.greeting_ms, SMTP_WAIT_GREETING_MS);
	struct err reason;

	forget_connection(client);
	smtp_reply_reset(&client->reply);
	str_copy(str_of(host), client->host, sizeof client->host);
	client->reached = false;
	if (socks_connect(&client->conn, client->proxy, client->from, address, port, client->timeouts.connect_ms,
	                  greeting_ms, &reason) != 0) {
		forget_connection(client);
		if (reason.code == ERR_SYSTEM)
			return err_set(err, ERR_SYSTEM, "cannot connect to %s[%s]:%u: %s (%s)", host, address, port,
			               strerrordesc_np(reason.sys), strerrorname_np(reason.sys));
		return err_set(err, reason.code, "cannot connect to %s[%s]:%u: %s", host, address, port, reason.text);
	}
	client->open = client->reached = true;
	if (client->begun != NULL)
		client->begun(&client->conn, client->begun_context);
	if (tls != NULL && shake_hands(client, tls, verify, err) != 0)
		return -1;
	return read_greeting(client, greeting_ms, err);
}

int smtp_client_hello(struct smtp_client *client, struct err *err)
{
	int wait_ms = smtp_client_wait(client->timeouts.hello_ms, SMTP_WAIT_COMMAND_MS);
	struct arena arena;
	int result;

	arena_init(&arena);
	client->extensions = (struct smtp_extensions){0};
	result = smtp_client_command(client, "EHLO", arena_printf(&arena, "EHLO %s", client->helo), wait_ms, err);
	if (result == 0 && smtp_reply_class(&client->reply) == 2)
		smtp_reply_extensions(&client->reply, &client->extensions);
	else if (result == 0 && smtp_reply_class(&client->reply) == 5)
		result = smtp_client_command(client, "HELO", arena_printf(&arena, "HELO %s", client->helo), wait_ms, err);
	if (result == 0 && smtp_reply_class(&client->reply) != 2)
		result = smtp_client_refused(client, "EHLO", err);
	arena_free(&arena);
	return result;
}

int smtp_client_start_tls(struct smtp_client *client, SSL_CTX *tls, bool verify, struct err *err)
{
	if ((client->extensions.offered & SMTP_STARTTLS) == 0)
		return err_set(err, SMTP_CLIENT_LACKS, "The server does not offer STARTTLS");
	if (smtp_client_command(client, "STARTTLS", STR("STARTTLS"),
	                        smtp_client_wait(client->timeouts.starttls_ms, SMTP_WAIT_COMMAND_MS), err) != 0)
		return -1;
	if (client->reply.code != 220)
		return smtp_client_refused(client, "STARTTLS", err);
	client->injected = conn_has_input(&client->conn);
	if (shake_hands(client, tls, verify, err) != 0)
		return -1;
	return smtp_client_hello(client, err);
}

void smtp_client_close(struct smtp_client *client)
{
	struct smtp_reply kept = client->reply;
	struct err err;

	/* The last reply stays: it may be why the connection is given up. */
	if (client->open && kept.code != 421) {
		smtp_reply_init(&client->reply);
		smtp_client_command(client, "QUIT", STR("QUIT"), smtp_client_wait(client->timeouts.quit_ms, SMTP_WAIT_QUIT_MS),
		                    &err);
		smtp_reply_free(&client->reply);
		client->reply = kept;
	}
	forget_connection(client);
}
