/*
 * The way to a mailbox, which is the same for POP3 and IMAP but for their commands: connect, encrypt, log in.
 */
#include "collector/login.h"

enum { CONNECT_MS = 60000 };

static bool encrypts(const struct session *session, const struct mailbox_kind *kind, const char *word)
{
	return strcmp(session_text(session, kind->encryption), word) == 0;
}

/* To the first address that answers. */
static int connect_server(struct session *session, const struct mailbox_kind *kind, struct err *err)
{
	bool tls = encrypts(session, kind, "tls");
	int64_t port = session_number(session, kind->port);
	struct mail_client *client = kind->client(session);
	struct mail_client_target target = {
	    .host = session_text(session, kind->server),
	    .port = port != 0 ? (unsigned)port : kind->ports[tls],
	    .proxy = session->route.proxy,
	    .tls = tls ? session->collectord->tls : NULL,
	    .verify = session_number(session, kind->verify) != 0,
	    .prepare = session_attach_transcript,
	    .context = session,
	};

	for (size_t i = 0; i < session->address_count && !client->connected; i++) {
		target.address = arena_text(&session->arena, session->addresses[i]);
		if (kind->connect(session, &target, err) == 0)
			break;
	}
	session->result.connected = client->connected;
	return client->open ? 0 : -1;
}

static int encrypt(struct session *session, const struct mailbox_kind *kind, struct err *err)
{
	bool required = encrypts(session, kind, kind->required);

	if (!required && !(encrypts(session, kind, kind->if_available) && kind->offers_tls(session)))
		return 0;
	if (kind->start_tls(session, required && session_number(session, kind->verify) != 0, err) != 0)
		return err->code == MAIL_CLIENT_REFUSED && !required ? 0 : -1;
	status_tls(&session->status);
	return 0;
}

static int log_in(struct session *session, const struct mailbox_kind *kind, struct err *err)
{
	const char *word = session_text(session, kind->authentication);
	struct mail_client *client = kind->client(session);
	const char *user = session_text(session, kind->username);
	struct sasl_client_login login = {
	    .user = user[0] != '\0' ? user : arena_text(&session->arena, session->route.username),
	    .host = client->host,
	    .port = client->conn.peer_port,
	};
	struct arena secret;
	int result;

	if (sasl_client_parse_method(str_of(word), &login.method) != 0)
		login.method = SASL_CLIENT_METHOD_AUTOMATIC;
	arena_init(&secret);
	login.secret = arena_text(&secret, session->route.password);
	client->conn.hidden = login.secret;
	result = kind->log_in(session, word, &login, err);
	client->conn.hidden = NULL;
	arena_wipe(&secret);
	arena_free(&secret);
	route_wipe(&session->route);
	return result;
}

int mailbox_log_in(struct session *session, const struct mailbox_kind *kind, struct err *err)
{
	int reply_ms = (int)settings_number(&session->settings, SETTING_COLLECT_TIMEOUT) * 1000;

	session->server = kind->client(session);
	kind->client(session)->timeouts = (struct mail_client_timeouts){
	    .connect_ms = reply_ms < CONNECT_MS ? reply_ms : CONNECT_MS,
	    .reply_ms = reply_ms,
	};
	if (connect_server(session, kind, err) != 0 || encrypt(session, kind, err) != 0)
		return -1;
	return log_in(session, kind, err);
}
