#include "statusd/statusd.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/policy/event.h"
#include "common/status/security.h"
#include "common/status/status.h"

#include <inttypes.h>

enum { SLOTS_MAX = 1000000, SCRIPT_TEXT_MAX = 2000 };

/* Some request of a session; what it does wrong is told in the log. */
struct request {
	struct statusd *statusd;
	struct session *session;
	const struct ipc_message *message;
};

static bool take_begin(const struct request *request)
{
	int64_t tls;

	return ipc_get_number(request->message, "tls", 0, 1, &tls) &&
	       sessions_begin(request->session, ipc_get(request->message, "service"), ipc_get(request->message, "peer"),
	                      tls != 0);
}

static bool take_tls(const struct request *request)
{
	request->session->tls = true;
	return true;
}

static bool take_login(const struct request *request)
{
	struct session *session = request->session;
	struct str user = ipc_get(request->message, "user");
	int64_t uid;

	if (!status_text_is_clean(user, STATUS_TEXT_MAX - 1) ||
	    !ipc_get_number(request->message, "uid", 0, INT64_MAX, &uid))
		return false;
	memory_free(session->user);
	session->user = memory_text(user);
	session->uid = uid;
	if (strncmp(session->program, "pop3", 4) == 0 || strncmp(session->program, "imap", 4) == 0)
		people_note(&request->statusd->people, uid, statusd_time() / 1000);
	return true;
}

static bool take_messages(const struct request *request)
{
	return ipc_get_number(request->message, "count", 0, INT32_MAX, &request->session->messages);
}

static bool take_handed(const struct request *request)
{
	request->session->handed = true;
	return true;
}

static bool take_free(const struct request *request)
{
	slots_free(&request->statusd->slots, &request->session->slots, ipc_get(request->message, "class"));
	return true;
}

static bool take_script_error(const struct request *request)
{
	struct str script = ipc_get(request->message, "script"), function = ipc_get(request->message, "function");
	struct buf line;

	if (request->session->script_errors == SCRIPT_ERRORS_MAX)
		return true;
	request->session->script_errors++;
	buf_init(&line, (size_t)8 * SCRIPT_TEXT_MAX);
	buf_printf(&line, "%" PRId64 "\t", statusd_time());
	buf_add_visible(&line, str_sub(script, 0, STATUS_TEXT_MAX));
	buf_add_char(&line, '\t');
	buf_add_visible(&line, str_sub(function, 0, STATUS_TEXT_MAX));
	buf_add_char(&line, '\t');
	buf_add_visible(&line, str_sub(ipc_get(request->message, "text"), 0, SCRIPT_TEXT_MAX));
	feed_add(request->statusd->history, "script-error", buf_str(&line));
	buf_free(&line);
	return true;
}

/* What a client did, for policyd; which client that is, is what the session said of itself. */
static bool take_event(const struct request *request)
{
	struct session *session = request->session;
	struct policy_record record = {
	    .time = statusd_time(), .peer = str_of(session->address), .service = str_of(session->service)};
	struct buf line;

	record.data = ipc_get(request->message, "data");
	if (session->service[0] == '\0' ||
	    !ipc_get_number(request->message, "number", 0, POLICY_EVENTS - 1, &record.number))
		return false;
	if (session->events == EVENTS_MAX)
		return true;
	session->events++;
	buf_init(&line, POLICY_LINE_MAX);
	policy_record_format(&record, &line);
	feed_add(request->statusd->events, "event", buf_str(&line));
	buf_free(&line);
	return true;
}

/* The client is to be blocked; which that is, is what the session said of itself. */
static bool take_block(const struct request *request)
{
	struct session *session = request->session;
	int64_t minutes;
	struct buf line;

	if (session->service[0] == '\0' || !ipc_get_number(request->message, "minutes", 1, BLOCK_MINUTES_MAX, &minutes))
		return false;
	if (session->events == EVENTS_MAX)
		return true;
	session->events++;
	buf_init(&line, STATUS_TEXT_MAX);
	buf_printf(&line, "%s\t%" PRId64, session->address, minutes);
	feed_add(request->statusd->events, "block", buf_str(&line));
	buf_free(&line);
	return true;
}

/*
 * A rule that ran: of an SMTP service with what the session said of itself before it, of a collector as it stands; of
 * filterd likewise a program.
 */
static bool take_rule(const struct request *request)
{
	struct session *session = request->session;
	bool is_collector = strcmp(session->program, "collector") == 0,
	     is_filter = strcmp(session->program, "filterd") == 0;
	const char *key = is_collector ? "download-rule" : is_filter ? "program-run" : "rule";
	struct buf line;

	if (session->service[0] == '\0' && !is_collector && !is_filter)
		return false;
	if (session->rules == RULES_TOLD_MAX)
		return true;
	session->rules++;
	buf_init(&line, (size_t)8 * STATUS_RULE_MAX);
	buf_printf(&line, "%" PRId64 "\t", statusd_time());
	if (session->service[0] != '\0' && !is_collector)
		buf_printf(&line, "%s %s ", session->service, session->address);
	buf_add_visible(&line, str_sub(ipc_get(request->message, "text"), 0, STATUS_RULE_MAX));
	feed_add(request->statusd->history, key, buf_str(&line));
	buf_free(&line);
	return true;
}

/* What authd does not see: the access list, the block list. Service and client are what the session said of itself. */
static bool take_security(const struct request *request)
{
	struct session *session = request->session;
	struct security_record record = {.time = statusd_time(),
	                                 .service = str_of(session->service),
	                                 .peer = str_of(session->address),
	                                 .tls = session->tls};
	struct buf line;

	record.user = ipc_get(request->message, "user");
	record.reason = ipc_get(request->message, "reason");
	if (session->service[0] == '\0' || record.reason.len == 0)
		return false;
	if (session->attempts == SECURITY_MAX)
		return true;
	session->attempts++;
	buf_init(&line, SECURITY_LINE_MAX);
	security_format(&record, &line);
	feed_add(request->statusd->history, "security", buf_str(&line));
	buf_free(&line);
	return true;
}

/* What a session tells without waiting for an answer. false: it makes no sense. */
static const struct {
	const char *op;
	bool (*take)(const struct request *request);
} notices[] = {
    {"session-begin", take_begin},
    {"session-tls", take_tls},
    {"session-login", take_login},
    {"session-handed", take_handed},
    {"slot-free", take_free},
    {"script-error", take_script_error},
    {"event", take_event},
    {"rule", take_rule},
    {"block", take_block},
    {"security", take_security},
    {"session-messages", take_messages},
};

/* Look again when the next wait for a slot is over. */
void requests_expire(evutil_socket_t fd, short what, void *context)
{
	struct statusd *statusd = context;
	int64_t left = slots_expire(&statusd->slots, io_now_ms());
	struct timeval wait = {left / 1000, left % 1000 * 1000};

	(void)fd, (void)what;
	if (left >= 0)
		event_add(statusd->expire, &wait);
}

static void answer_slot(struct ipc_incoming *incoming, enum slot_state state)
{
	struct ipc_message reply;
	struct err err;

	if (state == SLOT_NONE) {
		err_set(&err, ERR_LIMIT, "no slot became free in time");
		ipc_answer_error(incoming, &err);
		return;
	}
	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	ipc_add_number(&reply, "granted", state == SLOT_HELD);
	ipc_answer(incoming, &reply);
	ipc_message_free(&reply);
}

void requests_decided(void *waiter, bool granted, void *context)
{
	(void)context;
	answer_slot(waiter, granted ? SLOT_HELD : SLOT_NONE);
}

static void take_slot(struct statusd *statusd, struct session *session, struct ipc_incoming *incoming)
{
	const struct ipc_message *message = &incoming->message;
	struct slot_request request = {.class = ipc_get(message, "class"), .key = ipc_get(message, "key")};
	enum slot_state state;
	struct err err;

	if (!status_text_is_clean(request.class, SLOTS_NAME_MAX - 1) ||
	    !status_text_is_clean(request.key, STATUS_TEXT_MAX - 1) ||
	    !ipc_get_number(message, "limit", 0, SLOTS_MAX, &request.limit) ||
	    !ipc_get_number(message, "total", 0, SLOTS_MAX, &request.total) ||
	    !ipc_get_number(message, "wait", 0, STATUS_WAIT_MAX_MS, &request.wait_ms)) {
		err_set(&err, ERR_PROTOCOL, "a question for a slot that is none");
		ipc_answer_error(incoming, &err);
		return;
	}
	state = slots_ask(&statusd->slots, &session->slots, &request, io_now_ms(), &err);
	if (state == SLOT_NONE) {
		ipc_answer_error(incoming, &err);
		return;
	}
	answer_slot(incoming, state);
	if (state == SLOT_WAITING)
		requests_expire(-1, 0, statusd);
}

static void take_slot_wait(struct session *session, struct ipc_incoming *incoming)
{
	enum slot_state state;
	bool kept;

	state = slots_wait(&session->slots, ipc_get(&incoming->message, "class"), incoming, &kept);
	if (!kept)
		answer_slot(incoming, state == SLOT_HELD ? SLOT_HELD : SLOT_NONE);
}

static void take_bandwidth(struct statusd *statusd, struct session *session, struct ipc_incoming *incoming)
{
	struct bandwidth_slice slice;
	struct ipc_message reply;
	struct err err;
	int64_t pool;

	if (!ipc_get_number(&incoming->message, "pool", 1, POOLS_MAX, &pool)) {
		err_set(&err, ERR_PROTOCOL, "a question for bandwidth that is none");
		ipc_answer_error(incoming, &err);
		return;
	}
	slice = bandwidth_ask(&statusd->bandwidth, (int)pool, io_now_ms(), &session->bandwidth_until_ms);
	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	ipc_add_number(&reply, "octets", slice.octets);
	ipc_add_number(&reply, "wait", slice.wait_ms);
	ipc_answer(incoming, &reply);
	ipc_message_free(&reply);
}

/* What postroom asks: the sessions, all or those of a user, a service, an id. */
static void take_list(const struct statusd *statusd, struct ipc_incoming *incoming)
{
	struct str user = ipc_get(&incoming->message, "user"), service = ipc_get(&incoming->message, "service");
	const struct session *session;
	struct ipc_message reply;
	struct buf line;
	int64_t id = 0;

	ipc_get_number(&incoming->message, "id", 1, INT64_MAX, &id);
	buf_init(&line, STATUS_RECORD_MAX);
	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	for (session = TAILQ_FIRST(&statusd->sessions); session != NULL; session = TAILQ_NEXT(session, all)) {
		struct status_record record;

		sessions_record(session, &record);
		if (record.service.len == 0 || session->handed || (user.data != NULL && !str_equal_nocase(record.user, user)) ||
		    (service.data != NULL && !str_equal_nocase(record.service, service)) || (id != 0 && record.id != id))
			continue;
		buf_reset(&line);
		status_record_format(&record, &line);
		ipc_add(&reply, "session", buf_str(&line));
	}
	ipc_answer(incoming, &reply);
	ipc_message_free(&reply);
	buf_free(&line);
}

/* Is it one that has a mailbox open? */
static bool is_of_mailbox(const struct session *session)
{
	return session->user != NULL && !session->handed &&
	       (strcmp(session->program, "pop3d") == 0 || strcmp(session->program, "imapd") == 0);
}

/* What configd asks before it deletes a user: who has sessions? */
static void take_in_use(const struct statusd *statusd, struct ipc_incoming *incoming)
{
	const struct session *session;
	struct ipc_message reply;

	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	for (session = TAILQ_FIRST(&statusd->sessions); session != NULL; session = TAILQ_NEXT(session, all))
		if (is_of_mailbox(session))
			ipc_add_number(&reply, "uid", session->uid);
	ipc_answer(incoming, &reply);
	ipc_message_free(&reply);
}

/* Sessions of SMTP that came from elsewhere and have not ended. */
static void take_incoming(const struct statusd *statusd, struct ipc_incoming *incoming)
{
	const struct session *session;
	struct ipc_message reply;
	int64_t count = 0;

	for (session = TAILQ_FIRST(&statusd->sessions); session != NULL; session = TAILQ_NEXT(session, all))
		count += session->service[0] != '\0' && strcmp(session->program, "smtpd") == 0;
	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	ipc_add_number(&reply, "count", count);
	ipc_answer(incoming, &reply);
	ipc_message_free(&reply);
}

static void refuse(struct ipc_incoming *incoming)
{
	struct err err;

	err_set(&err, ERR_NOT_FOUND, "statusd has no such request for %s", incoming->caller);
	ipc_answer_error(incoming, &err);
}

static void take_from_session(struct statusd *statusd, struct ipc_incoming *incoming)
{
	struct session *session = sessions_get(statusd, incoming);
	const struct request request = {statusd, session, &incoming->message};
	struct str op = ipc_get(&incoming->message, "op");

	for (size_t i = 0; i < sizeof notices / sizeof notices[0]; i++) {
		if (!str_equal(op, str_of(notices[i].op)))
			continue;
		if (!notices[i].take(&request))
			log_warning("%s of %s, pid %d, makes no sense", notices[i].op, session->program, (int)session->pid);
		ipc_no_answer(incoming);
		return;
	}
	if (str_equal(op, STR("slot")))
		take_slot(statusd, session, incoming);
	else if (str_equal(op, STR("bandwidth")))
		take_bandwidth(statusd, session, incoming);
	else if (str_equal(op, STR("slot-wait")))
		take_slot_wait(session, incoming);
	else
		refuse(incoming);
}

static void take_people(struct statusd *statusd, struct ipc_incoming *incoming)
{
	struct ipc_message reply;
	int64_t since = 0;

	ipc_get_number(&incoming->message, "since", 0, INT64_MAX, &since);
	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	ipc_add_number(&reply, "count", people_count(&statusd->people, since));
	ipc_answer(incoming, &reply);
	ipc_message_free(&reply);
}

void requests_take(struct ipc_incoming *incoming, void *context)
{
	struct statusd *statusd = context;

	if (strcmp(incoming->caller, "scheduler") == 0 && ipc_is(&incoming->message, "people"))
		take_people(statusd, incoming);
	else if (strcmp(incoming->caller, "scheduler") == 0 && ipc_is(&incoming->message, "incoming"))
		take_incoming(statusd, incoming);
	else if (strcmp(incoming->caller, "configd") == 0 && ipc_is(&incoming->message, "in-use"))
		take_in_use(statusd, incoming);
	else if (strcmp(incoming->caller, "postroom") != 0)
		take_from_session(statusd, incoming);
	else if (ipc_is(&incoming->message, "list"))
		take_list(statusd, incoming);
	else
		refuse(incoming);
}
