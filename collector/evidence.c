/*
 * Who signed a collected message and who passed it on (specification 07, Authentication-Results): SPF and the login are
 * known to those alone who had it by SMTP.
 */
#include "common/smtp/evidence.h"

#include "collector/arrival.h"
#include "common/base/io.h"
#include "common/mailauth/dns/channel.h"

enum { DNS_MS = 10000 }; /* for all questions about a message */

static struct str own_id(const struct session *session)
{
	const char *id = settings_text(&session->settings, SETTING_MAILAUTH_ID);

	return str_of(id[0] != '\0' ? id : settings_host_name(&session->settings));
}

static int find(struct arrival *arrival, struct results_list *list, struct err *err)
{
	struct evidence evidence;
	struct mailauth_channel channel;
	struct mailauth_dns dns;
	int result = evidence_read(&evidence, &arrival->message, arrival->arena, list, err);

	mailauth_channel_init(&channel, &arrival->session->sources.dnsd);
	dns = mailauth_channel_dns(&channel);
	dns.deadline_ms = io_now_ms() + DNS_MS;
	if (result == 0) {
		evidence_add_dkim(&evidence, &dns, true, list);
		evidence_add_arc(&evidence, &dns, STR(""), list);
		arrival->arc = str_of(arc_word(evidence.arc));
	}
	mailauth_channel_forget(&channel);
	evidence_close(&evidence);
	return result;
}

int arrival_look(struct arrival *arrival, struct err *err)
{
	const struct settings *settings = &arrival->session->settings;
	bool adds_field = settings_flag(settings, SETTING_MAILAUTH_RESULTS),
	     seals = settings_flag(settings, SETTING_ARC_SEAL);
	struct str id = own_id(arrival->session);
	struct results_list *list;
	struct buf text;

	evidence_remove_forged(&arrival->message, id);
	if (arrival->pick->judgement.fetch == COLLECT_HEADERS || (!adds_field && !seals))
		return 0;
	list = arena_get(arrival->arena, sizeof *list);
	list->count = 0;
	if (find(arrival, list, err) != 0)
		return -1;
	buf_init(&text, RESULTS_FIELD_MAX);
	if (adds_field && results_write(id, list->entries, list->count, &text) == 0)
		message_add_on_top(&arrival->message, buf_str(&text));
	buf_reset(&text);
	if (seals && results_write_payload(id, list->entries, list->count, &text) == 0)
		arrival->results = results_unfold(buf_str(&text), arrival->arena);
	else
		arrival->arc = STR("");
	buf_free(&text);
	return 0;
}
