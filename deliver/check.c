/*
 * carrier: may a message go where the decider wants it?
 *
 * An address of this server may always be written to: that is what anybody can do. Another one has to stand in the
 * settings, or be the sender of the message where it is an answer. Where an administrator's script may name addresses,
 * any is allowed: nobody but the script knows them.
 */
#include "common/addr/addr.h"
#include "common/base/log.h"
#include "common/items/kinds.h"
#include "common/settings/attributes.h"
#include "deliver/answer.h"

#include <stdio.h>
#include <unistd.h>

static bool is_local_domain(struct desk *desk, struct str domain, struct arena *arena)
{
	struct db_statement statement;
	struct str normal;
	int row;

	if (addr_normalise_domain(domain, arena, &normal, NULL) != 0 ||
	    db_prepare(&desk->settings.objects, &statement, "SELECT 1 FROM domain WHERE name = ?", NULL) != 0)
		return false;
	db_bind_text(&statement, 1, normal);
	row = db_step(&statement, NULL);
	db_finalize(&statement);
	return row == 1;
}

static bool is_same(struct str a, struct str b, struct arena *arena)
{
	struct addr left, right;

	return addr_parse_mailbox(a, arena, &left, NULL) == 0 && addr_parse_mailbox(b, arena, &right, NULL) == 0 &&
	       addr_equal(&left, &right);
}

static bool has_script(struct desk *desk, const char *name, struct str user)
{
	char path[INSTANCE_PATH_MAX + 128];

	snprintf(path, sizeof path, "%s/scripts/%s.lua", desk->instance->etc, name);
	if (access(path, F_OK) == 0)
		return true;
	snprintf(path, sizeof path, "%s/scripts/%.*s/%s.lua", desk->instance->etc, STR_ARG(user), name);
	return access(path, F_OK) == 0;
}

/* Does a forward of one of the user's rules name the address? */
static bool rules_name(struct desk *desk, int64_t uid, struct str address, struct arena *arena)
{
	struct items items;

	if (items_load(&desk->settings.objects, ITEM_MESSAGE_RULE, uid, arena, &items, NULL) != 0)
		return false;
	for (size_t i = 0; i < items.count; i++) {
		struct str lines = item_message_rule_text(&items.list[i]).actions;

		while (lines.data != NULL) {
			struct str line = str_cut(&lines, '\n'), word = str_cut_word(&line);

			if (str_equal(word, STR("forward")) && is_same(str_trim(line), address, arena))
				return true;
		}
	}
	return false;
}

/* Is the address among those that commas separate? */
static bool list_names(struct str list, struct str address, struct arena *arena)
{
	while (list.data != NULL)
		if (is_same(str_trim(str_cut(&list, ',')), address, arena))
			return true;
	return false;
}

/* Do the user's own forwardings name it? */
static bool attributes_name(struct desk *desk, int64_t uid, struct str address, struct arena *arena)
{
	static const enum attribute lists[] = {ATTRIBUTE_ASSISTANT, ATTRIBUTE_FORWARD, ATTRIBUTE_BIG_TARGET,
	                                       ATTRIBUTE_SMALL_TARGET};
	struct attributes attributes;

	if (attributes_load(&desk->settings, uid, arena, &attributes, NULL) != 0)
		return false;
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
		if (list_names(str_of(attributes_text(&attributes, lists[i])), address, arena))
			return true;
	return false;
}

static bool find_responder(struct desk *desk, int64_t owner, int64_t id, struct arena *arena,
                           struct responder *responder)
{
	struct items items;

	if (items_load(&desk->settings.objects, ITEM_RESPONDER, owner, arena, &items, NULL) != 0)
		return false;
	for (size_t i = 0; i < items.count; i++)
		if (items.list[i].id == id)
			return responder_read(&items.list[i], responder, NULL) == 0;
	return false;
}

/* An answer goes to the sender; what else an autoresponder writes to stands in it, but for what scripts make of it. */
static bool responder_names(struct desk *desk, const struct order *order, int64_t uid, const struct made *made,
                            struct str address, struct arena *arena)
{
	struct responder responder;
	struct str list;

	if (!find_responder(desk, uid, made->responder, arena, &responder) &&
	    !find_responder(desk, ITEM_SERVER, made->responder, arena, &responder))
		return false;
	if (made->kind == MADE_ANSWER &&
	    (is_same(order->from, address, arena) || !settings_flag(&desk->settings, SETTING_ANSWER_RFC3834)))
		return true;
	list = made->kind == MADE_ANSWER ? responder.send_to : responder.copy_to;
	for (struct str word; (word = answer_next_address(&list)).len > 0;)
		if (is_same(word, address, arena))
			return true;
	return str_find(responder.text, STR("<lua>")) >= 0 || has_script(desk, "autoresponder", STR("."));
}

static bool settings_name(struct desk *desk, const struct order *order, int64_t uid, const struct made *made,
                          struct str address, struct arena *arena)
{
	struct str user;

	if (desk_user_name(desk, uid, arena, &user, NULL) != 0)
		return false;
	switch (made->kind) {
	case MADE_FORWARD:
	case MADE_ASSISTANT:
		return attributes_name(desk, uid, address, arena) || has_script(desk, "user_redirect", user);
	case MADE_RULE:
		return rules_name(desk, uid, address, arena) || has_script(desk, "delivery", user);
	case MADE_ANSWER:
	case MADE_COPY:
		return responder_names(desk, order, uid, made, address, arena);
	default:
		return false;
	}
}

/* Bare names are of this server. */
static bool complete(struct desk *desk, struct str text, struct arena *arena, struct addr *addr)
{
	if (str_find_char(text, '@') < 0)
		text = arena_printf(arena, "%.*s@%s", STR_ARG(text), settings_default_domain(&desk->settings));
	return addr_parse_mailbox(text, arena, addr, NULL) == 0 && addr->domain.len > 0;
}

/* A server that holds for the whole Inbox, whatever the decider says. */
static bool set_stored_target(struct desk *desk, int64_t uid, struct made *made, struct arena *arena)
{
	struct attributes attributes;

	if (attributes_load(&desk->settings, uid, arena, &attributes, NULL) != 0 || made->to_count == 0)
		return false;
	made->to[0] = str_of(attributes_text(&attributes, ATTRIBUTE_STORE_FORWARD));
	made->to_count = 1;
	return made->to[0].len > 0;
}

bool check_made(struct desk *desk, const struct order *order, int64_t uid, struct made *made, struct arena *arena)
{
	size_t kept = 0;

	if (made->kind == MADE_STORED)
		return set_stored_target(desk, uid, made, arena);
	for (size_t i = 0; i < made->to_count; i++) {
		struct addr addr;

		if (!complete(desk, made->to[i], arena, &addr)) {
			log_warning("id=%.*s %.*s of user uid=%lld: \"%.*s\" is not an address", STR_ARG(order->id),
			            STR_ARG(made->step), (long long)uid, STR_ARG(str_sub(made->to[i], 0, 80)));
		} else if (is_local_domain(desk, addr.domain, arena) ||
		           settings_name(desk, order, uid, made, addr.text, arena)) {
			made->to[kept++] = addr.text;
		} else {
			log_error("id=%.*s %.*s of user uid=%lld may not go to <%.*s>, which no setting names", STR_ARG(order->id),
			          STR_ARG(made->step), (long long)uid, STR_ARG(addr.text));
		}
	}
	made->to_count = kept;
	return kept > 0;
}
