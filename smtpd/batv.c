#include "smtpd/batv.h"

#include "common/base/log.h"
#include "common/mailauth/batv/batv.h"
#include "common/mailauth/srs/srs.h"
#include "common/mime/header.h"
#include "smtpd/sender_auth.h"

#include <time.h>

static const struct smtp_refusal not_ours = {550, "5.7.1", "No message of this address is answered here (BATV)"};

static bool refuses(const struct session *session)
{
	return strcmp(settings_text(&session->smtpd->settings, SETTING_MAILAUTH_BATV), "on") == 0;
}

static bool is_local_domain(struct session *session, struct str domain)
{
	struct ipc_message request, answer;
	int64_t local = 0;
	bool is_local;

	ipc_message_init(&request);
	ipc_message_init(&answer);
	ipc_request(&request, "is-local");
	ipc_add(&request, "domain", domain);
	is_local = ipc_call(&session->resolver, &request, &answer, IPC_TIMEOUT_MS, NULL) == 0 &&
	           ipc_get_number(&answer, "local", 0, 1, &local) && local != 0;
	ipc_message_free(&request);
	ipc_message_free(&answer);
	return is_local;
}

/*
 * Would the address have a tag if the message answered were ours? Who may send through us is believed; what SRS made
 * has a hash of its own.
 */
static bool lacks_tag(struct session *session, const struct addr *to)
{
	return refuses(session) && session->transaction.mail.from.is_null && sender_auth_is_stranger(session) &&
	       batv_can_tag(to) && !srs_is(to) && is_local_domain(session, to->domain);
}

bool batv_permits(struct session *session, struct smtp_rcpt *rcpt)
{
	struct str secret = str_of(settings_text(&session->smtpd->settings, SETTING_MAILAUTH_BATV_SECRET));
	struct addr original;

	switch (batv_check(secret, &rcpt->to, time(NULL), &session->command_arena, &original)) {
	case BATV_VALID:
		rcpt->to = original;
		return true;
	case BATV_INVALID:
		if (!refuses(session) || !is_local_domain(session, rcpt->to.domain))
			return true;
		log_info("tag refused from=<%.*s> to=<%.*s> client=%s service=%s", STR_ARG(session->transaction.mail.from.text),
		         STR_ARG(rcpt->to.text), session->peer, session->service);
		reply(session, 550, "5.7.1", "The tag of this address is not valid, or has expired (BATV)");
		return false;
	case BATV_UNTAGGED:
		if (lacks_tag(session, &rcpt->to))
			session->transaction.lacks_tag = true;
		break;
	}
	return true;
}

/* RFC 8098 3: multipart/report; report-type=disposition-notification */
static bool is_read_notification(const struct message *message, struct arena *arena)
{
	struct str rest = message_header(message);
	struct mime_field field;
	struct mime_value value;

	while (mime_field_next(&rest, &field)) {
		if (!str_equal_nocase(field.name, STR("Content-Type")))
			continue;
		mime_parse_value(field.value, arena, &value);
		for (size_t i = 0; i < value.params.count; i++)
			if (str_equal_nocase(value.params.list[i].name, STR("report-type")) &&
			    str_equal_nocase(value.params.list[i].value, STR("disposition-notification")))
				return str_equal_nocase(value.value, STR("multipart/report"));
		return false;
	}
	return false;
}

const struct smtp_refusal *batv_at_data(const struct session *session, const struct message *message)
{
	struct arena arena;
	bool passes;

	if (!session->transaction.lacks_tag)
		return NULL;
	arena_init(&arena);
	passes = is_read_notification(message, &arena);
	arena_free(&arena);
	return passes ? NULL : &not_ours;
}
