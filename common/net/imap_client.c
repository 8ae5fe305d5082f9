#include "common/net/imap_client_io.h"

#include "common/imap/text.h"

#include <stdio.h>

enum {
	LITERALS_MAX = 64 * 1024, /* octets of the literals in a reply that are no message */
	REPLIES_MAX = 100000,     /* untagged ones that nobody asked for, behind one command */
	NAME_MAX_OCTETS = 4096,   /* of a folder, encoded */
	WAIT_LOGOUT_MS = 60000,
};

void imap_client_init(struct imap_client *client, struct mail_client_timeouts timeouts)
{
	*client = (struct imap_client){.offered = 0};
	mail_client_init(&client->mail, timeouts);
	buf_init(&client->reply, IMAP_REPLY_LINE_MAX);
}

void imap_client_close(struct imap_client *client)
{
	mail_client_close(&client->mail);
	buf_free(&client->reply);
	buf_init(&client->reply, IMAP_REPLY_LINE_MAX);
	client->offered = client->mechanisms = 0;
}

void imap_client_begin_command(struct imap_client *client, const char *words)
{
	mail_client_begin_wait(&client->mail);
	conn_printf(&client->mail.conn, "p%u %s", ++client->sent, words);
}

bool imap_client_write_quoted(struct imap_client *client, struct str text)
{
	struct conn *conn = &client->mail.conn;

	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] == '\r' || text.data[i] == '\n' || text.data[i] == '\0' || (unsigned char)text.data[i] >= 0x80)
			return false;
	conn_write(conn, STR("\""));
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == '"' || text.data[i] == '\\')
			conn_write(conn, STR("\\"));
		conn_write(conn, str_sub(text, i, 1));
	}
	conn_write(conn, STR("\""));
	return true;
}

void imap_client_end_command(struct imap_client *client)
{
	conn_write(&client->mail.conn, STR("\r\n"));
}

static int pass_literal(struct imap_client *client, uint64_t size, struct err *err)
{
	struct str bytes;

	if (size > LITERALS_MAX)
		return err_set(err, ERR_LIMIT, "a literal of %llu octets", (unsigned long long)size);
	if (client->keeps_literals)
		buf_add_str(&client->reply, STR("\r\n"));
	while (size > 0) {
		size_t len;

		if (conn_read_some(&client->mail.conn, &bytes, err) != 0)
			return -1;
		len = bytes.len < size ? bytes.len : (size_t)size;
		if (client->keeps_literals)
			buf_add_str(&client->reply, str_sub(bytes, 0, len)); /* too much is found with the next line */
		conn_consume(&client->mail.conn, len);
		size -= len;
	}
	return 0;
}

/* Does what was read end in "BODY[...] {12}"? */
static bool is_body(struct str text, size_t head)
{
	struct str before = str_trim(str_sub(text, 0, text.len - head));
	size_t at = before.len;

	if (at == 0 || before.data[at - 1] != ']')
		return false;
	while (at > 0 && before.data[at - 1] != '[')
		at--;
	return at >= 5 && str_equal_nocase(str_sub(before, at - 5, 5), STR("BODY["));
}

/* The pieces of one reply. */
static int gather_reply(struct imap_client *client, bool stop_at_body, bool *stopped, struct err *err)
{
	for (;;) {
		uint64_t size;
		struct str line;
		size_t head;

		if (conn_read_line(&client->mail.conn, IMAP_REPLY_LINE_MAX, true, &line, err) != 0)
			return -1;
		mail_client_extend_wait(&client->mail, line.len + 2);
		if (buf_add_str(&client->reply, line) != 0)
			return err_set(err, ERR_LIMIT, "a reply of more than %d octets", IMAP_REPLY_LINE_MAX);
		if (!imap_reply_ends_in_literal(buf_str(&client->reply), &size, &head))
			return 0;
		*stopped = stop_at_body && is_body(buf_str(&client->reply), head);
		client->literal = size;
		if (*stopped)
			return 0;
		if (pass_literal(client, size, err) != 0)
			return -1;
	}
}

/* How many messages the folder has: "5 EXISTS", "3 EXPUNGE". */
static void follow_folder(struct imap_client *client, struct str text)
{
	uint64_t number;
	uint32_t exists;

	if (imap_reply_exists(text, &exists)) {
		client->has_more = client->has_more || exists > client->exists;
		client->exists = exists;
	} else if (str_to_u64(str_cut_word(&text), UINT32_MAX, &number) && str_equal_nocase(text, STR("EXPUNGE")) &&
	           client->exists > 0) {
		client->exists--;
	}
}

int imap_client_read_reply(struct imap_client *client, const char *shown, bool stop_at_body, struct imap_reply *reply,
                           bool *stopped, struct err *err)
{
	*stopped = false;
	*reply = (struct imap_reply){.kind = IMAP_REPLY_NONE};
	buf_reset(&client->reply);
	if (gather_reply(client, stop_at_body, stopped, err) != 0)
		return mail_client_lost(&client->mail, shown, err);
	*reply = imap_reply_parse(buf_str(&client->reply));
	if (reply->kind == IMAP_REPLY_CONTINUE)
		return 0; /* a challenge is nobody's to read */
	mail_client_keep_words(&client->mail, buf_str(&client->reply));
	if (reply->kind == IMAP_REPLY_UNTAGGED)
		follow_folder(client, reply->text);
	if (reply->kind == IMAP_REPLY_NONE) {
		err_set(err, ERR_PROTOCOL, "this is no answer of IMAP: %s", client->mail.words);
		return mail_client_lost(&client->mail, shown, err);
	}
	return 0;
}

int imap_client_conclude(struct imap_client *client, const char *shown, const struct imap_reply *reply, struct err *err)
{
	char tag[16];

	snprintf(tag, sizeof tag, "p%u", client->answered + 1);
	if (!str_equal(reply->tag, str_of(tag))) {
		err_set(err, ERR_PROTOCOL, "the answer to another command: %s", client->mail.words);
		return mail_client_lost(&client->mail, shown, err);
	}
	client->answered++;
	return reply->status == IMAP_REPLY_OK ? 0 : mail_client_refused(&client->mail, shown, err);
}

int imap_client_finish(struct imap_client *client, const char *shown, imap_client_data *data, void *context,
                       struct err *err)
{
	struct imap_reply reply;
	bool stopped;

	mail_client_begin_wait(&client->mail);
	for (unsigned count = 0; count < REPLIES_MAX + IMAP_CLIENT_MESSAGES_MAX; count++) {
		if (imap_client_read_reply(client, shown, false, &reply, &stopped, err) != 0)
			return -1;
		if (reply.kind == IMAP_REPLY_TAGGED)
			return imap_client_conclude(client, shown, &reply, err);
		if (reply.kind == IMAP_REPLY_CONTINUE) {
			err_set(err, ERR_PROTOCOL, "the server wants more where there is nothing more");
			return mail_client_lost(&client->mail, shown, err);
		}
		if (data != NULL && data(client, reply.text, context, err) != 0)
			return mail_client_lost(&client->mail, shown, err);
	}
	err_set(err, ERR_LIMIT, "the answer has no end");
	return mail_client_lost(&client->mail, shown, err);
}

static int take_capabilities(struct imap_client *client, struct str text, void *context, struct err *err)
{
	struct buf *mechanisms = context;
	struct str word = str_cut_word(&text);

	(void)err;
	if (!str_equal_nocase(word, STR("CAPABILITY")))
		return 0;
	while ((word = str_cut_word(&text)).len > 0) {
		client->offered |= imap_reply_offer(word);
		buf_add_str(mechanisms, imap_reply_mechanism(word));
		buf_add_char(mechanisms, ' ');
	}
	return 0;
}

int imap_client_capabilities(struct imap_client *client, struct err *err)
{
	struct buf mechanisms;
	int result;

	client->offered = client->mechanisms = 0;
	buf_init(&mechanisms, IMAP_REPLY_LINE_MAX);
	imap_client_begin_command(client, "CAPABILITY");
	imap_client_end_command(client);
	result = imap_client_finish(client, "CAPABILITY", take_capabilities, &mechanisms, err);
	client->mechanisms = sasl_client_mechanisms(buf_str(&mechanisms));
	buf_free(&mechanisms);
	return result;
}

int imap_client_connect(struct imap_client *client, const struct mail_client_target *target, struct err *err)
{
	struct imap_reply reply;
	bool stopped;

	imap_client_close(client);
	client->sent = client->answered = client->ended_early = 0;
	if (mail_client_connect(&client->mail, target, err) != 0)
		return -1;
	mail_client_begin_wait(&client->mail);
	if (imap_client_read_reply(client, "connection", false, &reply, &stopped, err) != 0)
		return -1;
	if (reply.kind != IMAP_REPLY_UNTAGGED || reply.status != IMAP_REPLY_OK) {
		mail_client_refused(&client->mail, "connection", err);
		imap_client_close(client);
		return -1;
	}
	return imap_client_capabilities(client, err);
}

int imap_client_start_tls(struct imap_client *client, SSL_CTX *tls, bool verify, struct err *err)
{
	imap_client_begin_command(client, "STARTTLS");
	imap_client_end_command(client);
	if (imap_client_finish(client, "STARTTLS", NULL, NULL, err) != 0 ||
	    mail_client_shake_hands(&client->mail, tls, verify, err) != 0)
		return -1;
	return imap_client_capabilities(client, err);
}

static int take_selected(struct imap_client *client, struct str text, void *context, struct err *err)
{
	struct imap_client_selected *selected = context;
	uint64_t number;

	(void)client, (void)err;
	if (imap_reply_code(text, "UIDVALIDITY", &number) && number <= UINT32_MAX)
		selected->uidvalidity = (uint32_t)number;
	imap_reply_exists(text, &selected->exists);
	return 0;
}

/* A folder's name as this side of IMAP4rev2 has it. False: it cannot be written. */
static bool write_folder(struct imap_client *client, struct str folder)
{
	struct buf name;
	bool written;

	buf_init(&name, NAME_MAX_OCTETS);
	written = mutf7_encode(folder, &name, NULL) == 0 && imap_client_write_quoted(client, buf_str(&name));
	buf_free(&name);
	return written;
}

static int open_folder(struct imap_client *client, const char *command, struct str folder,
                       struct imap_client_selected *selected, struct err *err)
{
	*selected = (struct imap_client_selected){0};
	imap_client_begin_command(client, command);
	conn_write(&client->mail.conn, STR(" "));
	if (!write_folder(client, folder)) {
		imap_client_close(client);
		return err_set(err, ERR_SYNTAX, "the name of a folder cannot be sent: %.*s", STR_ARG(str_sub(folder, 0, 80)));
	}
	imap_client_end_command(client);
	if (imap_client_finish(client, command, take_selected, selected, err) != 0)
		return -1;
	client->has_more = false;
	return 0;
}

int imap_client_select(struct imap_client *client, struct str folder, struct imap_client_selected *selected,
                       struct err *err)
{
	return open_folder(client, "SELECT", folder, selected, err);
}

int imap_client_examine(struct imap_client *client, struct str folder, struct imap_client_selected *selected,
                        struct err *err)
{
	return open_folder(client, "EXAMINE", folder, selected, err);
}

void imap_client_write_uids(struct imap_client *client, const uint32_t *uids, size_t count)
{
	for (size_t i = 0, first; i < count; i++) {
		first = i;
		while (i + 1 < count && uids[i + 1] == uids[i] + 1)
			i++;
		conn_printf(&client->mail.conn, "%s%u", first > 0 ? "," : "", uids[first]);
		if (i > first)
			conn_printf(&client->mail.conn, ":%u", uids[i]);
	}
}

int imap_client_delete(struct imap_client *client, const uint32_t *uids, size_t count, struct err *err)
{
	imap_client_begin_command(client, "UID STORE ");
	imap_client_write_uids(client, uids, count);
	conn_write(&client->mail.conn, STR(" +FLAGS.SILENT (\\Deleted)"));
	imap_client_end_command(client);
	if (imap_client_finish(client, "UID STORE", NULL, NULL, err) != 0)
		return -1;
	if ((client->offered & IMAP_OFFER_UIDPLUS) != 0) {
		imap_client_begin_command(client, "UID EXPUNGE ");
		imap_client_write_uids(client, uids, count);
	} else {
		imap_client_begin_command(client, "EXPUNGE");
	}
	imap_client_end_command(client);
	return imap_client_finish(client, "EXPUNGE", NULL, NULL, err);
}

int imap_client_move(struct imap_client *client, const uint32_t *uids, size_t count, struct str folder, struct err *err)
{
	bool moves = (client->offered & IMAP_OFFER_MOVE) != 0;
	const char *shown = moves ? "UID MOVE" : "UID COPY";

	imap_client_begin_command(client, moves ? "UID MOVE " : "UID COPY ");
	imap_client_write_uids(client, uids, count);
	conn_write(&client->mail.conn, STR(" "));
	if (!write_folder(client, folder)) {
		imap_client_close(client);
		return err_set(err, ERR_SYNTAX, "the name of a folder cannot be sent: %.*s", STR_ARG(str_sub(folder, 0, 80)));
	}
	imap_client_end_command(client);
	if (imap_client_finish(client, shown, NULL, NULL, err) != 0)
		return -1;
	return moves ? 0 : imap_client_delete(client, uids, count, err);
}

int imap_client_logout(struct imap_client *client, struct err *err)
{
	if (client->mail.timeouts.reply_ms > WAIT_LOGOUT_MS)
		client->mail.timeouts.reply_ms = WAIT_LOGOUT_MS;
	imap_client_begin_command(client, "LOGOUT");
	imap_client_end_command(client);
	return imap_client_finish(client, "LOGOUT", NULL, NULL, err);
}
