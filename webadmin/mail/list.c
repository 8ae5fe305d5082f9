#include "webadmin/mail/list.h"

#include "common/imap/text.h"
#include "common/mime/header.h"
#include "webadmin/mail/search.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

static const struct {
	const char *name, *key;
} sorts[] = {{"arrival", "ARRIVAL"}, {"date", "DATE"},       {"from", "DISPLAYFROM"},
             {"to", "DISPLAYTO"},    {"subject", "SUBJECT"}, {"size", "SIZE"}};

/* A page while it is made. */
struct page {
	struct arena *arena;
	uint32_t *uids;   /* in the order in which they are shown */
	unsigned *depths; /* in threads: how deep each stands; else NULL */
	size_t count, room;
	uint64_t total;
	json_t **items; /* of uids */
};

json_t *mail_json_envelope_addresses(const struct imap_value *list, struct arena *arena)
{
	json_t *items = json_array();

	for (const struct imap_value *at = imap_value_at(list, 0); at != NULL; at = at->next) {
		struct str name = imap_value_text(imap_value_at(at, 0)), local = imap_value_text(imap_value_at(at, 2)),
		           host = imap_value_text(imap_value_at(at, 3)), address;

		if (local.data == NULL || host.data == NULL)
			continue; /* begin or end of a group */
		address = arena_printf(arena, "%.*s%s%.*s", STR_ARG(local), host.len > 0 ? "@" : "", STR_ARG(host));
		json_array_append_new(
		    items, json_pack("{s:o, s:o}", "name",
		                     mail_json_text(mime_decode_words(name.data != NULL ? name : STR(""), arena), arena),
		                     "address", mail_json_text(address, arena)));
	}
	return items;
}

/* Is there a part that is meant as an attachment? Dispositions are lists that begin with that word. */
static bool has_attachment(const struct imap_value *structure)
{
	for (const struct imap_value *at = imap_value_at(structure, 0); at != NULL; at = at->next)
		if (at->kind == IMAP_VALUE_LIST && (imap_value_is(imap_value_at(at, 0), "attachment") || has_attachment(at)))
			return true;
	return false;
}

/* "17-Jul-1996 02:44:25 +0000": what our imapd writes is in UTC. */
static json_int_t internal_date(struct str text, struct arena *arena)
{
	struct tm tm = {0};

	return strptime(arena_text(arena, str_trim(text)), "%d-%b-%Y %H:%M:%S", &tm) != NULL ? timegm(&tm) : 0;
}

static json_t *describe(const struct imap_value *items, uint64_t uid, struct arena *arena)
{
	const struct imap_value *envelope = imap_value_of(items, "ENVELOPE");
	struct str subject = imap_value_text(imap_value_at(envelope, 1));
	json_int_t arrived = internal_date(imap_value_text(imap_value_of(items, "INTERNALDATE")), arena);
	struct mime_date sent;
	uint64_t size = 0;
	json_t *item = json_object();

	imap_value_number(imap_value_of(items, "RFC822.SIZE"), INT64_MAX, &size);
	json_object_set_new(item, "uid", json_integer((json_int_t)uid));
	json_object_set_new(item, "flags", mail_json_flags(imap_value_of(items, "FLAGS"), arena));
	json_object_set_new(item, "arrived", json_integer(arrived));
	json_object_set_new(
	    item, "date",
	    json_integer(mime_parse_date(imap_value_text(imap_value_at(envelope, 0)), &sent) ? sent.time : arrived));
	json_object_set_new(item, "size", json_integer((json_int_t)size));
	json_object_set_new(item, "subject",
	                    mail_json_text(mime_decode_words(subject.data != NULL ? subject : STR(""), arena), arena));
	json_object_set_new(item, "from", mail_json_envelope_addresses(imap_value_at(envelope, 2), arena));
	json_object_set_new(item, "to", mail_json_envelope_addresses(imap_value_at(envelope, 5), arena));
	json_object_set_new(item, "preview", mail_json_text(imap_value_text(imap_value_of(items, "PREVIEW")), arena));
	json_object_set_new(item, "attachments", json_boolean(has_attachment(imap_value_of(items, "BODYSTRUCTURE"))));
	return item;
}

static void add_uid(struct page *page, uint64_t uid, unsigned depth)
{
	if (page->count == page->room || uid == 0)
		return;
	page->uids[page->count] = (uint32_t)uid;
	if (page->depths != NULL)
		page->depths[page->count] = depth;
	page->count++;
}

/* Messages that were asked for by UID find their place; those asked for by number make theirs. */
static int take_message(const struct imap_reply *reply, const struct imap_value *value, void *context, struct err *err)
{
	const struct imap_value *items = imap_value_at(value, 2);
	struct page *page = context;
	uint64_t uid;
	size_t i = 0;

	(void)reply, (void)err;
	if (!imap_value_is(imap_value_at(value, 1), "FETCH") || imap_value_of(items, "ENVELOPE") == NULL ||
	    !imap_value_number(imap_value_of(items, "UID"), UINT32_MAX, &uid))
		return 0;
	while (i < page->count && page->uids[i] != uid)
		i++;
	if (i < page->count && page->items[i] == NULL)
		page->items[i] = describe(items, uid, page->arena);
	return 0;
}

/* "2,7:9", rising. */
static void take_set(struct page *page, struct str set)
{
	while (set.data != NULL) {
		struct str range = str_cut(&set, ','), first = str_cut(&range, ':');
		uint64_t from, to;

		if (!str_to_u64(first, UINT32_MAX, &from) || !str_to_u64(range.data != NULL ? range : first, UINT32_MAX, &to))
			return;
		for (; from <= to && page->count < page->room; from++)
			add_uid(page, from, 0);
	}
}

/* "(6 0) (2 0 4 1 7 2)": the messages of a thread, each with how deep it stands. */
static void take_threads(struct page *page, const struct imap_value *threads)
{
	uint64_t uid, depth;

	for (const struct imap_value *thread = imap_value_at(threads, 0); thread != NULL; thread = thread->next)
		for (const struct imap_value *at = imap_value_at(thread, 0); at != NULL && at->next != NULL;
		     at = at->next->next)
			if (imap_value_number(at, UINT32_MAX, &uid) && imap_value_number(at->next, UINT32_MAX, &depth))
				add_uid(page, uid, (unsigned)depth);
}

static int take_found(const struct imap_reply *reply, const struct imap_value *value, void *context, struct err *err)
{
	struct page *page = context;

	(void)reply, (void)err;
	if (!imap_value_is(imap_value_at(value, 0), "ESEARCH"))
		return 0;
	for (const struct imap_value *at = imap_value_at(value, 1); at != NULL; at = at->next) {
		if (imap_value_is(at, "COUNT"))
			imap_value_number(at->next, UINT32_MAX, &page->total);
		else if (imap_value_is(at, "PARTIAL"))
			take_set(page, imap_value_text(imap_value_at(at->next, 1)));
		else if (imap_value_is(at, "THREAD"))
			take_threads(page, imap_value_at(at->next, 1));
	}
	return 0;
}

/* The newest first: from the end (RFC 9394 3.1). */
static bool find_newest(struct mail *mail, struct page *page, const struct web_request *request, int64_t offset,
                        int64_t limit, struct web_reply *reply)
{
	struct err err;

	imap_talk_begin(&mail->talk, "UID SEARCH RETURN (COUNT PARTIAL ");
	conn_printf(imap_talk_conn(&mail->talk), "-%" PRId64 ":-%" PRId64 ") CHARSET UTF-8", offset + 1, offset + limit);
	search_write(&mail->talk, web_query(request, "search"));
	if (imap_talk_finish(&mail->talk, take_found, page, &err) != 0)
		return mail_failed(mail, &err, reply);
	for (size_t i = 0; i < page->count / 2; i++) {
		uint32_t uid = page->uids[i];

		page->uids[i] = page->uids[page->count - 1 - i];
		page->uids[page->count - 1 - i] = uid;
	}
	return true;
}

static bool find_sorted(struct mail *mail, struct page *page, const struct web_request *request, int64_t offset,
                        int64_t limit, struct web_reply *reply)
{
	struct str sort = web_query(request, "sort");
	bool reverse = sort.data[0] == '-';
	const char *key = NULL;
	struct err err;

	for (size_t i = 0; i < sizeof sorts / sizeof sorts[0]; i++)
		if (str_equal(reverse ? str_skip(sort, 1) : sort, str_of(sorts[i].name)))
			key = sorts[i].key;
	if (key == NULL) {
		web_reply_field_error(reply, 400, "syntax", "sort", STR("Messages are not sorted by that"));
		return false;
	}
	imap_talk_begin(&mail->talk, "UID SORT RETURN (COUNT PARTIAL ");
	conn_printf(imap_talk_conn(&mail->talk), "%" PRId64 ":%" PRId64 ") (%s%s) UTF-8", offset + 1, offset + limit,
	            reverse ? "REVERSE " : "", key);
	search_write(&mail->talk, web_query(request, "search"));
	return imap_talk_finish(&mail->talk, take_found, page, &err) == 0 || mail_failed(mail, &err, reply);
}

/* offset and limit count threads, the newest first (imapd/thread.h). */
static bool find_threads(struct mail *mail, struct page *page, const struct web_request *request, int64_t offset,
                         int64_t limit, struct web_reply *reply)
{
	struct err err;

	page->depths = arena_get(page->arena, page->room * sizeof *page->depths);
	imap_talk_begin(&mail->talk, "UID THREAD RETURN (PARTIAL ");
	conn_printf(imap_talk_conn(&mail->talk), "%" PRId64 ":%" PRId64 ") REFERENCES UTF-8", offset + 1, offset + limit);
	search_write(&mail->talk, web_query(request, "search"));
	return imap_talk_finish(&mail->talk, take_found, page, &err) == 0 || mail_failed(mail, &err, reply);
}

static bool fetch_page(struct mail *mail, struct page *page, struct web_reply *reply)
{
	struct conn *conn = imap_talk_conn(&mail->talk);
	struct err err;

	if (page->count == 0)
		return true;
	imap_talk_begin(&mail->talk, "UID FETCH ");
	for (size_t i = 0; i < page->count; i++)
		conn_printf(conn, "%s%u", i > 0 ? "," : "", page->uids[i]);
	conn_write(conn, STR(" (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE PREVIEW)"));
	return imap_talk_finish(&mail->talk, take_message, page, &err) == 0 || mail_failed(mail, &err, reply);
}

static void reply_page(const struct mail *mail, const struct page *page, struct web_reply *reply)
{
	json_t *items = json_array();

	for (size_t i = 0; i < page->count; i++) {
		if (page->items[i] == NULL)
			continue; /* went while we looked */
		if (page->depths != NULL)
			json_object_set_new(page->items[i], "depth", json_integer(page->depths[i]));
		json_array_append_new(items, page->items[i]);
		page->items[i] = NULL;
	}
	web_reply_json(reply, 200,
	               json_pack("{s:o, s:I, s:I}", "items", items, "total", (json_int_t)page->total, "uidvalidity",
	                         (json_int_t)mail->uidvalidity));
}

void mail_list(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	struct page page = {.arena = request->arena, .room = LIST_PAGE_MAX};
	struct mail *mail = mail_open(web, request, reply);
	int64_t offset, limit, threads;
	bool found;

	if (mail == NULL || !web_query_number(request, reply, "offset", 0, UINT32_MAX, 0, &offset) ||
	    !web_query_number(request, reply, "limit", 1, LIST_PAGE_MAX, 50, &limit) ||
	    !web_query_number(request, reply, "threads", 0, 1, 0, &threads) ||
	    !mail_select(mail, web_name(request, "folder"), 0, reply))
		return;
	page.uids = arena_get(page.arena, page.room * sizeof *page.uids);
	page.items = arena_get(page.arena, page.room * sizeof(json_t *));
	if (threads != 0)
		found = find_threads(mail, &page, request, offset, limit, reply);
	else if (web_query(request, "sort").len == 0)
		found = find_newest(mail, &page, request, offset, limit, reply);
	else
		found = find_sorted(mail, &page, request, offset, limit, reply);
	if (found && fetch_page(mail, &page, reply))
		reply_page(mail, &page, reply);
	for (size_t i = 0; i < page.count; i++)
		json_decref(page.items[i]); /* what a page that failed had already */
}
