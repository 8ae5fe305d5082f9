#include "queue-manager/senders.h"

#include "common/base/log.h"
#include "common/mailauth/batv/batv.h"
#include "common/mailauth/srs/srs.h"

#include <string.h>
#include <time.h>

static bool is_local_domain(struct queue *queue, struct str domain, struct arena *arena)
{
	struct db_statement statement;
	struct str normal;
	struct err err;
	int row;

	if (addr_normalise_domain(domain, arena, &normal, &err) != 0 ||
	    db_prepare(&queue->settings.objects, &statement, "SELECT 1 FROM domain WHERE name = ?", &err) != 0)
		return false;
	db_bind_text(&statement, 1, normal);
	row = db_step(&statement, &err);
	db_finalize(&statement);
	if (row < 0)
		log_error("cannot read the domains: %s", err.text);
	return row == 1;
}

static bool is_ours(struct message *message, struct str from, struct addr *address_out)
{
	struct err err;

	*address_out = (struct addr){.domain = STR("")};
	return addr_parse_mailbox(from, &message->arena, address_out, &err) == 0 &&
	       is_local_domain(message->queue, address_out->domain, &message->arena);
}

/* So that reports come back by this server, which the sender's domain does not know (SPF). */
static struct str by_srs(struct message *message, struct str from)
{
	const struct settings *settings = &message->queue->settings;
	struct addr address;

	if (is_ours(message, from, &address) || address.domain.len == 0)
		return from;
	return srs_rewrite(str_of(settings_text(settings, SETTING_MAILAUTH_SRS_SECRET)), &address,
	                   str_of(settings_default_domain(settings)), time(NULL), &message->arena);
}

/* Specification 04, return path settings: the null return path first. */
static struct str by_sender(struct message *message, const struct sender *sender, struct str from)
{
	struct str address = str_of(sender->return_address);
	struct addr parsed;

	if (from.len == 0)
		return arena_copy(&message->arena, str_of(sender->null_address));
	if (sender->return_path == RETURN_PATH_SRS)
		return by_srs(message, from);
	if (sender->return_path == RETURN_PATH_KEEP || address.len == 0 ||
	    (sender->return_path == RETURN_PATH_FOREIGN && is_ours(message, from, &parsed)))
		return from;
	return arena_copy(&message->arena, address);
}

/* Tagged is only what somebody sent who may: a tag lets reports in, also about a stranger's mail that is passed on. */
struct str return_path(struct message *message, const struct sender *sender)
{
	const struct settings *settings = &message->queue->settings;
	struct str from = (message->prepared & PREPARED_FROM) != 0 ? message->outgoing_from : message->envelope.from;
	struct addr address;

	if (sender != NULL)
		from = by_sender(message, sender, from);
	if (from.len == 0 || strcmp(settings_text(settings, SETTING_MAILAUTH_BATV), "off") == 0 ||
	    (sender != NULL && !sender->uses_batv) || !is_ours(message, from, &address) || !message_may_relay(message))
		return from;
	return batv_tag(str_of(settings_text(settings, SETTING_MAILAUTH_BATV_SECRET)), &address, time(NULL),
	                &message->arena);
}
