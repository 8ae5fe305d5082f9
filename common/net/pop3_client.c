#include "common/net/pop3_client.h"

#include "common/net/pop3_client_io.h"

#include <stdio.h>

enum {
	CAPABILITIES_MAX = 200, /* lines */
	WAIT_QUIT_MS = 60000,
};

void pop3_client_init(struct pop3_client *client, struct mail_client_timeouts timeouts)
{
	*client = (struct pop3_client){.offered = 0};
	mail_client_init(&client->mail, timeouts);
}

void pop3_client_close(struct pop3_client *client)
{
	mail_client_close(&client->mail);
	client->offered = client->mechanisms = 0;
	client->timestamp[0] = '\0';
}

int pop3_client_read_line(struct pop3_client *client, const char *shown, enum pop3_status *status, struct str *text_out,
                          struct err *err)
{
	struct str line;

	*status = POP3_STATUS_NONE;
	mail_client_begin_wait(&client->mail);
	if (conn_read_line(&client->mail.conn, POP3_REPLY_LINE_MAX, true, &line, err) != 0)
		return mail_client_lost(&client->mail, shown, err);
	*status = pop3_reply_status(line, text_out);
	if (*status == POP3_STATUS_CONTINUE)
		return 0; /* a challenge is nobody's to read */
	mail_client_keep_words(&client->mail, line);
	if (*status != POP3_STATUS_NONE)
		return 0;
	err_set(err, ERR_PROTOCOL, "this is no answer of POP3: %s", client->mail.words);
	return mail_client_lost(&client->mail, shown, err);
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
		return mail_client_refused(&client->mail, shown, err);
	err_set(err, ERR_PROTOCOL, "a challenge is out of place here");
	return mail_client_lost(&client->mail, shown, err);
}

int pop3_client_command(struct pop3_client *client, const char *shown, struct str command, struct err *err)
{
	mail_client_begin_wait(&client->mail);
	conn_write(&client->mail.conn, command);
	conn_write(&client->mail.conn, STR("\r\n"));
	return pop3_client_read_status(client, shown, err);
}

void pop3_client_send(struct pop3_client *client, const char *format, ...)
{
	char command[64];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof command, format, args);
	va_end(args);
	mail_client_begin_wait(&client->mail);
	conn_write(&client->mail.conn, str_of(command));
	conn_write(&client->mail.conn, STR("\r\n"));
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
	mail_client_refused(&client->mail, "connection", err);
	pop3_client_close(client);
	return -1;
}

int pop3_client_connect(struct pop3_client *client, const struct mail_client_target *target, struct err *err)
{
	pop3_client_close(client);
	return mail_client_connect(&client->mail, target, err) == 0 ? read_greeting(client, err) : -1;
}

static int read_lines(struct pop3_client *client, const char *shown, uint32_t lines_max, pop3_client_visit *visit,
                      void *context, struct err *err)
{
	struct str line;

	mail_client_begin_wait(&client->mail);
	for (uint32_t count = 0;; count++) {
		if (conn_read_line(&client->mail.conn, POP3_REPLY_LINE_MAX, true, &line, err) != 0)
			return mail_client_lost(&client->mail, shown, err);
		if (str_equal(line, STR(".")))
			return 0;
		if (count == lines_max) {
			err_set(err, ERR_LIMIT, "more than %u lines", lines_max);
			return mail_client_lost(&client->mail, shown, err);
		}
		mail_client_extend_wait(&client->mail, line.len + 2);
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
	return err->code == MAIL_CLIENT_REFUSED ? 0 : -1;
}

int pop3_client_start_tls(struct pop3_client *client, SSL_CTX *tls, bool verify, struct err *err)
{
	if (pop3_client_command(client, "STLS", STR("STLS"), err) != 0 ||
	    mail_client_shake_hands(&client->mail, tls, verify, err) != 0)
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
		return mail_client_refused(&client->mail, "STAT", err);
	if (status == POP3_STATUS_OK && pop3_reply_stat(text, count, octets))
		return 0;
	err_set(err, ERR_PROTOCOL, "this does not say how many messages there are: %s", client->mail.words);
	return mail_client_lost(&client->mail, "STAT", err);
}

int pop3_client_read_message(struct pop3_client *client, enum smtp_data_mode mode, uint64_t octets_max,
                             mail_client_take *take, void *context, struct err *err)
{
	struct smtp_data data;
	struct str bytes;
	struct buf out;
	uint64_t total = 0;
	int result = 0;

	smtp_data_init(&data, mode, false);
	buf_init(&out, SIZE_MAX);
	mail_client_begin_wait(&client->mail);
	while (result == 0 && !data.ended) {
		size_t taken;

		result = conn_read_some(&client->mail.conn, &bytes, err);
		if (result != 0)
			break;
		taken = smtp_data_take(&data, str_sub(bytes, 0, MAIL_CLIENT_HAND_OVER), &out);
		conn_consume(&client->mail.conn, taken);
		mail_client_extend_wait(&client->mail, taken);
		if (data.ended || out.len >= MAIL_CLIENT_HAND_OVER)
			result = mail_client_hand_over(&out, &total, octets_max, take, context, err);
	}
	buf_free(&out);
	/* in the mode of any line end the other half of a pair may follow the final dot */
	if (result == 0 && data.stray != '\0' && conn_has_input(&client->mail.conn) &&
	    conn_read_some(&client->mail.conn, &bytes, err) == 0 && bytes.data[0] == data.stray)
		conn_consume(&client->mail.conn, 1);
	return result == 0 ? 0 : mail_client_lost(&client->mail, "message", err);
}

int pop3_client_quit(struct pop3_client *client, struct err *err)
{
	if (client->mail.timeouts.reply_ms > WAIT_QUIT_MS)
		client->mail.timeouts.reply_ms = WAIT_QUIT_MS;
	return pop3_client_command(client, "QUIT", STR("QUIT"), err);
}
