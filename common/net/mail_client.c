#include "common/net/mail_client.h"

#include "common/base/io.h"

enum { MS_PER_OCTET = 1000 / MAIL_CLIENT_SLOWEST };

void mail_client_init(struct mail_client *client, struct mail_client_timeouts timeouts)
{
	*client = (struct mail_client){.timeouts = timeouts};
	client->conn.fd = -1;
}

void mail_client_close(struct mail_client *client)
{
	conn_close(&client->conn);
	client->open = false;
}

void mail_client_begin_wait(struct mail_client *client)
{
	client->conn.timeout_ms = client->timeouts.reply_ms;
	client->conn.deadline_ms = io_now_ms() + client->timeouts.reply_ms;
}

void mail_client_extend_wait(struct mail_client *client, size_t octets)
{
	client->conn.deadline_ms += (int64_t)octets * MS_PER_OCTET;
}

int mail_client_lost(struct mail_client *client, const char *shown, struct err *err)
{
	mail_client_close(client);
	return conn_explain_loss(shown, err);
}

int mail_client_refused(const struct mail_client *client, const char *shown, struct err *err)
{
	return err_set(err, MAIL_CLIENT_REFUSED, "Error from remote server on \"%s\" -> %s", shown, client->words);
}

void mail_client_keep_words(struct mail_client *client, struct str line)
{
	struct buf words;

	buf_init(&words, 4 * MAIL_CLIENT_WORDS_MAX + 4);
	buf_add_visible(&words, str_sub(line, 0, MAIL_CLIENT_WORDS_MAX));
	if (words.len > MAIL_CLIENT_WORDS_MAX) {
		words.len = MAIL_CLIENT_WORDS_MAX;
		buf_add_str(&words, STR("..."));
	}
	str_copy(buf_str(&words), client->words, sizeof client->words);
	if (client->conn.hidden != NULL)
		str_blot(client->words, str_of(client->conn.hidden));
	buf_free(&words);
}

int mail_client_shake_hands(struct mail_client *client, SSL_CTX *tls, bool verify, struct err *err)
{
	struct err reason;

	mail_client_begin_wait(client);
	if (conn_connect_tls(&client->conn, tls, client->host, verify, &reason) == 0)
		return 0;
	mail_client_close(client);
	return err_set(err, MAIL_CLIENT_TLS, "TLS handshake failed: %s", reason.text);
}

int mail_client_connect(struct mail_client *client, const struct mail_client_target *target, struct err *err)
{
	struct err reason;

	mail_client_close(client);
	str_copy(str_of(target->host), client->host, sizeof client->host);
	if (socks_connect(&client->conn, target->proxy, NULL, target->address, target->port, client->timeouts.connect_ms,
	                  client->timeouts.reply_ms, &reason) != 0) {
		mail_client_close(client);
		if (reason.code == ERR_SYSTEM)
			return err_set(err, ERR_SYSTEM, "cannot connect to %s[%s]:%u: %s (%s)", target->host, target->address,
			               target->port, strerrordesc_np(reason.sys), strerrorname_np(reason.sys));
		return err_set(err, reason.code, "cannot connect to %s[%s]:%u: %s", target->host, target->address, target->port,
		               reason.text);
	}
	client->open = client->connected = true;
	if (target->prepare != NULL)
		target->prepare(&client->conn, target->context);
	return target->tls != NULL ? mail_client_shake_hands(client, target->tls, target->verify, err) : 0;
}

int mail_client_hand_over(struct buf *gathered, uint64_t *total, uint64_t octets_max, mail_client_take *take,
                          void *context, struct err *err)
{
	int result = 0;

	*total += gathered->len;
	if (*total > octets_max)
		return err_set(err, ERR_LIMIT, "the message has more than %llu octets", (unsigned long long)octets_max);
	if (gathered->len != 0)
		result = take(buf_str(gathered), context, err);
	buf_reset(gathered);
	return result;
}
