/* An IMAP server that says anything: what the client makes of it, from the capabilities to messages of two commands. */
#include "common/net/imap_client.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { INPUT_MAX = 60000, MESSAGE_MAX = 20000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int take_folder(const struct imap_client_folder *folder, void *context, struct err *err)
{
	(void)context, (void)err;
	if (folder->name.len == 0)
		abort();
	return 0;
}

static void take_size(uint32_t uid, uint64_t size, void *context)
{
	(void)size, (void)context;
	if (uid == 0)
		abort();
}

static void take_detail(const struct imap_client_detail *detail, void *context)
{
	(void)context;
	if (detail->uid == 0 || (detail->flag_count > 0 && detail->flags == NULL))
		abort();
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

static void fetch(struct imap_client *client, enum smtp_data_mode mode)
{
	static const uint32_t uids[] = {5, 6, 7};
	struct imap_client_coming coming;
	struct err err;

	imap_client_ask(client, uids, 3, IMAP_CLIENT_HEADER);
	imap_client_ask(client, uids, 2, IMAP_CLIENT_WHOLE);
	for (int ended = 0; ended < 2 && client->mail.open;) {
		int found = imap_client_next_message(client, &coming, &err);
		uint64_t total = 0;

		if (found == 1)
			imap_client_read_message(client, mode, MESSAGE_MAX, take_octets, &total, &err);
		else
			ended++;
	}
}

static void converse(struct imap_client *client, uint8_t choice)
{
	struct imap_client_selected selected;
	struct err err;

	if (imap_client_select(client, STR("INBOX"), &selected, &err) != 0 && !client->mail.open)
		return;
	if ((choice & 2) != 0)
		imap_client_list(client, take_folder, NULL, &err);
	if (client->mail.open && (choice & 4) != 0)
		imap_client_details(client, take_detail, NULL, &err);
	if (client->mail.open && (choice & 8) != 0)
		imap_client_sizes(client, take_size, NULL, &err);
	if (client->mail.open)
		fetch(client, (choice & 1) != 0 ? SMTP_DATA_ANY : SMTP_DATA_MEND);
}

/* The first octet says what is asked. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct mail_client_timeouts timeouts = {.connect_ms = 1000, .reply_ms = 1000};
	struct imap_client client;
	int pair[2];

	if (size < 1 || size > INPUT_MAX || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
		return 0;
	if (write(pair[1], data + 1, size - 1) != (ssize_t)size - 1)
		abort();
	shutdown(pair[1], SHUT_WR);
	imap_client_init(&client, timeouts);
	conn_init(&client.mail.conn, pair[0], timeouts.reply_ms);
	client.mail.open = true;
	converse(&client, data[0]);
	imap_client_close(&client);
	close(pair[1]);
	return 0;
}
