/* smtpd: what smtpsvr.lua has to say about who gets a message, and hears of it. */
#include "smtpd/smtpd.h"

#include "common/base/log.h"
#include "common/rules/facts.h"

static struct str *addresses(struct session *session, const struct spool_recipient *recipients, size_t count)
{
	struct str *list = arena_get(&session->transaction_arena, (count + 1) * sizeof *list);

	for (size_t i = 0; i < count; i++)
		list[i] = recipients[i].address;
	return list;
}

/* Tell a function of recipients, where there are some. */
static void tell(struct session *session, const char *function, const struct str *recipients, size_t count)
{
	const struct script_value argument = script_list(recipients, count);

	if (!session->is_local && count > 0)
		script_call(&session->hooks.script, function, &argument, 1, NULL, 0, &session->command_arena);
}

static bool is_in(const struct script_value *list, struct str address)
{
	for (size_t i = 0; i < list->count; i++)
		if (str_equal_nocase(list->items[i], address))
			return true;
	return false;
}

const struct smtp_refusal *hooks_check_recipients(struct session *session)
{
	static const struct smtp_refusal nobody_left = {550, "5.7.1", "None of the recipients is allowed"};
	struct transaction *transaction = &session->transaction;
	size_t count = transaction->count, blocked_count = 0;
	struct str *asked = addresses(session, transaction->recipients, count);
	struct str *blocked = arena_get(&session->transaction_arena, (count + 1) * sizeof *blocked);
	const struct script_value argument = script_list(asked, count);
	struct script_value allowed = {.type = SCRIPT_LIST};

	if (!hooks_ask(session, "CheckRecipients", &argument, 1, &allowed))
		return NULL;
	transaction->count = 0;
	for (size_t i = 0; i < count; i++)
		if (is_in(&allowed, asked[i]))
			transaction->recipients[transaction->count++] = transaction->recipients[i];
		else
			blocked[blocked_count++] = asked[i];
	if (transaction->remote_count > transaction->count) /* who of them is elsewhere is not known any more */
		transaction->remote_count = transaction->count;
	for (size_t i = 0; i < blocked_count; i++) {
		log_info("blocked by smtpsvr.lua from=<%.*s> to=<%.*s> client=%s", STR_ARG(transaction->mail.from.text),
		         STR_ARG(blocked[i]), session->peer);
		rules_drop_recipient(session, blocked[i]);
	}
	tell(session, "LogRecipientsBlocked", blocked, blocked_count);
	return transaction->count > 0 ? NULL : &nobody_left;
}

void hooks_monitor(struct session *session, struct str header, struct hooks_actions *actions)
{
	const struct transaction *transaction = &session->transaction;
	struct facts facts = {
	    .stage = RULES_DATA,
	    .recipients = addresses(session, transaction->recipients, transaction->count),
	    .recipient_count = transaction->count,
	    .header = header,
	    .arena = &session->transaction_arena,
	};
	struct script_value arguments[2], result = {.type = SCRIPT_LIST};
	const struct str *hidden;
	size_t count;
	struct str *all;

	if (session->is_local || !script_has_function(&session->hooks.script, "MonitorBcc"))
		return;
	count = facts_bcc(&facts, &hidden);
	arguments[0] = script_text(transaction->mail.from.text);
	arguments[1] = script_list(hidden, count);
	if (count == 0 || !hooks_ask(session, "MonitorBcc", arguments, 2, &result) || result.count == 0)
		return;
	all = arena_get(&session->transaction_arena, (actions->recipient_count + result.count) * sizeof *all);
	for (size_t i = 0; i < actions->recipient_count; i++)
		all[i] = actions->recipients[i];
	for (size_t i = 0; i < result.count; i++)
		all[actions->recipient_count++] = arena_copy(&session->transaction_arena, result.items[i]);
	actions->recipients = all;
}

void hooks_stored(struct session *session, const struct spool_envelope *envelope)
{
	tell(session, "LogRecipients", addresses(session, envelope->recipients, envelope->recipient_count),
	     envelope->recipient_count);
}
