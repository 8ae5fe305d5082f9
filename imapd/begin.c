/* imapd: from the request of a login process to the client's first answer. */
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/net/bell.h"
#include "common/net/listen.h"
#include "common/net/listen_answer.h"
#include "common/policy/mailbox_quota.h"
#include "common/store/bin.h"
#include "imapd/context.h"
#include "imapd/guest.h"
#include "imapd/indexer.h"
#include "imapd/notify.h"
#include "imapd/shared.h"

#include <inttypes.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	MEMORY_MAX = 512 << 20,
	CPU_SECONDS = 24 * 3600, /* a session may last for weeks */
	DESCRIPTORS_MAX = 64,
	FAREWELL_S = 3,      /* for the command that runs, when the session has to end */
	PLACE_WAIT_MS = 500, /* a place may be taken for a moment by a login that only looks whether there is one */
};

/* What sessions of webmail are called, and the service that their tickets are for. */
#define SERVICE_WEB "web"

/* For whom a session in the owner's mailbox is, and in which groups he is. */
static int take_guest(struct guest *guest, const struct ipc_message *reply, struct err *err)
{
	struct str key, value;
	size_t position = 0;
	uint64_t group;

	if (!ipc_get_text(reply, "grantee", guest->name, sizeof guest->name) ||
	    !ipc_get_number(reply, "grantee-uid", 1, INT64_MAX, &guest->uid))
		return err_set(err, ERR_DENIED, "the ticket is no guest's");
	guest->groups = memory_get(GUEST_GROUPS_MAX * sizeof *guest->groups);
	while (guest->group_count < GUEST_GROUPS_MAX && ipc_next(reply, &position, &key, &value))
		if (str_equal(key, STR("group")) && str_to_u64(value, INT64_MAX, &group))
			guest->groups[guest->group_count++] = (int64_t)group;
	return 0;
}

static int take_user(struct session *session, const struct ipc_message *reply, struct err *err)
{
	if (!ipc_get_text(reply, "user", session->user, sizeof session->user) ||
	    !ipc_get_number(reply, "uid", 1, INT64_MAX, &session->uid))
		return err_set(err, ERR_PROTOCOL, "authd redeemed a ticket without naming the user");
	if (session->guest == NULL)
		return ipc_get(reply, "grantee").data == NULL ? 0 : err_set(err, ERR_DENIED, "the ticket is a guest's");
	memcpy(session->guest->owner, session->user, sizeof session->guest->owner);
	if (take_guest(session->guest, reply, err) != 0)
		return -1;
	memcpy(session->user, session->guest->name, sizeof session->user);
	return 0;
}

/* Whose mailbox the ticket opens: authd knows, once. The channel stays, bound to this user. */
static int redeem(struct session *session, struct str ticket, struct err *err)
{
	struct ipc_message request, reply;
	int result;

	if (ipc_connect(&session->authd, &session->imapd->daemon.instance, "authd", "imapd", err) != 0)
		return -1;
	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "redeem");
	ipc_add(&request, "ticket", ticket);
	ipc_add_text(&request, "service", session->is_web ? SERVICE_WEB : "imap");
	result = ipc_call(&session->authd, &request, &reply, IPC_TIMEOUT_MS, err);
	if (result == 0)
		result = take_user(session, &reply, err);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return result;
}

/* From here on there is one mailbox, and nothing else in the world but the client. */
static int enter_sandbox(struct session *session, struct err *err)
{
	const struct instance *instance = &session->imapd->daemon.instance;
	struct sandbox *sandbox = &session->imapd->sandbox;
	char path[STORE_PATH_MAX];

	if (mailbox_make(instance, session->uid, err) != 0 ||
	    sandbox_allow(sandbox, mailbox_path(path, sizeof path, instance, session->uid), SANDBOX_WRITE, err) != 0 ||
	    script_allow(sandbox, instance, err) != 0 || sandbox_limit(MEMORY_MAX, CPU_SECONDS, DESCRIPTORS_MAX, err) != 0)
		return -1;
	return sandbox_enter(sandbox, err);
}

/* The answer to the login; without a tag the session began without one. */
static void greet(struct session *session, struct str tag)
{
	struct str capabilities = session_capabilities(session);

	if (tag.len != 0)
		conn_printf(&session->conn, "%.*s OK [CAPABILITY %.*s] Logged in\r\n", STR_ARG(tag), STR_ARG(capabilities));
	else
		conn_printf(&session->conn, "* PREAUTH [CAPABILITY %.*s] Ready\r\n", STR_ARG(capabilities));
}

/* The limits of logins (05-13.3), for as long as the session lasts. imap-login looked already, where the connection can
 * stay; who comes here too late ends. NULL: there is room. */
static const char *take_places(struct session *session)
{
	const struct settings *settings = &session->imapd->settings;
	char address[STATUS_TEXT_MAX];
	const struct status_slot of_user = {.class = STATUS_IMAP_LOGIN,
	                                    .key = session->user,
	                                    .limit = (long)settings_number(settings, SETTING_IMAP_LOGINS),
	                                    .wait_ms = PLACE_WAIT_MS};
	const struct status_slot of_address = {.class = STATUS_IMAP_CONNECTION,
	                                       .key = status_address_key(session->conn.peer, address),
	                                       .limit = (long)settings_number(settings, SETTING_IMAP_CONNECTIONS),
	                                       .wait_ms = PLACE_WAIT_MS};
	struct err err;

	if (session->is_web)
		return NULL; /* a browser has several, which webadmin's own limits are for */
	if (status_acquire(&session->statusd, &of_user, &err) != 0)
		return "Too many logins for this user";
	if (address[0] != '\0' && status_acquire(&session->statusd, &of_address, &err) != 0)
		return "Too many connections from this address!";
	return NULL;
}

static void refuse(struct session *session, struct str tag, const struct err *err)
{
	bool in_use = err->code == STORE_BUSY; /* by a POP3 session */
	const char *text = in_use ? "Mailbox Locked" : "The mailbox cannot be opened at the moment";

	(in_use ? log_info : log_error)("session could not begin, user=%s peer=%s: %s", session->user, session->conn.peer,
	                                err->text);
	if (tag.len != 0)
		conn_printf(&session->conn, "%.*s NO [%s] %s\r\n", STR_ARG(tag), in_use ? "INUSE" : "UNAVAILABLE", text);
	conn_printf(&session->conn, "* BYE %s\r\n", text);
}

void session_rest(struct session *session)
{
	struct err err;

	session_take_recent(session);
	if (mailbox_sync(session->mailbox, &err) != 0)
		log_error("cannot sync the mailbox of user=%s: %s", session->user, err.text);
	if (session->waiting) /* not in the middle of a command */
		arena_free(&session->arena);
	script_close(&session->script);
	indexer_consider(session);
	mailbox_idle(session->mailbox);
}

static void rest(void *context)
{
	session_rest(context);
}

static void ring(void *context)
{
	session_ring_now(context);
}

/* What SIGTERM finds: the client's connection. */
static int client_fd = -1;
static volatile sig_atomic_t has_to_end;

bool session_has_to_end(void)
{
	return has_to_end != 0;
}

/* The client seems to say nothing more, so that the session ends between commands; a second time it just ends. */
static void end_soon(int signal)
{
	(void)signal;
	has_to_end = 1;
	shutdown(client_fd, SHUT_RD);
	alarm(FAREWELL_S);
}

static void end_now(int signal)
{
	(void)signal;
	_exit(0);
}

/* RFC 9051 3.4: a server closes no connection without a BYE before. */
static void prepare_farewell(int client)
{
	const struct sigaction soon = {.sa_handler = end_soon, .sa_flags = (int)SA_RESETHAND | SA_RESTART},
	                       now = {.sa_handler = end_now};

	client_fd = client;
	sigaction(SIGALRM, &now, NULL);
	sigaction(SIGTERM, &soon, NULL);
}

static void begin(struct session *session, struct str tag)
{
	const char *limit = take_places(session);

	if (limit != NULL) {
		log_info("login refused, user=%s peer=%s: %s", session->user, session->conn.peer, limit);
		if (tag.len != 0)
			conn_printf(&session->conn, "%.*s NO [LIMIT] %s\r\n", STR_ARG(tag), limit);
		session_bye(session, limit);
		return;
	}
	log_info("session began, user=%s uid=%" PRId64 " peer=%s", session->user, session->uid, session->conn.peer);
	session_make_defaults(session);
	session->conn.on_idle = rest;
	prepare_farewell(session->conn.fd);
	greet(session, tag);
	session_converse(session);
}

/* Before the sandbox, which closes the settings. */
static int read_quota(struct session *session, struct err *err)
{
	struct settings *settings = &session->imapd->settings;
	struct attributes attributes;

	if (attributes_load(settings, session->uid, &session->arena, &attributes, err) != 0)
		return -1;
	session->quota = mailbox_quota_of(settings, &attributes);
	arena_reset(&session->arena);
	return 0;
}

int session_open(struct session *session, struct str ticket, struct err *err)
{
	const struct imapd *imapd = session->imapd;

	if (session->guest == NULL)
		receipts_open(&session->receipts, &imapd->settings, &imapd->daemon.instance, "imapd");
	if (redeem(session, ticket, err) != 0 || read_quota(session, err) != 0 || enter_sandbox(session, err) != 0)
		return -1;
	if (mailbox_open(&session->mailbox, &imapd->daemon.instance, session->uid, IMAP_WAIT_MS, err) != 0) {
		if (err->code == STORE_BUSY)
			err->code = ERR_TEMPORARY; /* not the lock of a POP3 session */
		return -1;
	}
	if (settings_flag(&imapd->settings, SETTING_MAILBOX_EXCLUSIVE) && mailbox_share_pop3(session->mailbox, err) != 0)
		return -1;
	mailbox_set_bin(session->mailbox, settings_number(&imapd->settings, SETTING_MAILBOX_RECYCLE) * 3600);
	bell_claim(session->bell, session->uid);
	status_login(&session->statusd, session->user, session->uid);
	return 0;
}

/* What the client gave as its tag is written back to it: only what a tag may be. */
static struct str request_tag(const struct ipc_message *request)
{
	struct str tag = ipc_get(request, "tag");

	for (size_t i = 0; i < tag.len; i++)
		if (tag.data[i] <= ' ' || tag.data[i] >= 0x7f)
			return STR("");
	return tag.len <= IMAP_TAG_MAX ? tag : STR("");
}

struct session *session_new(struct imapd *imapd, int fd, const struct ipc_message *request, const char *service)
{
	struct session *session = memory_get(sizeof *session);
	int64_t tls = 0, number;

	settings_refresh(&imapd->settings);
	if (ipc_get_number(request, "service", 0, INT64_MAX, &number))
		settings_use_service(&imapd->settings, number);
	session->imapd = imapd;
	session->is_web = strcmp(service, SERVICE_WEB) == 0;
	session->authd.fd = session->receipts.channel.fd = -1;
	session->bell = listen_bell();
	conn_init(&session->conn, fd, (int)settings_number(&imapd->settings, SETTING_IMAP_TIMEOUT) * 1000);
	session->conn.on_wait = ring;
	session->conn.context = session;
	ipc_get_text(request, "peer", session->conn.peer, sizeof session->conn.peer);
	ipc_get_number(request, "tls", 0, 1, &tls);
	buf_add_str(&session->conn.in, ipc_get(request, "input"));
	status_begin(&session->statusd, &imapd->daemon.instance, "imapd", service, session->conn.peer, tls != 0);
	script_open(&session->script, &imapd->daemon.instance, IMAP_SCRIPT, NULL, &session->statusd);
	arena_init(&session->arena);
	imap_parser_init(&session->parser, &session->conn, &session->arena, IMAP_LITERAL_MAX);
	session->parser.drop_max = (uint64_t)settings_number(&imapd->settings, SETTING_IMAP_MAX_MESSAGE) * 2;
	return session;
}

void session_free(struct session *session)
{
	struct err err;

	conn_flush(&session->conn, &err);
	shared_close(session);
	session_take_recent(session);
	if (session->mailbox != NULL && mailbox_sync(session->mailbox, &err) != 0)
		log_error("cannot sync the mailbox of user=%s: %s", session->user, err.text);
	contexts_close(session);
	notify_free(session->notify);
	view_close(session->view);
	mailbox_close(session->mailbox);
	status_end(&session->statusd);
	receipts_close(&session->receipts);
	transcript_end(&session->transcript);
	ipc_close(&session->authd);
	conn_close(&session->conn);
	arena_free(&session->arena);
	memory_free(session->saved.ranges);
	memory_free(session);
}

static int take_over(struct imapd *imapd, struct ipc_message *request, const char *service)
{
	int client = ipc_take_fd(request, 0);
	struct str ticket = ipc_get(request, "ticket");
	struct session *session;
	struct err err;

	if (!ipc_is(request, "session") || client < 0 || ticket.data == NULL) {
		log_error("a request for a session that is none");
		if (client >= 0)
			close(client);
		return 1;
	}
	session = session_new(imapd, client, request, service);
	transcript_begin(&session->transcript, &session->conn, &imapd->settings, TRANSCRIPT_IMAP, "imapd");
	if (session_open(session, ticket, &err) == 0) {
		bandwidth_begin(&session->bandwidth, &session->conn, &session->statusd, &imapd->settings,
		                SETTING_IMAP_BANDWIDTH, &(struct bandwidth_user){session->user, session->uid});
		begin(session, request_tag(request));
	} else {
		refuse(session, request_tag(request), &err);
	}
	session_free(session);
	return 0;
}

/* A connection of imap-login, or of webadmin: it asks for one session. */
static int take_request(struct imapd *imapd, int fd, const char *service)
{
	struct ipc_message request;
	struct err err;
	uint32_t sequence;
	int got, result = 1;

	if (!ipc_peer_is(fd, strcmp(service, SERVICE_WEB) == 0 ? imapd->web_user : imapd->login_user)) {
		log_error("a connection from somebody who may hand none over");
		close(fd);
		return 1;
	}
	ipc_message_init(&request);
	got = ipc_receive(fd, &request, &sequence, -1, &err); /* comes at the login; the client may take its time */
	close(fd);
	if (got < 0)
		log_error("cannot take a session over: %s", err.text);
	else
		result = got > 0 ? take_over(imapd, &request, service) : 0;
	ipc_message_free(&request);
	return result;
}

int imap_session(int fd, const struct listen_origin *origin, void *context)
{
	const char *name = origin->name;

	if (strcmp(name, "from-imap-login") == 0)
		return take_request(context, fd, "imap");
	if (strcmp(name, "from-webadmin") == 0)
		return take_request(context, fd, SERVICE_WEB);
	if (strcmp(name, LISTEN_GUEST) == 0)
		return guest_session(context, fd);
	if (strcmp(name, "from-postroom") == 0 || strcmp(name, "from-brokerd") == 0)
		return listen_answer(fd);
	return bell_answer(fd, listen_bell()); /* deliver or pop3d, who run as this daemon's user */
}
