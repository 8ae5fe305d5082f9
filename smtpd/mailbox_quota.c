#include "smtpd/mailbox_quota.h"

#include "common/base/log.h"
#include "common/policy/mailbox_quota.h"

enum { PATIENCE_MS = 5000 };

static const struct smtp_refusal undecided = {451, "4.3.0", "Quotas cannot be checked now, try again later"};
static const struct smtp_refusal over_quota = {552, "5.2.2", "Mailbox over quota, sending blocked"};

void mailbox_quota_connect(struct session *session)
{
	struct err away;

	session->deliver.fd = -1;
	if (session->smtpd->has_mailbox_quotas &&
	    ipc_connect_now(&session->deliver, &session->smtpd->daemon->instance, "deliver", "smtpd", &away) != 0)
		log_warning("%s", away.text);
}

/* Octets of a user's mailbox. -1: deliver does not say. */
static int64_t measure(struct session *session, int64_t uid)
{
	struct ipc_message request, answer;
	int64_t octets = -1;
	struct err err;

	ipc_message_init(&request);
	ipc_message_init(&answer);
	ipc_request(&request, "usage");
	ipc_add_number(&request, "uid", uid);
	if (session->deliver.fd >= 0 && ipc_call(&session->deliver, &request, &answer, PATIENCE_MS, &err) == 0)
		ipc_get_number(&answer, "octets", 0, INT64_MAX, &octets);
	if (octets < 0)
		log_warning("the size of a mailbox cannot be asked for, uid=%lld: %s", (long long)uid,
		            session->deliver.fd < 0 ? "deliver is away" : err.text);
	ipc_message_free(&request);
	ipc_message_free(&answer);
	return octets;
}

const struct smtp_refusal *mailbox_quota_refuses(struct session *session)
{
	const struct permissions *permissions = &session->permissions;
	const struct settings *settings = &session->smtpd->settings;
	int64_t block = settings_number(settings, SETTING_MAILBOX_QUOTA_BLOCK_SENDING), quota, octets;

	if (!session->smtpd->has_mailbox_quotas || block == 0 || permissions->uid == 0)
		return NULL;
	quota = mailbox_quota_of(settings, &permissions->attributes);
	if (quota == 0)
		return NULL;
	octets = measure(session, permissions->uid);
	if (octets < 0)
		return &undecided;
	if (!mailbox_quota_reaches(block, quota, octets))
		return NULL;
	log_info("uid=%lld may not send: mailbox at %lld %% of its quota, client=%s", (long long)permissions->uid,
	         (long long)mailbox_quota_percent(quota, octets), session->peer);
	return &over_quota;
}
