#include "authd/authd.h"

#include "common/base/io.h"
#include "common/base/memory.h"

enum { LIFETIME_MS = 5 * 60 * 1000, CHALLENGE_MAX = 8192 };

/* A SASL exchange under way, tied to the connection that began it. */
struct conversation {
	struct exchange *exchange;
	struct login_origin origin;
	int64_t started_ms;
};

void conversation_end(struct authd *authd, struct ipc_peer *peer)
{
	struct conversation *conversation = ipc_peer_data(peer);

	if (conversation == NULL)
		return;
	ipc_peer_set_data(peer, NULL);
	exchange_end(conversation->exchange);
	memory_free(conversation);
	authd->conversations--;
}

static void answer_challenge(struct ipc_incoming *incoming, const struct buf *challenge)
{
	struct ipc_message reply;

	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	ipc_add_text(&reply, "result", "continue");
	ipc_add(&reply, "challenge", buf_str(challenge));
	ipc_answer(incoming, &reply);
	ipc_message_free(&reply);
}

/* One step of the connection's exchange; the answer is given here or by login.c, and all but a challenge ends it. */
static void go_on(struct authd *authd, struct ipc_incoming *incoming, struct str response)
{
	struct conversation *conversation = ipc_peer_data(incoming->peer);
	struct exchange *exchange = conversation->exchange;
	struct ipc_peer *peer = incoming->peer;
	enum exchange_state state;
	struct buf challenge;
	struct err err;

	buf_init(&challenge, CHALLENGE_MAX);
	state = exchange_step(exchange, response, &challenge);
	request_forget(incoming);
	switch (state) {
	case EXCHANGE_CONTINUE:
		answer_challenge(incoming, &challenge);
		break;
	case EXCHANGE_PASSWORD:
		login_by_password(authd, incoming, &conversation->origin, exchange_mechanism(exchange), exchange_name(exchange),
		                  exchange_password(exchange));
		break;
	case EXCHANGE_PROVED:
	case EXCHANGE_WRONG:
		login_by_proof(authd, incoming, &conversation->origin, exchange, state == EXCHANGE_PROVED, buf_str(&challenge));
		break;
	case EXCHANGE_MALFORMED:
		err_set(&err, ERR_SYNTAX, "not what %s expects", exchange_mechanism(exchange));
		ipc_answer_error(incoming, &err);
		break;
	case EXCHANGE_UNSURE:
		err_set(&err, ERR_TEMPORARY, "authd cannot do that now");
		ipc_answer_error(incoming, &err);
		break;
	}
	if (state != EXCHANGE_CONTINUE)
		conversation_end(authd, peer);
	buf_free(&challenge);
}

static size_t read_binding(const struct ipc_incoming *incoming, const char *field, unsigned char *out)
{
	struct str data = ipc_get(&incoming->message, field);

	if (data.len == 0 || data.len > SCRAM_BINDING_MAX)
		return 0;
	memcpy(out, data.data, data.len);
	return data.len;
}

static struct exchange_terms read_terms(const struct authd *authd, const struct ipc_incoming *incoming)
{
	struct exchange_terms terms = {.challenges = settings_flag(&authd->settings, SETTING_LOGIN_CHALLENGES),
	                               .host = settings_host_name(&authd->settings)};

	terms.bindings.exporter_len = read_binding(incoming, "exporter", terms.bindings.exporter);
	terms.bindings.endpoint_len = read_binding(incoming, "endpoint", terms.bindings.endpoint);
	return terms;
}

static void start(struct authd *authd, struct ipc_incoming *incoming, bool is_apop)
{
	struct exchange_terms terms = read_terms(authd, incoming);
	struct conversation *conversation;
	struct exchange *exchange = NULL;
	struct login_origin origin;
	struct err err;

	conversation_end(authd, incoming->peer);
	if (login_read_origin(incoming, &origin, &err) != 0) {
		ipc_answer_error(incoming, &err);
		return;
	}
	if (authd->conversations >= AUTHD_CONVERSATIONS_MAX)
		err_set(&err, ERR_TEMPORARY, "too many logins at a time");
	else if (is_apop)
		exchange = exchange_begin_apop(&authd->exchanges, &terms, &err);
	else
		exchange = exchange_begin(&authd->exchanges, ipc_get(&incoming->message, "mechanism"), &terms, &err);
	if (exchange == NULL) {
		ipc_answer_error(incoming, &err);
		return;
	}
	conversation = memory_get(sizeof *conversation);
	*conversation = (struct conversation){.exchange = exchange, .origin = origin, .started_ms = io_now_ms()};
	ipc_peer_set_data(incoming->peer, conversation);
	authd->conversations++;
	go_on(authd, incoming, ipc_get(&incoming->message, "initial"));
}

void conversation_start(struct authd *authd, struct ipc_incoming *incoming)
{
	start(authd, incoming, false);
}

void conversation_start_apop(struct authd *authd, struct ipc_incoming *incoming)
{
	start(authd, incoming, true);
}

void conversation_step(struct authd *authd, struct ipc_incoming *incoming)
{
	const struct conversation *conversation = ipc_peer_data(incoming->peer);
	struct str response = ipc_get(&incoming->message, "response");
	struct err err;

	if (conversation == NULL || response.data == NULL) {
		err_set(&err, ERR_PROTOCOL, "no exchange is under way");
		ipc_answer_error(incoming, &err);
	} else if (io_now_ms() - conversation->started_ms > LIFETIME_MS) {
		conversation_end(authd, incoming->peer);
		err_set(&err, ERR_TEMPORARY, "the exchange took too long");
		ipc_answer_error(incoming, &err);
	} else {
		go_on(authd, incoming, response);
	}
}

void conversation_cancel(struct authd *authd, struct ipc_incoming *incoming)
{
	conversation_end(authd, incoming->peer);
	ipc_answer_ok(incoming);
}
