#include "smtpd/smtpd.h"

#include "common/base/log.h"
#include "smtpd/backlog.h"
#include "smtpd/batv.h"
#include "smtpd/greylist.h"
#include "smtpd/intake.h"
#include "smtpd/load.h"
#include "smtpd/rbl.h"
#include "smtpd/sender_auth.h"

#include <time.h>

enum { DAY_S = 86400 };

void transaction_reset(struct session *session)
{
	if (session->transaction.intake != NULL)
		intake_end(session->transaction.intake);
	session->transaction = (struct transaction){0};
	mailauth_channel_forget(&session->dns);
	arena_reset(&session->transaction_arena);
}

/* RFC 6409 4.3: on the services for mail programs nobody sends unnamed, but for clients whose address may relay. */
bool session_login_is_needed(const struct session *session)
{
	return session->user[0] == '\0' &&
	       (session->hooks.needs_login || (session->is_submission && !session_may_relay(session)));
}

uint64_t session_max_size(const struct session *session)
{
	int64_t usual = settings_number(&session->smtpd->settings, SETTING_SMTP_MAX_SIZE);

	return (uint64_t)(session->hooks.max_size > 0 && session->hooks.max_size < usual ? session->hooks.max_size : usual);
}

int64_t session_future_release(const struct session *session)
{
	if (session->user[0] == '\0') /* somebody has to answer for it when it goes */
		return 0;
	return settings_number(&session->smtpd->settings, SETTING_SMTP_FUTURE_RELEASE) * DAY_S;
}

/* A message that is to wait: not for clients to whom that was not offered, nor for too long. */
static bool may_not_wait(struct session *session)
{
	const struct smtp_mail *mail = &session->transaction.mail;
	int64_t most = session_future_release(session);
	int64_t wait = mail->hold_until != 0 ? mail->hold_until - (int64_t)time(NULL) : mail->hold_for;

	if ((mail->hold_for == 0 && mail->hold_until == 0) || (most > 0 && wait <= most))
		return false;
	if (most == 0)
		reply(session, 555, "5.5.4", "Parameters not recognised or not implemented");
	else
		reply(session, 501, "5.5.4", "Messages are kept for %lld seconds at most", (long long)most);
	return true;
}

/* Were parameters of DSN used where that is switched off? They are unknown then. */
static bool has_unknown_parameters(struct session *session, bool uses_dsn, bool requires_tls)
{
	/* RFC 8689 section 2: in clear it was not offered. */
	if ((!uses_dsn || settings_flag(&session->smtpd->settings, SETTING_SMTP_DSN)) &&
	    (!requires_tls || session->conn.tls_active))
		return false;
	reply(session, 555, "5.5.4", "Parameters not recognised or not implemented");
	return true;
}

void command_mail(struct session *session, struct str argument)
{
	struct transaction *transaction = &session->transaction;
	struct smtp_refusal refusal;
	struct str domain;

	if (session_login_is_needed(session)) {
		reply(session, 530, "5.7.0", "Authentication required");
		return;
	}
	if (!load_permits_message(session))
		return;
	argument = arena_copy(&session->transaction_arena, argument);
	domain = arena_copy(&session->transaction_arena, session_default_domain(session));
	if (smtp_parse_mail(argument, domain, &session->transaction_arena, &transaction->mail, &refusal) != 0) {
		reply_refusal(session, &refusal);
		transaction_reset(session);
	} else if (has_unknown_parameters(session, transaction->mail.ret.len > 0 || transaction->mail.envid.len > 0,
	                                  transaction->mail.requiretls) ||
	           may_not_wait(session)) {
		transaction_reset(session);
	} else if (transaction->mail.size > session_max_size(session)) {
		status_event(&session->status, POLICY_TOO_BIG, transaction->mail.from.text);
		reply(session, 552, "5.2.3", "Message too large - contact your administrator");
		transaction_reset(session);
	} else if (!disk_has_room(session, SETTING_DISK_MESSAGE)) {
		reply(session, 452, "4.3.1", "Insufficient system storage");
		transaction_reset(session);
	} else if (!permissions_at_mail(session) || !rules_at_mail(session) || !sender_auth_mail(session) ||
	           !hooks_permit(session, "DoMAILFROM", transaction->mail.from.text)) {
		transaction_reset(session);
	} else {
		transaction->open = true;
		reply(session, 250, "2.1.0", "OK");
	}
}

static void add_recipient(struct session *session, const struct smtp_rcpt *rcpt, bool is_remote)
{
	struct transaction *transaction = &session->transaction;

	transaction->remote_count += is_remote;
	if (transaction->count == transaction->capacity) {
		struct spool_recipient *old = transaction->recipients;

		transaction->capacity = transaction->capacity != 0 ? 2 * transaction->capacity : 4;
		transaction->recipients = arena_get(&session->transaction_arena, transaction->capacity * sizeof *old);
		if (transaction->count != 0)
			memcpy(transaction->recipients, old, transaction->count * sizeof *old);
	}
	transaction->recipients[transaction->count++] = (struct spool_recipient){
	    .address = arena_copy(&session->transaction_arena, rcpt->to.text),
	    .notify = rcpt->notify,
	    .orcpt = arena_copy(&session->transaction_arena, rcpt->orcpt),
	};
}

/* An address that some servers would take for a route to elsewhere (specification 05, SMTP advanced). */
static bool looks_like_route(const struct settings *settings, struct str local_part)
{
	return (str_find_char(local_part, '%') >= 0 && settings_flag(settings, SETTING_SMTP_REFUSE_PERCENT)) ||
	       (str_find_char(local_part, '!') >= 0 && settings_flag(settings, SETTING_SMTP_REFUSE_BANG));
}

/* Answer a refusal and return false, or return true where the recipient is welcome. *is_remote_out: it is elsewhere. */
static bool recipient_is_welcome(struct session *session, const struct smtp_rcpt *rcpt, bool *is_remote_out)
{
	const struct settings *settings = &session->smtpd->settings;

	if (looks_like_route(settings, rcpt->to.local_part)) {
		reply(session, 553, "5.1.3", "Addresses with %% or ! are not accepted");
		return false;
	}
	if (!load_permits_recipient(session))
		return false;
	switch (relay_resolve(session, rcpt->to.text)) {
	case RECIPIENT_LOCAL:
		if (!relay_permits_local(session) || !permissions_at_rcpt(session, false))
			return false;
		status_event(&session->status, POLICY_GOOD_RECIPIENT, rcpt->to.text);
		return true;
	case RECIPIENT_REMOTE:
		if (relay_permits_remote(session)) {
			if (!permissions_at_target(session, &rcpt->to) || !permissions_at_rcpt(session, true) ||
			    !backlog_permits(session))
				return false;
			*is_remote_out = true;
			status_event(&session->status, POLICY_RELAY_ALLOWED, rcpt->to.text);
			return true;
		}
		status_event(&session->status, POLICY_RELAY_DENIED, rcpt->to.text);
		log_info("relaying refused from=<%.*s> to=<%.*s> client=%s service=%s",
		         STR_ARG(session->transaction.mail.from.text), STR_ARG(rcpt->to.text), session->peer, session->service);
		return false;
	case RECIPIENT_UNKNOWN:
		if (!settings_flag(settings, SETTING_SMTP_REJECT_UNKNOWN))
			return true;
		status_event(&session->status, POLICY_BAD_RECIPIENT, rcpt->to.text);
		log_info("unknown recipient refused from=<%.*s> to=<%.*s> client=%s service=%s",
		         STR_ARG(session->transaction.mail.from.text), STR_ARG(rcpt->to.text), session->peer, session->service);
		reply(session, 550, "5.1.1", "Recipient not recognised");
		return false;
	case RECIPIENT_UNDECIDED:
		break;
	}
	reply(session, 451, "4.3.0", "Recipients cannot be checked now, try again later");
	return false;
}

void command_rcpt(struct session *session, struct str argument)
{
	struct smtp_refusal refusal;
	struct smtp_rcpt rcpt;
	bool is_remote = false;

	if (smtp_parse_rcpt(argument, session_default_domain(session), session->transaction.mail.smtputf8,
	                    &session->command_arena, &rcpt, &refusal) != 0) {
		reply_refusal(session, &refusal);
		return;
	}
	if (has_unknown_parameters(session, rcpt.notify != 0 || rcpt.orcpt.len > 0, false) ||
	    !batv_permits(session, &rcpt) || !recipient_is_welcome(session, &rcpt, &is_remote) || !rbl_permits(session) ||
	    !greylist_permits(session, rcpt.to.text) || !rules_at_rcpt(session, rcpt.to.text) ||
	    !hooks_permit(session, "DoRCPTTO", rcpt.to.text))
		return;
	add_recipient(session, &rcpt, is_remote);
	reply(session, 250, "2.1.5", "OK");
}
