/* A POP3 server that says anything: what the client makes of it, from the greeting's line to a message's end. */
#include "common/net/pop3_client.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { INPUT_MAX = 60000, MESSAGE_MAX = 20000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take_line(struct str line, void *context)
{
	uint32_t number;
	uint64_t octets;
	struct str text;

	(void)context;
	if (pop3_reply_size(line, &number, &octets) && (number == 0 || number > POP3_MESSAGES_MAX))
		abort();
	if (pop3_reply_uidl(line, &number, &text) && (text.len == 0 || text.len > POP3_UIDL_MAX))
		abort();
	pop3_reply_timestamp(line);
}

/* No bare CR or LF, and no more than was allowed. */
static int take_octets(struct str bytes, void *context, struct err *err)
{
	uint64_t *total = context;

	(void)err;
	*total += bytes.len;
	for (size_t i = 0; i < bytes.len; i++)
		if ((bytes.data[i] == '\n') != (i > 0 && bytes.data[i - 1] == '\r'))
			abort();
	if (*total > MESSAGE_MAX)
		abort();
	return 0;
}

static void converse(struct pop3_client *client, enum smtp_data_mode mode)
{
	struct err err;
	uint64_t octets, total = 0;
	uint32_t count;

	if (pop3_client_capabilities(client, &err) != 0 || pop3_client_stat(client, &count, &octets, &err) != 0)
		return;
	if (pop3_client_lines(client, "UIDL", 1000, take_line, NULL, &err) != 0 && !client->mail.open)
		return;
	if (pop3_client_read_status(client, "RETR", &err) == 0)
		pop3_client_read_message(client, mode, MESSAGE_MAX, take_octets, &total, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct mail_client_timeouts timeouts = {.connect_ms = 1000, .reply_ms = 1000};
	struct pop3_client client;
	int pair[2];

	if (size < 1 || size > INPUT_MAX || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
		return 0;
	if (write(pair[1], data + 1, size - 1) != (ssize_t)size - 1)
		abort();
	shutdown(pair[1], SHUT_WR);
	pop3_client_init(&client, timeouts);
	conn_init(&client.mail.conn, pair[0], timeouts.reply_ms);
	client.mail.open = true;
	converse(&client, data[0] % 2 == 0 ? SMTP_DATA_MEND : SMTP_DATA_ANY);
	pop3_client_close(&client);
	close(pair[1]);
	return 0;
}
