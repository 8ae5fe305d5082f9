#include "smtpd/sender_auth.h"

#include "common/addr/senders.h"
#include "common/base/io.h"
#include "common/base/log.h"
#include "common/mailauth/dmarc/dmarc.h"
#include "common/mailauth/iprev/iprev.h"
#include "smtpd/dmarc_note.h"
#include "smtpd/rbl.h"

enum { DATA_DNS_MS = 10000 }; /* for all questions at the end of a message: its client waits for the answer */

bool sender_auth_is_stranger(const struct session *session)
{
	return !session->is_local && session->user[0] == '\0' && !session_may_relay(session);
}

bool sender_auth_is_gateway(const struct session *session)
{
	return session->is_handed ||
	       settings_networks_hold(settings_text(&session->smtpd->settings, SETTING_MAILAUTH_GATEWAYS), session->peer);
}

void sender_auth_connect(struct session *session)
{
	const struct settings *settings = &session->smtpd->settings;
	bool wanted = settings_flag(settings, SETTING_SMTP_SPF) || settings_flag(settings, SETTING_MAILAUTH_RESULTS) ||
	              settings_flag(settings, SETTING_ARC_SEAL) || settings_flag(settings, SETTING_MAILAUTH_DMARC_POLICY) ||
	              settings_flag(settings, SETTING_MAILAUTH_DMARC_REPORTS) || rbl_is_wanted(session) ||
	              script_is_installed(&session->hooks.script);
	struct err away;

	mailauth_memory_init(&session->answers);
	mailauth_channel_init(&session->dns, &session->dnsd);
	session->dnsd.fd = -1;
	if (wanted && !session->is_local && !sender_auth_is_gateway(session) &&
	    ipc_connect(&session->dnsd, &session->smtpd->daemon->instance, "dnsd", "smtpd", &away) != 0)
		log_warning("%s", away.text);
}

struct mailauth_dns sender_auth_dns(struct session *session)
{
	struct mailauth_dns dns = mailauth_channel_dns(&session->dns);

	dns.deadline_ms = io_now_ms() + DATA_DNS_MS;
	return mailauth_memory_dns(&session->answers, &dns);
}

static bool is_whitelisted(const struct session *session, const struct cidr *client)
{
	const struct addr *from = &session->transaction.mail.from;
	struct sender_facts facts = {
	    .client = client,
	    .local_part = from->local_part,
	    .domain = from->domain,
	    .service = session->service_id,
	};

	return senders_hold(str_of(settings_text(&session->smtpd->settings, SETTING_SMTP_SPF_WHITELIST)), &facts);
}

static bool is_wanted(const struct session *session, struct cidr *client)
{
	const struct settings *settings = &session->smtpd->settings;

	if (!settings_flag(settings, SETTING_SMTP_SPF) || session->is_local || sender_auth_is_gateway(session) ||
	    (settings_flag(settings, SETTING_SMTP_SPF_SKIP_AUTHORISED) && !sender_auth_is_stranger(session)))
		return false;
	return cidr_parse(str_of(session->peer), client, NULL, NULL) == 0 && !is_whitelisted(session, client);
}

static void refuse(struct session *session, const struct spf_outcome *spf)
{
	const char *word = spf_result_word(spf->result);

	status_event(&session->status, POLICY_SPF, session->transaction.mail.from.text);
	log_info("SPF refused from=<%.*s> spf=%s domain=%.*s client=%s service=%s%s%.*s",
	         STR_ARG(session->transaction.mail.from.text), word, STR_ARG(spf->domain), session->peer, session->service,
	         spf->problem.len > 0 ? ": " : "", STR_ARG(spf->problem));
	if (spf->result == SPF_TEMPERROR)
		reply(session, 451, "4.4.3", "SPF of %.*s cannot be checked now, try again later", STR_ARG(spf->domain));
	else if (spf->explanation.len > 0) /* RFC 7208 8.4: told apart from what this server says */
		reply(session, 550, "5.7.23", "SPF check failed (%s); %.*s explains: %.*s", word, STR_ARG(spf->domain),
		      STR_ARG(spf->explanation));
	else
		reply(session, 550, "5.7.23", "SPF check failed (%s): %s may not send for %.*s", word, session->peer,
		      STR_ARG(spf->domain));
}

bool sender_auth_wants_results(const struct session *session)
{
	const struct settings *settings = &session->smtpd->settings;

	return !session->is_local && !sender_auth_is_gateway(session) &&
	       (settings_flag(settings, SETTING_MAILAUTH_RESULTS) || settings_flag(settings, SETTING_ARC_SEAL) ||
	        settings_flag(settings, SETTING_MAILAUTH_DMARC_POLICY) || dmarc_note_is_on(session));
}

/* What the end of data will ask of the DNS is on its way from here on, as far as it is known: most write as who they
 * are. */
static void foresee(struct session *session)
{
	struct arena *arena = &session->transaction_arena;
	struct str domain = session->transaction.mail.from.domain;
	struct mailauth_dns dns;
	struct cidr client;

	if (!sender_auth_wants_results(session) || !sender_auth_is_stranger(session))
		return;
	dns = sender_auth_dns(session);
	if (cidr_parse(str_of(session->peer), &client, NULL, NULL) == 0)
		iprev_foresee(&dns, &client, arena);
	if (domain.len > 0)
		dmarc_foresee(&dns, domain, arena);
}

bool sender_auth_mail(struct session *session)
{
	struct transaction *transaction = &session->transaction;
	const struct mailauth_dns source = mailauth_channel_dns(&session->dns);
	const struct mailauth_dns dns = mailauth_memory_dns(&session->answers, &source);
	struct spf_check check = {
	    .dns = &dns,
	    .helo = str_of(session->helo),
	    .local_part = transaction->mail.from.local_part,
	    .domain = transaction->mail.from.domain,
	    .receiver = str_of(session_host(session)),
	};

	foresee(session);
	if (!is_wanted(session, &check.client))
		return true;
	spf_check(&check, &session->transaction_arena, &transaction->spf);
	transaction->spf_is_known = true;
	if (!settings_set_holds(settings_text(&session->smtpd->settings, SETTING_SMTP_SPF_REJECT),
	                        spf_result_word(transaction->spf.result)))
		return true;
	refuse(session, &transaction->spf);
	return false;
}
