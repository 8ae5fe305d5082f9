#include "common/login/sasl.h"

#include "common/base/base64.h"
#include "common/base/memory.h"

#include <stdio.h>

enum { CHALLENGE_MAX = 16384 };

/* One exchange under way: a request, its answer, and the bytes between. Wiped at the end: they may hold passwords. */
struct exchange {
	const struct sasl *sasl;
	struct ipc_message request, reply;
	struct buf bytes, text;
};

static void exchange_begin(struct exchange *exchange, const struct sasl *sasl)
{
	exchange->sasl = sasl;
	ipc_message_init(&exchange->request);
	ipc_message_init(&exchange->reply);
	buf_init(&exchange->bytes, SASL_LINE_MAX);
	buf_init(&exchange->text, CHALLENGE_MAX);
}

static void wipe(struct buf *buf)
{
	if (buf->data != NULL)
		memory_wipe(buf->data, buf->capacity);
	buf_free(buf);
}

static enum sasl_result exchange_end(struct exchange *exchange, enum sasl_result result)
{
	wipe(&exchange->request.fields);
	wipe(&exchange->reply.fields);
	wipe(&exchange->bytes);
	wipe(&exchange->text);
	ipc_message_free(&exchange->request);
	ipc_message_free(&exchange->reply);
	return result;
}

static void add_origin(struct exchange *exchange)
{
	const struct conn *conn = exchange->sasl->conn;

	ipc_add_text(&exchange->request, "service", exchange->sasl->service);
	ipc_add_text(&exchange->request, "peer", conn->peer);
	ipc_add_number(&exchange->request, "tls", conn->tls_active);
}

/* Ask; SASL_GRANTED stands for an answer that authd gave without complaint. */
static enum sasl_result ask(struct exchange *exchange, struct sasl_grant *grant, struct err *err)
{
	if (ipc_call(exchange->sasl->authd, &exchange->request, &exchange->reply, IPC_TIMEOUT_MS, err) == 0)
		return SASL_GRANTED;
	switch (err->code) {
	case ERR_DENIED:
		*grant = (struct sasl_grant){0};
		ipc_get_text(&exchange->reply, "user", grant->user, sizeof grant->user);
		return SASL_DENIED;
	case ERR_NOT_FOUND:
		return SASL_UNKNOWN;
	case ERR_SYNTAX:
		return SASL_MALFORMED;
	default:
		return SASL_TEMPORARY;
	}
}

static enum sasl_result take_grant(const struct exchange *exchange, struct sasl_grant *grant, struct err *err)
{
	const struct ipc_message *reply = &exchange->reply;

	*grant = (struct sasl_grant){0};
	if (!ipc_get_text(reply, "user", grant->user, sizeof grant->user) ||
	    !ipc_get_number(reply, "uid", 0, INT64_MAX, &grant->uid)) {
		err_set(err, ERR_PROTOCOL, "authd granted a login without naming the user");
		return SASL_TEMPORARY;
	}
	ipc_get_text(reply, "ticket", grant->ticket, sizeof grant->ticket);
	ipc_get_text(reply, "token", grant->token, sizeof grant->token);
	return SASL_GRANTED;
}

bool sasl_is_plain(struct str mechanism)
{
	return str_equal_nocase(mechanism, STR("PLAIN")) || str_equal_nocase(mechanism, STR("LOGIN"));
}

static bool can_bind(const struct conn *conn)
{
	unsigned char data[CONN_BINDING_MAX];

	return conn_tls_exporter(conn, data) > 0 || conn_tls_endpoint(conn, data) > 0;
}

bool sasl_is_usable(const struct sasl *sasl, struct str mechanism)
{
	const struct str plus = STR("-PLUS");
	bool is_bound = mechanism.len > plus.len && str_equal_nocase(str_skip(mechanism, mechanism.len - plus.len), plus);

	return (!is_bound || (sasl->binds && can_bind(sasl->conn))) &&
	       (sasl->challenges || !str_equal_nocase(mechanism, STR("CRAM-MD5")));
}

int sasl_mechanisms(const struct sasl *sasl, struct buf *words, struct err *err)
{
	struct exchange exchange;
	struct str key, value;
	size_t position = 0;
	int result;

	exchange_begin(&exchange, sasl);
	ipc_request(&exchange.request, "mechanisms");
	result = ipc_call(sasl->authd, &exchange.request, &exchange.reply, IPC_TIMEOUT_MS, err);
	while (result == 0 && ipc_next(&exchange.reply, &position, &key, &value)) {
		if (!str_equal(key, STR("mechanism")))
			continue;
		if (words->len != 0)
			buf_add_char(words, ' ');
		buf_add_str(words, value);
	}
	exchange_end(&exchange, SASL_GRANTED);
	return result;
}

enum sasl_result sasl_password(const struct sasl *sasl, struct str user, struct str password, struct sasl_grant *grant,
                               struct err *err)
{
	struct exchange exchange;
	enum sasl_result result;

	exchange_begin(&exchange, sasl);
	ipc_request(&exchange.request, "login");
	ipc_add(&exchange.request, "user", user);
	ipc_add(&exchange.request, "password", password);
	add_origin(&exchange);
	result = ask(&exchange, grant, err);
	if (result == SASL_GRANTED)
		result = take_grant(&exchange, grant, err);
	return exchange_end(&exchange, result);
}

static void add_bindings(struct exchange *exchange)
{
	const struct conn *conn = exchange->sasl->conn;
	unsigned char data[CONN_BINDING_MAX];
	size_t len;

	if (!exchange->sasl->binds)
		return;
	if ((len = conn_tls_exporter(conn, data)) > 0)
		ipc_add(&exchange->request, "exporter", str_from((const char *)data, len));
	if ((len = conn_tls_endpoint(conn, data)) > 0)
		ipc_add(&exchange->request, "endpoint", str_from((const char *)data, len));
}

int sasl_begin_apop(const struct sasl *sasl, struct buf *challenge, struct err *err)
{
	struct exchange exchange;
	int result;

	exchange_begin(&exchange, sasl);
	ipc_request(&exchange.request, "apop-start");
	add_origin(&exchange);
	result = ipc_call(sasl->authd, &exchange.request, &exchange.reply, IPC_TIMEOUT_MS, err);
	if (result == 0)
		buf_add_str(challenge, ipc_get(&exchange.reply, "challenge"));
	exchange_end(&exchange, SASL_GRANTED);
	return result;
}

enum sasl_result sasl_apop(const struct sasl *sasl, struct str user, struct str digest, struct sasl_grant *grant,
                           struct err *err)
{
	struct exchange exchange;
	enum sasl_result result;

	exchange_begin(&exchange, sasl);
	buf_printf(&exchange.bytes, "%.*s %.*s", STR_ARG(user), STR_ARG(digest));
	ipc_request(&exchange.request, "sasl-step");
	ipc_add(&exchange.request, "response", buf_str(&exchange.bytes));
	result = ask(&exchange, grant, err);
	if (result == SASL_GRANTED)
		result = take_grant(&exchange, grant, err);
	return exchange_end(&exchange, result);
}

/* Send the challenge of authd's answer and read the client's line: its bytes are then in exchange->bytes. */
static enum sasl_result converse(struct exchange *exchange, struct err *err)
{
	const struct sasl *sasl = exchange->sasl;
	struct str line;

	buf_reset(&exchange->text);
	buf_reset(&exchange->bytes);
	if (base64_encode(ipc_get(&exchange->reply, "challenge"), &exchange->text) != 0) {
		err_set(err, ERR_PROTOCOL, "authd gave a challenge of more than %d octets", CHALLENGE_MAX);
		return SASL_TEMPORARY;
	}
	conn_printf(sasl->conn, "%s%s\r\n", sasl->prompt, buf_text(&exchange->text));
	if (conn_read_line(sasl->conn, SASL_LINE_MAX, sasl->bare_lf, &line, err) != 0)
		return err->code == ERR_LIMIT ? SASL_MALFORMED : SASL_LOST;
	if (str_equal(line, STR("*")))
		return SASL_CANCELLED;
	return base64_decode(line, &exchange->bytes) == 0 ? SASL_GRANTED : SASL_MALFORMED;
}

/* The client gave up or made no sense: authd forgets the exchange of this channel. */
static void cancel(struct exchange *exchange)
{
	ipc_request(&exchange->request, "sasl-cancel");
	ipc_call(exchange->sasl->authd, &exchange->request, &exchange->reply, IPC_TIMEOUT_MS, NULL);
}

/* From authd's first answer to its last. */
static enum sasl_result converse_to_the_end(struct exchange *exchange, struct sasl_grant *grant, struct err *err)
{
	enum sasl_result result;

	for (;;) {
		bool done = str_equal(ipc_get(&exchange->reply, "result"), STR("success"));

		if (done && ipc_get(&exchange->reply, "challenge").len == 0)
			return take_grant(exchange, grant, err);
		result = converse(exchange, err);
		if (result == SASL_GRANTED && done)
			return exchange->bytes.len == 0 ? take_grant(exchange, grant, err) : SASL_MALFORMED;
		if (result != SASL_GRANTED) {
			if (!done && result != SASL_LOST)
				cancel(exchange);
			return result;
		}
		ipc_request(&exchange->request, "sasl-step");
		ipc_add(&exchange->request, "response", buf_str(&exchange->bytes));
		result = ask(exchange, grant, err);
		if (result != SASL_GRANTED)
			return result;
	}
}

enum sasl_result sasl_exchange(const struct sasl *sasl, struct str mechanism, struct str initial,
                               struct sasl_grant *grant, struct err *err)
{
	struct exchange exchange;
	enum sasl_result result;

	exchange_begin(&exchange, sasl);
	if (initial.data != NULL && !str_equal(initial, STR("=")) && base64_decode(initial, &exchange.bytes) != 0)
		return exchange_end(&exchange, SASL_MALFORMED);
	ipc_request(&exchange.request, "sasl-start");
	ipc_add(&exchange.request, "mechanism", mechanism);
	add_origin(&exchange);
	add_bindings(&exchange);
	if (initial.data != NULL)
		ipc_add(&exchange.request, "initial", buf_str(&exchange.bytes));
	result = ask(&exchange, grant, err);
	if (result == SASL_GRANTED)
		result = converse_to_the_end(&exchange, grant, err);
	return exchange_end(&exchange, result);
}
