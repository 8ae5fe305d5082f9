#include "smtpd/smtpd.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/login/sasl.h"

enum { LEARN_INTERVAL_MS = 1000, LEARN_PATIENCE_MS = 200 };

static struct sasl sasl_of(struct session *session)
{
	return (struct sasl){
	    .conn = &session->conn,
	    .authd = &session->authd,
	    .service = session->service,
	    .prompt = "334 ",
	    .challenges = settings_flag(&session->smtpd->settings, SETTING_LOGIN_CHALLENGES),
	    .binds = settings_flag(&session->smtpd->settings, SETTING_LOGIN_BINDING),
	};
}

void auth_learn_mechanisms(struct smtpd *smtpd)
{
	static int64_t next_try_ms;
	struct ipc_message request, answer;
	struct ipc_channel channel;
	struct str key, value;
	size_t position = 0, used = 0;

	if (smtpd->mechanisms[0] != '\0' || io_now_ms() < next_try_ms)
		return;
	next_try_ms = io_now_ms() + LEARN_INTERVAL_MS;
	if (ipc_connect(&channel, &smtpd->daemon->instance, "authd", "smtpd", NULL) != 0)
		return;
	ipc_message_init(&request);
	ipc_message_init(&answer);
	ipc_request(&request, "mechanisms");
	if (ipc_call(&channel, &request, &answer, LEARN_PATIENCE_MS, NULL) == 0)
		while (ipc_next(&answer, &position, &key, &value))
			if (str_equal(key, STR("mechanism")) && used + value.len + 2 < sizeof smtpd->mechanisms) {
				if (used > 0)
					smtpd->mechanisms[used++] = ' ';
				str_copy(value, smtpd->mechanisms + used, sizeof smtpd->mechanisms - used);
				used += value.len;
			}
	ipc_message_free(&request);
	ipc_message_free(&answer);
	ipc_close(&channel);
}

static bool plain_is_allowed(const struct session *session)
{
	return session->conn.tls_active || !settings_flag(&session->smtpd->settings, SETTING_SMTP_ENCRYPTED_AUTH);
}

struct str auth_mechanisms(struct session *session)
{
	struct str rest = str_of(session->smtpd->mechanisms), offered = STR(""), word;
	const struct sasl sasl = sasl_of(session);

	if (session->is_local || session->user[0] != '\0' || tls_is_needed(session))
		return offered;
	while ((word = str_cut_word(&rest)).len != 0)
		if (sasl_is_usable(&sasl, word) && (plain_is_allowed(session) || !sasl_is_plain(word)))
			offered = arena_printf(&session->command_arena, "%.*s%s%.*s", STR_ARG(offered), offered.len != 0 ? " " : "",
			                       STR_ARG(word));
	return offered;
}

static bool is_listed(struct str words, struct str name)
{
	struct str word;

	while ((word = str_cut_word(&words)).len != 0)
		if (str_equal_nocase(word, name))
			return true;
	return false;
}

static void succeed(struct session *session, const struct sasl_grant *grant)
{
	str_copy(str_of(grant->user), session->user, sizeof session->user);
	session->uid = grant->uid;
	str_copy(str_of(grant->token), session->login_token, sizeof session->login_token);
	status_login(&session->status, grant->user, grant->uid);
	bandwidth_login(&session->bandwidth, &(struct bandwidth_user){grant->user, grant->uid});
	reply(session, 235, "2.7.0", "Authentication successful");
}

static void fail(struct session *session, const struct sasl_grant *tried)
{
	status_event(&session->status, POLICY_BAD_LOGIN, str_of(tried->user));
	session->failed_logins++;
	reply(session, 535, "5.7.8", "Authentication failed");
	if (session->failed_logins < settings_number(&session->smtpd->settings, SETTING_LOGIN_MAX_FAILURES) &&
	    !gate_was_shut(&session->smtpd->known, session->peer))
		return;
	reply(session, 421, "4.7.0", "Too many failed logins");
	session->closing = true;
}

static void answer_result(struct session *session, enum sasl_result result, const struct sasl_grant *grant,
                          const struct err *err)
{
	if (result == SASL_GRANTED && !(hooks_allow_user(session, grant->user) && relay_may_log_in(session, grant->uid))) {
		log_info("login refused by the access list, service=%s user=%s peer=%s", session->service, grant->user,
		         session->peer);
		status_security(&session->status, grant->user, STATUS_BY_ACCESS_LIST);
		result = SASL_DENIED;
	}
	switch (result) {
	case SASL_GRANTED:
		succeed(session, grant);
		break;
	case SASL_DENIED:
		fail(session, grant);
		break;
	case SASL_TEMPORARY:
		log_warning("cannot ask authd: %s", err->text);
		reply(session, 454, "4.7.0", "Temporary authentication failure");
		break;
	case SASL_UNKNOWN:
		reply(session, 504, "5.5.4", "Mechanism not recognised");
		break;
	case SASL_CANCELLED:
		reply(session, 501, "5.7.0", "Authentication cancelled");
		break;
	case SASL_MALFORMED:
		reply(session, 501, "5.5.2", "That is not base64, or too long");
		break;
	case SASL_LOST:
		break; /* the next read of the session meets the same */
	}
}

/* RFC 4954 4 */
void command_auth(struct session *session, struct str argument)
{
	struct str rest = argument, mechanism = str_cut_word(&rest), initial = str_trim(rest);
	struct sasl sasl = sasl_of(session);
	struct sasl_grant grant = {0};
	enum sasl_result result;
	struct err err;

	if (session->is_local)
		reply(session, 502, "5.5.1", "Command not implemented");
	else if (session->user[0] != '\0')
		reply(session, 503, "5.5.1", "You are logged in already");
	else if (session->transaction.open)
		reply(session, 503, "5.5.1", "Not within a mail transaction");
	else if (mechanism.len == 0)
		reply(session, 501, "5.5.4", "Say AUTH and a mechanism");
	else if (sasl_is_plain(mechanism) && !plain_is_allowed(session))
		reply(session, 538, "5.7.11", "Encryption required for requested authentication mechanism");
	else if (session->smtpd->mechanisms[0] == '\0')
		reply(session, 454, "4.7.0", "Temporary authentication failure");
	else if (!is_listed(auth_mechanisms(session), mechanism))
		reply(session, 504, "5.5.4", "Mechanism not recognised");
	else {
		result = sasl_exchange(&sasl, mechanism, initial.len != 0 ? initial : (struct str){NULL, 0}, &grant, &err);
		answer_result(session, result, &grant, &err);
	}
}
