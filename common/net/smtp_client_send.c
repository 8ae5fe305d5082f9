#include "common/base/memory.h"
#include "common/base/moment.h"
#include "common/net/smtp_client_io.h"
#include "common/spool/spool.h"

#include <errno.h>
#include <unistd.h>

enum { SCAN_BLOCK = 64 * 1024, SLOWEST_BYTES_PER_MS = 1 };

/* What a message needs of the server. */
struct needs {
	bool eight_bit;   /* octets above 127 anywhere */
	bool utf8_header; /* in its header fields */
};

struct transaction {
	struct smtp_client *client;
	struct smtp_message *message;
	struct arena *arena;
	struct needs needs;
	struct smtp_recipient *recipients[SMTP_CLIENT_RECIPIENTS_MAX];
	size_t count;
	size_t accepted_count; /* those among them that are still undecided once every RCPT is answered */
	bool utf8;             /* this transaction needs SMTPUTF8 */
	bool reused;           /* the connection served a message before: it may have ended unseen */
};

static bool offers(const struct smtp_client *client, enum smtp_extension extension)
{
	return (client->extensions.offered & extension) != 0;
}

static bool is_ascii(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.data[i] > 127)
			return false;
	return true;
}

/* Can it stand between the brackets of a path? Whoever made the envelope has checked it; a line end here would be a
 * command. */
static bool is_path_text(struct str address)
{
	for (size_t i = 0; i < address.len; i++)
		if ((unsigned char)address.data[i] < ' ' || address.data[i] == 0x7f)
			return false;
	return true;
}

/* Can it stand as the value of a parameter (RFC 5321 4.1.2, esmtp-value)? */
static bool is_parameter(struct str value)
{
	for (size_t i = 0; i < value.len; i++)
		if ((unsigned char)value.data[i] <= ' ' || value.data[i] == 0x7f)
			return false;
	return value.len != 0;
}

static void decide(struct smtp_recipient *recipient, enum smtp_outcome outcome, const char *enhanced, struct str words)
{
	recipient->outcome = outcome;
	str_copy(str_of(enhanced), recipient->enhanced, sizeof recipient->enhanced);
	recipient->words = words;
}

/* What the reply means for a recipient. A reply that fits nowhere (3xx) is a doubt. */
static void decide_by_reply(struct transaction *t, struct smtp_recipient *recipient, const struct smtp_reply *reply)
{
	int class = smtp_reply_class(reply);
	bool fits = class == 2 || class == 5;
	const char *fallback = class == 2 ? "2.0.0" : class == 5 ? "5.0.0" : "4.0.0";

	decide(recipient,
	       class == 2   ? SMTP_DELIVERED
	       : class == 5 ? SMTP_FAILED
	                    : SMTP_DEFERRED,
	       (fits || class == 4) && reply->enhanced[0] != '\0' ? reply->enhanced : fallback,
	       smtp_reply_words(reply, t->arena));
}

static void decide_all(struct smtp_message *message, enum smtp_outcome outcome, const char *enhanced, struct str words)
{
	for (size_t i = 0; i < message->recipient_count; i++)
		if (message->recipients[i].outcome == SMTP_UNDECIDED)
			decide(&message->recipients[i], outcome, enhanced, words);
}

static off_t whole_size(const struct smtp_message *message)
{
	return message->size + (off_t)message->on_top.len;
}

/* Look through the message for octets that a 7-bit server may not get. */
static int scan(const struct smtp_message *message, struct needs *needs, struct err *err)
{
	char *block = memory_get(SCAN_BLOCK);
	bool in_header = true;
	off_t at = 0;
	int result = 0;

	*needs = (struct needs){0};
	while (at < message->size && !(needs->eight_bit && !in_header)) {
		off_t left = message->size - at;
		ssize_t count =
		    pread(message->file, block, left < SCAN_BLOCK ? (size_t)left : SCAN_BLOCK, message->offset + at);
		struct str text = str_from(block, count > 0 ? (size_t)count : 0);

		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0) {
			result = count < 0 ? err_system(err, "cannot read the message")
			                   : err_set(err, ERR_CORRUPT, "the message is shorter than it was");
			break;
		}
		if (in_header) {
			/* An empty line cut by the end of a block only makes the header longer here, which errs to the safe side.
			 */
			ptrdiff_t end = at == 0 && str_starts(text, STR("\r\n")) ? 0 : str_find(text, STR("\r\n\r\n"));

			needs->utf8_header = needs->utf8_header || !is_ascii(str_sub(text, 0, end >= 0 ? (size_t)end : text.len));
			in_header = end < 0;
		}
		needs->eight_bit = needs->eight_bit || !is_ascii(text);
		at += count;
	}
	memory_free(block);
	return result;
}

/* Does the message as a whole need SMTPUTF8? */
static bool message_is_utf8(const struct smtp_message *message, const struct needs *needs)
{
	return !is_ascii(message->from) || (message->smtputf8 && needs->utf8_header);
}

/* Why something cannot be given to a server, whatever it says. */
struct obstacle {
	const char *enhanced;
	struct str words;
};

/*
 * RFC 1870 6.1, RFC 6152 3, RFC 6531 3.2. A message that was declared SMTPUTF8 but is plain ASCII needs nothing of it;
 * so does an ASCII recipient where only another one's address is not. Returns whether there is an obstacle.
 */
static bool find_obstacle(const struct smtp_client *client, const struct smtp_message *message,
                          const struct needs *needs, const struct smtp_recipient *recipient, struct obstacle *found)
{
	const struct {
		bool applies;
		struct obstacle obstacle;
	} all[] = {
	    {client->extensions.size_limit != 0 && (uint64_t)whole_size(message) > client->extensions.size_limit,
	     {"5.3.4", STR("The message is larger than the server's limit")}},
	    {message_is_utf8(message, needs) && !offers(client, SMTP_SMTPUTF8),
	     {"5.6.7", STR("The message needs SMTPUTF8, which the server does not offer")}},
	    {message->requiretls && message->from.len != 0 && !offers(client, SMTP_REQUIRETLS),
	     {"5.7.30", STR("The message requires TLS all the way, which the server does not promise (REQUIRETLS)")}},
	    {message->hold_until != 0 && !offers(client, SMTP_FUTURERELEASE),
	     {"5.3.3", STR("The server keeps no mail for later")}},
	    {needs->eight_bit && !offers(client, SMTP_8BITMIME),
	     {"5.6.3", STR("The message is 8-bit, and the server does not offer 8BITMIME")}},
	    {!is_path_text(message->from), {"5.1.7", STR("The sender's address cannot be sent")}},
	    {!is_path_text(recipient->address), {"5.1.3", STR("The recipient's address cannot be sent")}},
	    {!is_ascii(recipient->address) && !offers(client, SMTP_SMTPUTF8),
	     {"5.6.7", STR("The recipient's address needs SMTPUTF8, which the server does not offer")}},
	};

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		if (!all[i].applies)
			continue;
		*found = all[i].obstacle;
		return true;
	}
	return false;
}

/* How many of the undecided cannot be served here; they are failed unless only_count. */
static size_t refuse_what_cannot_pass(const struct smtp_client *client, struct smtp_message *message,
                                      const struct needs *needs, bool only_count)
{
	struct obstacle obstacle;
	size_t count = 0;

	for (size_t i = 0; i < message->recipient_count; i++) {
		struct smtp_recipient *recipient = &message->recipients[i];

		if (recipient->outcome != SMTP_UNDECIDED || !find_obstacle(client, message, needs, recipient, &obstacle))
			continue;
		count++;
		if (!only_count)
			decide(recipient, SMTP_FAILED, obstacle.enhanced, obstacle.words);
	}
	return count;
}

static void write_mail(struct transaction *t)
{
	const struct smtp_message *message = t->message;
	struct conn *conn = &t->client->conn;

	conn_printf(conn, "MAIL FROM:<%.*s>", STR_ARG(message->from));
	if (offers(t->client, SMTP_SIZE))
		conn_printf(conn, " SIZE=%lld", (long long)whole_size(message));
	if (offers(t->client, SMTP_8BITMIME) && (t->needs.eight_bit || t->utf8))
		conn_write(conn, STR(" BODY=8BITMIME"));
	if (t->utf8)
		conn_write(conn, STR(" SMTPUTF8"));
	if (message->requiretls && offers(t->client, SMTP_REQUIRETLS))
		conn_write(conn, STR(" REQUIRETLS"));
	if (message->hold_until != 0)
		conn_printf(conn, " HOLDUNTIL=%.*s", STR_ARG(moment_format(message->hold_until, t->arena)));
	if (offers(t->client, SMTP_DSN)) {
		if (is_parameter(message->ret))
			conn_printf(conn, " RET=%.*s", STR_ARG(message->ret));
		if (is_parameter(message->envid))
			conn_printf(conn, " ENVID=%.*s", STR_ARG(message->envid));
	}
	conn_write(conn, STR("\r\n"));
}

static void write_notify(struct conn *conn, unsigned notify)
{
	static const struct {
		unsigned bit;
		const char *word;
	} words[] = {{SPOOL_NOTIFY_NEVER, "NEVER"},
	             {SPOOL_NOTIFY_SUCCESS, "SUCCESS"},
	             {SPOOL_NOTIFY_FAILURE, "FAILURE"},
	             {SPOOL_NOTIFY_DELAY, "DELAY"}};
	const char *before = " NOTIFY=";

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		if ((notify & words[i].bit) == 0)
			continue;
		conn_printf(conn, "%s%s", before, words[i].word);
		before = ",";
	}
}

static void write_rcpt(struct transaction *t, const struct smtp_recipient *recipient)
{
	struct conn *conn = &t->client->conn;

	conn_printf(conn, "RCPT TO:<%.*s>", STR_ARG(recipient->address));
	if (offers(t->client, SMTP_DSN)) {
		write_notify(conn, recipient->notify);
		if (is_parameter(recipient->orcpt))
			conn_printf(conn, " ORCPT=%.*s", STR_ARG(recipient->orcpt));
	}
	conn_write(conn, STR("\r\n"));
}

static void write_data(struct transaction *t)
{
	conn_write(&t->client->conn, STR("DATA\r\n"));
}

static int read_rcpt(struct transaction *t, struct smtp_recipient *recipient, bool mail_accepted, struct err *err)
{
	const struct smtp_reply *reply = &t->client->reply;

	if (smtp_client_read_reply(t->client, "RCPT TO", smtp_client_wait(t->client->timeouts.rcpt_ms, SMTP_WAIT_RCPT_MS),
	                           err) != 0)
		return -1;
	if (!mail_accepted)
		return 0;
	if (smtp_reply_class(reply) == 2) {
		t->accepted_count++;
		return 0;
	}
	decide_by_reply(t, recipient, reply);
	/* RFC 5321 4.5.3.1.10: an old server's way to say "too many recipients", which is no failure of this one. */
	if (reply->code == 552 && reply->enhanced[0] == '\0' && t->accepted_count > 0) {
		recipient->outcome = SMTP_DEFERRED;
		str_copy(STR("4.5.3"), recipient->enhanced, sizeof recipient->enhanced);
	}
	return 0;
}

/* taken: a 2xx here means that the server took the message over; before its end it is out of place, so a doubt. */
static void decide_rest(struct transaction *t, const struct smtp_reply *reply, bool taken)
{
	for (size_t i = 0; i < t->count; i++) {
		if (t->recipients[i]->outcome != SMTP_UNDECIDED)
			continue;
		decide_by_reply(t, t->recipients[i], reply);
		if (!taken && t->recipients[i]->outcome == SMTP_DELIVERED)
			decide(t->recipients[i], SMTP_DEFERRED, "4.5.0", t->recipients[i]->words);
	}
}

static void write_content(struct transaction *t)
{
	struct smtp_client *client = t->client;
	struct err err;

	smtp_client_set_wait(client, SMTP_WAIT_BLOCK_MS);
	client->conn.deadline_ms += whole_size(t->message) / SLOWEST_BYTES_PER_MS;
	conn_write(&client->conn, t->message->on_top);
	/* A failure stays in the connection and shows when the answer is read. */
	if (conn_send_file(&client->conn, t->message->file, t->message->offset, t->message->size, true, &err) == 0) {
		conn_write(&client->conn, STR(".\r\n"));
		conn_flush(&client->conn, &err);
	}
}

/* The server waits for the message. RFC 2920 3.1: after a pipelined DATA it may do so without any recipient. */
static int send_content(struct transaction *t, struct err *err)
{
	if (t->accepted_count == 0)
		conn_write(&t->client->conn, STR(".\r\n"));
	else
		write_content(t);
	if (smtp_client_read_reply(t->client, "end of DATA",
	                           smtp_client_wait(t->client->timeouts.data_end_ms, SMTP_WAIT_DATA_END_MS), err) != 0) {
		t->message->in_doubt = t->accepted_count > 0;
		return -1;
	}
	t->client->reset_needed = false;
	decide_rest(t, &t->client->reply, true);
	if (t->accepted_count > 0 && smtp_reply_class(&t->client->reply) == 2)
		t->message->dsn_passed = t->message->dsn_passed || offers(t->client, SMTP_DSN);
	return 0;
}

/* The commands before the message, sent together where the server allows it (RFC 2920). */
static int run_transaction(struct transaction *t, bool *stale, struct err *err)
{
	struct smtp_client *client = t->client;
	bool pipelining = offers(client, SMTP_PIPELINING), mail_accepted;
	int mail_ms = smtp_client_wait(client->timeouts.mail_ms, SMTP_WAIT_MAIL_MS);

	*stale = false;
	if (client->reset_needed &&
	    smtp_client_command(client, "RSET", STR("RSET"),
	                        smtp_client_wait(client->timeouts.rset_ms, SMTP_WAIT_COMMAND_MS), err) != 0) {
		*stale = true;
		return -1;
	}
	client->reset_needed = true;
	smtp_client_set_wait(client, mail_ms);
	write_mail(t);
	for (size_t i = 0; pipelining && i < t->count; i++)
		write_rcpt(t, t->recipients[i]);
	if (pipelining)
		write_data(t);
	if (smtp_client_read_reply(client, "MAIL FROM", mail_ms, err) != 0) {
		*stale = t->reused;
		return -1;
	}
	if (client->reply.code == 421 && t->reused) {
		*stale = true;
		return smtp_client_refused(client, "MAIL FROM", err);
	}
	mail_accepted = smtp_reply_class(&client->reply) == 2;
	if (!mail_accepted)
		decide_rest(t, &client->reply, false);
	for (size_t i = 0; (pipelining || mail_accepted) && i < t->count; i++) {
		if (!pipelining)
			write_rcpt(t, t->recipients[i]);
		if (read_rcpt(t, t->recipients[i], mail_accepted, err) != 0)
			return -1;
	}
	if (!pipelining && t->accepted_count == 0)
		return 0;
	if (!pipelining)
		write_data(t);
	if (smtp_client_read_reply(client, "DATA", smtp_client_wait(client->timeouts.data_ms, SMTP_WAIT_DATA_MS), err) != 0)
		return -1;
	if (client->reply.code == 354)
		return send_content(t, err);
	decide_rest(t, &client->reply, false);
	return 0;
}

/* Put the next recipients that are undecided into a transaction. Returns their number. */
static size_t collect(struct transaction *t)
{
	t->count = t->accepted_count = 0;
	t->utf8 = message_is_utf8(t->message, &t->needs);
	for (size_t i = 0; i < t->message->recipient_count && t->count < SMTP_CLIENT_RECIPIENTS_MAX; i++) {
		struct smtp_recipient *recipient = &t->message->recipients[i];

		if (recipient->outcome != SMTP_UNDECIDED)
			continue;
		t->utf8 = t->utf8 || !is_ascii(recipient->address);
		t->recipients[t->count++] = recipient;
	}
	return t->count;
}

int smtp_client_send(struct smtp_client *client, struct smtp_message *message, struct arena *arena, struct err *err)
{
	struct transaction t = {.client = client, .message = message, .arena = arena, .reused = client->used};
	bool stale;

	if (scan(message, &t.needs, err) != 0) {
		decide_all(message, SMTP_DEFERRED, "4.3.0", arena_copy(arena, str_of(err->text)));
		return 0;
	}
	/* What the server offered long ago fails nobody: it is asked again over a new connection. */
	client->used = true;
	if (t.reused && refuse_what_cannot_pass(client, message, &t.needs, true) > 0) {
		smtp_client_close(client);
		return err_set(err, SMTP_CLIENT_LACKS, "The server did not offer what the message needs");
	}
	refuse_what_cannot_pass(client, message, &t.needs, false);
	for (; collect(&t) > 0; t.reused = false) {
		if (run_transaction(&t, &stale, err) == 0)
			continue;
		if (stale && t.reused) {
			smtp_client_close(client);
			return -1;
		}
		/* What was said before the connection ended stays; for everybody else it is a doubt. */
		decide_all(message, SMTP_DEFERRED, "4.4.2",
		           client->reply.code != 0 ? smtp_reply_words(&client->reply, arena)
		                                   : arena_copy(arena, str_of(err->text)));
		smtp_client_close(client);
	}
	return 0;
}
