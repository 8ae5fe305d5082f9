#include "smtpd/collect.h"

#include "common/base/log.h"

enum {
	PATIENCE_MS = 1000,
	RECIPIENTS_MAX = 100, /* of one message: more are a list, not whom somebody writes to */
};

void collect_connect(struct session *session)
{
	bool possible =
	    settings_flag(&session->smtpd->settings, SETTING_SMTP_COLLECT) || script_exists(&session->hooks.script);
	struct err away;

	if (possible && !session->is_local && session->policyd.fd < 0 &&
	    ipc_connect_now(&session->policyd, &session->smtpd->daemon->instance, "policyd", "smtpd", &away) != 0)
		log_warning("%s", away.text);
}

bool collect_is_wanted(const struct session *session)
{
	if (session->hooks.collect != HOOKS_AS_SET)
		return session->hooks.collect == HOOKS_YES;
	return settings_flag(&session->smtpd->settings, SETTING_SMTP_COLLECT);
}

/* Has the user a use for it? */
static bool is_useful(const struct session *session)
{
	return !settings_flag(&session->smtpd->settings, SETTING_SMTP_COLLECT_WEB) || !session->permissions.proven ||
	       settings_set_holds(attributes_text(&session->permissions.attributes, ATTRIBUTE_PROTOCOLS), "web");
}

void collect_recipients(struct session *session, const struct spool_envelope *envelope)
{
	struct ipc_message request, answer;
	struct err err;

	if (session->user[0] == '\0' || session->policyd.fd < 0 || envelope->recipient_count > RECIPIENTS_MAX ||
	    !collect_is_wanted(session) || !is_useful(session))
		return;
	ipc_message_init(&request);
	ipc_message_init(&answer);
	ipc_request(&request, "collect");
	ipc_add_number(&request, "uid", session->uid);
	for (size_t i = 0; i < envelope->recipient_count; i++)
		ipc_add(&request, "address", envelope->recipients[i].address);
	if (ipc_call(&session->policyd, &request, &answer, PATIENCE_MS, &err) != 0)
		log_warning("recipients of user=%s are not remembered: %s", session->user, err.text);
	ipc_message_free(&request);
	ipc_message_free(&answer);
}
