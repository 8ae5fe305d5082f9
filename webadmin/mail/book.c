#include "webadmin/mail/book.h"

#include "common/base/csv.h"
#include "common/base/io.h"
#include "webadmin/mail/ask.h"
#include "webadmin/mail/own.h"
#include "webadmin/mail/session.h"

enum {
	PAGE_MAX = 1000,
	UID_DIGITS = 32,
	EXPORT_MAX = 64 << 20, /* octets */
};

static bool is_for_domain(const struct web_request *request)
{
	return str_equal(web_query(request, "domain"), STR("1"));
}

bool book_sees_domain(struct web *web, const struct web_request *request)
{
	return own_may(web, request, "web.directory");
}

json_t *book_find(struct web *web, const struct web_request *request, struct str q, int64_t offset, int64_t limit,
                  struct web_reply *reply)
{
	struct mail_ask asking;
	json_t *found = NULL;

	mail_ask_begin(&asking, web, request, reply, "policyd", "contact-list");
	ipc_add_text(&asking.ask, "user", request->visitor.user);
	ipc_add_number(&asking.ask, "domain", book_sees_domain(web, request) || request->visitor.is_administrator);
	ipc_add(&asking.ask, "filter", q);
	ipc_add_number(&asking.ask, "offset", offset);
	ipc_add_number(&asking.ask, "limit", limit);
	if (mail_ask_put(&asking))
		found = mail_ask_list(&asking, "contact");
	mail_ask_end(&asking);
	return found;
}

void mail_book_list(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	json_t *found, *items;
	int64_t offset;

	if (!web_query_number(request, reply, "offset", 0, INT32_MAX, 0, &offset))
		return;
	found = book_find(web, request, web_query(request, "q"), offset, PAGE_MAX, reply);
	if (found == NULL)
		return;
	items = json_array();
	for (size_t i = 0; i < json_array_size(found); i++)
		json_array_append_new(items, book_describe(json_array_get(found, i), request->arena));
	web_reply_json(reply, 200,
	               json_pack("{s:o, s:b}", "items", items, "more", (int)(json_array_size(found) == PAGE_MAX)));
	json_decref(found);
}

static void begin(struct mail_ask *asking, struct web *web, const struct web_request *request, struct web_reply *reply,
                  bool for_domain, bool deletes)
{
	if (for_domain) {
		mail_ask_begin_for_all(asking, web, request, reply, "policyd",
		                       deletes ? "domain-contact-delete" : "domain-contact-put");
	} else {
		mail_ask_begin(asking, web, request, reply, "policyd", deletes ? "contact-delete" : "contact-put");
		ipc_add_text(&asking->ask, "user", request->visitor.user);
	}
}

static void add_list(struct mail_ask *asking, const char *key, const struct vcard_values *values)
{
	for (size_t i = 0; i < values->count; i++)
		ipc_add(&asking->ask, key, values->list[i]);
}

/* id: empty for a new one. False: refused. */
static bool put(struct web *web, const struct web_request *request, struct vcard *card, struct str id, bool for_domain,
                bool more, int64_t *id_out, struct web_reply *reply)
{
	char uid[UID_DIGITS + 1];
	struct mail_ask asking;
	struct buf text;
	bool stored;

	if (card->uid.len == 0) {
		io_random_hex(uid, UID_DIGITS);
		card->uid = arena_copy(request->arena, str_of(uid));
	}
	buf_init(&text, 2 * VCARD_MAX);
	vcard_format(card, &text);
	begin(&asking, web, request, reply, for_domain, false);
	if (id.len > 0)
		ipc_add(&asking.ask, "id", id);
	if (more)
		ipc_add_text(&asking.ask, "more", "1");
	ipc_add(&asking.ask, "card", buf_str(&text));
	ipc_add(&asking.ask, "name", card->name);
	add_list(&asking, "address", &card->addresses);
	add_list(&asking, "label", &card->groups);
	stored = mail_ask_put(&asking);
	if (stored && !ipc_get_number(&asking.answer, "id", 1, INT64_MAX, id_out))
		*id_out = 0;
	mail_ask_end(&asking);
	buf_free(&text);
	return stored;
}

static void store(struct web *web, const struct web_request *request, struct str id, int status,
                  struct web_reply *reply)
{
	json_t *body = web_json(request, reply);
	struct vcard card;
	int64_t stored;

	if (body == NULL)
		return;
	if (!book_read(body, &card))
		web_reply_error(reply, 422, "syntax",
		                "A contact has a name or an address, and texts of one line beside the note");
	else if (put(web, request, &card, id, json_is_true(json_object_get(body, "domain")), false, &stored, reply))
		web_reply_json(reply, status, json_pack("{s:I}", "id", (json_int_t)stored));
	json_decref(body);
}

void mail_book_add(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	store(web, request, STR(""), 201, reply);
}

void mail_book_change(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	store(web, request, web_name(request, "id"), 200, reply);
}

void mail_book_delete(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	struct mail_ask asking;

	begin(&asking, web, request, reply, is_for_domain(request), true);
	ipc_add(&asking.ask, "id", web_name(request, "id"));
	mail_ask_put(&asking);
	mail_ask_end(&asking);
}

/* All of one book into out. False: the reply says why. */
static bool write_book(struct web *web, const struct web_request *request, bool as_csv, struct buf *out,
                       struct web_reply *reply)
{
	size_t count = PAGE_MAX;

	for (int64_t offset = 0; count == PAGE_MAX; offset += PAGE_MAX) {
		json_t *found = book_find(web, request, STR(""), offset, PAGE_MAX, reply);

		if (found == NULL)
			return false;
		count = json_array_size(found);
		for (size_t i = 0; i < count; i++) {
			const json_t *contact = json_array_get(found, i);
			struct str card = mail_json_string(contact, "card"), text = card;
			struct vcard parsed;
			size_t bad = 0;

			if (json_is_true(json_object_get(contact, "domain")) != is_for_domain(request))
				continue;
			if (!as_csv)
				buf_add_str(out, card);
			else if (vcard_next(&text, request->arena, &parsed, &bad))
				book_csv_format(&parsed, out);
		}
		json_decref(found);
	}
	return true;
}

void mail_book_export(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	bool as_csv = str_equal(web_query(request, "form"), STR("csv"));
	struct buf out;

	buf_init(&out, EXPORT_MAX);
	if (as_csv)
		book_csv_format_titles(&out);
	if (write_book(web, request, as_csv, &out, reply)) {
		web_reply_text(reply, 200, as_csv ? "text/csv; charset=utf-8" : "text/vcard; charset=utf-8",
		               arena_copy(request->arena, buf_str(&out)));
		web_reply_header(reply, "Content-Disposition", "attachment; filename=contacts.%s", as_csv ? "csv" : "vcf");
	}
	buf_free(&out);
}

/* A file of contacts while it is read. */
struct import {
	bool as_csv;
	struct str text;
	struct csv csv;
	struct book_csv table;
	size_t added, bad;
};

/* The next contact. False: there is none any more. */
static bool import_next(struct import *import, struct arena *arena, struct vcard *card)
{
	int result;

	if (!import->as_csv)
		return vcard_next(&import->text, arena, card, &import->bad);
	while ((result = book_csv_next(&import->csv, &import->table, arena, card)) == -1)
		import->bad++;
	return result == 1;
}

void mail_book_import(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	struct import import = {.as_csv = str_equal(web_query(request, "form"), STR("csv")), .text = request->body};
	struct vcard card, next;
	bool has_next, stored = true;
	int64_t id;

	csv_open(&import.csv, request->body);
	if (import.as_csv && !book_csv_begin(&import.csv, request->arena, &import.table)) {
		web_reply_error(reply, 422, "syntax", "The first row of the table names no column that is known");
		return;
	}
	has_next = import_next(&import, request->arena, &next);
	while (has_next && stored && import.added < BOOK_IMPORT_MAX) {
		card = next;
		has_next = import_next(&import, request->arena, &next);
		stored = put(web, request, &card, STR(""), is_for_domain(request), has_next, &id, reply);
		import.added += stored;
	}
	if (stored)
		web_reply_json(reply, 200,
		               json_pack("{s:I, s:I}", "added", (json_int_t)import.added, "bad", (json_int_t)import.bad));
}
