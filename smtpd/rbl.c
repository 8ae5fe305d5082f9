#include "smtpd/rbl.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/rules/regex.h"
#include "smtpd/sender_auth.h"

#include <arpa/inet.h>

enum {
	LOOKUPS_MS = 10000, /* for all lists: the client waits for its answer */
	LISTS_MAX = 100,    /* as the setting takes */
};

static bool is_action(const struct session *session, const char *action)
{
	return session->rbl.zone[0] != '\0' &&
	       strcmp(settings_text(&session->smtpd->settings, SETTING_SMTP_RBL_ACTION), action) == 0;
}

struct str rbl_servers(const struct session *session)
{
	const struct hooks_rbl *script = &session->hooks.rbl;

	return script->has_lists ? script->servers
	                         : str_of(settings_text(&session->smtpd->settings, SETTING_SMTP_RBL_SERVERS));
}

struct str rbl_whitelist(const struct session *session)
{
	const struct hooks_rbl *script = &session->hooks.rbl;

	return script->has_lists ? script->whitelist
	                         : str_of(settings_text(&session->smtpd->settings, SETTING_SMTP_RBL_WHITELIST));
}

static bool is_whitelisted(const struct session *session)
{
	struct str rest = rbl_whitelist(session), item;

	while ((item = str_cut_item(&rest)).len > 0)
		if (str_matches_wildcard(str_of(session->peer), item))
			return true;
	return false;
}

/* Is a client like this one to be looked for: as a script says, or the settings? */
static bool is_checked(const struct session *session)
{
	if (session->hooks.rbl.check != HOOKS_AS_SET)
		return session->hooks.rbl.check == HOOKS_YES;
	return (sender_auth_is_stranger(session) ||
	        settings_flag(&session->smtpd->settings, SETTING_SMTP_RBL_CHECK_AUTHORISED)) &&
	       !sender_auth_is_gateway(session);
}

bool rbl_is_wanted(const struct session *session)
{
	return rbl_servers(session).len > 0 && !session->is_local && session->user[0] == '\0' && is_checked(session) &&
	       !is_whitelisted(session);
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

/* Is one of the addresses, separated by blanks, found by the expression, or is there any where that is empty? */
static bool means_listed(struct str addresses, struct str expression)
{
	struct regex *regex;
	struct str address;
	bool found = false;
	struct err err;

	if (expression.len == 0)
		return addresses.len > 0;
	if (regex_compile(expression, &regex, &err) != 0) {
		log_warning("smtp.rbl-servers: %s", err.text);
		return false;
	}
	while (!found && (address = str_cut_word(&addresses)).len > 0)
		found = regex_search(regex, address) == REGEX_YES;
	regex_free(regex);
	return found;
}

/* What a list says of the client: addresses, separated by blanks; "" where it is not there. */
static struct str ask_list(struct session *session, const struct mailauth_dns *dns, const struct cidr *client,
                           struct str zone)
{
	struct mailauth_answer answer = {.status = MAILAUTH_TEMPORARY};
	struct arena *arena = &session->command_arena;
	struct str addresses = STR("");
	struct buf name;

	buf_init(&name, MAILAUTH_NAME_MAX);
	rbl_name(client, zone, &name);
	if (!name.overflow)
		mailauth_query(dns, buf_str(&name), MAILAUTH_A, arena, &answer, NULL);
	buf_free(&name);
	for (size_t i = 0; answer.status == MAILAUTH_FOUND && i < answer.count; i++) {
		char text[INET_ADDRSTRLEN];

		if (answer.records[i].len == 4 && inet_ntop(AF_INET, answer.records[i].data, text, sizeof text) != NULL)
			addresses = arena_printf(arena, "%.*s%s%s", STR_ARG(addresses), addresses.len > 0 ? " " : "", text);
	}
	return addresses;
}

static struct str usual_refusal(struct session *session, struct str zone)
{
	return arena_printf(&session->command_arena,
	                    "550 5.7.1 Mail not allowed because client address %s found in RBL entry on %.*s",
	                    session->peer, STR_ARG(zone));
}

static struct str usual_field(struct session *session, struct str zone)
{
	return arena_printf(&session->command_arena, "X-RBLFound: Sender address %s found in RBL entry on %.*s",
	                    session->peer, STR_ARG(zone));
}

/*
 * Ask the lists, each "zone" or "zone(regex)", up to the first that has the client; all, where a script is to see what
 * they say.
 */
static struct str find_zone(struct session *session, const struct cidr *client)
{
	struct mailauth_dns dns = mailauth_channel_dns(&session->dns);
	struct script_field answers[LISTS_MAX];
	struct hooks_listing listing = {.zone = STR(""), .answers = answers};
	bool script_asks = hooks_wants_listing(session);
	struct str rest = rbl_servers(session), entry;

	dns.deadline_ms = io_now_ms() + LOOKUPS_MS;
	while ((script_asks || listing.zone.len == 0) && listing.count < LISTS_MAX &&
	       (entry = str_cut_word(&rest)).len > 0) {
		struct str expression = entry, zone = str_cut(&expression, '('), addresses;

		addresses = ask_list(session, &dns, client, zone);
		if (listing.zone.len == 0 &&
		    means_listed(addresses, str_sub(expression, 0, expression.len - (expression.len > 0))))
			listing.zone = zone;
		answers[listing.count++] =
		    (struct script_field){arena_text(&session->command_arena, zone), script_text(addresses)};
	}
	if (!script_asks)
		return listing.zone;
	listing.refusal = usual_refusal(session, listing.zone);
	listing.field = usual_field(session, listing.zone);
	return hooks_at_listing(session, &listing);
}

static void look(struct session *session)
{
	struct cidr client;

	session->rbl.looked = true;
	if (cidr_parse(str_of(session->peer), &client, NULL, NULL) != 0)
		return;
	str_copy(find_zone(session, &client), session->rbl.zone, sizeof session->rbl.zone);
	if (session->rbl.zone[0] == '\0' || !rbl_is_wanted(session))
		return;
	log_info("client=%s is listed in %s, service=%s", session->peer, session->rbl.zone, session->service);
	status_event(&session->status, POLICY_DNSBL, str_of(session->rbl.zone));
}

bool rbl_permits(struct session *session)
{
	struct str own;

	if (!rbl_is_wanted(session))
		return true;
	if (!session->rbl.looked)
		look(session);
	if (!rbl_is_wanted(session) || !is_action(session, "reject"))
		return true;
	own = session->hooks.rbl.refusal;
	hooks_send(session, own.len > 0 ? own : usual_refusal(session, str_of(session->rbl.zone)));
	return false;
}

void rbl_mark(struct session *session, struct message *message)
{
	struct str field = session->hooks.rbl.field;

	if (!rbl_is_wanted(session) || !is_action(session, "header"))
		return;
	if (field.len == 0)
		field = usual_field(session, str_of(session->rbl.zone));
	message_add_on_top(message, arena_printf(&session->transaction_arena, "%.*s\r\n", STR_ARG(field)));
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
