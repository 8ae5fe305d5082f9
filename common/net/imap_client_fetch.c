/* imap_client: what is in a folder, and messages. */
#include "common/net/imap_client_io.h"

#include <stdio.h>

struct listing {
	imap_client_visit *visit;
	void *context;
	unsigned count;
};

static int take_size(struct imap_client *client, struct str text, void *context, struct err *err)
{
	struct listing *listing = context;
	struct imap_reply_fetch fetch;

	(void)client;
	if (!imap_reply_fetch(text, &fetch) || fetch.uid == 0 || !fetch.has_size)
		return 0;
	if (++listing->count > IMAP_CLIENT_MESSAGES_MAX)
		return err_set(err, ERR_LIMIT, "more than %d messages", IMAP_CLIENT_MESSAGES_MAX);
	listing->visit(fetch.uid, fetch.size, listing->context);
	return 0;
}

int imap_client_sizes(struct imap_client *client, imap_client_visit *visit, void *context, struct err *err)
{
	struct listing listing = {.visit = visit, .context = context};

	imap_client_begin_command(client, "UID FETCH 1:* (UID RFC822.SIZE)");
	imap_client_end_command(client);
	return imap_client_finish(client, "UID FETCH", take_size, &listing, err);
}

void imap_client_ask(struct imap_client *client, const uint32_t *uids, size_t count, enum imap_client_part part)
{
	imap_client_begin_command(client, "UID FETCH ");
	imap_client_write_uids(client, uids, count);
	conn_printf(&client->mail.conn, " (UID BODY.PEEK[%s])", part == IMAP_CLIENT_HEADER ? "HEADER" : "");
	imap_client_end_command(client);
}

/* The UID in "3 FETCH (UID 17 BODY[] {4}"; 0: it is not there. */
static uint32_t uid_before_octets(struct str text)
{
	struct str word;
	uint64_t uid;

	while ((word = str_cut_word(&text)).len > 0)
		if (str_ends_nocase(word, STR("UID")) && word.len <= 4 && str_to_u64(str_cut_word(&text), UINT32_MAX, &uid))
			return (uint32_t)uid;
	return 0;
}

/* "3 FETCH (UID 17 BODY[HEADER] {4}" */
static enum imap_client_part part_before_octets(struct str text)
{
	return str_starts_nocase(str_skip(text, (size_t)str_find_last_char(text, '[')), STR("[HEADER")) ? IMAP_CLIENT_HEADER
	                                                                                                : IMAP_CLIENT_WHOLE;
}

/*
 * A FETCH has ended. 1: it is the second of two, of which the first goes on; 0, -1: as imap_client_conclude. Whether
 * the server refused the second is not kept then: what it did not give it did not give.
 */
static int conclude_fetch(struct imap_client *client, const struct imap_reply *reply, struct err *err)
{
	unsigned second = client->answered + 2;
	char tag[16];

	snprintf(tag, sizeof tag, "p%u", second);
	if (client->ended_early != 0 || client->sent != second || !str_equal(reply->tag, str_of(tag)))
		return imap_client_conclude(client, "UID FETCH", reply, err);
	client->ended_early = second;
	return 1;
}

int imap_client_next_message(struct imap_client *client, struct imap_client_coming *coming, struct err *err)
{
	struct imap_reply reply;
	struct imap_reply_fetch fetch;
	bool stopped;
	int ended;

	*coming = (struct imap_client_coming){.part = IMAP_CLIENT_WHOLE};
	client->has_inline = false;
	if (client->ended_early == client->answered + 1) {
		client->ended_early = 0;
		client->answered++;
		return 0;
	}
	mail_client_begin_wait(&client->mail);
	for (;;) {
		if (imap_client_read_reply(client, "UID FETCH", true, &reply, &stopped, err) != 0)
			return -1;
		if (stopped) {
			coming->uid = uid_before_octets(reply.text);
			coming->part = part_before_octets(reply.text);
			return 1;
		}
		if (reply.kind == IMAP_REPLY_TAGGED && (ended = conclude_fetch(client, &reply, err)) != 1)
			return ended;
		if (reply.kind == IMAP_REPLY_CONTINUE) {
			err_set(err, ERR_PROTOCOL, "the server wants more where there is nothing more");
			return mail_client_lost(&client->mail, "UID FETCH", err);
		}
		if (reply.kind == IMAP_REPLY_UNTAGGED && imap_reply_fetch(reply.text, &fetch) && fetch.has_body) {
			client->has_inline = true;
			client->quoted = fetch.quoted; /* a view into client->reply, until the next read */
			coming->uid = fetch.uid;
			coming->part = fetch.is_header ? IMAP_CLIENT_HEADER : IMAP_CLIENT_WHOLE;
			return 1;
		}
	}
}

/* A message of many octets, or of few: what takes them sees CRLF at the end of each line. */
struct passage {
	struct smtp_data data;
	struct buf out;
	uint64_t total, octets_max;
	mail_client_take *take;
	void *context;
};

static int pass_on(struct passage *passage, struct str bytes, bool last, struct err *err)
{
	smtp_data_take(&passage->data, bytes, &passage->out);
	if (last)
		smtp_data_finish(&passage->data, &passage->out);
	if (!last && passage->out.len < MAIL_CLIENT_HAND_OVER)
		return 0;
	return mail_client_hand_over(&passage->out, &passage->total, passage->octets_max, passage->take, passage->context,
	                             err);
}

static int pass_literal(struct imap_client *client, struct passage *passage, struct err *err)
{
	uint64_t left = client->literal;
	struct str bytes;

	if (left > passage->octets_max)
		return err_set(err, ERR_LIMIT, "the message has more than %llu octets",
		               (unsigned long long)passage->octets_max);
	while (left > 0) {
		size_t len;

		if (conn_read_some(&client->mail.conn, &bytes, err) != 0)
			return -1;
		len = bytes.len < MAIL_CLIENT_HAND_OVER ? bytes.len : MAIL_CLIENT_HAND_OVER;
		len = len < left ? len : (size_t)left;
		if (pass_on(passage, str_sub(bytes, 0, len), false, err) != 0)
			return -1;
		conn_consume(&client->mail.conn, len);
		mail_client_extend_wait(&client->mail, len);
		left -= len;
	}
	return pass_on(passage, STR(""), true, err);
}

/* A quoted string, whose backslashes quote. */
static int pass_quoted(const struct imap_client *client, struct passage *passage, struct err *err)
{
	for (size_t i = 0; i < client->quoted.len; i++) {
		if (client->quoted.data[i] == '\\')
			i++;
		if (pass_on(passage, str_sub(client->quoted, i, 1), false, err) != 0)
			return -1;
	}
	return pass_on(passage, STR(""), true, err);
}

int imap_client_read_message(struct imap_client *client, enum smtp_data_mode mode, uint64_t octets_max,
                             mail_client_take *take, void *context, struct err *err)
{
	struct passage passage = {.octets_max = octets_max, .take = take, .context = context};
	struct str line;
	int result;

	smtp_data_init(&passage.data, mode, true);
	buf_init(&passage.out, SIZE_MAX);
	mail_client_begin_wait(&client->mail);
	result = client->has_inline ? pass_quoted(client, &passage, err) : pass_literal(client, &passage, err);
	buf_free(&passage.out);
	if (result != 0)
		return mail_client_lost(&client->mail, "message", err);
	/* what stands behind it */
	if (!client->has_inline && conn_read_line(&client->mail.conn, IMAP_REPLY_LINE_MAX, true, &line, err) != 0)
		return mail_client_lost(&client->mail, "UID FETCH", err);
	return 0;
}
