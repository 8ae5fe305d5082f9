#include "common/net/imap_talk.h"

#include "common/imap/text.h"
#include "common/net/imap_client_io.h"

enum { NAME_MAX_OCTETS = 4096 }; /* of a folder, encoded */

bool imap_talk_is_open(const struct imap_talk *talk)
{
	return talk->client.mail.open;
}

struct conn *imap_talk_conn(struct imap_talk *talk)
{
	return &talk->client.mail.conn;
}

static int lost(struct imap_talk *talk, struct err *err)
{
	return mail_client_lost(&talk->client.mail, "command", err);
}

/* Octets of a literal behind its head, as they are. */
static int read_literal(struct imap_talk *talk, uint64_t size, struct err *err)
{
	struct conn *conn = imap_talk_conn(talk);
	struct str bytes;

	if (buf_add_str(&talk->reply, STR("\r\n")) != 0)
		return err_set(err, ERR_LIMIT, "a reply of more than %d octets", IMAP_TALK_REPLY_MAX);
	while (size > 0) {
		if (conn_read_some(conn, &bytes, err) != 0)
			return -1;
		bytes = str_sub(bytes, 0, size < bytes.len ? (size_t)size : bytes.len);
		if (buf_add_str(&talk->reply, bytes) != 0)
			return err_set(err, ERR_LIMIT, "a reply of more than %d octets", IMAP_TALK_REPLY_MAX);
		conn_consume(conn, bytes.len);
		mail_client_extend_wait(&talk->client.mail, bytes.len);
		size -= bytes.len;
	}
	return 0;
}

/* Does the text end in "BODY[...] {12}" or "BINARY[...] ~{12}"? */
static bool is_octets(struct str text, size_t head)
{
	struct str before = str_trim(str_sub(text, 0, text.len - head));

	if (before.len > 0 && before.data[before.len - 1] == '~')
		before = str_trim(str_sub(before, 0, before.len - 1));
	return before.len > 0 && (before.data[before.len - 1] == ']' || before.data[before.len - 1] == '>');
}

/* The pieces of a reply, from what is in talk->reply on. octets_out: not NULL: stop before a message's octets. */
static int gather(struct imap_talk *talk, uint64_t *octets_out, bool *stopped, struct err *err)
{
	struct str line;
	uint64_t size;
	size_t head;

	for (*stopped = false;;) {
		if (conn_read_line(imap_talk_conn(talk), IMAP_TALK_LINE_MAX, true, &line, err) != 0)
			return -1;
		mail_client_extend_wait(&talk->client.mail, line.len + 2);
		if (buf_add_str(&talk->reply, line) != 0)
			return err_set(err, ERR_LIMIT, "a reply of more than %d octets", IMAP_TALK_REPLY_MAX);
		if (!imap_reply_ends_in_literal(line, &size, &head))
			return 0;
		if (octets_out != NULL && is_octets(buf_str(&talk->reply), head)) {
			*octets_out = size;
			*stopped = true;
			return 0;
		}
		if (read_literal(talk, size, err) != 0)
			return -1;
	}
}

/* "[CODE ...] words": both are kept for the caller. */
static void keep_end(struct imap_talk *talk, struct str text)
{
	ptrdiff_t end = text.len > 0 && text.data[0] == '[' ? str_find_char(text, ']') : -1;

	talk->code[0] = '\0';
	if (end > 0) {
		if (!str_copy(str_sub(text, 1, (size_t)end - 1), talk->code, sizeof talk->code))
			talk->code[0] = '\0';
		text = str_trim(str_skip(text, (size_t)end + 1));
	}
	str_copy(text, talk->words, sizeof talk->words);
}

/* The next reply. A tagged one: *ended, and the result is the command's. */
static int next_reply(struct imap_talk *talk, uint64_t *octets, bool *stopped, struct imap_reply *reply, bool *ended,
                      struct err *err)
{
	*ended = false;
	*reply = (struct imap_reply){.kind = IMAP_REPLY_NONE};
	buf_reset(&talk->reply);
	arena_reset(&talk->arena);
	if (gather(talk, octets, stopped, err) != 0)
		return lost(talk, err);
	*reply = imap_reply_parse(buf_str(&talk->reply));
	if (reply->kind == IMAP_REPLY_NONE) {
		err_set(err, ERR_PROTOCOL, "this is no reply of IMAP");
		return lost(talk, err);
	}
	if (reply->kind != IMAP_REPLY_TAGGED)
		return 0;
	*ended = true;
	keep_end(talk, reply->text);
	mail_client_keep_words(&talk->client.mail, buf_str(&talk->reply));
	return imap_client_conclude(&talk->client, "command", reply, err);
}

static int hand_on(struct imap_talk *talk, const struct imap_reply *reply, imap_talk_take *take, void *context,
                   struct err *err)
{
	struct imap_value *value = NULL;

	if (take == NULL)
		return 0;
	if (reply->status == IMAP_REPLY_OTHER && imap_value_parse(reply->text, &talk->arena, &value, err) != 0)
		return lost(talk, err);
	return take(reply, value, context, err) == 0 ? 0 : lost(talk, err);
}

static int read_to_end(struct imap_talk *talk, imap_talk_take *take, void *context, struct err *err)
{
	for (;;) {
		struct imap_reply reply;
		bool stopped, ended;

		if (next_reply(talk, NULL, &stopped, &reply, &ended, err) != 0)
			return -1;
		if (ended)
			return 0;
		if (reply.kind == IMAP_REPLY_CONTINUE) {
			err_set(err, ERR_PROTOCOL, "the server wants more where there is nothing more");
			return lost(talk, err);
		}
		if (hand_on(talk, &reply, take, context, err) != 0)
			return -1;
	}
}

int imap_talk_open(struct imap_talk *talk, int fd, struct mail_client_timeouts timeouts, struct err *err)
{
	*talk = (struct imap_talk){.code = ""};
	imap_client_init(&talk->client, timeouts);
	buf_init(&talk->reply, IMAP_TALK_REPLY_MAX);
	arena_init(&talk->arena);
	conn_init(imap_talk_conn(talk), fd, timeouts.reply_ms);
	talk->client.mail.open = talk->client.mail.connected = true;
	talk->client.sent = 1;
	mail_client_begin_wait(&talk->client.mail);
	if (read_to_end(talk, NULL, NULL, err) == 0)
		return 0;
	imap_talk_close(talk);
	return -1;
}

void imap_talk_close(struct imap_talk *talk)
{
	imap_client_close(&talk->client);
	buf_free(&talk->reply);
	arena_free(&talk->arena);
}

void imap_talk_begin(struct imap_talk *talk, const char *words)
{
	imap_client_begin_command(&talk->client, words);
}

void imap_talk_string(struct imap_talk *talk, struct str text)
{
	if (imap_client_write_quoted(&talk->client, text))
		return;
	conn_printf(imap_talk_conn(talk), "{%zu+}\r\n", text.len);
	conn_write(imap_talk_conn(talk), text);
}

void imap_talk_mailbox(struct imap_talk *talk, struct str name)
{
	struct buf encoded;

	buf_init(&encoded, NAME_MAX_OCTETS);
	/* what is no name in UTF-8 is sent as it is: the server says that it does not exist */
	imap_talk_string(talk, mutf7_encode(name, &encoded, NULL) == 0 ? buf_str(&encoded) : name);
	buf_free(&encoded);
}

int imap_talk_finish(struct imap_talk *talk, imap_talk_take *take, void *context, struct err *err)
{
	imap_client_end_command(&talk->client);
	return read_to_end(talk, take, context, err);
}

static int pass_octets(struct imap_talk *talk, uint64_t left, mail_client_take *take, void *context, struct err *err)
{
	struct conn *conn = imap_talk_conn(talk);
	struct str bytes;

	while (left > 0) {
		if (conn_read_some(conn, &bytes, err) != 0)
			return -1;
		bytes = str_sub(bytes, 0, left < bytes.len ? (size_t)left : bytes.len);
		if (take(bytes, context, err) != 0)
			return -1;
		conn_consume(conn, bytes.len);
		mail_client_extend_wait(&talk->client.mail, bytes.len);
		left -= bytes.len;
	}
	return 0;
}

/* The octets came as a quoted string: they stand in the tree. */
static int pass_quoted(struct imap_talk *talk, const struct imap_reply *reply, mail_client_take *take, void *context,
                       bool *found, struct err *err)
{
	const struct imap_value *item;
	struct imap_value *value;

	if (reply->status != IMAP_REPLY_OTHER)
		return 0;
	if (imap_value_parse(reply->text, &talk->arena, &value, err) != 0)
		return -1;
	for (item = imap_value_at(imap_value_at(value, 2), 0); item != NULL && !*found; item = item->next) {
		if (!str_starts_nocase(imap_value_text(item), STR("BODY[")) &&
		    !str_starts_nocase(imap_value_text(item), STR("BINARY[")))
			continue;
		*found = item->next != NULL && item->next->kind == IMAP_VALUE_STRING;
		if (*found && take(item->next->text, context, err) != 0)
			return -1;
	}
	return 0;
}

int imap_talk_finish_octets(struct imap_talk *talk, uint64_t octets_max, mail_client_take *take, void *context,
                            bool *found, struct err *err)
{
	imap_client_end_command(&talk->client);
	for (*found = false;;) {
		struct imap_reply reply;
		uint64_t octets = 0;
		bool stopped, ended;

		if (next_reply(talk, *found ? NULL : &octets, &stopped, &reply, &ended, err) != 0)
			return -1;
		if (ended)
			return 0;
		if (!stopped && !*found && pass_quoted(talk, &reply, take, context, found, err) != 0)
			return lost(talk, err);
		if (!stopped)
			continue;
		*found = true;
		if (octets > octets_max) {
			err_set(err, ERR_LIMIT, "the message has more than %llu octets", (unsigned long long)octets_max);
			return lost(talk, err);
		}
		/* what stands behind the octets is read as the rest of the reply, and not looked at */
		if (pass_octets(talk, octets, take, context, err) != 0 || gather(talk, NULL, &stopped, err) != 0)
			return lost(talk, err);
	}
}

int imap_talk_continue(struct imap_talk *talk, imap_talk_take *take, void *context, struct err *err)
{
	imap_client_end_command(&talk->client);
	for (;;) {
		struct imap_reply reply;
		bool stopped, ended;

		if (next_reply(talk, NULL, &stopped, &reply, &ended, err) != 0)
			return -1;
		if (ended) {
			err_set(err, ERR_PROTOCOL, "the server wants no more where there is more");
			return lost(talk, err);
		}
		if (reply.kind == IMAP_REPLY_CONTINUE)
			return 0;
		if (hand_on(talk, &reply, take, context, err) != 0)
			return -1;
	}
}

int imap_talk_listen(struct imap_talk *talk, int timeout_ms, imap_talk_take *take, void *context, struct err *err)
{
	struct conn *conn = imap_talk_conn(talk);
	int heard = 0;

	for (;;) {
		struct imap_reply reply;
		bool stopped, ended;
		int events;

		conn->deadline_ms = 0; /* nothing is due */
		events = conn_has_input(conn) ? CONN_INPUT : conn_wait_input(conn, -1, heard ? 0 : timeout_ms, err);
		if (events < 0)
			return lost(talk, err);
		if (events == 0)
			return heard;
		mail_client_begin_wait(&talk->client.mail);
		if (next_reply(talk, NULL, &stopped, &reply, &ended, err) != 0)
			return -1;
		if (ended || reply.kind == IMAP_REPLY_CONTINUE) {
			err_set(err, ERR_PROTOCOL, "the server answers what was not asked");
			return lost(talk, err);
		}
		if (hand_on(talk, &reply, take, context, err) != 0)
			return -1;
		heard = 1;
	}
}
