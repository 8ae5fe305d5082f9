#include "pop3d/login/login.h"

#include "common/base/io.h"
#include "common/base/log.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	MEMORY_MAX = 256 << 20,
	CPU_SECONDS = 3600, /* a session under TLS lasts as long as the mailbox is read */
	DESCRIPTORS_MAX = 64,
};

static const struct {
	void (*run)(struct login *login, const struct pop3_command *command);
	bool has_argument; /* must have one; the others must have none, but AUTH may */
	bool logs_in;      /* not before TLS where that is required */
	bool is_plain;     /* the same where passwords must not cross in clear */
} commands[POP3_VERB_COUNT] = {
    [POP3_APOP] = {login_apop, .has_argument = true, .logs_in = true},
    [POP3_AUTH] = {login_auth, .has_argument = true, .logs_in = true},
    [POP3_CAPA] = {login_capa},
    [POP3_PASS] = {login_pass, .has_argument = true, .logs_in = true, .is_plain = true},
    [POP3_QUIT] = {login_quit},
    [POP3_STLS] = {login_stls},
    [POP3_USER] = {login_user, .has_argument = true, .logs_in = true, .is_plain = true},
};

bool login_is_open(const struct login *login)
{
	return login->encryption != SERVICE_REQUIRED || login->conn.tls_active;
}

bool login_plain_is_open(const struct login *login)
{
	return login_is_open(login) && (login->conn.tls_active || !login->encrypted_auth);
}

static void run_command(struct login *login, struct str line)
{
	struct pop3_command command = pop3_command_parse(line);
	bool bare = pop3_command_is_bare(&command);

	if (command.verb == POP3_UNKNOWN)
		conn_write(&login->conn, STR("-ERR Unknown command\r\n"));
	else if (commands[command.verb].run == NULL)
		conn_write(&login->conn, STR("-ERR Log in first\r\n"));
	else if ((commands[command.verb].logs_in && !login_is_open(login)) ||
	         (commands[command.verb].is_plain && !login_plain_is_open(login)))
		conn_write(&login->conn, STR("-ERR Issue a STLS command first\r\n"));
	else if (bare && commands[command.verb].has_argument && command.verb != POP3_AUTH)
		conn_write(&login->conn, STR("-ERR An argument is missing\r\n"));
	else if (!bare && !commands[command.verb].has_argument)
		conn_write(&login->conn, STR("-ERR The command takes no argument\r\n"));
	else
		commands[command.verb].run(login, &command);
}

static void converse(struct login *login)
{
	while (!login->ended) {
		struct str line;
		struct err err;

		if (conn_read_line(&login->conn, POP3_LINE_MAX, true, &line, &err) == 0) {
			run_command(login, line);
		} else if (err.code == ERR_LIMIT && login->conn.failed == 0) {
			conn_write(&login->conn, STR("-ERR The line is too long\r\n"));
		} else {
			/* RFC 1939 section 3: after the time limit the connection is closed without a response */
			log_debug("session ended before the login, peer=%s: %s", login->conn.peer, err.text);
			login->ended = true;
		}
	}
}

/* RFC 1939 7: a challenge in the greeting says that APOP can be used. */
static void add_challenge(struct login *login)
{
	struct buf challenge;
	struct err err;

	if (!login->sasl.challenges || !login_is_open(login))
		return;
	buf_init(&challenge, POP3_LINE_MAX);
	login->has_challenge = sasl_begin_apop(&login->sasl, &challenge, &err) == 0;
	if (login->has_challenge)
		conn_printf(&login->conn, " %s", buf_text(&challenge));
	else
		log_warning("no challenge for APOP: %s", err.text);
	buf_free(&challenge);
}

/* Where the session's answers begin: the greeting, or why there is none. False: it ends here. */
static bool greet(struct login *login)
{
	if (!login->service->decision.allow) {
		log_info("access not allowed, service=pop3 peer=%s", login->conn.peer);
		status_security(&login->status, "", STATUS_BY_ACCESS_LIST);
		conn_printf(&login->conn, "-ERR %sServer access not allowed!\r\n", login->anonymise ? "" : "Postroom ");
		return false;
	}
	conn_printf(&login->conn, "+OK %s Server Ready", login->anonymise ? "POP3" : "Postroom");
	add_challenge(login);
	conn_write(&login->conn, STR("\r\n"));
	return true;
}

/* A service that was deleted meanwhile takes nothing in clear any more. */
static enum service_encryption read_encryption(const struct login_service *service, int64_t id)
{
	const struct service *found = settings_service(&service->settings, id);

	/* without a certificate STLS cannot be offered; what is required stays so */
	if (found != NULL && found->encryption == SERVICE_OPTIONAL && service->tls.context == NULL)
		return SERVICE_CLEAR;
	return found != NULL ? found->encryption : SERVICE_REQUIRED;
}

/* Open all that the session will need, then give up the right to open anything. */
static int prepare(struct login *login, struct err *err)
{
	struct login_service *service = login->service;
	struct err unreachable;

	access_leave(&service->access);
	/* Where a daemon is away the session goes on without: the client is told when it logs in. */
	if (ipc_connect(&login->authd, &service->daemon.instance, "authd", "pop3-login", &unreachable) != 0)
		log_warning("%s", unreachable.text);
	if (ipc_connect(&login->pop3d, &service->daemon.instance, "pop3d", "pop3-login", &unreachable) != 0)
		log_warning("%s", unreachable.text);
	status_begin(&login->status, &service->daemon.instance, "pop3-login", "pop3", login->conn.peer, false);
	transcript_begin(&login->transcript, &login->conn, &service->settings, TRANSCRIPT_POP3, "pop3-login");
	if (sandbox_limit(MEMORY_MAX, CPU_SECONDS, DESCRIPTORS_MAX, err) != 0)
		return -1;
	return sandbox_enter(&service->sandbox, err);
}

static int start_tls(struct login *login, struct err *err)
{
	if (login->service->tls.context == NULL)
		return err_set(err, ERR_NOT_FOUND, "there is no certificate");
	if (conn_accept_tls(&login->conn, login->service->tls.context, err) != 0)
		return -1;
	status_tls(&login->status);
	return 0;
}

int login_session(int fd, const struct listen_origin *origin, void *context)
{
	struct login_service *service = context;
	int timeout_ms = (int)settings_number(&service->settings, SETTING_POP3_TIMEOUT) * 1000;
	struct login login = {.service = service,
	                      .service_id = origin->service,
	                      .authd = {.fd = -1},
	                      .pop3d = {.fd = -1},
	                      .status = {{.fd = -1}}};
	struct err err;
	int result = 0;

	login.encryption = read_encryption(service, origin->service);
	conn_init(&login.conn, fd, timeout_ms);
	login.conn.deadline_ms = io_now_ms() + timeout_ms;
	login.anonymise = settings_flag(&service->settings, SETTING_ANONYMISE);
	login.encrypted_auth = settings_flag(&service->settings, SETTING_POP3_ENCRYPTED_AUTH);
	login.sasl = (struct sasl){.conn = &login.conn,
	                           .authd = &login.authd,
	                           .service = "pop3",
	                           .prompt = "+ ",
	                           .bare_lf = true,
	                           .challenges = settings_flag(&service->settings, SETTING_LOGIN_CHALLENGES),
	                           .binds = settings_flag(&service->settings, SETTING_LOGIN_BINDING)};
	buf_init(&login.user, POP3_LINE_MAX);
	buf_init(&login.mechanisms, SASL_MECHANISMS_MAX);
	buf_init(&login.usable, SASL_MECHANISMS_MAX);
	if (gate_is_shut(&service->known, &service->daemon.instance, "pop3-login", login.conn.peer)) {
		if (login.encryption != SERVICE_TLS)
			conn_write(&login.conn, STR("-ERR " GATE_TEXT "\r\n"));
	} else if (prepare(&login, &err) != 0 || (login.encryption == SERVICE_TLS && start_tls(&login, &err) != 0)) {
		log_info("session could not begin, service=%s peer=%s: %s", origin->name, login.conn.peer, err.text);
		result = 1;
	} else if (greet(&login)) {
		converse(&login);
	}
	conn_flush(&login.conn, &err);
	transcript_end(&login.transcript);
	conn_close(&login.conn);
	ipc_close(&login.authd);
	ipc_close(&login.pop3d);
	status_end(&login.status);
	buf_free(&login.user);
	buf_free(&login.mechanisms);
	buf_free(&login.usable);
	return result;
}

void login_refuse(int fd, const struct listen_origin *origin, bool per_address, void *context)
{
	const struct login_service *service = context;
	bool anonymise = settings_flag(&service->settings, SETTING_ANONYMISE);
	char line[128];
	int len;

	if (read_encryption(service, origin->service) == SERVICE_TLS)
		return; /* nothing can be said in clear there, and a handshake would be waiting */
	len = snprintf(line, sizeof line, "-ERR [SYS/TEMP] %sToo many connections%s - try later\r\n",
	               anonymise ? "" : "Postroom ", per_address ? " from your IP address" : "");
	send(fd, line, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL);
}
