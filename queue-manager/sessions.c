#include "queue-manager/remote.h"
#include "queue-manager/summary.h"

#include "common/base/log.h"
#include "common/base/memory.h"

enum {
	IDLE_MS = 5000,               /* a session without work is ended after this */
	TIMEOUT_MS = 2 * 3600 * 1000, /* only for a session that hangs: sender has its own limits for each command */
	FETCHED_MS = 500,             /* within which what is parked is fetched */
	LOST_MAX = 3,                 /* sessions that may end without an answer before that counts as an attempt */
};

struct remote_session *remote_session_idle(struct remote *remote, const struct remote_destination *destination)
{
	struct remote_session *session = destination->sessions != 0 ? remote->sessions : NULL;

	while (session != NULL && (session->destination != destination || session->job != NULL || session->broken))
		session = session->next;
	return session;
}

static void session_close(struct remote *remote, struct remote_session **link)
{
	struct remote_session *session = *link;

	*link = session->next;
	session->destination->sessions--;
	remote->session_count--;
	ipc_client_free(session->client);
	memory_free(session);
}

void remote_session_close_idle(struct remote *remote, int64_t now)
{
	struct remote_session **link = &remote->sessions;

	while (*link != NULL) {
		struct remote_session *session = *link;

		if (session->job == NULL && (session->broken || now - session->began >= IDLE_MS))
			session_close(remote, link);
		else
			link = &session->next;
	}
}

/* Mail for its destination is about to be fetched from the table. */
static bool is_awaited(const struct remote_session *session, int64_t now)
{
	return session->destination->parked && !session->broken && now - session->began < FETCHED_MS &&
	       now - session->held_from < REMOTE_HOLD_MS && !standing_is_poor(session->destination, now);
}

static bool is_too_many(const struct remote *remote, const struct remote_session *session)
{
	const struct sender *sender = senders_find(remote->queue, session->destination->sender);
	const char *server = session->destination->server;

	return remote->session_count > remote->total ||
	       (*server != '\0' && remote_sessions_of(remote, server) > remote_ceiling(remote, server)) ||
	       (sender != NULL && sender->threads != 0 && remote_sessions_by(remote, sender->id) > sender->threads);
}

void remote_session_keep_within(struct remote *remote)
{
	struct remote_session **link = &remote->sessions;
	bool exceeds = false;

	while (remote->may_exceed && *link != NULL) {
		bool one_too_many = is_too_many(remote, *link);

		exceeds |= one_too_many && (*link)->job != NULL;
		if (one_too_many && (*link)->job == NULL)
			session_close(remote, link);
		else
			link = &(*link)->next;
	}
	remote->may_exceed = exceeds;
}

bool remote_session_make_room(struct remote *remote, const char *server, int64_t sender)
{
	struct remote_session **oldest = NULL;
	int64_t now = queue_now();

	for (struct remote_session **link = &remote->sessions; *link != NULL; link = &(*link)->next)
		if ((*link)->job == NULL && (server == NULL || strcmp((*link)->destination->server, server) == 0) &&
		    (sender == 0 || (*link)->destination->sender == sender) && !is_awaited(*link, now) &&
		    (oldest == NULL || (*link)->began < (*oldest)->began))
			oldest = link;
	if (oldest == NULL)
		return false;
	session_close(remote, oldest);
	return true;
}

unsigned remote_sessions_by(const struct remote *remote, int64_t sender)
{
	unsigned count = 0;

	for (const struct remote_session *session = remote->sessions; session != NULL; session = session->next)
		count += session->destination->sender == sender;
	return count;
}

unsigned remote_sessions_of(const struct remote *remote, const char *server)
{
	unsigned count = 0;

	for (const struct remote_session *session = remote->sessions; session != NULL; session = session->next)
		count += strcmp(session->destination->server, server) == 0;
	return count;
}

/* Each recipient's result, the line as sender gave it; false where there are not as many as were asked for. */
static bool read_results(const struct ipc_message *reply, struct str *results, size_t count)
{
	struct str key, value;
	size_t position = 0, found = 0;

	while (found < count && ipc_next(reply, &position, &key, &value))
		if (str_equal(key, STR("result")))
			results[found++] = value;
	return found == count;
}

static void apply(const struct remote_job *job, struct delivery *delivery, struct str result, bool dsn_passed)
{
	struct message *message = job->message;
	struct str rest = result, word = str_cut(&rest, '\t');

	delivery->busy = false;
	delivery->answer = arena_copy(&message->arena, rest.data != NULL ? str_sub(rest, 0, 1200) : STR("\t\t"));
	if (str_equal(word, STR("delivered")))
		outcome_delivered(message, delivery, dsn_passed);
	else if (job->final || str_equal(word, STR("failed")))
		outcome_failed(message, delivery);
	else
		outcome_deferred(message, delivery);
}

/*
 * RFC 3463 3.5: x.4.x is about the way there. Where that was the answer for every recipient, the destination as a whole
 * could not be reached.
 */
static bool is_unreachable(const struct str *results, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct str rest = results[i];

		if (!str_equal(str_cut(&rest, '\t'), STR("deferred")) || rest.data == NULL || !str_starts(rest, STR("4.4.")))
			return false;
	}
	return true;
}

/* Did the destination decide about anybody? */
static bool is_settled(const struct str *results, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!str_starts(results[i], STR("deferred")))
			return true;
	return false;
}

/* A server of the LAN is always the administrator's business. */
static void tell_of_lan_trouble(const struct remote *remote, const struct remote_destination *destination)
{
	struct str rest = str_of(destination->trouble), code = str_cut(&rest, '\t'), host = str_cut(&rest, '\t');
	char subject[NOTICE_SUBJECT_MAX];
	struct notice notice = {
	    .target = "LanFwd",
	    .component = NOTICE_MISC,
	    .kind = rest.len != 0 && rest.data[0] >= '0' && rest.data[0] <= '9' ? NOTICE_PROTOCOL : NOTICE_TCPIP,
	    .severity = NOTICE_WARNING,
	    .item = STR("LAN Forwarding"),
	    .text = rest,
	};

	(void)code, (void)host;
	snprintf(subject, sizeof subject, "LAN forwarding cannot reach %s", destination->server);
	notice.subject = str_of(subject);
	if (settings_flag(&remote->queue->settings, SETTING_NOTICES_CONNECTION))
		notice_send(remote->queue->notices, &notice);
}

/* Servers that mail goes through are the administrator's business, all others are their own. */
static void tell_of_trouble(const struct remote *remote, const struct remote_destination *destination)
{
	struct str rest = str_of(destination->trouble), code = str_cut(&rest, '\t'), host = str_cut(&rest, '\t');
	const struct sender *sender = senders_find(remote->queue, destination->sender);
	char subject[NOTICE_SUBJECT_MAX];
	struct notice notice = {
	    .target = "SendErrors",
	    .component = NOTICE_SENDER,
	    .kind = rest.len != 0 && rest.data[0] >= '0' && rest.data[0] <= '9' ? NOTICE_PROTOCOL : NOTICE_TCPIP,
	    .severity = NOTICE_WARNING,
	    .item = str_of(sender != NULL ? sender->name : ""),
	    .text = rest,
	};

	(void)code, (void)host;
	if (sender == NULL || !sender->is_relay || !settings_flag(&remote->queue->settings, SETTING_NOTICES_CONNECTION))
		return;
	snprintf(subject, sizeof subject, "The sender \"%s\" cannot send", sender->name);
	notice.subject = str_of(subject);
	notice_send(remote->queue->notices, &notice);
}

static void learn(struct remote *remote, struct remote_destination *destination, const struct str *results,
                  size_t count)
{
	if (!is_unreachable(results, count)) {
		destination->window += destination->window < remote->concurrency;
		destination->rest_until = 0;
		return;
	}
	struct str rest = results[0];

	str_cut(&rest, '\t');
	memory_free(destination->trouble);
	destination->trouble = memory_text(str_sub(rest, 0, 1200));
	if (destination->server[0] != '\0')
		tell_of_lan_trouble(remote, destination);
	else
		tell_of_trouble(remote, destination);
	destination->rest_until = queue_now() + remote->rest_ms;
	destination->window = remote_window_first(remote);
}

/* Nobody answered. What the remote server got is not known where a session ended half-way; repeating is the safe side.
 */
static void job_lost(struct remote_job *job, const struct err *err)
{
	struct message *message = job->message;
	bool broke_off = err->code == ERR_CLOSED || err->code == ERR_TIMEOUT;

	log_warning("id=%s not sent to %s now: %s", message->id,
	            job->destination->server[0] != '\0' ? job->destination->server : job->destination->name, err->text);
	message->away++;
	if (err->code == ERR_TIMEOUT || (broke_off && message->away >= LOST_MAX)) {
		message->away = 0;
		remote_job_defer(job, "4.3.0", STR(""), STR("the sending session ended without an answer"));
		return;
	}
	for (size_t i = 0; i < job->count; i++) {
		struct delivery *delivery = &message->deliveries[job->parts[i].delivery];

		delivery->busy = false;
		outcome_away(message, delivery);
	}
	remote_job_end(job);
}

static void take_results(struct remote_job *job, const struct str *results, bool dsn_passed)
{
	unsigned sent[REMOTE_PARTS_MAX];
	size_t count = 0;

	for (size_t i = 0; i < job->count; i++) {
		struct delivery *delivery = &job->message->deliveries[job->parts[i].delivery];

		apply(job, delivery, results[job->parts[i].place], dsn_passed);
		if (delivery->state == DELIVERY_DONE)
			sent[count++] = job->parts[i].delivery;
	}
	prepare_tell_sent(job->message, sent, count, job->destination->server[0] != '\0');
	summary_sent(job->message, sent, count);
}

/* What its sender is to know of a transaction: its limits, and the pass that it is on. */
static void tell_sender(struct remote_session *session, const struct remote_job *job, const struct ipc_message *reply,
                        const struct str *results)
{
	struct sender *sender = senders_find(session->remote->queue, session->destination->sender);
	size_t sent = 0, failed = 0, deferred = 0;
	struct str words = STR("");
	int64_t connected = 0;

	if (sender == NULL)
		return;
	for (size_t i = 0; results != NULL && i < job->recipients; i++) {
		struct str rest = results[i], word = str_cut(&rest, '\t');

		sent += str_equal(word, STR("delivered"));
		failed += str_equal(word, STR("failed"));
		deferred += str_equal(word, STR("deferred"));
		if (str_equal(word, STR("delivered")))
			continue;
		str_cut(&rest, '\t');
		str_cut(&rest, '\t');
		words = rest.data != NULL ? rest : words;
	}
	if (reply != NULL)
		ipc_get_number(reply, "connected", 0, 1, &connected);
	limits_end(session->remote->queue, sender, job->recipients, sent);
	pass_note(sender, connected != 0, sent, deferred, failed, words);
	session->broken |= sender->session_messages != 0 && session->messages >= sender->session_messages;
	session->broken |= sender->session_recipients != 0 &&
	                   session->recipients + sender->max_recipients > (uint64_t)sender->session_recipients;
}

/* A script wants no server to be asked now: again later, and no attempt is counted. */
static void hold_back(struct remote_job *job, int64_t seconds)
{
	for (size_t i = 0; i < job->count; i++) {
		struct delivery *delivery = &job->message->deliveries[job->parts[i].delivery];

		delivery->busy = false;
		delivery->next = queue_now() + seconds * 1000;
		message_change(job->message, delivery);
	}
	log_info("id=%s held for %lld s by mxserverrules.lua", job->message->id, (long long)seconds);
	remote_job_end(job);
}

/* A server did not greet while others waited for its session: again with more patience, and no attempt is counted. */
static void cut_short(struct remote *remote, struct remote_job *job, int64_t took_ms)
{
	log_info("id=%s %s does not answer soon, and others wait", job->message->id, job->destination->name);
	standing_learn(remote, job->destination, false, took_ms);
	remote_job_withdraw(job);
}

static void on_answer(struct ipc_message *reply, const struct err *err, void *context)
{
	struct remote_session *session = context;
	struct remote_job *job = session->job;
	struct str *results = memory_get((job->recipients + 1) * sizeof *results);
	int64_t dsn_passed = 0, hold_s = 0, is_short = 0, now = queue_now(), took_ms = now - session->began;

	session->job = NULL;
	session->began = now;
	session->remote->busy--;
	if (reply == NULL || err->code != ERR_NONE) {
		session->broken = true;
		tell_sender(session, job, NULL, NULL);
		standing_learn(session->remote, job->destination, false, took_ms);
		job_lost(job, err);
	} else if (!read_results(reply, results, job->recipients)) {
		session->broken = true;
		tell_sender(session, job, NULL, NULL);
		remote_job_defer(job, "4.3.0", STR(""), STR("the sending session gave an incomplete answer"));
	} else if (ipc_get_number(reply, "hold", 1, INT32_MAX, &hold_s)) {
		tell_sender(session, job, reply, NULL);
		hold_back(job, hold_s);
	} else if (ipc_get_number(reply, "cut-short", 1, 1, &is_short)) {
		tell_sender(session, job, reply, NULL);
		cut_short(session->remote, job, took_ms);
	} else {
		ipc_get_number(reply, "dsn-passed", 0, 1, &dsn_passed);
		job->message->away = 0;
		tell_sender(session, job, reply, results);
		learn(session->remote, job->destination, results, job->recipients);
		standing_learn(session->remote, job->destination, is_settled(results, job->recipients), took_ms);
		take_results(job, results, dsn_passed != 0);
		remote_job_end(job);
	}
	memory_free(results);
}

/* What only sender is told: whom it acts as, and what scripts and overrides ask about. */
static void add_sender(const struct remote_job *job, const struct sender *sender, struct ipc_message *request)
{
	const struct message *message = job->message;

	ipc_add(request, "on-top", message->signatures);
	ipc_add_number(request, "brief", job->brief_ms);
	ipc_add_number(request, "sender", sender != NULL ? sender->id : 0);
	for (size_t i = 0; i < message->envelope.recipient_count && i < SENDERS_RECIPIENTS_TOLD; i++)
		ipc_add(request, "all", message->envelope.recipients[i].address);
	message_describe(message, request, message->deliveries[job->parts[0].delivery].attempts);
}

static void build_request(struct remote_job *job, struct ipc_message *request)
{
	const struct sender *sender = senders_find(job->message->queue, job->destination->sender);
	bool is_lan = job->destination->server[0] != '\0';
	struct message *message = job->message;
	const struct spool_envelope *envelope = &message->envelope;
	struct form_file form = message_form(message, is_lan ? DELIVERY_LAN : DELIVERY_REMOTE);
	struct buf recipient;
	size_t next = 0;

	ipc_request(request, "send");
	if (is_lan)
		ipc_add_text(request, "id", message->id);
	else
		add_sender(job, sender, request);
	ipc_add_number(request, "offset", form.offset);
	ipc_add_number(request, "size", form.size);
	ipc_add(request, "from", return_path(message, sender));
	ipc_add(request, "body", envelope->body);
	ipc_add_number(request, "smtputf8", envelope->smtputf8);
	ipc_add_number(request, "requiretls", envelope->requiretls);
	ipc_add(request, "ret", envelope->ret);
	ipc_add(request, "envid", envelope->envid);
	ipc_add_text(request, "destination", job->destination->name);
	buf_init(&recipient, 65536);
	for (size_t i = 0; i < job->count; i++) {
		const struct delivery *delivery = &message->deliveries[job->parts[i].delivery];
		struct spool_recipient named = *message_recipient(message, delivery);

		if (job->parts[i].place != next)
			continue;
		named.address = delivery->target;
		buf_reset(&recipient);
		spool_recipient_format(&named, &recipient);
		ipc_add(request, "recipient", buf_str(&recipient));
		next++;
	}
	buf_free(&recipient);
	ipc_add_fd(request, form.fd);
}

void remote_session_start(struct remote *remote, struct remote_destination *destination, struct remote_job *job)
{
	struct remote_session *session = remote_session_idle(remote, destination);
	struct sender *sender = senders_find(remote->queue, destination->sender);
	struct ipc_message request;

	if (session == NULL) {
		session = memory_get(sizeof *session);
		session->remote = remote;
		session->destination = destination;
		session->client =
		    ipc_client_new(remote->queue->base, remote->queue->instance, remote->way->program, "queue-manager");
		session->next = remote->sessions;
		remote->sessions = session;
		remote->session_count++;
		destination->sessions++;
	}
	session->job = job;
	session->began = queue_now();
	if (session->messages == 0 || session->began - session->held_from >= REMOTE_HOLD_MS)
		session->held_from = session->began;
	session->messages++;
	session->recipients += (unsigned)job->recipients;
	remote->busy++;
	if (sender != NULL)
		limits_begin(sender, job->recipients);
	if (sender != NULL && sender->pass != NULL) {
		sender->pass->messages++;
		sender->pass->recipients += (unsigned)job->recipients;
	}
	ipc_message_init(&request);
	build_request(job, &request);
	ipc_client_call(session->client, &request, TIMEOUT_MS, on_answer, session);
	ipc_message_free(&request);
}
