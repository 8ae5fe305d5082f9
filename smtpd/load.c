#include "smtpd/load.h"

#include "smtpd/smtpd.h"

#include <sys/socket.h>

/* Is the peer among the addresses that places are kept for, which may have wildcards? */
static bool is_listed(const char *addresses, int fd)
{
	struct str rest = str_of(addresses), item;
	struct sockaddr_storage peer = {0};
	socklen_t size = sizeof peer;
	char text[CIDR_TEXT_MAX];
	struct cidr address;
	struct buf out;
	bool found = false;

	if (getpeername(fd, (struct sockaddr *)&peer, &size) != 0 || !cidr_from_sockaddr(&peer, &address))
		return false;
	buf_init(&out, sizeof text - 1);
	cidr_format(&address, &out);
	str_copy(buf_str(&out), text, sizeof text);
	buf_free(&out);
	while (!found && (item = str_cut_item(&rest)).len != 0)
		found = str_matches_wildcard(str_of(text), item);
	return found;
}

void load_limits(struct smtpd *smtpd, int fd, const struct listen_origin *origin, struct listen_limits *limits)
{
	const struct settings *settings = &smtpd->settings;
	struct access_decision decision;
	const char *reserved;

	if (origin->service == 0)
		return;
	settings_use_service(&smtpd->settings, origin->service);
	access_decide_peer(&smtpd->access, origin->service, fd, &decision);
	if (decision.unauth)
		return;
	reserved = settings_text(settings, SETTING_SMTP_RESERVED_CLIENTS);
	*limits = (struct listen_limits){
	    .counts = true,
	    .max_sessions = settings_number(settings, SETTING_SMTP_MAX_SESSIONS),
	    .max_per_address = settings_number(settings, SETTING_SMTP_MAX_PER_CLIENT),
	};
	if (reserved[0] == '\0')
		return;
	limits->reserved = settings_number(settings, SETTING_SMTP_RESERVED_SESSIONS);
	limits->has_reserved = is_listed(reserved, fd);
}

static bool is_local(const struct session *session)
{
	return session->is_local || session->user[0] != '\0' || session->relay.decision.unauth;
}

/* The script's limit where it set one, else the setting for this kind of client. 0: any number. */
static uint64_t limit_of(const struct session *session, int64_t of_script, enum setting incoming, enum setting local)
{
	if (!session->is_local && of_script >= 0)
		return (uint64_t)of_script;
	return (uint64_t)settings_number(&session->smtpd->settings, is_local(session) ? local : incoming);
}

bool load_permits_message(struct session *session)
{
	uint64_t limit =
	    limit_of(session, session->hooks.max_messages, SETTING_SMTP_MESSAGES_INCOMING, SETTING_SMTP_MESSAGES_LOCAL);

	if (limit == 0 || session->messages < limit)
		return true;
	reply(session, 421, "4.7.0", "Too many messages in this session");
	session->closing = true;
	return false;
}

bool load_permits_recipient(struct session *session)
{
	size_t count = session->transaction.count;
	uint64_t limit = limit_of(session, session->hooks.max_recipients, SETTING_SMTP_RECIPIENTS_INCOMING,
	                          SETTING_SMTP_RECIPIENTS_LOCAL);

	if (count < (size_t)settings_number(&session->smtpd->settings, SETTING_SMTP_MAX_RECIPIENTS) &&
	    (limit == 0 || count < limit))
		return true;
	reply(session, 452, "4.5.3", "Too many recipients");
	return false;
}
