#include "common/status/status.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/policy/event.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

enum {
	SCRIPT_ERROR_MAX = 2000, /* octets of a script's error that are told */
	ANSWER_SLACK_MS = 1000,  /* statusd ends a wait in time; this long after it we stop believing that */
};

/* Tell without an answer. What does not fit is lost: statusd hangs then, and we go on without it. */
static void tell(struct status *status, struct ipc_message *notice)
{
	struct err err;

	if (status->channel.fd >= 0 && ipc_send(status->channel.fd, notice, ++status->channel.sequence, &err) != 0) {
		log_debug("statusd is not told: %s", err.text);
		ipc_close(&status->channel);
	}
	ipc_message_free(notice);
}

static struct ipc_message begin_notice(const char *op)
{
	struct ipc_message notice;

	ipc_message_init(&notice);
	ipc_request(&notice, op);
	return notice;
}

void status_begin(struct status *status, const struct instance *instance, const char *program, const char *service,
                  const char *peer, bool tls)
{
	struct ipc_message notice;
	struct err err;

	if (ipc_connect_now(&status->channel, instance, "statusd", program, &err) != 0) {
		log_warning("%s", err.text);
		return;
	}
	notice = begin_notice("session-begin");
	ipc_add_text(&notice, "service", service);
	ipc_add_text(&notice, "peer", peer);
	ipc_add_number(&notice, "tls", tls);
	tell(status, &notice);
}

void status_tls(struct status *status)
{
	struct ipc_message notice = begin_notice("session-tls");

	tell(status, &notice);
}

void status_login(struct status *status, const char *user, int64_t uid)
{
	struct ipc_message notice = begin_notice("session-login");

	ipc_add_text(&notice, "user", user);
	ipc_add_number(&notice, "uid", uid);
	tell(status, &notice);
}

void status_messages(struct status *status, int64_t count)
{
	struct ipc_message notice = begin_notice("session-messages");

	ipc_add_number(&notice, "count", count);
	tell(status, &notice);
}

void status_hand_over(struct status *status)
{
	struct ipc_message notice = begin_notice("session-handed");

	tell(status, &notice);
	ipc_close(&status->channel);
}

void status_end(struct status *status)
{
	ipc_close(&status->channel);
}

/*
 * Ask, and wait for the answer to that question; answers to earlier ones, whose wait was given up, are passed over.
 * Returns 0 with the answer, also where that is a refusal. -1: there is none; the channel is closed unless it was only
 * late.
 */
static int ask(struct status *status, const struct ipc_message *question, struct ipc_message *answer, int patience_ms,
               struct err *err)
{
	uint32_t wanted = ++status->channel.sequence, sequence = 0;
	int64_t end = io_now_ms() + patience_ms;
	int got = 1;

	if (ipc_send(status->channel.fd, question, wanted, err) != 0)
		got = -1;
	while (got == 1 && sequence != wanted) {
		int64_t left = end - io_now_ms();

		got = ipc_receive(status->channel.fd, answer, &sequence, left > 0 ? (int)left : 0, err);
	}
	if (got == 1)
		return 0;
	if (got == 0)
		err_set(err, ERR_CLOSED, "statusd has ended");
	if (got == 0 || (err->code != ERR_TIMEOUT && err->sys != EAGAIN))
		ipc_close(&status->channel);
	return -1;
}

/* What an answer to "slot" or "slot-wait" says. */
enum decision { GRANTED, WAITING, REFUSED };

static enum decision read_decision(const struct ipc_message *answer, struct err *err)
{
	struct str status = ipc_get(answer, "status");
	int64_t granted;

	if (str_equal(status, STR("ok")))
		return ipc_get_number(answer, "granted", 0, 0, &granted) ? WAITING : GRANTED;
	/* any other refusal is a disagreement between us and statusd, which is not the user's fault */
	if (ipc_status_code(status) != ERR_LIMIT) {
		log_warning("statusd cannot give a slot: %.*s", STR_ARG(ipc_get(answer, "text")));
		return GRANTED;
	}
	err_set(err, ERR_LIMIT, "%.*s", STR_ARG(ipc_get(answer, "text")));
	return REFUSED;
}

static enum decision ask_slot(struct status *status, const struct ipc_message *question, int patience_ms,
                              struct err *err)
{
	struct ipc_message answer;
	enum decision decision = GRANTED;
	struct err away;

	ipc_message_init(&answer);
	if (ask(status, question, &answer, patience_ms, &away) == 0)
		decision = read_decision(&answer, err);
	else
		log_warning("a limit is not counted by statusd: %s", away.text);
	ipc_message_free(&answer);
	return decision;
}

int status_acquire(struct status *status, const struct status_slot *slot, struct err *err)
{
	struct ipc_message question;
	enum decision decision;

	if (status->channel.fd < 0)
		return 0;
	ipc_message_init(&question);
	ipc_request(&question, "slot");
	ipc_add_text(&question, "class", slot->class);
	ipc_add_text(&question, "key", slot->key);
	ipc_add_number(&question, "limit", slot->limit);
	ipc_add_number(&question, "total", slot->total);
	ipc_add_number(&question, "wait", slot->wait_ms);
	decision = ask_slot(status, &question, STATUS_PATIENCE_MS, err);
	if (decision == WAITING && status->channel.fd >= 0) {
		ipc_request(&question, "slot-wait");
		ipc_add_text(&question, "class", slot->class);
		decision = ask_slot(status, &question, slot->wait_ms + ANSWER_SLACK_MS, err);
	}
	ipc_message_free(&question);
	return decision == REFUSED ? -1 : 0;
}

void status_release(struct status *status, const char *class)
{
	struct ipc_message notice = begin_notice("slot-free");

	ipc_add_text(&notice, "class", class);
	tell(status, &notice);
}

int status_bandwidth(struct status *status, int64_t pool, int64_t *octets, int64_t *wait_ms)
{
	struct ipc_message question, answer;
	struct err err;
	int result = -1;

	if (status->channel.fd < 0)
		return -1;
	ipc_message_init(&question);
	ipc_message_init(&answer);
	ipc_request(&question, "bandwidth");
	ipc_add_number(&question, "pool", pool);
	if (ask(status, &question, &answer, STATUS_PATIENCE_MS, &err) == 0 &&
	    ipc_get_number(&answer, "octets", 0, INT32_MAX, octets) &&
	    ipc_get_number(&answer, "wait", 0, INT64_MAX, wait_ms))
		result = 0;
	ipc_message_free(&question);
	ipc_message_free(&answer);
	return result;
}

const char *status_address_key(const char *peer, char out[STATUS_TEXT_MAX])
{
	struct in6_addr v6;
	struct in_addr v4;

	out[0] = '\0';
	if (inet_pton(AF_INET, peer, &v4) == 1) {
		if (ntohl(v4.s_addr) >> 24 != IN_LOOPBACKNET)
			str_copy(str_of(peer), out, STATUS_TEXT_MAX);
	} else if (inet_pton(AF_INET6, peer, &v6) == 1 && !IN6_IS_ADDR_LOOPBACK(&v6)) {
		memset(v6.s6_addr + 8, 0, 8);
		inet_ntop(AF_INET6, &v6, out, STATUS_TEXT_MAX);
	}
	return out;
}

void status_script_error(struct status *status, const char *script, const char *function, struct str text)
{
	struct ipc_message notice = begin_notice("script-error");

	text = str_sub(text, 0, SCRIPT_ERROR_MAX);
	ipc_add_text(&notice, "script", script);
	ipc_add_text(&notice, "function", function);
	ipc_add(&notice, "text", text);
	tell(status, &notice);
	if (status->channel.fd < 0)
		log_warning("script=%s function=%s: %.*s", script, function, STR_ARG(text));
}

void status_event(struct status *status, int number, struct str data)
{
	struct ipc_message notice = begin_notice("event");

	if (number != POLICY_GOOD_RECIPIENT && number != POLICY_RELAY_ALLOWED)
		policy_suspect();
	ipc_add_number(&notice, "number", number);
	ipc_add(&notice, "data", str_sub(data, 0, POLICY_DATA_MAX));
	tell(status, &notice);
}

void status_block(struct status *status, int64_t minutes)
{
	struct ipc_message notice = begin_notice("block");

	ipc_add_number(&notice, "minutes", minutes);
	tell(status, &notice);
}

void status_rule(struct status *status, struct str text)
{
	struct ipc_message notice = begin_notice("rule");

	ipc_add(&notice, "text", str_sub(text, 0, STATUS_RULE_MAX));
	tell(status, &notice);
	if (status->channel.fd < 0)
		log_info("rule: %.*s", STR_ARG(text));
}

void status_security(struct status *status, const char *user, const char *reason)
{
	struct ipc_message notice = begin_notice("security");

	ipc_add(&notice, "user", str_sub(str_of(user), 0, STATUS_TEXT_MAX));
	ipc_add_text(&notice, "reason", reason);
	tell(status, &notice);
}
