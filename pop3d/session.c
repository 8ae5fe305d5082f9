#include "pop3d/pop3d.h"

#include "common/base/log.h"
#include "common/store/bin.h"
#include "pop3d/extent.h"

#include <inttypes.h>
#include <unistd.h>

enum {
	MEMORY_MAX = 256 << 20,
	CPU_SECONDS = 3600,
	DESCRIPTORS_MAX = 64,
	OPEN_WAIT_MS = 20000, /* for the mailbox's lock, which a delivery or a repair may hold */
};

static const struct {
	void (*run)(struct session *session, const struct pop3_command *command);
	bool bare; /* takes no argument */
} commands[POP3_VERB_COUNT] = {
    [POP3_CAPA] = {pop3_capa, true},  [POP3_DELE] = {pop3_dele, false}, [POP3_LIST] = {pop3_list, false},
    [POP3_NOOP] = {pop3_noop, true},  [POP3_QUIT] = {pop3_quit, true},  [POP3_RETR] = {pop3_retr, false},
    [POP3_RSET] = {pop3_rset, true},  [POP3_STAT] = {pop3_stat, true},  [POP3_TOP] = {pop3_top, false},
    [POP3_UIDL] = {pop3_uidl, false},
};

static void run_command(struct session *session, struct str line)
{
	struct pop3_command command = pop3_command_parse(line);

	if (command.verb == POP3_UNKNOWN)
		conn_write(&session->conn, STR("-ERR Unknown command\r\n"));
	else if (commands[command.verb].run == NULL)
		conn_write(&session->conn, STR("-ERR You are logged in already\r\n"));
	else if (commands[command.verb].bare && !pop3_command_is_bare(&command))
		conn_write(&session->conn, STR("-ERR The command takes no argument\r\n"));
	else
		commands[command.verb].run(session, &command);
}

static void converse(struct session *session)
{
	while (!session->ended) {
		struct str line;
		struct err err;

		if (conn_read_line(&session->conn, POP3_LINE_MAX, true, &line, &err) == 0) {
			run_command(session, line);
		} else if (err.code == ERR_LIMIT && session->conn.failed == 0) {
			conn_write(&session->conn, STR("-ERR The line is too long\r\n"));
		} else {
			/* RFC 1939 section 3: without QUIT nothing is removed, and nothing is answered */
			log_info("session ended without QUIT, user=%s retrieved=%zu: %s", session->user, session->retrieved,
			         err.text);
			session->ended = true;
		}
	}
}

/* The setting pop3.strip-blank-lines: sizes are those of what will be sent, so each message's end is looked at. */
static int strip_sizes(struct session *session, struct err *err)
{
	session->list.bytes = 0;
	for (size_t i = 0; i < session->list.count; i++) {
		struct mailbox_message *message = &session->list.messages[i];
		int fd, result;

		if (mailbox_open_message(session->mailbox, STORE_INBOX, message->uid, &fd, err) == 0) {
			result = extent_strip(fd, message->size, &message->size, err);
			close(fd);
			if (result != 0)
				return -1;
		} else if (err->code != ERR_NOT_FOUND) {
			return -1;
		}
		session->list.bytes += message->size;
	}
	return 0;
}

/* Open and lock the mailbox and take the snapshot. */
static int open_mailbox(struct session *session, struct err *err)
{
	if (mailbox_open(&session->mailbox, &session->service->daemon.instance, session->uid, OPEN_WAIT_MS, err) != 0) {
		if (err->code == STORE_BUSY)
			err->code = ERR_TEMPORARY; /* not the lock of another POP3 session */
		return -1;
	}
	mailbox_set_bin(session->mailbox, settings_number(&session->service->settings, SETTING_MAILBOX_RECYCLE) * 3600);
	if (mailbox_lock_pop3(session->mailbox, err) != 0 ||
	    mailbox_list(session->mailbox, STORE_INBOX, &session->list, err) != 0 ||
	    (session->strip && strip_sizes(session, err) != 0))
		return -1;
	session->count = session->list.count;
	session->bytes = session->list.bytes;
	return 0;
}

/* Whose mailbox the ticket opens: authd knows, once. */
static int redeem(struct session *session, struct str ticket, struct err *err)
{
	struct ipc_channel authd;
	struct ipc_message request, reply;
	int result;

	if (ipc_connect(&authd, &session->service->daemon.instance, "authd", "pop3d", err) != 0)
		return -1;
	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "redeem");
	ipc_add(&request, "ticket", ticket);
	ipc_add_text(&request, "service", "pop3");
	result = ipc_call(&authd, &request, &reply, IPC_TIMEOUT_MS, err);
	if (result == 0 && (!ipc_get_text(&reply, "user", session->user, sizeof session->user) ||
	                    !ipc_get_number(&reply, "uid", 1, INT64_MAX, &session->uid)))
		result = err_set(err, ERR_PROTOCOL, "authd redeemed a ticket without naming the user");
	ipc_message_free(&request);
	ipc_message_free(&reply);
	ipc_close(&authd);
	return result;
}

/* The connection is ours now; under TLS the login process carries its bytes, and is no session any more. */
static void make_known(struct session *session)
{
	const struct instance *instance = &session->service->daemon.instance;

	status_begin(&session->status, instance, "pop3d", "pop3", session->conn.peer, session->tls);
	status_login(&session->status, session->user, session->uid);
	transcript_begin(&session->transcript, &session->conn, &session->service->settings, TRANSCRIPT_POP3, "pop3d");
	receipts_open(&session->receipts, &session->service->settings, instance, "pop3d");
}

/* From here on there is one mailbox, and nothing else in the world but the client. */
static int enter_sandbox(struct session *session, struct err *err)
{
	const struct instance *instance = &session->service->daemon.instance;
	struct sandbox *sandbox = &session->service->sandbox;
	char path[STORE_PATH_MAX];

	if (mailbox_make(instance, session->uid, err) != 0 ||
	    sandbox_allow(sandbox, mailbox_path(path, sizeof path, instance, session->uid), SANDBOX_WRITE, err) != 0 ||
	    script_allow(sandbox, instance, err) != 0 || sandbox_limit(MEMORY_MAX, CPU_SECONDS, DESCRIPTORS_MAX, err) != 0)
		return -1;
	if (sandbox_enter(sandbox, err) != 0)
		return -1;
	bandwidth_begin(&session->bandwidth, &session->conn, &session->status, &session->service->settings,
	                SETTING_POP3_BANDWIDTH, &(struct bandwidth_user){session->user, session->uid});
	return 0;
}

static void serve(struct session *session, struct str ticket)
{
	struct err err;
	int result = redeem(session, ticket, &err);

	if (result == 0)
		make_known(session);
	if (result == 0 && enter_sandbox(session, &err) == 0 && open_mailbox(session, &err) == 0) {
		log_info("session began, user=%s uid=%" PRId64 " peer=%s messages=%zu octets=%" PRId64, session->user,
		         session->uid, session->conn.peer, session->count, session->bytes);
		pop3_reply_totals(session);
		converse(session);
	} else if (err.code == STORE_BUSY) {
		log_info("mailbox in use, user=%s peer=%s", session->user, session->conn.peer);
		conn_write(&session->conn, STR("-ERR [IN-USE] Mailbox Locked\r\n"));
	} else {
		log_error("session could not begin, user=%s peer=%s: %s", session->user, session->conn.peer, err.text);
		conn_write(&session->conn, STR("-ERR [SYS/TEMP] The mailbox cannot be opened at the moment\r\n"));
	}
	conn_flush(&session->conn, &err);
	mailbox_close(session->mailbox);
	mailbox_list_free(&session->list);
}

/* The request of a login process: take the connection over. */
static int take_over(struct pop3_service *service, struct ipc_message *request)
{
	struct session session = {.service = service, .status = {{.fd = -1}}, .receipts = {.channel = {.fd = -1}}};
	int64_t tls = 0, number;
	int client = ipc_take_fd(request, 0);
	struct str ticket = ipc_get(request, "ticket"), input = ipc_get(request, "input");

	if (!ipc_is(request, "session") || client < 0 || ticket.data == NULL) {
		log_error("a request of pop3-login that is none");
		if (client >= 0)
			close(client);
		return 1;
	}
	settings_refresh(&service->settings);
	if (ipc_get_number(request, "service", 0, INT64_MAX, &number))
		settings_use_service(&service->settings, number);
	session.hold = settings_flag(&service->settings, SETTING_POP3_HOLD);
	session.strip = settings_flag(&service->settings, SETTING_POP3_STRIP_BLANK);
	conn_init(&session.conn, client, (int)settings_number(&service->settings, SETTING_POP3_TIMEOUT) * 1000);
	ipc_get_text(request, "peer", session.conn.peer, sizeof session.conn.peer);
	session.tls = ipc_get_number(request, "tls", 0, 1, &tls) && tls != 0;
	ipc_get_text(request, "mechanisms", session.mechanisms, sizeof session.mechanisms);
	buf_add_str(&session.conn.in, input);
	serve(&session, ticket);
	if (session.retrieved > 0 && settings_flag(&service->settings, SETTING_LOG_CONNECTIONS))
		status_messages(&session.status, (int64_t)session.retrieved);
	transcript_end(&session.transcript);
	receipts_close(&session.receipts);
	conn_close(&session.conn);
	status_end(&session.status);
	return 0;
}

int pop3_session(int fd, void *context)
{
	struct pop3_service *service = context;
	struct ipc_message request;
	struct err err;
	uint32_t sequence;
	int got, result = 0;

	if (!ipc_peer_is(fd, service->login_user)) {
		log_error("a connection from somebody who is not pop3-login");
		return 1;
	}
	ipc_message_init(&request);
	got = ipc_receive(fd, &request, &sequence, -1, &err); /* comes at the login; the client may take its time */
	close(fd);
	if (got < 0)
		log_error("cannot take a session over: %s", err.text);
	else if (got > 0)
		result = take_over(service, &request);
	ipc_message_free(&request);
	return got < 0 ? 1 : result;
}
