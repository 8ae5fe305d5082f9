/*
 * What listd may ask: that somebody joins or leaves a mailing list by mail. The list's settings decide whether that is
 * so at all; who asked, and that he confirmed it, listd has seen to. And what users change of their own by mail.
 */
#include "configd/attributes.h"
#include "configd/lists.h"

#include "common/settings/list_settings.h"

/* The mailing list of the request, by its number: listd knows no other name of it that stays. */
static int requested(struct change *change, struct list_object *list, struct err *err)
{
	int64_t id;
	struct str name;
	int found;

	if (!ipc_get_number(&change->incoming->message, "list", 1, INT64_MAX, &id))
		return err_set(err, ERR_SYNTAX, "the request lacks the number of a list");
	found = config_text(change->config, &change->arena, &name, err, "SELECT name FROM list WHERE id = ?", "n", id);
	if (found == 0)
		return err_set(err, ERR_DENIED, "there is no such list any more");
	if (found < 0 || list_need(change, name, list, err) != 0)
		return -1;
	if (!str_equal(list->type, STR("mailing")))
		return err_set(err, ERR_DENIED, "%.*s is no list that anybody joins or leaves", STR_ARG(list->name));
	return 0;
}

/* 1 = on, 0 = off, -1 = error */
static int is_on(struct change *change, const struct list_object *list, enum list_setting setting, struct err *err)
{
	const struct setting_definition *definition = &list_setting_definitions[setting];
	struct str value = str_of(definition->fallback);

	if (config_text(change->config, &change->arena, &value, err,
	                "SELECT value FROM list_setting WHERE list = ? AND key = ?", "nt", list->id,
	                str_of(definition->key)) < 0)
		return -1;
	return str_equal(value, STR("on"));
}

static int may_change(struct change *change, const struct list_object *list, bool joins, struct err *err)
{
	bool by_moderator = false;
	int allowed = 1;

	if (change_flag(change, "by-moderator", &by_moderator, err) != 0)
		return -1;
	if (by_moderator)
		allowed = is_on(change, list, LIST_SETTING_REMOTE, err);
	else if (joins)
		allowed = is_on(change, list, LIST_SETTING_SUBSCRIBE, err);
	if (allowed == 0)
		return err_set(err, ERR_DENIED, "%.*s does not allow that", STR_ARG(list->name));
	return allowed == 1 ? 0 : -1;
}

static int change_member(struct change *change, bool joins, struct err *err)
{
	struct list_object list = {0};
	struct str address = STR("");
	int done;

	if (requested(change, &list, err) != 0 || may_change(change, &list, joins, err) != 0 ||
	    change_field(change, "address", &address, err) != 0)
		return -1;
	done = joins ? list_member_add(change, &list, address, err) : list_member_remove(change, &list, address, err);
	if (done == 0)
		return err_set(err, joins ? ERR_EXISTS : ERR_NOT_FOUND, "%.*s is %s the list", STR_ARG(address),
		               joins ? "in" : "not in");
	if (done == 1)
		change_note(change, "%.*s %s the list %.*s by mail", STR_ARG(address), joins ? "joined" : "left",
		            STR_ARG(list.name));
	return done < 0 ? -1 : 0;
}

static int op_list_join(struct change *change, struct err *err)
{
	return change_member(change, true, err);
}

static int op_list_leave(struct change *change, struct err *err)
{
	return change_member(change, false, err);
}

const struct operation listd_operations[] = {
    {"list-join", NULL, op_list_join, true},
    {"list-leave", NULL, op_list_leave, true},
    {"own-set", NULL, op_own_set, true},
    {"own-password", NULL, op_own_password, false},
    {NULL, NULL, NULL, false},
};
