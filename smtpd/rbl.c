#include "smtpd/rbl.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/rules/regex.h"
#include "smtpd/sender_auth.h"

#include <arpa/inet.h>

enum { LOOKUPS_MS = 10000 }; /* for all lists: the client waits for its answer */

static bool is_action(const struct session *session, const char *action)
{
	return session->rbl.zone[0] != '\0' &&
	       strcmp(settings_text(&session->smtpd->settings, SETTING_SMTP_RBL_ACTION), action) == 0;
}

static bool is_whitelisted(const struct session *session)
{
	struct str rest = str_of(settings_text(&session->smtpd->settings, SETTING_SMTP_RBL_WHITELIST)), item;

	while ((item = str_cut_item(&rest)).len > 0)
		if (str_matches_wildcard(str_of(session->peer), item))
			return true;
	return false;
}

bool rbl_is_wanted(const struct session *session)
{
	const struct settings *settings = &session->smtpd->settings;

	return settings_text(settings, SETTING_SMTP_RBL_SERVERS)[0] != '\0' && !session->is_local &&
	       session->user[0] == '\0' &&
	       (sender_auth_is_stranger(session) || settings_flag(settings, SETTING_SMTP_RBL_CHECK_AUTHORISED)) &&
	       !sender_auth_is_gateway(session) && !is_whitelisted(session);
}

void rbl_name(const struct cidr *client, struct str zone, struct buf *name)
{
	if (client->is_ipv6)
		for (int i = 15; i >= 0; i--)
			buf_printf(name, "%x.%x.", client->address[i] & 15, client->address[i] >> 4);
	else
		for (int i = 3; i >= 0; i--)
			buf_printf(name, "%u.", client->address[i]);
	buf_add_str(name, zone);
}

/* Does an answer mean that the address is listed: any address, or one that the expression finds? */
static bool means_listed(const struct mailauth_answer *answer, struct str expression)
{
	struct regex *regex = NULL;
	bool found = false;
	struct err err;

	if (expression.len > 0 && regex_compile(expression, &regex, &err) != 0) {
		log_warning("smtp.rbl-servers: %s", err.text);
		return false;
	}
	for (size_t i = 0; i < answer->count && !found; i++) {
		char text[INET_ADDRSTRLEN];

		if (answer->records[i].len == 4 && inet_ntop(AF_INET, answer->records[i].data, text, sizeof text) != NULL)
			found = regex == NULL || regex_search(regex, str_of(text)) == REGEX_YES;
	}
	regex_free(regex);
	return found;
}

/* entry: "zone" or "zone(regex)". */
static bool is_listed(struct session *session, const struct mailauth_dns *dns, const struct cidr *client,
                      struct str entry)
{
	ptrdiff_t bracket = str_find_char(entry, '(');
	struct str zone = bracket >= 0 ? str_sub(entry, 0, (size_t)bracket) : entry, expression = {"", 0};
	struct mailauth_answer answer;
	struct buf name;
	bool listed;
	struct err err;

	if (bracket >= 0)
		expression = str_sub(entry, (size_t)bracket + 1, entry.len - (size_t)bracket - 2);
	buf_init(&name, MAILAUTH_NAME_MAX);
	rbl_name(client, zone, &name);
	listed = !name.overflow &&
	         mailauth_query(dns, buf_str(&name), MAILAUTH_A, &session->command_arena, &answer, &err) == 0 &&
	         answer.status == MAILAUTH_FOUND && means_listed(&answer, expression);
	buf_free(&name);
	if (listed)
		str_copy(zone, session->rbl.zone, sizeof session->rbl.zone);
	return listed;
}

static void look(struct session *session)
{
	struct str rest = str_of(settings_text(&session->smtpd->settings, SETTING_SMTP_RBL_SERVERS)), entry;
	struct mailauth_dns dns = mailauth_dns_ipc(&session->dnsd);
	struct cidr client;

	session->rbl.looked = true;
	dns.deadline_ms = io_now_ms() + LOOKUPS_MS;
	if (cidr_parse(str_of(session->peer), &client, NULL, NULL) != 0)
		return;
	while ((entry = str_cut_word(&rest)).len > 0)
		if (is_listed(session, &dns, &client, entry)) {
			log_info("client=%s is listed in %s, service=%s", session->peer, session->rbl.zone, session->service);
			status_event(&session->status, POLICY_DNSBL, str_of(session->rbl.zone));
			return;
		}
}

bool rbl_permits(struct session *session)
{
	if (!rbl_is_wanted(session))
		return true;
	if (!session->rbl.looked)
		look(session);
	if (!is_action(session, "reject"))
		return true;
	reply(session, 550, "5.7.1", "Mail not allowed because client address %s found in RBL entry on %s", session->peer,
	      session->rbl.zone);
	return false;
}

void rbl_mark(struct session *session, struct message *message)
{
	if (rbl_is_wanted(session) && is_action(session, "header"))
		message_add_on_top(message, arena_printf(&session->transaction_arena,
		                                         "X-RBLFound: Sender address %s found in RBL entry on %s\r\n",
		                                         session->peer, session->rbl.zone));
}

void rbl_address(struct session *session, struct spool_envelope *envelope)
{
	const struct settings *settings = &session->smtpd->settings;
	const char *target = settings_text(settings, SETTING_SMTP_RBL_TARGET);
	struct spool_recipient *only;

	if (!rbl_is_wanted(session))
		return;
	if (is_action(session, "blackhole"))
		envelope->recipient_count = 0;
	if (!is_action(session, "redirect") || target[0] == '\0' || envelope->recipient_count == 0)
		return;
	only = arena_get(&session->transaction_arena, sizeof *only);
	*only = (struct spool_recipient){.address = str_of(target)};
	if (strchr(target, '@') == NULL)
		only->address = arena_printf(&session->transaction_arena, "%s@%s", target, settings_default_domain(settings));
	envelope->recipients = only;
	envelope->recipient_count = 1;
}
