#include "common/net/pop3_client.h"

#include "common/base/io.h"
#include "common/net/pop3_client_io.h"

#include <errno.h>
#include <stdio.h>

enum {
	MS_PER_OCTET = 1000 / POP3_CLIENT_SLOWEST,
	CAPABILITIES_MAX = 200, /* lines */
	HAND_OVER = 16 * 1024,  /* octets of a message that are given at once */
	WAIT_QUIT_MS = 60000,
};

void pop3_client_init(struct pop3_client *client, struct pop3_client_timeouts timeouts)
{
	*client = (struct pop3_client){.timeouts = timeouts};
	client->conn.fd = -1;
}

void pop3_client_close(struct pop3_client *client)
{
	conn_close(&client->conn);
	client->open = false;
	client->offered = client->mechanisms = 0;
	client->timestamp[0] = '\0';
}

void pop3_client_begin_wait(struct pop3_client *client)
{
	client->conn.timeout_ms = client->timeouts.reply_ms;
	client->conn.deadline_ms = io_now_ms() + client->timeouts.reply_ms;
}

/* A server that sends is waited for, one that trickles is not. */
static void extend_wait(struct pop3_client *client, size_t octets)
{
	client->conn.deadline_ms += (int64_t)octets * MS_PER_OCTET;
}

int pop3_client_lost(struct pop3_client *client, const char *shown, struct err *err)
{
	struct err reason = *err;

	pop3_client_close(client);
	/* the words of the specification (09, 15) */
	if (reason.code == ERR_CLOSED)
		err_set(err, reason.code, "The server connection was closed unexpectedly on \"%s\"", shown);
	else if (reason.code == ERR_SYSTEM && (reason.sys == ECONNRESET || reason.sys == EPIPE))
		err_set(err, ERR_CLOSED, "The server connection was closed unexpectedly on \"%s\": %s (%s)", shown,
		        strerrordesc_np(reason.sys), strerrorname_np(reason.sys));
	else if (reason.code == ERR_TIMEOUT)
		err_set(err, reason.code, "The server did not answer to \"%s\" in time", shown);
	else
		err_set(err, reason.code, "The server connection was lost on \"%s\": %s", shown, reason.text);
	return -1;
}

int pop3_client_refused(const struct pop3_client *client, const char *shown, struct err *err)
{
	return err_set(err, POP3_CLIENT_REFUSED, "Error from remote server on \"%s\" -> %s", shown, client->words);
}

static void keep_words(struct pop3_client *client, struct str line)
{
	struct buf words;

	buf_init(&words, 4 * POP3_CLIENT_WORDS_MAX + 4);
	buf_add_visible(&words, str_sub(line, 0, POP3_CLIENT_WORDS_MAX));
	if (words.len > POP3_CLIENT_WORDS_MAX) {
		words.len = POP3_CLIENT_WORDS_MAX;
		buf_add_str(&words, STR("..."));
	}
	str_copy(buf_str(&words), client->words, sizeof client->words);
	buf_free(&words);
}

int pop3_client_read_line(struct pop3_client *client, const char *shown, enum pop3_status *status, struct str *text_out,
                          struct err *err)
{
	struct str line;

	pop3_client_begin_wait(client);
	if (conn_read_line(&client->conn, POP3_REPLY_LINE_MAX, true, &line, err) != 0)
		return pop3_client_lost(client, shown, err);
	*status = pop3_reply_status(line, text_out);
	if (*status == POP3_STATUS_CONTINUE)
		return 0; /* a challenge is nobody's to read */
	keep_words(client, line);
	if (*status != POP3_STATUS_NONE)
		return 0;
	err_set(err, ERR_PROTOCOL, "this is no answer of POP3: %s", client->words);
	return pop3_client_lost(client, shown, err);
}

int pop3_client_read_status(struct pop3_client *client, const char *shown, struct err *err)
{
	enum pop3_status status;
	struct str text;

	if (pop3_client_read_line(client, shown, &status, &text, err) != 0)
		return -1;
	if (status == POP3_STATUS_OK)
		return 0;
	if (status == POP3_STATUS_ERROR)
		return pop3_client_refused(client, shown, err);
	err_set(err, ERR_PROTOCOL, "a challenge is out of place here");
	return pop3_client_lost(client, shown, err);
}

int pop3_client_command(struct pop3_client *client, const char *shown, struct str command, struct err *err)
{
	pop3_client_begin_wait(client);
	conn_write(&client->conn, command);
	conn_write(&client->conn, STR("\r\n"));
	return pop3_client_read_status(client, shown, err);
}

void pop3_client_send(struct pop3_client *client, const char *format, ...)
{
	char command[64];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof command, format, args);
	va_end(args);
	pop3_client_begin_wait(client);
	conn_write(&client->conn, str_of(command));
	conn_write(&client->conn, STR("\r\n"));
}

static int shake_hands(struct pop3_client *client, SSL_CTX *tls, bool verify, struct err *err)
{
	struct err reason;

	pop3_client_begin_wait(client);
	if (conn_connect_tls(&client->conn, tls, client->host, verify, &reason) == 0)
		return 0;
	pop3_client_close(client);
	return err_set(err, POP3_CLIENT_TLS, "TLS handshake failed: %s", reason.text);
}

static int read_greeting(struct pop3_client *client, struct err *err)
{
	enum pop3_status status;
	struct str text;

	if (pop3_client_read_line(client, "connection", &status, &text, err) != 0)
		return -1;
	if (status == POP3_STATUS_OK) {
		if (!str_copy(pop3_reply_timestamp(text), client->timestamp, sizeof client->timestamp))
			client->timestamp[0] = '\0';
		return 0;
	}
	pop3_client_refused(client, "connection", err);
	pop3_client_close(client);
	return -1;
}

int pop3_client_connect(struct pop3_client *client, const char *host, const char *address, unsigned port, SSL_CTX *tls,
                        bool verify, void (*prepare)(struct pop3_client *client, void *context), void *context,
                        struct err *err)
{
	struct err reason;

	pop3_client_close(client);
	str_copy(str_of(host), client->host, sizeof client->host);
	if (conn_connect(&client->conn, address, port, client->timeouts.connect_ms, client->timeouts.reply_ms, &reason) !=
	    0) {
		pop3_client_close(client);
		if (reason.code == ERR_SYSTEM)
			return err_set(err, ERR_SYSTEM, "cannot connect to %s[%s]:%u: %s (%s)", host, address, port,
			               strerrordesc_np(reason.sys), strerrorname_np(reason.sys));
		return err_set(err, reason.code, "cannot connect to %s[%s]:%u: %s", host, address, port, reason.text);
	}
	client->open = client->connected = true;
	if (prepare != NULL)
		prepare(client, context);
	if (tls != NULL && shake_hands(client, tls, verify, err) != 0)
		return -1;
	return read_greeting(client, err);
}

static int read_lines(struct pop3_client *client, const char *shown, uint32_t lines_max, pop3_client_visit *visit,
                      void *context, struct err *err)
{
	struct str line;

	pop3_client_begin_wait(client);
	for (uint32_t count = 0;; count++) {
		if (conn_read_line(&client->conn, POP3_REPLY_LINE_MAX, true, &line, err) != 0)
			return pop3_client_lost(client, shown, err);
		if (str_equal(line, STR(".")))
			return 0;
		if (count == lines_max) {
			err_set(err, ERR_LIMIT, "more than %u lines", lines_max);
			return pop3_client_lost(client, shown, err);
		}
		extend_wait(client, line.len + 2);
		visit(str_starts(line, STR(".")) ? str_skip(line, 1) : line, context);
	}
}

int pop3_client_lines(struct pop3_client *client, const char *command, uint32_t lines_max, pop3_client_visit *visit,
                      void *context, struct err *err)
{
	if (pop3_client_command(client, command, str_of(command), err) != 0)
		return -1;
	return read_lines(client, command, lines_max, visit, context, err);
}

static void take_capability(struct str line, void *context)
{
	struct pop3_client *client = context;
	struct str words;
	unsigned offer = pop3_reply_capability(line, &words);

	client->offered |= offer;
	if (offer == POP3_OFFER_SASL)
		client->mechanisms = sasl_client_mechanisms(words);
}

int pop3_client_capabilities(struct pop3_client *client, struct err *err)
{
	client->offered = client->mechanisms = 0;
	if (pop3_client_lines(client, "CAPA", CAPABILITIES_MAX, take_capability, client, err) == 0)
		return 0;
	return err->code == POP3_CLIENT_REFUSED ? 0 : -1;
}

int pop3_client_start_tls(struct pop3_client *client, SSL_CTX *tls, bool verify, struct err *err)
{
	if (pop3_client_command(client, "STLS", STR("STLS"), err) != 0 || shake_hands(client, tls, verify, err) != 0)
		return -1;
	return pop3_client_capabilities(client, err);
}

int pop3_client_stat(struct pop3_client *client, uint32_t *count, uint64_t *octets, struct err *err)
{
	enum pop3_status status;
	struct str text;

	pop3_client_send(client, "STAT");
	if (pop3_client_read_line(client, "STAT", &status, &text, err) != 0)
		return -1;
	if (status == POP3_STATUS_ERROR)
		return pop3_client_refused(client, "STAT", err);
	if (status == POP3_STATUS_OK && pop3_reply_stat(text, count, octets))
		return 0;
	err_set(err, ERR_PROTOCOL, "this does not say how many messages there are: %s", client->words);
	return pop3_client_lost(client, "STAT", err);
}

static int hand_over(struct buf *out, uint64_t *total, uint64_t octets_max, pop3_client_take *take, void *context,
                     struct err *err)
{
	int result = 0;

	*total += out->len;
	if (*total > octets_max)
		return err_set(err, ERR_LIMIT, "the message has more than %llu octets", (unsigned long long)octets_max);
	if (out->len != 0)
		result = take(buf_str(out), context, err);
	buf_reset(out);
	return result;
}

int pop3_client_read_message(struct pop3_client *client, enum smtp_data_mode mode, uint64_t octets_max,
                             pop3_client_take *take, void *context, struct err *err)
{
	struct smtp_data data;
	struct str bytes;
	struct buf out;
	uint64_t total = 0;
	int result = 0;

	smtp_data_init(&data, mode, false);
	buf_init(&out, SIZE_MAX);
	pop3_client_begin_wait(client);
	while (result == 0 && !data.ended) {
		size_t taken;

		result = conn_read_some(&client->conn, &bytes, err);
		if (result != 0)
			break;
		taken = smtp_data_take(&data, str_sub(bytes, 0, HAND_OVER), &out);
		conn_consume(&client->conn, taken);
		extend_wait(client, taken);
		if (data.ended || out.len >= HAND_OVER)
			result = hand_over(&out, &total, octets_max, take, context, err);
	}
	buf_free(&out);
	/* in the mode of any line end the other half of a pair may follow the final dot */
	if (result == 0 && data.stray != '\0' && conn_has_input(&client->conn) &&
	    conn_read_some(&client->conn, &bytes, err) == 0 && bytes.data[0] == data.stray)
		conn_consume(&client->conn, 1);
	return result == 0 ? 0 : pop3_client_lost(client, "message", err);
}

int pop3_client_quit(struct pop3_client *client, struct err *err)
{
	if (client->timeouts.reply_ms > WAIT_QUIT_MS)
		client->timeouts.reply_ms = WAIT_QUIT_MS;
	return pop3_client_command(client, "QUIT", STR("QUIT"), err);
}
