#include "webadmin/mail/own.h"

#include "webadmin/mail/ask.h"
#include "webadmin/mail/compose.h"
#include "webadmin/mail/give.h"

enum {
	CONFIRMED_S = 600,
	CONTACTS_MAX = 20, /* in one answer */
};

static json_t *attributes_of(const struct mail_ask *asking)
{
	json_t *list = mail_ask_list(asking, "attribute"), *attributes = json_object();

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *item = json_array_get(list, i);

		json_object_set(attributes, json_string_value(json_object_get(item, "key")), json_object_get(item, "value"));
	}
	json_decref(list);
	return attributes;
}

/* How many messages a page of a list has: as the user chose, up to what the administrator allows. */
static json_int_t page_size(const struct web *web, const json_t *attributes)
{
	uint64_t most = (uint64_t)settings_number(web->settings, SETTING_WEBMAIL_PAGE_SIZE), chosen = most;

	str_to_u64(mail_json_string(attributes, "web.page-size"), INT32_MAX, &chosen);
	return (json_int_t)(chosen < most ? chosen : most);
}

static json_t *describe_own(struct web *web, const struct web_request *request, json_t *attributes)
{
	struct str from = letter_default_from(web, &request->visitor, request->arena);

	return json_pack("{s:s, s:b, s:I, s:o, s:o, s:o, s:b}", "user", request->visitor.user, "administrator",
	                 (int)request->visitor.is_administrator, "page_size", page_size(web, attributes), "attributes",
	                 attributes, "default_from", mail_json_text(from, request->arena), "move_to",
	                 give_targets(web, request), "links", (int)settings_flag(web->settings, SETTING_WEBMAIL_LINKS));
}

void mail_own_show(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	struct mail_ask asking;

	mail_ask_begin(&asking, web, request, reply, "configd", "attribute-get");
	ipc_add_text(&asking.ask, "user", request->visitor.user);
	if (mail_ask_put(&asking))
		web_reply_json(reply, 200, describe_own(web, request, attributes_of(&asking)));
	mail_ask_end(&asking);
}

/* A text of several lines: a field each. */
static void add_lines(struct mail_ask *asking, const char *key, const json_t *lines)
{
	for (size_t i = 0; i < json_array_size(lines); i++) {
		const json_t *line = json_array_get(lines, i);

		if (json_is_string(line))
			ipc_add(&asking->ask, key, str_from(json_string_value(line), json_string_length(line)));
	}
}

bool own_may(struct web *web, const struct web_request *request, const char *attribute)
{
	struct web_reply aside = {.file = -1, .arena = request->arena};
	struct mail_ask asking;
	json_t *attributes;
	bool may = false;

	mail_ask_begin(&asking, web, request, &aside, "configd", "attribute-get");
	ipc_add_text(&asking.ask, "user", request->visitor.user);
	ipc_add_text(&asking.ask, "key", attribute);
	if (mail_ask_put(&asking)) {
		attributes = attributes_of(&asking);
		may = str_equal(mail_json_string(attributes, attribute), STR("on"));
		json_decref(attributes);
	}
	mail_ask_end(&asking);
	return may;
}

/* Texts, flags and numbers of a JSON object as fields of a request. False: refused. */
static bool add_texts(struct mail_ask *asking, const json_t *body, bool as_pairs)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)body, key, value) {
		if (json_is_array(value)) {
			add_lines(asking, key, value);
			continue;
		}
		if (as_pairs)
			ipc_add_text(&asking->ask, "key", key);
		if (json_is_string(value)) {
			ipc_add(&asking->ask, as_pairs ? "value" : key,
			        str_from(json_string_value(value), json_string_length(value)));
		} else if (json_is_boolean(value)) {
			ipc_add_text(&asking->ask, as_pairs ? "value" : key, json_is_true(value) ? "on" : "off");
		} else if (json_is_integer(value)) {
			ipc_add_number(&asking->ask, as_pairs ? "value" : key, (int64_t)json_integer_value(value));
		} else {
			web_reply_field_error(asking->reply, 422, "syntax", key, STR("This is neither text, number nor flag"));
			return false;
		}
	}
	return true;
}

void mail_own_change(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	json_t *body = web_json(request, reply);
	struct mail_ask asking;

	if (body == NULL)
		return;
	mail_ask_begin(&asking, web, request, reply, "configd", "own-set");
	if (add_texts(&asking, body, true))
		mail_ask_put(&asking);
	mail_ask_end(&asking);
	json_decref(body);
}

void mail_own_password(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	json_t *body = web_json(request, reply);
	struct mail_ask asking;

	if (body == NULL)
		return;
	if (request->visitor.confirmed_s < 0 || request->visitor.confirmed_s > CONFIRMED_S) {
		web_reply_error(reply, 403, "confirm", "Give your present password");
	} else {
		mail_ask_begin(&asking, web, request, reply, "configd", "own-password");
		ipc_add(&asking.ask, "password", mail_json_string(body, "password"));
		mail_ask_put(&asking);
		mail_ask_end(&asking);
	}
	json_decref(body);
}

static bool begin_items(struct mail_ask *asking, struct web *web, const struct web_request *request,
                        struct web_reply *reply, const char *op)
{
	static const char *const kinds[] = {"message-rule", "autoresponder", "autoresponder-rule", "autoresponder-filter",
	                                    "prune-rule"};
	struct str kind = web_name(request, "kind");

	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		if (!str_equal(kind, str_of(kinds[i])))
			continue;
		mail_ask_begin(asking, web, request, reply, "configd", op);
		ipc_add_text(&asking->ask, "kind", kinds[i]);
		ipc_add_text(&asking->ask, "user", request->visitor.user);
		return true;
	}
	web_reply_error(reply, 404, "not-found", "Users have no such things");
	return false;
}

void mail_items_list(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	struct mail_ask asking;
	json_t *items;

	if (!begin_items(&asking, web, request, reply, "item-list"))
		return;
	if (mail_ask_put(&asking)) {
		items = mail_ask_list(&asking, "item");
		web_reply_json(reply, 200,
		               json_pack("{s:o, s:I}", "items", items, "total", (json_int_t)json_array_size(items)));
	}
	mail_ask_end(&asking);
}

void mail_items_add(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	json_t *body = web_json(request, reply);
	struct mail_ask asking;
	int64_t number;

	if (body == NULL)
		return;
	if (begin_items(&asking, web, request, reply, "item-add")) {
		if (add_texts(&asking, body, false) && mail_ask_put(&asking) &&
		    ipc_get_number(&asking.answer, "number", 1, INT64_MAX, &number))
			web_reply_json(reply, 201, json_pack("{s:I}", "number", (json_int_t)number));
		mail_ask_end(&asking);
	}
	json_decref(body);
}

/* "to" moves it, other fields change it. */
void mail_items_change(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	json_t *body = web_json(request, reply), *to;
	struct mail_ask asking;

	if (body == NULL)
		return;
	to = json_object_get(body, "to");
	if (begin_items(&asking, web, request, reply, json_is_integer(to) ? "item-move" : "item-set")) {
		ipc_add(&asking.ask, "number", web_name(request, "number"));
		if (add_texts(&asking, body, false))
			mail_ask_put(&asking);
		mail_ask_end(&asking);
	}
	json_decref(body);
}

void mail_items_delete(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	struct mail_ask asking;

	if (!begin_items(&asking, web, request, reply, "item-delete"))
		return;
	ipc_add(&asking.ask, "number", web_name(request, "number"));
	mail_ask_put(&asking);
	mail_ask_end(&asking);
}

void mail_contacts(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	struct str wanted = web_query(request, "q");
	struct mail_ask asking;

	mail_ask_begin(&asking, web, request, reply, "policyd", "collected-list");
	ipc_add_text(&asking.ask, "user", request->visitor.user);
	if (wanted.len > 0)
		ipc_add(&asking.ask, "filter", arena_printf(request->arena, "*%.*s*", STR_ARG(wanted)));
	if (mail_ask_put(&asking)) {
		json_t *items = mail_ask_list(&asking, "recipient");

		while (json_array_size(items) > CONTACTS_MAX)
			json_array_remove(items, json_array_size(items) - 1);
		web_reply_json(reply, 200,
		               json_pack("{s:o, s:I}", "items", items, "total", (json_int_t)json_array_size(items)));
	}
	mail_ask_end(&asking);
}

void mail_contact_delete(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	struct mail_ask asking;

	mail_ask_begin(&asking, web, request, reply, "policyd", "collected-delete");
	ipc_add_text(&asking.ask, "user", request->visitor.user);
	ipc_add(&asking.ask, "address", web_name(request, "address"));
	mail_ask_put(&asking);
	mail_ask_end(&asking);
}
