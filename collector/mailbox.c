#include "collector/login.h"

#include "common/base/log.h"

enum { DELETE_AT_ONCE = 100 }; /* commands that may be under way */

static struct mail_client *client_of(struct session *session)
{
	return &session->client.mail;
}

static int connect_to(struct session *session, const struct mail_client_target *target, struct err *err)
{
	if (pop3_client_connect(&session->client, target, err) != 0)
		return -1;
	return pop3_client_capabilities(&session->client, err);
}

static bool offers_tls(const struct session *session)
{
	return (session->client.offered & POP3_OFFER_STLS) != 0;
}

static int start_tls(struct session *session, bool verify, struct err *err)
{
	return pop3_client_start_tls(&session->client, session->collectord->tls, verify, err);
}

static int log_in(struct session *session, const char *method, const struct sasl_client_login *login, struct err *err)
{
	struct pop3_login how = {.method = POP3_LOGIN_SASL, .sasl = *login};

	if (strcmp(method, "user-pass") == 0)
		how.method = POP3_LOGIN_PLAIN;
	else if (strcmp(method, "apop") == 0)
		how.method = POP3_LOGIN_APOP;
	return pop3_client_login(&session->client, &how, err);
}

static const struct mailbox_kind pop3_kind = {
    .server = COLLECTOR_SETTING_POP3_SERVER,
    .port = COLLECTOR_SETTING_POP3_PORT,
    .encryption = COLLECTOR_SETTING_POP3_ENCRYPTION,
    .verify = COLLECTOR_SETTING_POP3_VERIFY,
    .username = COLLECTOR_SETTING_POP3_USERNAME,
    .authentication = COLLECTOR_SETTING_POP3_AUTHENTICATION,
    .ports = {110, 995},
    .required = "stls",
    .if_available = "stls-if-available",
    .client = client_of,
    .connect = connect_to,
    .offers_tls = offers_tls,
    .start_tls = start_tls,
    .log_in = log_in,
};

static bool pipelines(const struct session *session)
{
	return (session->client.offered & POP3_OFFER_PIPELINING) != 0;
}

static void send_asked(struct session *session, const struct asked *asked)
{
	pop3_client_send(&session->client, asked->whole ? "RETR %u" : "TOP %u 0", asked->number);
}

static void ask(struct session *session, struct item *const *items, size_t count, bool whole)
{
	for (size_t i = 0; i <= count; i++) {
		struct asked *asked = &session->asked[session->asked_count++];

		*asked = (struct asked){i < count ? items[i]->number : 0, whole};
		if (i < count && pipelines(session))
			send_asked(session, asked);
	}
}

static int next(struct session *session, struct coming *coming, struct err *err)
{
	const struct asked asked = session->asked[0];

	memmove(&session->asked[0], &session->asked[1], --session->asked_count * sizeof session->asked[0]);
	*coming = (struct coming){.kind = COMING_END, .number = asked.number, .whole = asked.whole};
	if (asked.number == 0)
		return 0;
	if (!pipelines(session))
		send_asked(session, &asked);
	coming->kind = COMING_MESSAGE;
	if (pop3_client_read_status(&session->client, asked.whole ? "RETR" : "TOP", err) == 0)
		return 0;
	coming->kind = COMING_REFUSED;
	return err->code == MAIL_CLIENT_REFUSED ? 0 : -1;
}

static int read_message(struct session *session, enum smtp_data_mode mode, uint64_t octets_max, mail_client_take *take,
                        void *context, struct err *err)
{
	return pop3_client_read_message(&session->client, mode, octets_max, take, context, err);
}

static const struct source pop3_source = {"POP3", pipelines, ask, next, read_message};

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

	if (mailbox_log_in(session, &pop3_kind, err) != 0 || pop3_client_stat(&session->client, &count, &octets, err) != 0)
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
