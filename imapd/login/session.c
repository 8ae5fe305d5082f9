#include "imapd/login/login.h"

#include "common/base/io.h"
#include "common/base/log.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	MEMORY_MAX = 256 << 20,
	CPU_SECONDS = 24 * 3600, /* a session under TLS lasts as long as the mailbox is read, weeks maybe */
	DESCRIPTORS_MAX = 64,
	LOGIN_MS = 180000, /* for all that comes before the login (RFC 9051 5.4 speaks of what comes after) */
	MISTAKES_MAX = 20,
};

static const struct {
	const char *name;
	void (*run)(struct login *login);
} commands[] = {
    {"AUTHENTICATE", login_authenticate},
    {"CAPABILITY", login_capability},
    {"ID", login_id},
    {"LOGIN", login_login},
    {"LOGOUT", login_logout},
    {"NOOP", login_noop},
    {"STARTTLS", login_starttls},
};

bool login_is_open(const struct login *login)
{
	return login->encryption != SERVICE_REQUIRED || login->conn.tls_active;
}

bool login_plain_is_open(const struct login *login)
{
	return login_is_open(login) && (login->conn.tls_active || !login->encrypted_auth);
}

void login_answer(struct login *login, const char *status, const char *code, const char *text)
{
	conn_printf(&login->conn, "%.*s %s %s%s%s%s\r\n", STR_ARG(login->tag), status, code != NULL ? "[" : "",
	            code != NULL ? code : "", code != NULL ? "] " : "", text);
}

void login_refuse_command(struct login *login)
{
	const struct imap_parser *parser = &login->parser;

	if (parser->failure == IMAP_ENDED) {
		log_debug("session ended before the login, peer=%s: %s", login->conn.peer, parser->message);
		login->ended = true;
		return;
	}
	if (login->tag.len == 0)
		login->tag = STR("*");
	if (parser->failure == IMAP_TOO_BIG || parser->failure == IMAP_TOO_LONG)
		log_info("limit exceeded, peer=%s: %s", login->conn.peer, parser->message);
	login_answer(login, "BAD", parser->failure == IMAP_TOO_BIG ? "TOOBIG" : NULL, parser->message);
	if (++login->mistakes < MISTAKES_MAX)
		return;
	conn_write(&login->conn, STR("* BYE Too many commands that make no sense\r\n"));
	login->ended = true;
}

static void run_command(struct login *login, struct str name)
{
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		if (str_equal(name, str_of(commands[i].name))) {
			commands[i].run(login);
			return;
		}
	}
	/* what imapd knows, and what nobody does, are answered alike: there is no second list of commands here */
	imap_fail(&login->parser, IMAP_BAD, "Unknown command, or one that comes after the login");
	login_refuse_command(login);
}

static void converse(struct login *login)
{
	while (!login->ended) {
		struct str name;

		if (imap_parse_command(&login->parser, &login->tag, &name))
			run_command(login, name);
		else
			login_refuse_command(login);
		if (!login->ended && !imap_parse_finish(&login->parser))
			login->ended = true;
		arena_wipe(&login->arena);
	}
}

/* Where the session's answers begin: the greeting, or why there is none. False: it ends here. */
static bool greet(struct login *login)
{
	const char *product = login->anonymise ? "" : "Postroom ";

	if (!login->service->decision.allow) {
		log_info("access not allowed, service=imap peer=%s", login->conn.peer);
		status_security(&login->status, "", STATUS_BY_ACCESS_LIST);
		conn_printf(&login->conn, "* BYE %sIMAP4rev1 Server access not allowed!\r\n", product);
		return false;
	}
	conn_printf(&login->conn, "* OK [CAPABILITY %.*s] %sIMAP4rev1 Server Ready\r\n", STR_ARG(login_capabilities(login)),
	            product);
	return true;
}

/* As the service is set; one that was deleted meanwhile takes nothing in clear any more. */
static enum service_encryption usual_encryption(const struct login_service *service, int64_t id)
{
	const struct service *found = settings_service(&service->settings, id);

	return found != NULL ? found->encryption : SERVICE_REQUIRED;
}

/* As the settings say; a script may know better. */
static enum service_encryption choose_encryption(struct login *login)
{
	enum service_encryption usual = usual_encryption(login->service, login->service_id), chosen;

	chosen = imap_hook_encryption(&login->script, &login->conn, usual, &login->arena);
	/* without a certificate STARTTLS cannot be offered; what is required stays so */
	return chosen == SERVICE_OPTIONAL && login->service->tls.context == NULL ? SERVICE_CLEAR : chosen;
}

/* Open all that the session will need, then give up the right to open anything. */
static int prepare(struct login *login, struct err *err)
{
	struct login_service *service = login->service;
	const struct instance *instance = &service->daemon.instance;
	struct err unreachable;

	access_leave(&service->access);
	/* Where a daemon is away the session goes on without: the client is told when it logs in. */
	if (ipc_connect(&login->authd, instance, "authd", "imap-login", &unreachable) != 0)
		log_warning("%s", unreachable.text);
	if (ipc_connect(&login->imapd, instance, "imapd", "imap-login", &unreachable) != 0)
		log_warning("%s", unreachable.text);
	status_begin(&login->status, instance, "imap-login", "imap", login->conn.peer, false);
	transcript_begin(&login->transcript, &login->conn, &service->settings, TRANSCRIPT_IMAP, "imap-login");
	script_open(&login->script, instance, IMAP_SCRIPT, NULL, &login->status);
	if (script_allow(&service->sandbox, instance, err) != 0 ||
	    sandbox_limit(MEMORY_MAX, CPU_SECONDS, DESCRIPTORS_MAX, err) != 0)
		return -1;
	return sandbox_enter(&service->sandbox, err);
}

/* Where the connection begins with TLS, see to it. */
static int begin_tls(struct login *login, struct err *err)
{
	if (login->encryption != SERVICE_TLS)
		return 0;
	if (login->service->tls.context == NULL)
		return err_set(err, ERR_NOT_FOUND, "there is no certificate");
	if (conn_accept_tls(&login->conn, login->service->tls.context, err) != 0)
		return -1;
	status_tls(&login->status);
	return 0;
}

/* All that comes before the greeting. -1: there will be none. */
static int begin(struct login *login, struct err *err)
{
	if (prepare(login, err) != 0)
		return -1;
	login->encryption = choose_encryption(login);
	return begin_tls(login, err);
}

int login_session(int fd, const struct listen_origin *origin, void *context)
{
	struct login_service *service = context;
	struct login login = {.service = service, .service_id = origin->service, .authd = {.fd = -1}, .imapd = {.fd = -1}};
	struct err err;
	int result = 0;

	login.encrypted_auth = settings_flag(&service->settings, SETTING_IMAP_ENCRYPTED_AUTH);
	login.anonymise = settings_flag(&service->settings, SETTING_ANONYMISE);
	conn_init(&login.conn, fd, LOGIN_MS);
	login.conn.deadline_ms = io_now_ms() + LOGIN_MS;
	login.sasl = (struct sasl){.conn = &login.conn,
	                           .authd = &login.authd,
	                           .service = "imap",
	                           .prompt = "+ ",
	                           .bare_lf = true,
	                           .challenges = settings_flag(&service->settings, SETTING_LOGIN_CHALLENGES),
	                           .binds = settings_flag(&service->settings, SETTING_LOGIN_BINDING)};
	arena_init(&login.arena);
	imap_parser_init(&login.parser, &login.conn, &login.arena, IMAP_LOGIN_LITERAL_MAX);
	buf_init(&login.mechanisms, SASL_MECHANISMS_MAX);
	if (gate_is_shut(&service->known, &service->daemon.instance, "imap-login", login.conn.peer)) {
		if (usual_encryption(service, origin->service) != SERVICE_TLS)
			conn_write(&login.conn, STR("* BYE " GATE_TEXT "\r\n"));
	} else if (begin(&login, &err) != 0) {
		log_info("session could not begin, service=%s peer=%s: %s", origin->name, login.conn.peer, err.text);
		result = 1;
	} else if (greet(&login)) {
		converse(&login);
	}
	conn_flush(&login.conn, &err);
	transcript_end(&login.transcript);
	conn_close(&login.conn);
	ipc_close(&login.authd);
	ipc_close(&login.imapd);
	status_end(&login.status);
	arena_free(&login.arena);
	buf_free(&login.mechanisms);
	return result;
}

void login_refuse(int fd, const struct listen_origin *origin, bool per_address, void *context)
{
	const struct login_service *service = context;
	bool anonymise = settings_flag(&service->settings, SETTING_ANONYMISE);
	char line[128];
	int len;

	if (usual_encryption(service, origin->service) == SERVICE_TLS)
		return; /* nothing can be said in clear there, and a handshake would be waiting */
	len = snprintf(line, sizeof line, "* BYE [UNAVAILABLE] %sToo many connections%s - try later\r\n",
	               anonymise ? "" : "Postroom ", per_address ? " from your IP address" : "");
	send(fd, line, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL);
}
