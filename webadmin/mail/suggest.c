/* mail/book: whom somebody means who begins to write an address. */
#include "common/db/query.h"
#include "webadmin/mail/ask.h"
#include "webadmin/mail/book.h"
#include "webadmin/mail/session.h"

enum { SUGGESTED_MAX = 20, ASKED_MAX = 100, GROUP_MAX = 1000 };

struct suggesting {
	struct web *web;
	const struct web_request *request;
	struct str q;
	json_t *items;
};

static bool is_full(const struct suggesting *suggesting)
{
	return json_array_size(suggesting->items) >= SUGGESTED_MAX;
}

static bool is_listed(const struct suggesting *suggesting, struct str address)
{
	for (size_t i = 0; i < json_array_size(suggesting->items); i++)
		if (str_equal_nocase(mail_json_string(json_array_get(suggesting->items, i), "address"), address))
			return true;
	return false;
}

static void add(struct suggesting *suggesting, struct str name, struct str address)
{
	struct arena *arena = suggesting->request->arena;

	if (is_full(suggesting) || address.len == 0 || is_listed(suggesting, address))
		return;
	json_array_append_new(suggesting->items, json_pack("{s:o, s:o}", "name", mail_json_text(name, arena), "address",
	                                                   mail_json_text(address, arena)));
}

static json_t *find_group(const struct suggesting *suggesting, const json_t *name)
{
	for (size_t i = 0; i < json_array_size(suggesting->items); i++) {
		const json_t *item = json_array_get(suggesting->items, i);

		if (json_object_get(item, "group") != NULL && json_equal(json_object_get(item, "name"), name))
			return json_object_get(item, "group");
	}
	return NULL;
}

/* Groups whose name holds what was written: all that are in them, by their first addresses. */
static void add_groups(struct suggesting *suggesting, const json_t *contact)
{
	const json_t *groups = json_object_get(contact, "groups"),
	             *address = json_array_get(json_object_get(contact, "addresses"), 0);
	struct arena *arena = suggesting->request->arena;

	for (size_t i = 0; i < json_array_size(groups) && address != NULL; i++) {
		json_t *name = json_array_get(groups, i), *group = find_group(suggesting, name);
		struct str pattern = arena_printf(arena, "*%.*s*", STR_ARG(suggesting->q));

		if (!str_matches_wildcard(str_from(json_string_value(name), json_string_length(name)), pattern))
			continue;
		if (group == NULL && !is_full(suggesting)) {
			group = json_array();
			json_array_append_new(suggesting->items, json_pack("{s:O, s:o}", "name", name, "group", group));
		}
		if (group != NULL && json_array_size(group) < GROUP_MAX)
			json_array_append_new(group, json_pack("{s:O, s:O}", "name", json_object_get(contact, "name"), "address",
			                                       (json_t *)(uintptr_t)address));
	}
}

static void add_contacts(struct suggesting *suggesting, struct web_reply *aside)
{
	json_t *found = book_find(suggesting->web, suggesting->request, suggesting->q, 0, ASKED_MAX, aside);

	for (size_t own = 0; own < 2; own++)
		for (size_t i = 0; i < json_array_size(found); i++) {
			const json_t *contact = json_array_get(found, i), *addresses = json_object_get(contact, "addresses");

			if (json_is_true(json_object_get(contact, "domain")) != (own == 1))
				continue;
			add_groups(suggesting, contact);
			for (size_t n = 0; n < json_array_size(addresses); n++)
				add(suggesting, mail_json_string(contact, "name"),
				    str_of(json_string_value(json_array_get(addresses, n))));
		}
	json_decref(found);
}

/* Other users, by name and by the name that they gave themselves. */
static void add_users(struct suggesting *suggesting)
{
	struct settings *settings = suggesting->web->settings;
	struct arena *arena = suggesting->request->arena;
	struct db_statement rows;
	struct db objects;
	struct err err;

	if (settings_open_snapshot(settings, &objects, &err) != 0)
		return;
	if (db_query(
	        &objects, &rows, &err,
	        "SELECT u.name, coalesce(a.value, '') FROM user u LEFT JOIN user_attribute a ON a.uid = u.uid AND a.key = "
	        "'web.name' WHERE u.enabled = 1 AND (instr(lower(u.name), lower(?1)) > 0 OR instr(lower(a.value), "
	        "lower(?1)) > 0) ORDER BY u.name LIMIT ?2",
	        "tn", suggesting->q, (int64_t)SUGGESTED_MAX) == 0) {
		while (db_step(&rows, &err) == 1)
			add(suggesting, arena_copy(arena, db_text(&rows, 1)),
			    arena_printf(arena, "%.*s@%s", STR_ARG(db_text(&rows, 0)), settings_default_domain(settings)));
		db_finalize(&rows);
	}
	db_close(&objects);
}

/* Whom the user wrote to (smtp.collect-recipients). */
static void add_recent(struct suggesting *suggesting, struct web_reply *aside)
{
	struct mail_ask asking;
	json_t *found;

	mail_ask_begin(&asking, suggesting->web, suggesting->request, aside, "policyd", "collected-list");
	ipc_add_text(&asking.ask, "user", suggesting->request->visitor.user);
	ipc_add(&asking.ask, "filter", arena_printf(suggesting->request->arena, "*%.*s*", STR_ARG(suggesting->q)));
	if (mail_ask_put(&asking)) {
		found = mail_ask_list(&asking, "recipient");
		for (size_t i = 0; i < json_array_size(found); i++)
			add(suggesting, STR(""), mail_json_string(json_array_get(found, i), "address"));
		json_decref(found);
	}
	mail_ask_end(&asking);
}

/* What cannot be asked now is left out: addresses can be written without help. */
void mail_suggest(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	struct web_reply aside = {.file = -1, .arena = request->arena};
	struct suggesting suggesting = {.web = web, .request = request, .q = str_trim(web_query(request, "q"))};

	suggesting.items = json_array();
	if (suggesting.q.len > 0) {
		add_contacts(&suggesting, &aside);
		if (book_sees_domain(web, request))
			add_users(&suggesting);
		add_recent(&suggesting, &aside);
	}
	web_reply_json(reply, 200, json_pack("{s:o}", "items", suggesting.items));
}
