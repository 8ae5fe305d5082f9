#include "pop3d/pop3d.h"

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/pop3/capa.h"
#include "pop3d/extent.h"

#include <inttypes.h>
#include <unistd.h>

enum { UPDATE_WAIT_MS = 20000 }; /* for the mailbox's lock, at QUIT */

void pop3_reply_totals(struct session *session)
{
	conn_printf(&session->conn, "+OK %zu messages (%" PRId64 " octets)\r\n", session->count, session->bytes);
}

/* The message of a number that is not marked as deleted; else NULL, and the client has been told. */
static struct mailbox_message *find_message(struct session *session, uint32_t number)
{
	struct mailbox_message *message;

	if (number == 0 || number > session->list.count) {
		conn_write(&session->conn, STR("-ERR no such message\r\n"));
		return NULL;
	}
	message = &session->list.messages[number - 1];
	if ((message->flags & POP3_MARKED) != 0) {
		conn_printf(&session->conn, "-ERR message %u already deleted\r\n", number);
		return NULL;
	}
	return message;
}

/* The message whose number is the command's only argument. */
static struct mailbox_message *named_message(struct session *session, const struct pop3_command *command,
                                             uint32_t *number)
{
	if (!pop3_command_numbers(command, number, 1)) {
		conn_write(&session->conn, STR("-ERR a message number is expected\r\n"));
		return NULL;
	}
	return find_message(session, *number);
}

void pop3_capa(struct session *session, const struct pop3_command *command)
{
	const struct pop3_capabilities capabilities = {
	    .login = true,
	    .mechanisms = session->mechanisms,
	    .implementation = !settings_flag(&session->service->settings, SETTING_ANONYMISE),
	};

	(void)command;
	pop3_write_capabilities(&session->conn, &capabilities);
}

void pop3_noop(struct session *session, const struct pop3_command *command)
{
	(void)command;
	conn_write(&session->conn, STR("+OK\r\n"));
}

void pop3_stat(struct session *session, const struct pop3_command *command)
{
	(void)command;
	conn_printf(&session->conn, "+OK %zu %" PRId64 "\r\n", session->count, session->bytes);
}

/* One line of LIST or UIDL. */
static void write_scan(struct session *session, const char *before, size_t number,
                       const struct mailbox_message *message)
{
	conn_printf(&session->conn, "%s%zu %" PRId64 "\r\n", before, number, message->size);
}

static void write_unique(struct session *session, const char *before, size_t number,
                         const struct mailbox_message *message)
{
	char unique[STORE_UNIQUE_MAX];

	conn_printf(&session->conn, "%s%zu %s\r\n", before, number,
	            mailbox_unique(unique, session->list.uidvalidity, message->uid));
}

/* A line for the one message named, or for each that is not marked. */
static void write_listing(struct session *session, const struct pop3_command *command,
                          void (*write_line)(struct session *session, const char *before, size_t number,
                                             const struct mailbox_message *message))
{
	const struct mailbox_message *message;
	uint32_t number;

	if (!pop3_command_is_bare(command)) {
		message = named_message(session, command, &number);
		if (message != NULL)
			write_line(session, "+OK ", number, message);
		return;
	}
	pop3_reply_totals(session);
	for (size_t i = 0; i < session->list.count; i++)
		if ((session->list.messages[i].flags & POP3_MARKED) == 0)
			write_line(session, "", i + 1, &session->list.messages[i]);
	conn_write(&session->conn, STR(".\r\n"));
}

void pop3_list(struct session *session, const struct pop3_command *command)
{
	write_listing(session, command, write_scan);
}

void pop3_uidl(struct session *session, const struct pop3_command *command)
{
	write_listing(session, command, write_unique);
}

void pop3_dele(struct session *session, const struct pop3_command *command)
{
	uint32_t number;
	struct mailbox_message *message = named_message(session, command, &number);

	if (message == NULL)
		return;
	message->flags |= POP3_MARKED;
	session->count--;
	session->bytes -= message->size;
	conn_printf(&session->conn, "+OK message %u deleted\r\n", number);
}

void pop3_rset(struct session *session, const struct pop3_command *command)
{
	(void)command;
	for (size_t i = 0; i < session->list.count; i++)
		session->list.messages[i].flags &= ~(uint32_t)POP3_MARKED;
	session->count = session->list.count;
	session->bytes = session->list.bytes;
	pop3_reply_totals(session);
}

/* Open a message; -1 when it cannot be, and the client has been told. */
static int open_message(struct session *session, const struct mailbox_message *message)
{
	struct err err;
	int fd;

	if (mailbox_open_message(session->mailbox, STORE_INBOX, message->uid, &fd, &err) == 0)
		return fd;
	if (err.code == ERR_NOT_FOUND) {
		conn_write(&session->conn, STR("-ERR the message was removed meanwhile\r\n"));
	} else {
		log_error("cannot open message uid=%u of user=%s: %s", message->uid, session->user, err.text);
		conn_write(&session->conn, STR("-ERR [SYS/TEMP] the message cannot be read at the moment\r\n"));
	}
	return -1;
}

/* The first length octets as a multi-line answer. A failure ends the connection: half a message must not look whole. */
static void send_message(struct session *session, int fd, int64_t length)
{
	struct err err;

	if (conn_send_file(&session->conn, fd, 0, (off_t)length, true, &err) != 0) {
		if (err.code == ERR_CORRUPT || err.code == ERR_SYSTEM)
			log_error("cannot send a message of user=%s: %s", session->user, err.text);
		return;
	}
	conn_write(&session->conn, STR(".\r\n"));
	session->retrieved++;
}

void pop3_retr(struct session *session, const struct pop3_command *command)
{
	uint32_t number;
	const struct mailbox_message *message = named_message(session, command, &number);
	int fd = message != NULL ? open_message(session, message) : -1;

	if (fd < 0)
		return;
	conn_printf(&session->conn, "+OK %" PRId64 " octets\r\n", message->size);
	send_message(session, fd, message->size);
	close(fd);
	receipts_fetched(&session->receipts, session->mailbox, STORE_INBOX, message->uid, session->user);
}

void pop3_top(struct session *session, const struct pop3_command *command)
{
	const struct mailbox_message *message;
	uint32_t numbers[2];
	struct err err;
	int64_t length;
	int fd;

	if (!pop3_command_numbers(command, numbers, 2)) {
		conn_write(&session->conn, STR("-ERR a message number and a number of lines are expected\r\n"));
		return;
	}
	message = find_message(session, numbers[0]);
	fd = message != NULL ? open_message(session, message) : -1;
	if (fd < 0)
		return;
	if (extent_top(fd, message->size, numbers[1], &length, &err) == 0) {
		conn_write(&session->conn, STR("+OK top of message follows\r\n"));
		send_message(session, fd, length);
	} else {
		log_error("cannot read message uid=%u of user=%s: %s", message->uid, session->user, err.text);
		conn_write(&session->conn, STR("-ERR [SYS/TEMP] the message cannot be read at the moment\r\n"));
	}
	close(fd);
}

/* RFC 1939 section 6: remove what was marked, all or nothing. *removed: how many were marked. */
static int update(struct session *session, size_t *removed, struct err *err)
{
	size_t marked = session->list.count - session->count;
	uint32_t *uids;
	int result;

	*removed = marked;
	if (marked == 0)
		return 0;
	uids = memory_get(marked * sizeof *uids);
	marked = 0;
	for (size_t i = 0; i < session->list.count; i++)
		if ((session->list.messages[i].flags & POP3_MARKED) != 0)
			uids[marked++] = session->list.messages[i].uid;
	if (session->hold)
		result = mailbox_hold(session->mailbox, STORE_INBOX, uids, marked, UPDATE_WAIT_MS, NULL, err);
	else
		result = mailbox_expunge(session->mailbox, STORE_INBOX, uids, marked, UPDATE_WAIT_MS, NULL, err);
	memory_free(uids);
	if (result == 0)
		bell_wire_ring(&session->service->bell, &session->uid, 1);
	return result;
}

void pop3_quit(struct session *session, const struct pop3_command *command)
{
	size_t removed;
	struct err err;

	(void)command;
	session->ended = true;
	if (update(session, &removed, &err) == 0) {
		log_info("session ended, user=%s retrieved=%zu %s=%zu left=%zu", session->user, session->retrieved,
		         session->hold ? "held" : "deleted", removed, session->count);
		conn_write(&session->conn, STR("+OK signing off\r\n"));
	} else {
		log_error("cannot remove %zu messages of user=%s: %s", removed, session->user, err.text);
		conn_write(&session->conn, STR("-ERR [SYS/TEMP] the deleted messages could not be removed\r\n"));
	}
	/* A client may log in again as soon as it reads the answer. */
	mailbox_unlock_pop3(session->mailbox);
}
