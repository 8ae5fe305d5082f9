/*
 * ETRN: the server is asked to send what it has for us. ODMR: it sends it on this connection, with the roles reversed;
 * our part as a server is smtpd's, which gets the connection.
 */
#include "collector/session.h"

#include "common/base/memory.h"
#include "common/login/shovel.h"
#include "common/net/smtp_client_turn.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SMTP_PORT = 25, CONNECT_MS = 60000 };

/* To the first address that answers, and EHLO. tls: NULL, or from the first octet on. */
static int connect_server(struct session *session, struct smtp_client *client, const char *host, unsigned port,
                          SSL_CTX *tls, bool verify, struct err *err)
{
	const struct smtp_timeouts timeouts = {.connect_ms = CONNECT_MS, .data_end_ms = CONNECT_MS};

	smtp_client_init(client, settings_host_name(&session->settings), timeouts);
	client->proxy = session->route.proxy;
	for (size_t i = 0; i < session->address_count; i++) {
		int result = smtp_client_connect(client, host, arena_text(&session->arena, session->addresses[i]), port, tls,
		                                 verify, err);

		session->result.connected = client->reached;
		if (result == 0)
			return smtp_client_hello(client, err);
		if (session->result.connected)
			break;
	}
	return -1;
}

static void say_words(struct session *session, const struct smtp_client *client, const char *before)
{
	struct arena arena;

	arena_init(&arena);
	snprintf(session->result.text, sizeof session->result.text, "%s: %.*s", before,
	         STR_ARG(smtp_reply_words(&client->reply, &arena)));
	arena_free(&arena);
}

static int ask_for_all(struct session *session, struct smtp_client *client, struct err *err)
{
	struct str rest = str_of(session_text(session, COLLECTOR_SETTING_ETRN_PARAMETERS));
	int result = 0;

	if (str_trim(rest).len == 0)
		return err_set(err, ERR_SYNTAX, "etrn.parameters is empty, so there is nothing to ask for");
	while (rest.data != NULL && result == 0) {
		struct str node = str_trim(str_cut(&rest, ';'));

		if (node.len == 0)
			continue;
		result = smtp_client_etrn(client, node, err);
		if (result == 0)
			say_words(session, client, "Connection successful");
	}
	return result;
}

int etrn_collect(struct session *session, struct err *err)
{
	struct smtp_client client;
	struct server server;
	int result;

	if (server_parse(str_of(session_text(session, COLLECTOR_SETTING_ETRN_SERVER)), SMTP_PORT, &session->arena, &server,
	                 err) != 0)
		return -1;
	result = connect_server(session, &client, arena_text(&session->arena, server.host), server.port, NULL, false, err);
	if (result == 0)
		result = ask_for_all(session, &client, err);
	smtp_client_close(&client);
	return result;
}

static int encrypt(struct session *session, struct smtp_client *client, struct err *err)
{
	const char *word = session_text(session, COLLECTOR_SETTING_ODMR_ENCRYPTION);
	bool required = strcmp(word, "starttls") == 0;

	if (!required && !(strcmp(word, "starttls-if-available") == 0 && (client->extensions.offered & SMTP_STARTTLS) != 0))
		return 0;
	if (smtp_client_start_tls(client, session->collectord->tls,
	                          required && session_number(session, COLLECTOR_SETTING_ODMR_VERIFY) != 0, err) == 0)
		return 0;
	return err->code == SMTP_CLIENT_REFUSED && !required ? 0 : -1;
}

static int log_in(struct session *session, struct smtp_client *client, struct err *err)
{
	struct sasl_client_login login = {.user = session_text(session, COLLECTOR_SETTING_ODMR_USERNAME)};
	struct arena secret;
	int result;

	if (sasl_client_parse_method(str_of(session_text(session, COLLECTOR_SETTING_ODMR_AUTHENTICATION)), &login.method) !=
	    0)
		login.method = SASL_CLIENT_METHOD_AUTOMATIC;
	arena_init(&secret);
	login.secret = arena_text(&secret, session->route.password);
	client->conn.hidden = login.secret;
	result = smtp_client_login(client, &login, err);
	client->conn.hidden = NULL;
	arena_wipe(&secret);
	arena_free(&secret);
	route_wipe(&session->route);
	return result;
}

/* "a.test, b.test" as RFC 2645 5.2.1 has it: without blanks. */
static struct str domain_list(struct session *session)
{
	struct str rest = str_of(session_text(session, COLLECTOR_SETTING_ODMR_DOMAINS)), domain, list = STR("");

	while ((domain = str_cut_item(&rest)).len > 0)
		list = arena_printf(&session->arena, "%.*s%s%.*s", STR_ARG(list), list.len > 0 ? "," : "", STR_ARG(domain));
	return list;
}

/* smtpd answers when it has served the connection: how many messages it took. */
static int serve(struct session *session, const struct smtp_client *client, int fd, struct err *err)
{
	struct ipc_message request, reply;
	int result;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "turn");
	ipc_add_text(&request, "peer", client->conn.peer);
	ipc_add_number(&request, "tls", client->conn.tls_active);
	ipc_add_fd(&request, fd);
	result = ipc_send(session->smtpd.fd, &request, 1, err);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return result;
}

static int hear_end(struct session *session, struct err *err)
{
	struct ipc_message reply;
	uint32_t sequence;
	int result;

	ipc_message_init(&reply);
	result = ipc_receive(session->smtpd.fd, &reply, &sequence, -1, err);
	if (result == 1 && !ipc_get_number(&reply, "messages", 0, INT64_MAX, &session->result.messages))
		session->result.messages = 0;
	ipc_message_free(&reply);
	if (result == 0)
		err_set(err, ERR_CLOSED, "The SMTP session ended unexpectedly");
	return result == 1 ? 0 : -1;
}

static int turn(struct session *session, struct smtp_client *client, struct err *err)
{
	int pair[2], result;

	if (!client->conn.tls_active)
		return serve(session, client, client->conn.fd, err) == 0 ? hear_end(session, err) : -1;
	/* the keys stay here: this process carries the octets between them and smtpd's */
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return err_system(err, "cannot make a pair of sockets");
	result = serve(session, client, pair[1], err);
	close(pair[1]);
	if (result == 0)
		shovel_run(&client->conn, pair[0]);
	close(pair[0]);
	return result == 0 ? hear_end(session, err) : -1;
}

static int take_turn(struct session *session, struct smtp_client *client, struct err *err)
{
	bool has_mail;

	if (encrypt(session, client, err) != 0 || log_in(session, client, err) != 0 ||
	    smtp_client_atrn(client, domain_list(session), &has_mail, err) != 0)
		return -1;
	if (!has_mail) {
		say_words(session, client, "Connection successful, no mail");
		return 0;
	}
	if (turn(session, client, err) != 0)
		return -1;
	snprintf(session->result.text, sizeof session->result.text, "Connection successful, %lld message%s",
	         (long long)session->result.messages, session->result.messages == 1 ? "" : "s");
	conn_close(&client->conn);
	client->open = false;
	return 0;
}

int odmr_collect(struct session *session, struct err *err)
{
	const char *host = session_text(session, COLLECTOR_SETTING_ODMR_SERVER);
	bool tls = strcmp(session_text(session, COLLECTOR_SETTING_ODMR_ENCRYPTION), "tls") == 0;
	struct smtp_client client;
	int result;

	result = connect_server(session, &client, host, (unsigned)session_number(session, COLLECTOR_SETTING_ODMR_PORT),
	                        tls ? session->collectord->tls : NULL,
	                        session_number(session, COLLECTOR_SETTING_ODMR_VERIFY) != 0, err);
	if (result == 0)
		result = take_turn(session, &client, err);
	smtp_client_close(&client);
	return result;
}
