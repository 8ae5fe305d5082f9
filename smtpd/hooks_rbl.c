/* smtpd: what smtpsvr.lua has to say about DNS blacklists. */
#include "smtpd/smtpd.h"

#include "common/script/message.h"
#include "smtpd/rbl.h"

/* The items of a list of the settings, as a script's table. */
static struct script_value as_table(struct session *session, struct str items, struct str (*cut)(struct str *rest))
{
	struct str rest = items, *list;
	size_t count = 0;

	while (cut(&rest).len > 0)
		count++;
	list = arena_get(&session->command_arena, (count + 1) * sizeof *list);
	rest = items;
	for (size_t i = 0; i < count; i++)
		list[i] = cut(&rest);
	return script_list(list, count);
}

/* A script's table as the text of a setting, as that would be checked; what it was where it may not be so. */
static struct str as_text(struct session *session, const struct script_field *table, enum setting setting,
                          struct str before)
{
	struct hooks *hooks = &session->hooks;
	struct buf joined, normal;
	struct err err = {0};

	buf_init(&joined, SETTING_VALUE_MAX + 1);
	buf_init(&normal, SETTING_VALUE_MAX);
	for (size_t i = 0; i < table->value.count; i++)
		buf_printf(&joined, "%.*s ", STR_ARG(table->value.items[i]));
	if (setting_check(&setting_definitions[setting], buf_str(&joined), &normal, &err) == 0)
		before = arena_copy(&hooks->rbl.arena, buf_str(&normal));
	else
		script_report(&hooks->script, table->name, str_of(err.text));
	buf_free(&joined);
	buf_free(&normal);
	return before;
}

void hooks_offer_lists(struct session *session)
{
	const struct script_field lists[] = {
	    {"RBLServers", as_table(session, rbl_servers(session), str_cut_word)},
	    {"RBLWhitelist", as_table(session, rbl_whitelist(session), str_cut_item)},
	    {"RBLRejectMessage", script_text(STR(""))},
	    {"RBLHeader", script_text(STR(""))},
	};

	script_set_globals(&session->hooks.script, lists, sizeof lists / sizeof lists[0]);
}

/* The texts that the globals hold, where they differ from what they held and may be so. */
static void take_texts(struct session *session, const struct script_field *refusal, struct str usual_refusal,
                       const struct script_field *field, struct str usual_field)
{
	struct hooks *hooks = &session->hooks;
	struct str reply = refusal->value.text, line = field->value.text;

	if (hooks_is_reply(reply) && hooks_is_refusal(reply) && !str_equal(reply, usual_refusal))
		hooks->rbl.refusal = arena_copy(&hooks->rbl.arena, reply);
	else if (!str_equal(reply, usual_refusal))
		script_report(&hooks->script, refusal->name, STR("is no reply that refuses"));
	if (script_is_field(line) && !str_equal(line, usual_field))
		hooks->rbl.field = arena_copy(&hooks->rbl.arena, line);
	else if (!str_equal(line, usual_field))
		script_report(&hooks->script, field->name, STR("is no header field"));
}

void hooks_take_lists(struct session *session)
{
	struct hooks *hooks = &session->hooks;
	enum { SERVERS, WHITELIST, REFUSAL, FIELD, COUNT };
	struct script_field globals[COUNT] = {
	    [SERVERS] = {"RBLServers", as_table(session, rbl_servers(session), str_cut_word)},
	    [WHITELIST] = {"RBLWhitelist", as_table(session, rbl_whitelist(session), str_cut_item)},
	    [REFUSAL] = {"RBLRejectMessage", script_text(STR(""))},
	    [FIELD] = {"RBLHeader", script_text(STR(""))},
	};

	if (script_get_globals(&hooks->script, globals, COUNT, &session->command_arena) == 0)
		return;
	hooks->rbl.servers = as_text(session, &globals[SERVERS], SETTING_SMTP_RBL_SERVERS, rbl_servers(session));
	hooks->rbl.whitelist = as_text(session, &globals[WHITELIST], SETTING_SMTP_RBL_WHITELIST, rbl_whitelist(session));
	hooks->rbl.has_lists = true;
	take_texts(session, &globals[REFUSAL], STR(""), &globals[FIELD], STR(""));
}

bool hooks_wants_listing(struct session *session)
{
	return script_has_function(&session->hooks.script, "RBLResults");
}

struct str hooks_at_listing(struct session *session, const struct hooks_listing *listing)
{
	struct hooks *hooks = &session->hooks;
	enum { ZONE, REFUSAL, FIELD, INFO, COUNT };
	struct script_field globals[COUNT] = {
	    [ZONE] = {"RBLFound", script_text(listing->zone)},
	    [REFUSAL] = {"RBLRejectMessage", script_text(listing->refusal)},
	    [FIELD] = {"RBLHeader", script_text(listing->field)},
	    [INFO] = {"RBLResultInfo", script_table(listing->answers, listing->count)},
	};
	struct script_value result = {.type = SCRIPT_NIL};
	struct str zone;

	script_set_globals(&hooks->script, globals, COUNT);
	hooks_ask(session, "RBLResults", NULL, 0, &result);
	if (script_get_globals(&hooks->script, globals, INFO, &session->command_arena) == 0)
		return listing->zone;
	take_texts(session, &globals[REFUSAL], listing->refusal, &globals[FIELD], listing->field);
	zone = globals[ZONE].value.text;
	if (zone.len == 0 || addr_is_domain(zone))
		return zone;
	script_report(&hooks->script, globals[ZONE].name, STR("is not the name of a list"));
	return listing->zone;
}
