#include "smtpd/greylist.h"

#include "common/addr/cidr.h"
#include "common/base/log.h"
#include "smtpd/dmarc_note.h"
#include "smtpd/sender_auth.h"

enum { PATIENCE_MS = 2000 };

void greylist_connect(struct session *session)
{
	struct err away;

	session->policyd.fd = -1;
	if (((!session->is_local && settings_flag(&session->smtpd->settings, SETTING_SMTP_GREYLIST)) ||
	     dmarc_note_is_on(session)) &&
	    ipc_connect_now(&session->policyd, &session->smtpd->daemon->instance, "policyd", "smtpd", &away) != 0)
		log_warning("%s", away.text);
}

/* Does a list of addresses, networks and domains (with wildcards) name the client or the sender's domain? */
static bool is_exempt(const struct session *session)
{
	struct str rest = str_of(settings_text(&session->smtpd->settings, SETTING_SMTP_GREYLIST_EXEMPT)), item;
	struct str domain = session->transaction.mail.from.domain;
	struct cidr client, network;
	bool has_client = cidr_parse(str_of(session->peer), &client, NULL, NULL) == 0;

	while ((item = str_cut_item(&rest)).len > 0) {
		if (cidr_parse(item, &network, NULL, NULL) == 0) {
			if (has_client && cidr_holds(&network, &client))
				return true;
		} else if (domain.len > 0 && str_matches_wildcard(domain, item)) {
			return true;
		}
	}
	return false;
}

/* Is it from whom it says, so that a second attempt would tell nothing more? */
static bool spf_is_enough(const struct session *session)
{
	const struct settings *settings = &session->smtpd->settings;
	const struct transaction *transaction = &session->transaction;
	struct str rest = str_of(settings_text(settings, SETTING_SMTP_GREYLIST_SPF_DOMAINS)), item;
	struct str domain = transaction->spf.record_domain;

	if (!settings_flag(settings, SETTING_SMTP_GREYLIST_SPF) || !transaction->spf_is_known ||
	    transaction->spf.result != SPF_PASS)
		return false;
	if (rest.len == 0)
		return true;
	while ((item = str_cut_item(&rest)).len > 0)
		if (str_matches_wildcard(domain, item))
			return true;
	return false;
}

/* Has policyd seen that before? Also where it does not say. */
static bool was_seen(struct session *session, struct str recipient)
{
	struct ipc_message request, answer;
	int64_t pass = 1;
	struct err err;

	ipc_message_init(&request);
	ipc_message_init(&answer);
	ipc_request(&request, "greylist");
	ipc_add_text(&request, "peer", session->peer);
	ipc_add(&request, "from", session->transaction.mail.from.text);
	ipc_add(&request, "to", recipient);
	ipc_add_number(&request, "wait", settings_number(&session->smtpd->settings, SETTING_SMTP_GREYLIST_WAIT));
	if (ipc_call(&session->policyd, &request, &answer, PATIENCE_MS, &err) == 0)
		ipc_get_number(&answer, "pass", 0, 1, &pass);
	else
		log_warning("a client is not greylisted, client=%s: %s", session->peer, err.text);
	ipc_message_free(&request);
	ipc_message_free(&answer);
	return pass == 1;
}

bool greylist_permits(struct session *session, struct str recipient)
{
	if (session->policyd.fd < 0 || !settings_flag(&session->smtpd->settings, SETTING_SMTP_GREYLIST) ||
	    !sender_auth_is_stranger(session) || session->is_handed || is_exempt(session) || spf_is_enough(session) ||
	    was_seen(session, recipient))
		return true;
	log_info("greylisted from=<%.*s> to=<%.*s> client=%s service=%s", STR_ARG(session->transaction.mail.from.text),
	         STR_ARG(recipient), session->peer, session->service);
	reply(session, 451, "4.7.1", "Greylisted, please try again later");
	return false;
}
