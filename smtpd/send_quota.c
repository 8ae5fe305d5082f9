#include "smtpd/send_quota.h"

#include "common/base/log.h"
#include "common/policy/send_quota.h"

enum { PATIENCE_MS = 2000 };

static const struct smtp_refusal undecided = {451, "4.3.0", "Quotas cannot be checked now, try again later"};
static const struct smtp_refusal too_much = {451, "4.7.1", "You have sent as much as you may for now"};
static const struct smtp_refusal too_many_recipients = {452, "4.5.3", "You have written to as many as you may for now"};

void send_quota_connect(struct session *session)
{
	struct err away;

	if (session->smtpd->has_send_quotas && session->policyd.fd < 0 &&
	    ipc_connect_now(&session->policyd, &session->smtpd->daemon->instance, "policyd", "smtpd", &away) != 0)
		log_warning("%s", away.text);
}

static bool is_limited(const struct session *session)
{
	struct send_quota quota;

	send_quota_read(&session->permissions.attributes, 0, 0, &quota);
	return session->smtpd->has_send_quotas && quota.is_limited;
}

static const struct smtp_refusal *ask(struct session *session, const char *op, uint64_t octets, size_t recipients,
                                      size_t remote)
{
	const struct smtp_refusal *refusal = NULL;
	struct ipc_message request, answer;
	struct str exceeded;
	struct err err;

	ipc_message_init(&request);
	ipc_message_init(&answer);
	ipc_request(&request, op);
	ipc_add_number(&request, "uid", session->permissions.uid);
	ipc_add_number(&request, "octets", (int64_t)octets);
	ipc_add_number(&request, "recipients", (int64_t)recipients);
	ipc_add_number(&request, "remote", (int64_t)remote);
	if (session->policyd.fd < 0 || ipc_call(&session->policyd, &request, &answer, PATIENCE_MS, &err) != 0) {
		log_warning("quotas cannot be asked for, user=%s: %s", session->user,
		            session->policyd.fd < 0 ? "policyd is away" : err.text);
		refusal = &undecided;
	} else if ((exceeded = ipc_get(&answer, "exceeded")).len != 0) {
		enum send_measure measure = send_measure_find(exceeded);

		log_info("uid=%lld has sent too much: %.*s, client=%s", (long long)session->permissions.uid, STR_ARG(exceeded),
		         session->peer);
		refusal = measure == SEND_RECIPIENTS || measure == SEND_REMOTE_RECIPIENTS ? &too_many_recipients : &too_much;
	}
	ipc_message_free(&request);
	ipc_message_free(&answer);
	return refusal;
}

const struct smtp_refusal *send_quota_refuses(struct session *session, size_t more, size_t more_remote)
{
	const struct transaction *transaction = &session->transaction;

	if (!is_limited(session))
		return NULL;
	return ask(session, "send-ask", transaction->mail.size, transaction->count + more,
	           transaction->remote_count + more_remote);
}

const struct smtp_refusal *send_quota_take(struct session *session, uint64_t octets)
{
	const struct transaction *transaction = &session->transaction;

	if (!session->permissions.known || !is_limited(session))
		return NULL;
	return ask(session, "send-take", octets, transaction->count, transaction->remote_count);
}
