#include "smtpd/backlog.h"

#include "common/base/log.h"

enum { PATIENCE_MS = 2000 };

static bool is_limited(const struct session *session)
{
	const struct settings *settings = &session->smtpd->settings;

	return settings_number(settings, SETTING_SMTP_MAX_QUEUE) > 0 ||
	       settings_number(settings, SETTING_SMTP_MAX_QUEUE_USER) > 0;
}

void backlog_connect(struct session *session)
{
	struct err away;

	session->queue_manager.fd = -1;
	if (is_limited(session) && ipc_connect_now(&session->queue_manager, &session->smtpd->daemon->instance,
	                                           "queue-manager", "smtpd", &away) != 0)
		log_warning("%s", away.text);
}

static bool is_over(const struct session *session, enum setting setting, int64_t waiting)
{
	int64_t limit = settings_number(&session->smtpd->settings, setting);

	return limit > 0 && waiting > limit;
}

/* How many messages wait; none where queue-manager does not say. */
static void ask(struct session *session, int64_t *all, int64_t *own)
{
	struct ipc_message request, answer;
	struct err err;

	ipc_message_init(&request);
	ipc_message_init(&answer);
	ipc_request(&request, "backlog");
	ipc_add_text(&request, "user", session->user);
	if (ipc_call(&session->queue_manager, &request, &answer, PATIENCE_MS, &err) == 0) {
		ipc_get_number(&answer, "all", 0, INT64_MAX, all);
		ipc_get_number(&answer, "own", 0, INT64_MAX, own);
	} else {
		log_warning("the queue is not looked at: %s", err.text);
	}
	ipc_message_free(&request);
	ipc_message_free(&answer);
}

bool backlog_permits(struct session *session)
{
	int64_t all = 0, own = 0;

	if (session->queue_manager.fd < 0 || !is_limited(session))
		return true;
	ask(session, &all, &own);
	if (!is_over(session, SETTING_SMTP_MAX_QUEUE, all) && !is_over(session, SETTING_SMTP_MAX_QUEUE_USER, own))
		return true;
	log_info("too much waits in the queue: all=%lld own=%lld user=%s client=%s", (long long)all, (long long)own,
	         session->user, session->peer);
	reply(session, 452, "4.3.1", "Too many messages are waiting to be sent, try again later");
	return false;
}
