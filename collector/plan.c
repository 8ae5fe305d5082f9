#include "collector/session.h"

#include "common/base/log.h"
#include "common/base/memory.h"

#include <stdlib.h>

static void take_size(struct str line, void *context)
{
	struct session *session = context;
	uint64_t octets;
	uint32_t number;

	/* what was not there at STAT is the next session's */
	if (!pop3_reply_size(line, &number, &octets) || number > session->item_count)
		return;
	session->items[number - 1].size = octets;
	session->items[number - 1].is_listed = true;
}

/* What a server calls a message may hold any bytes; what is kept of it can be shown, and typed. */
static struct str identity_of(struct str uidl, struct arena *arena)
{
	struct str identity;
	struct buf text;

	buf_init(&text, 4 * POP3_UIDL_MAX + 4);
	buf_add_visible(&text, uidl);
	identity = arena_copy(arena, buf_str(&text));
	buf_free(&text);
	return identity;
}

static void take_uidl(struct str line, void *context)
{
	struct session *session = context;
	struct str uidl;
	uint32_t number;

	if (pop3_reply_uidl(line, &number, &uidl) && number <= session->item_count)
		session->items[number - 1].identity = identity_of(uidl, &session->arena);
}

static int read_sizes(struct session *session, struct err *err)
{
	if (!settings_flag(&session->settings, SETTING_COLLECT_FASTEST)) {
		if (pop3_client_lines(&session->client, "LIST", POP3_MESSAGES_MAX, take_size, session, err) == 0)
			return 0;
		if (err->code != MAIL_CLIENT_REFUSED)
			return -1;
		log_warning("collector %s: sizes are not known: %s", session->collector.name, err->text);
	}
	for (uint32_t i = 0; i < session->item_count; i++)
		session->items[i].is_listed = true;
	return 0;
}

/* Messages whose identity can be left to the server. */
static int read_identities(struct session *session, struct err *err)
{
	if (pop3_client_lines(&session->client, "UIDL", POP3_MESSAGES_MAX, take_uidl, session, err) == 0)
		return 0;
	if (err->code != MAIL_CLIENT_REFUSED)
		return -1;
	if (session_number(session, COLLECTOR_SETTING_LEAVE_DAYS) > 0)
		return err_set(err, MAIL_CLIENT_LACKS,
		               "The server has no UIDL, so messages cannot be left on it: set leave-days to 0");
	return 0;
}

static int compare_identities(const void *a, const void *b)
{
	const struct item *const *one = a, *const *other = b;
	int order = str_compare((*one)->identity, (*other)->identity);

	return order != 0 ? order : (*one)->number < (*other)->number ? -1 : 1;
}

/* What several messages have is no identity (RFC 1939 section 7 allows it for copies only, and servers for more). */
static void drop_ambiguous(struct item **items, size_t count)
{
	bool same_as_last = false;

	if (count > 1)
		qsort(items, count, sizeof(void *), compare_identities);
	for (size_t i = 0; i < count; i++) {
		bool same_as_next = i + 1 < count && str_equal(items[i]->identity, items[i + 1]->identity);

		if (same_as_last || same_as_next)
			items[i]->identity = STR("");
		same_as_last = same_as_next;
	}
}

static int see_all(struct session *session, struct item *const *items, size_t count, struct err *err)
{
	struct item *group[DIALOGUE_SEEN_MAX];
	size_t gathered = 0;

	for (size_t i = 0; i < count; i++) {
		if (items[i]->identity.len != 0)
			group[gathered++] = items[i];
		if (gathered == DIALOGUE_SEEN_MAX || (i + 1 == count && gathered > 0)) {
			if (keeper_see(session, group, gathered, err) != 0)
				return -1;
			gathered = 0;
		}
	}
	return 0;
}

enum item_state plan_decide(const struct session *session, const struct item *item)
{
	int64_t leave = session_number(session, COLLECTOR_SETTING_LEAVE_DAYS) * COLLECT_DAY_S;
	const struct known *known = &item->known;

	if (known->get)
		return ITEM_WANTED;
	if (known->remove)
		return ITEM_DELETE;
	if (known->downloaded == 0)
		return ITEM_WANTED;
	if (known->headers_only && leave == 0)
		return ITEM_LEAVE; /* specification 04, open point 6: never by age then */
	return session->now - known->downloaded >= leave ? ITEM_DELETE : ITEM_LEAVE;
}

int plan_ask(struct session *session, struct err *err)
{
	struct item **sorted = memory_get((session->item_count + 1) * sizeof(void *));
	size_t named = 0;
	int result;

	for (uint32_t i = 0; i < session->item_count; i++)
		if (session->items[i].is_listed && session->items[i].identity.len != 0)
			sorted[named++] = &session->items[i];
	drop_ambiguous(sorted, named);
	result = see_all(session, sorted, named, err);
	memory_free(sorted);
	for (uint32_t i = 0; i < session->item_count; i++)
		session->items[i].state = session->items[i].is_listed ? plan_decide(session, &session->items[i]) : ITEM_LEAVE;
	return result;
}

int plan_make(struct session *session, uint32_t count, struct err *err)
{
	session->items = memory_get(count * sizeof *session->items);
	session->item_count = count;
	for (uint32_t i = 0; i < count; i++)
		session->items[i].number = i + 1;
	if (read_sizes(session, err) != 0 || read_identities(session, err) != 0 || plan_ask(session, err) != 0)
		return -1;
	return keeper_listed(session, err);
}
