#include "common/sending/session.h"

#include "common/base/log.h"
#include "common/net/tls.h"
#include "common/sending/attempt.h"

#include <signal.h>
#include <unistd.h>

enum {
	IDLE_MS = 30000,     /* an open connection to a remote server is kept so long for the next message */
	STOP_PATIENCE_S = 8, /* for the message being sent, once told to end; queue-manager waits as long */
	DESCRIPTORS_MAX = 64,
};

static volatile sig_atomic_t is_sending, is_ending;

struct session {
	int fd;                    /* queue-manager's end */
	struct settings *settings; /* inherited, its own from the fork on */
	struct attempt attempt;
	bool needs_no_secrets; /* for its destination */
	struct ipc_message request, reply;
	struct arena arena;
};

/* A daemon that is away makes the answer temporary, not the session fail: its channel stays closed. */
static void open_channel(struct ipc_channel *channel, const struct instance *instance, const char *callee,
                         const char *caller)
{
	struct err err;

	if (ipc_connect(channel, instance, callee, caller, &err) != 0)
		log_warning("%s", err.text);
}

static bool uses_filter(const struct session *session)
{
	const struct sending *sending = session->attempt.sending;

	return sending->uses_filter != NULL && sending->uses_filter(session->settings);
}

static int open_session(struct session *session, int fd, struct session_parent *parent, struct err *err)
{
	const struct instance *instance = &parent->daemon->instance;
	struct route_sources *sources = &session->attempt.sources;

	session->fd = fd;
	ipc_message_init(&session->request);
	ipc_message_init(&session->reply);
	arena_init(&session->arena);
	transcript_init(&session->attempt.log, TRANSCRIPT_SMTP);
	smtp_client_init(&session->attempt.client, "", (struct smtp_timeouts){0});
	session->attempt.tls = parent->tls;
	session->attempt.sending = parent->sending;
	sources->settings = session->settings = &parent->settings;
	open_channel(&sources->dnsd, instance, "dnsd", parent->sending->program);
	open_channel(&sources->authd, instance, "authd", parent->sending->program);
	sources->fetchd.fd = sources->filterd.fd = sources->policyd.fd = -1;
	if (parent->sending->by_mx)
		open_channel(&sources->fetchd, instance, "fetchd", parent->sending->program);
	if (uses_filter(session))
		open_channel(&sources->filterd, instance, "filterd", parent->sending->program);
	if (parent->sending->by_mx && settings_flag(session->settings, SETTING_SENDER_TLS_REPORTS))
		open_channel(&sources->policyd, instance, "policyd", parent->sending->program);
	if (parent->sending->logs != NULL && parent->sending->logs(session->settings))
		transcript_reserve(&session->attempt.log, session->settings, TRANSCRIPT_SMTP, parent->sending->program);
	if (parent->sending->connect != NULL)
		parent->sending->connect(instance);
	if (sandbox_limit(0, 0, DESCRIPTORS_MAX, err) != 0)
		return -1;
	return sandbox_enter(&parent->sandbox, err);
}

/* In the sandbox a broken channel cannot be opened again: the next message needs a new session. */
static bool can_go_on(const struct session *session)
{
	return session->attempt.sources.dnsd.fd >= 0 &&
	       (!session->attempt.sending->by_mx || session->attempt.sources.fetchd.fd >= 0) &&
	       (!uses_filter(session) || session->attempt.sources.filterd.fd >= 0) &&
	       (session->needs_no_secrets || session->attempt.sources.authd.fd >= 0);
}

/* Before a stranger's server is heard: whoever takes this process over shall not ask for the passwords of relays. */
static void give_secrets_up(struct session *session)
{
	ipc_close(&session->attempt.sources.authd);
	session->needs_no_secrets = true;
}

/* Has a server had a word on any recipient? */
static bool is_untouched(const struct delivery *delivery)
{
	for (size_t i = 0; i < delivery->message.recipient_count; i++)
		if (delivery->message.recipients[i].outcome != SMTP_DEFERRED || delivery->hosts[i].len != 0)
			return false;
	return true;
}

static void deliver(struct session *session, struct delivery *delivery)
{
	struct err err;

	attempt_deliver(&session->attempt, delivery, &session->arena);
	if (can_go_on(session) || !is_untouched(delivery)) {
		request_reply(delivery, &session->reply);
		return;
	}
	/* A daemon of ours is away, not the remote server: queue-manager comes back in seconds, and no attempt is counted.
	 */
	err_set(&err, ERR_TEMPORARY, "%.*s", STR_ARG(delivery->message.recipients[0].words));
	ipc_reply_error(&session->reply, &err);
}

static int read_request(struct session *session, struct delivery *delivery, struct err *err)
{
	if (request_parse(&session->request, &session->arena, delivery, err) != 0)
		return -1;
	if (session->attempt.sending->accept(delivery, &session->arena, err) == 0)
		return 0;
	close(delivery->message.file);
	return -1;
}

/* A message to send. */
static void answer_send(struct session *session)
{
	struct delivery delivery;
	struct err err;

	if (read_request(session, &delivery, &err) != 0) {
		log_error("a request of queue-manager is refused: %s", err.text);
		ipc_reply_error(&session->reply, &err);
		return;
	}
	if (!delivery.needs_secrets)
		give_secrets_up(session);
	deliver(session, &delivery);
	close(delivery.message.file);
}

static int answer(struct session *session, uint32_t sequence)
{
	const struct sending *sending = session->attempt.sending;
	struct err err;

	settings_refresh(session->settings);
	if (sending->answer == NULL ||
	    !sending->answer(&session->attempt.sources, &session->request, &session->reply, &session->arena))
		answer_send(session);
	arena_reset(&session->arena);
	if (ipc_send(session->fd, &session->reply, sequence, &err) != 0) {
		log_error("queue-manager cannot be told the result: %s", err.text);
		return -1;
	}
	return 0;
}

/* Told to end: at once between messages. One that is being sent may have been taken already, and would be sent again.
 */
static void on_signal(int number)
{
	if (!is_sending || number == SIGALRM)
		_exit(0);
	if (!is_ending)
		alarm(STOP_PATIENCE_S);
	is_ending = 1;
}

static void watch_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGALRM, &action, NULL);
}

int session_run(int fd, const struct listen_origin *origin, void *context)
{
	struct session_parent *parent = context;
	static struct session session;
	uint32_t sequence;
	struct err err;
	int result;

	(void)origin;
	if (!ipc_peer_is(fd, parent->caller))
		return 1;
	if (open_session(&session, fd, parent, &err) != 0) {
		log_error("a session cannot begin: %s", err.text);
		return 1;
	}
	watch_signals();
	do {
		struct smtp_client *client = &session.attempt.client;

		is_sending = 0;
		result = ipc_receive(fd, &session.request, &sequence, client->open ? IDLE_MS : -1, &err);
		if (result < 0 && err.code == ERR_TIMEOUT) {
			smtp_client_close(client);
			continue;
		}
		if (result < 0)
			log_error("queue-manager cannot be understood: %s", err.text);
		is_sending = 1;
		if (result <= 0 || answer(&session, sequence) != 0)
			break;
	} while (can_go_on(&session) && !is_ending);
	smtp_client_close(&session.attempt.client);
	transcript_end(&session.attempt.log);
	return 0;
}

static int prepare_sandbox(struct sandbox *sandbox, const struct instance *instance, const struct sending *sending,
                           struct err *err)
{
	char folder[INSTANCE_PATH_MAX + 128];

	if (sandbox_init(sandbox, sending->connects_from ? SANDBOX_CONNECT | SANDBOX_CONNECT_FROM : SANDBOX_CONNECT, err) !=
	    0)
		return -1;
	instance_path(folder, sizeof folder, instance->state, "settings");
	if (sandbox_allow(sandbox, folder, SANDBOX_READ, err) != 0 ||
	    (sending->allow != NULL && sending->allow(sandbox, instance, err) != 0))
		return -1;
	return sandbox_prepare(sandbox, err);
}

int session_prepare(struct session_parent *parent, struct err *err)
{
	const struct instance *instance = &parent->daemon->instance;
	gid_t group;

	if (instance_user(instance, "queue-manager", &parent->caller, &group, err) != 0 ||
	    settings_open(&parent->settings, instance, true, err) != 0)
		return -1;
	parent->tls = tls_client_context(err);
	return parent->tls != NULL ? prepare_sandbox(&parent->sandbox, instance, parent->sending, err) : -1;
}

void session_refresh(struct session_parent *parent)
{
	settings_refresh(&parent->settings);
}
