#include "collector/session.h"

#include "common/base/log.h"
#include "common/base/memory.h"

#include <stdio.h>

enum {
	POP3_PORT = 110,
	POP3S_PORT = 995,
	CONNECT_MS = 60000,
	DELETE_AT_ONCE = 100, /* commands that may be under way */
};

static bool encrypts(const struct session *session, const char *word)
{
	return strcmp(session_text(session, COLLECTOR_SETTING_POP3_ENCRYPTION), word) == 0;
}

/* To the first address that answers. */
static int connect_server(struct session *session, struct err *err)
{
	bool tls = encrypts(session, "tls");
	int64_t port = session_number(session, COLLECTOR_SETTING_POP3_PORT);
	struct pop3_client *client = &session->client;

	struct mail_client_target target = {
	    .host = session_text(session, COLLECTOR_SETTING_POP3_SERVER),
	    .port = (unsigned)(port != 0 ? port
	                       : tls     ? POP3S_PORT
	                                 : POP3_PORT),
	    .proxy = session->route.proxy,
	    .tls = tls ? session->collectord->tls : NULL,
	    .verify = session_number(session, COLLECTOR_SETTING_POP3_VERIFY) != 0,
	    .prepare = session_attach_transcript,
	    .context = session,
	};

	for (size_t i = 0; i < session->address_count && !client->mail.connected; i++) {
		target.address = arena_text(&session->arena, session->addresses[i]);
		if (pop3_client_connect(client, &target, err) == 0)
			break;
	}
	session->result.connected = client->mail.connected;
	return client->mail.open ? 0 : -1;
}

static int encrypt(struct session *session, struct err *err)
{
	struct pop3_client *client = &session->client;
	bool required = encrypts(session, "stls");

	if (!required && !(encrypts(session, "stls-if-available") && (client->offered & POP3_OFFER_STLS) != 0))
		return 0;
	if (pop3_client_start_tls(client, session->collectord->tls,
	                          required && session_number(session, COLLECTOR_SETTING_POP3_VERIFY) != 0, err) != 0)
		return err->code == MAIL_CLIENT_REFUSED && !required ? 0 : -1;
	status_tls(&session->status);
	return 0;
}

/* The settings' word, as the client has it. */
static void choose_method(const struct session *session, struct pop3_login *login)
{
	const char *word = session_text(session, COLLECTOR_SETTING_POP3_AUTHENTICATION);

	if (strcmp(word, "user-pass") == 0) {
		login->method = POP3_LOGIN_PLAIN;
	} else if (strcmp(word, "apop") == 0) {
		login->method = POP3_LOGIN_APOP;
	} else {
		login->method = POP3_LOGIN_SASL;
		if (sasl_client_parse_method(str_of(word), &login->sasl.method) != 0)
			login->sasl.method = SASL_CLIENT_METHOD_AUTOMATIC;
	}
}

static int log_in(struct session *session, struct err *err)
{
	struct arena secret;
	struct pop3_login login = {.sasl = {
	                               .user = session_text(session, COLLECTOR_SETTING_POP3_USERNAME),
	                               .host = session->client.mail.host,
	                               .port = session->client.mail.conn.peer_port,
	                           }};
	int result;

	choose_method(session, &login);
	arena_init(&secret);
	login.sasl.secret = arena_text(&secret, session->route.password);
	result = pop3_client_login(&session->client, &login, err);
	arena_wipe(&secret);
	arena_free(&secret);
	route_wipe(&session->route);
	return result;
}

static int begin(struct session *session, struct err *err)
{
	int reply_ms = (int)settings_number(&session->settings, SETTING_COLLECT_TIMEOUT) * 1000;

	pop3_client_init(&session->client, (struct mail_client_timeouts){
	                                       .connect_ms = reply_ms < CONNECT_MS ? reply_ms : CONNECT_MS,
	                                       .reply_ms = reply_ms,
	                                   });
	if (connect_server(session, err) != 0 || pop3_client_capabilities(&session->client, err) != 0 ||
	    encrypt(session, err) != 0)
		return -1;
	return log_in(session, err);
}

static bool pipelines(const struct session *session)
{
	return (session->client.offered & POP3_OFFER_PIPELINING) != 0;
}

static void ask(struct session *session, const struct item *item, bool whole)
{
	pop3_client_send(&session->client, whole ? "RETR %u" : "TOP %u 0", item->number);
}

static int begin_message(struct session *session, bool whole, struct err *err)
{
	return pop3_client_read_status(&session->client, whole ? "RETR" : "TOP", err);
}

static int read_message(struct session *session, enum smtp_data_mode mode, uint64_t octets_max, mail_client_take *take,
                        void *context, struct err *err)
{
	return pop3_client_read_message(&session->client, mode, octets_max, take, context, err);
}

static const struct source pop3_source = {pipelines, ask, begin_message, read_message};

/* The answers to a handful of DELE. A message that the server does not delete is left for the next session. */
static int read_deleted(struct session *session, struct item *const *items, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		if (!pipelines(session))
			pop3_client_send(&session->client, "DELE %u", items[i]->number);
		if (pop3_client_read_status(&session->client, "DELE", err) == 0)
			items[i]->state = ITEM_DELETED;
		else if (err->code == MAIL_CLIENT_REFUSED)
			log_warning("collector %s: message %u: %s", session->collector.name, items[i]->number, err->text);
		else
			return -1;
	}
	return 0;
}

static int delete_messages(struct session *session, struct err *err)
{
	struct item *items[DELETE_AT_ONCE];
	size_t count = 0;

	for (uint32_t i = 0; i < session->item_count; i++) {
		if (session->items[i].state != ITEM_DELETE)
			continue;
		items[count++] = &session->items[i];
		if (pipelines(session))
			pop3_client_send(&session->client, "DELE %u", session->items[i].number);
		if (count == DELETE_AT_ONCE && read_deleted(session, items, count, err) != 0)
			return -1;
		count %= DELETE_AT_ONCE;
	}
	return read_deleted(session, items, count, err);
}

static int collect_messages(struct session *session, uint32_t count, struct err *err)
{
	int result = plan_make(session, count, err);

	if (result == 0) {
		judge_start(session->judge);
		result = fetch_all(session, err);
		judge_end(session->judge);
	}
	return result == 0 ? delete_messages(session, err) : -1;
}

/* Whatever went wrong, what the server was told to delete before stays marked only until the connection ends. */
static int converse(struct session *session, struct err *err)
{
	uint64_t octets;
	uint32_t count;

	if (begin(session, err) != 0 || pop3_client_stat(&session->client, &count, &octets, err) != 0)
		return -1;
	/* specification 04, Session: some servers end the connection at LIST of an empty mailbox */
	if ((count == 0 ? keeper_listed(session, err) : collect_messages(session, count, err)) != 0)
		return -1;
	if (pop3_client_quit(&session->client, err) != 0)
		return -1;
	return keeper_deleted(session, err);
}

int mailbox_collect(struct session *session, struct err *err)
{
	struct err ignored;
	int result;

	session->source = &pop3_source;
	result = converse(session, err);
	if (session->client.mail.open && result != 0 && !session->is_fetching)
		pop3_client_quit(&session->client, &ignored);
	transcript_end(&session->transcript);
	pop3_client_close(&session->client);
	if (result == 0)
		session_succeed(session);
	return result;
}
