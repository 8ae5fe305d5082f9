#include "smtpd/smtpd.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/login/sasl.h"
#include "smtpd/backlog.h"
#include "smtpd/collect.h"
#include "smtpd/greylist.h"
#include "smtpd/mailbox_quota.h"
#include "smtpd/send_quota.h"
#include "smtpd/sender_auth.h"

#include <signal.h>
#include <sys/socket.h>

enum {
	MEMORY_MAX = 256 << 20,
	CPU_SECONDS = 600,
	DESCRIPTORS_MAX = 64,
	VERB_SHOWN = 20, /* octets of a wrong command that are told */
	/* Octets of a command with CRLF: RFC 5321 4.5.3.1.4, and what RFC 1870, 3461, 4954, 6152 and 6531 add. */
	LINE = 512,
	MAIL_LINE = LINE + 26 + 17 + 10 + 500 + 8 + 107,
	RCPT_LINE = LINE + 28 + 501,
};

/* What must hold for a command to run; what must not. */
enum command_condition {
	NEEDS_HELO = 1,
	BEFORE_TLS = 2, /* may be used before TLS where that is required (RFC 3207 4) */
	NEEDS_MAIL = 4,
	NEEDS_RECIPIENT = 8,
	NOT_IN_MAIL = 16,
	NO_ARGUMENT = 32,
	NOT_IN_CHUNKS = 64,
	HAS_CHUNK = 128, /* octets follow its line, which must not be taken for commands (RFC 3030 2) */
};

struct command {
	const char *verb;
	void (*run)(struct session *session, struct str argument);
	size_t line_max;
	unsigned conditions;
	const char *hook; /* function of smtpsvr.lua that is asked first; MAIL, RCPT and DATA ask when they accept */
};

static const struct command commands[] = {
    {"MAIL", command_mail, MAIL_LINE, NEEDS_HELO | NOT_IN_MAIL, NULL},
    {"RCPT", command_rcpt, RCPT_LINE, NEEDS_HELO | NEEDS_MAIL | NOT_IN_CHUNKS, NULL},
    {"DATA", command_data, LINE, NEEDS_HELO | NEEDS_MAIL | NEEDS_RECIPIENT | NOT_IN_CHUNKS | NO_ARGUMENT, NULL},
    {"BDAT", command_bdat, LINE, NEEDS_HELO | NEEDS_MAIL | NEEDS_RECIPIENT | HAS_CHUNK, NULL},
    {"EHLO", command_ehlo, LINE, BEFORE_TLS, "DoHELO"},
    {"HELO", command_helo, LINE, BEFORE_TLS, "DoHELO"},
    {"QUIT", command_quit, LINE, BEFORE_TLS | NO_ARGUMENT, "DoQUIT"},
    {"RSET", command_rset, LINE, NO_ARGUMENT, "DoRSET"},
    {"NOOP", command_noop, LINE, BEFORE_TLS, "DoNOOP"},
    {"STARTTLS", command_starttls, LINE, BEFORE_TLS | NO_ARGUMENT, NULL},
    {"AUTH", command_auth, SASL_LINE_MAX, NEEDS_HELO, NULL},
    {"VRFY", command_vrfy, LINE, 0, "DoVRFY"},
    {"EXPN", command_expn, LINE, 0, "DoEXPN"},
    {"HELP", command_help, LINE, 0, "DoHELP"},
    {"GET", command_http, SASL_LINE_MAX, BEFORE_TLS, NULL},
    {"POST", command_http, SASL_LINE_MAX, BEFORE_TLS, NULL},
    {"PUT", command_http, SASL_LINE_MAX, BEFORE_TLS, NULL},
    {"HEAD", command_http, SASL_LINE_MAX, BEFORE_TLS, NULL},
    {"OPTIONS", command_http, SASL_LINE_MAX, BEFORE_TLS, NULL},
    {"CONNECT", command_http, SASL_LINE_MAX, BEFORE_TLS, NULL},
};

/* Told to end (SIGTERM). While the session waits for a command, its wait is ended at once. */
static volatile sig_atomic_t stopping;
static volatile sig_atomic_t waiting_fd = -1;

static void stop(int signal)
{
	(void)signal;
	stopping = 1;
	if (waiting_fd >= 0)
		shutdown((int)waiting_fd, SHUT_RD);
}

bool session_may_relay(const struct session *session)
{
	return session->user[0] != '\0' ? session->login_token[0] != '\0'
	                                : session->address_token[0] != '\0' && !session->hooks.no_relay;
}

const char *session_host(const struct session *session)
{
	const char *own = settings_text(&session->smtpd->settings, SETTING_SMTP_HOST_NAME);

	return own[0] != '\0' ? own : settings_host_name(&session->smtpd->settings);
}

struct str session_default_domain(const struct session *session)
{
	return session->is_local ? str_of(settings_default_domain(&session->smtpd->settings)) : STR("");
}

static const struct command *command_find(struct str verb)
{
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		if (str_equal_nocase(verb, str_of(commands[i].verb)))
			return &commands[i];
	return NULL;
}

/* What stands against running a command now; NULL: nothing. */
static const struct smtp_refusal *find_obstacle(const struct session *session, unsigned conditions, struct str argument)
{
	static const struct smtp_refusal needs_tls = {530, "5.7.0", "Must issue a STARTTLS command first"};
	static const struct smtp_refusal no_tls = {454, "4.7.0", "TLS not available due to temporary reason"};
	static const struct smtp_refusal no_parameters = {501, "5.5.4", "The command takes no parameters"};
	static const struct smtp_refusal needs_helo = {503, "5.5.1", "Say EHLO first"};
	static const struct smtp_refusal needs_mail = {503, "5.5.1", "Say MAIL first"};
	static const struct smtp_refusal in_mail = {503, "5.5.1", "A mail transaction is open already"};
	static const struct smtp_refusal in_chunks = {503, "5.5.1", "The message comes in chunks already"};
	static const struct smtp_refusal no_recipients = {503, "5.5.1", "No valid recipients"}; /* RFC 5321 3.3 */
	const struct transaction *transaction = &session->transaction;

	if (tls_is_needed(session) && (conditions & BEFORE_TLS) == 0)
		return session->smtpd->tls.context != NULL ? &needs_tls : &no_tls; /* or the certificate is gone */
	if ((conditions & NO_ARGUMENT) != 0 && argument.len != 0)
		return &no_parameters;
	if ((conditions & NEEDS_HELO) != 0 && session->helo[0] == '\0')
		return &needs_helo;
	if ((conditions & NEEDS_MAIL) != 0 && !transaction->open)
		return &needs_mail;
	if ((conditions & NOT_IN_MAIL) != 0 && transaction->open)
		return &in_mail;
	if ((conditions & NOT_IN_CHUNKS) != 0 && transaction->intake != NULL)
		return &in_chunks;
	if ((conditions & NEEDS_RECIPIENT) != 0 && transaction->count == 0)
		return &no_recipients;
	return NULL;
}

static void run_command(struct session *session, const struct command *command, struct str argument)
{
	const struct smtp_refusal *obstacle = find_obstacle(session, command->conditions, argument);

	if (obstacle != NULL && (command->conditions & HAS_CHUNK) != 0)
		chunk_refuse(session, argument, obstacle);
	else if (obstacle != NULL)
		reply_refusal(session, obstacle);
	else if (command->hook == NULL || hooks_permit(session, command->hook, argument))
		command->run(session, argument);
}

static void answer_line(struct session *session, struct str line)
{
	const struct command *command;
	struct smtp_refusal refusal;
	struct smtp_command parsed;

	if (line.data == NULL) {
		reply(session, 500, "5.5.6", "Line too long");
		return;
	}
	if (smtp_parse_command(line, &parsed, &refusal) != 0) {
		reply_refusal(session, &refusal);
		return;
	}
	command = command_find(parsed.verb);
	if (line.len + 2 > (command != NULL ? command->line_max : LINE))
		reply(session, 500, "5.5.6", "Line too long");
	else if (command == NULL && hooks_unrecognised(session, line))
		reply(session, 500, "5.5.1", "Command not recognised");
	else if (command != NULL)
		run_command(session, command, parsed.argument);
}

/* Commands that the client got wrong are told, by their verb alone: what follows it may be a password. */
static void run_line(struct session *session, struct str line)
{
	struct str rest = line, verb = arena_copy(&session->command_arena, str_sub(str_cut(&rest, ' '), 0, VERB_SHOWN));
	unsigned errors = session->errors;

	answer_line(session, line);
	if (session->errors != errors)
		status_event(&session->status, POLICY_SYNTAX, line.data != NULL ? verb : STR("line too long"));
}

/* What is left of the end of a message, where any line ends are taken. -1: the connection failed. */
static int skip_stray(struct session *session, struct err *err)
{
	struct str bytes;

	if (session->stray == '\0')
		return 0;
	if (conn_read_some(&session->conn, &bytes, err) != 0)
		return -1;
	conn_consume(&session->conn, bytes.data[0] == session->stray ? 1 : 0);
	session->stray = '\0';
	return 0;
}

/*
 * The next command into line; data is NULL where that was longer than any may be. False: there is none, since the
 * connection failed, or the client was told to come back.
 */
static bool next_line(struct session *session, struct str *line)
{
	struct conn *conn = &session->conn;
	struct err err;
	int result = -1;

	conn->deadline_ms = io_now_ms() + 2 * (int64_t)conn->timeout_ms;
	waiting_fd = conn->fd;
	if (!stopping && (result = skip_stray(session, &err)) == 0)
		result = conn_read_line(conn, SASL_LINE_MAX, session->is_local, line, &err);
	waiting_fd = -1;
	if (stopping) {
		conn->failed = 0; /* ours was the reading end; the other may still hear */
		reply(session, 421, "4.3.2", "Server is stopping, try again later");
		return false;
	}
	if (result != 0 && err.code == ERR_LIMIT && conn->failed == 0)
		*line = (struct str){NULL, 0};
	else if (result != 0)
		return false;
	return true;
}

static void converse(struct session *session)
{
	struct str line;

	while (!session->closing && next_line(session, &line)) {
		settings_refresh(&session->smtpd->settings);
		run_line(session, line);
		session->hooks.instead = STR("");
		arena_reset(&session->command_arena);
		if (session->errors >= MAX_ERRORS && !session->closing) {
			reply(session, 421, "4.7.0", "Too many errors");
			session->closing = true;
		}
	}
	if (session->conn.read_timed_out)
		reply(session, 421, "4.4.2", "Timeout, closing the connection");
}

/* Open all that the session will need, then give up the right to open anything. */
static int confine(struct session *session, struct err *err)
{
	const struct instance *instance = &session->smtpd->daemon->instance;
	struct err away;

	/* Where a daemon is away the session goes on without, and answers temporarily where it would be asked. */
	if (ipc_connect(&session->resolver, instance, "resolver", "smtpd", &away) != 0)
		log_warning("%s", away.text);
	session->authd.fd = -1;
	if (!session->is_local && session->smtpd->mechanisms[0] != '\0' &&
	    ipc_connect(&session->authd, instance, "authd", "smtpd", &away) != 0)
		log_warning("%s", away.text);
	hooks_open(session);
	sender_auth_connect(session);
	greylist_connect(session);
	send_quota_connect(session);
	mailbox_quota_connect(session);
	collect_connect(session);
	backlog_connect(session);
	status_begin(&session->status, instance, "smtpd", session->service, session->peer, false);
	if (session->user[0] != '\0') /* elsewhere (handed.h) */
		status_login(&session->status, session->user, session->uid);
	transcript_begin(&session->transcript, &session->conn, &session->smtpd->settings, TRANSCRIPT_SMTP, "smtpd");
	if (sandbox_limit(MEMORY_MAX, CPU_SECONDS, DESCRIPTORS_MAX, err) != 0)
		return -1;
	return sandbox_enter(&session->smtpd->sandbox, err);
}

static void greet(struct session *session)
{
	bool anonymous = settings_flag(&session->smtpd->settings, SETTING_ANONYMISE);

	if (!relay_may_connect(session)) {
		log_info("access not allowed, service=%s peer=%s", session->service, session->peer);
		status_security(&session->status, "", STATUS_BY_ACCESS_LIST);
		reply(session, 554, "5.7.1", "%sServer access not allowed!", anonymous ? "" : "Postroom ");
		session->closing = true;
		return;
	}
	if (disk_has_room(session, SETTING_DISK_CONNECT)) {
		if (!hooks_at_start(session))
			return;
		reply(session, 220, NULL, "%s ESMTP %sserver ready", session_host(session), anonymous ? "" : "Postroom ");
		return;
	}
	log_warning("connection refused for want of disk space, client=%s", session->peer);
	reply(session, 421, "4.3.1", "Insufficient disk space, try again later");
	session->closing = true;
}

/* A service that was deleted meanwhile takes nothing in clear any more. */
static enum service_encryption encryption_of(const struct smtpd *smtpd, int64_t id)
{
	const struct service *service = settings_service(&smtpd->settings, id);

	if (id == 0)
		return SERVICE_CLEAR;
	return service != NULL ? service->encryption : SERVICE_REQUIRED;
}

static void begin(struct session *session, struct smtpd *smtpd, int fd, const struct listen_origin *origin)
{
	bool is_local = origin->service == 0;

	settings_use_service(&smtpd->settings, origin->service);
	*session = (struct session){
	    .smtpd = smtpd,
	    .service = origin->name,
	    .service_id = origin->service,
	    .encryption = encryption_of(smtpd, origin->service),
	    .is_local = is_local,
	    .is_submission = !is_local && settings_flag(&smtpd->settings, SETTING_SMTP_SUBMISSION),
	};
	conn_init(&session->conn, fd, (int)settings_number(&smtpd->settings, SETTING_SMTP_TIMEOUT) * 1000);
	str_copy(is_local ? STR("local") : str_of(session->conn.peer), session->peer, sizeof session->peer);
	arena_init(&session->command_arena);
	arena_init(&session->transaction_arena);
	arena_init(&session->permissions.arena);
}

void session_prepare(struct session *session, struct smtpd *smtpd, int fd, const struct listen_origin *origin)
{
	begin(session, smtpd, fd, origin);
	relay_prepare(session, fd);
}

void session_prepare_handed(struct session *session, struct smtpd *smtpd, int fd, const struct listen_origin *origin,
                            const char *peer)
{
	smtpd->mechanisms[0] = '\0'; /* nobody logs in there, or somebody has */
	begin(session, smtpd, fd, origin);
	session->is_handed = true;
	session->encryption = SERVICE_CLEAR; /* it is encrypted already, or was not to be */
	session->relay.check = RELAY_BY_ADDRESS;
	str_copy(str_of(peer), session->peer, sizeof session->peer);
	str_copy(str_of(peer), session->conn.peer, sizeof session->conn.peer);
}

static bool start_tls_at_once(struct session *session)
{
	if (session->smtpd->tls.context != NULL)
		return tls_begin(session) == 0;
	log_warning("service %s cannot work without a certificate", session->service);
	return false;
}

int session_run(struct session *session)
{
	struct sigaction on_stop = {.sa_handler = stop, .sa_flags = SA_RESTART};
	struct err err;
	int status = 0;

	sigaction(SIGTERM, &on_stop, NULL);
	token_key_wipe(&session->smtpd->key); /* from here on nothing makes another token */
	access_leave(&session->smtpd->access);
	if (!session->is_handed &&
	    gate_is_shut(&session->smtpd->known, &session->smtpd->daemon->instance, "smtpd", session->peer)) {
		if (session->encryption != SERVICE_TLS)
			reply(session, 421, "4.7.0", GATE_SMTP_TEXT);
	} else if (confine(session, &err) != 0) {
		log_error("session cannot be confined: %s", err.text);
		status = 1;
	} else if (session->encryption != SERVICE_TLS || start_tls_at_once(session)) {
		if (!session->is_local)
			bandwidth_begin(&session->bandwidth, &session->conn, &session->status, &session->smtpd->settings,
			                SETTING_SMTP_BANDWIDTH, NULL);
		greet(session);
		converse(session);
		hooks_at_end(session);
	}
	conn_flush(&session->conn, NULL);
	if (session->queued > 0 && settings_flag(&session->smtpd->settings, SETTING_LOG_CONNECTIONS))
		status_messages(&session->status, session->queued);
	transcript_end(&session->transcript);
	conn_close(&session->conn);
	return status; /* the process ends, and with it its channels and its memory */
}
