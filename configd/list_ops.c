/* lists: what is asked of them one by one. */
#include "configd/lists.h"

#include "common/settings/list_settings.h"
#include "configd/names.h"
#include "configd/object_settings.h"

int op_list_reserve(struct change *change, struct err *err)
{
	struct str name;

	/* A name that is refused anyway uses no number up. */
	if (change_field(change, "name", &name, err) != 0 || name_check_free(change, name, NAME_LIST, err) != 0)
		return -1;
	return config_reserve(change->config, STR("list"), 1, &change->first_list, err);
}

/* What a new list begins with. */
static const struct {
	const char *preset, *key, *value;
} presets[] = {
    /* some write to many: nobody answers all of them */
    {"announcement", "who-may-post", "moderators"},
    {"announcement", "header-modifiers",
     "Sender:%m\nReply-To:%m\nDisposition-Notification-To:\nReturn-Receipt-To:\nReceived:\nPrecedence:bulk"},
    {"announcement", "subscribe", "on"},
    {"announcement", "bounce-limit", "7"},
    /* everybody writes to all: answers go to the list */
    {"discussion", "who-may-post", "members"},
    {"discussion", "header-modifiers",
     "Sender:%m\nReply-To:<%l>\nFrom:%n <%l>\nDisposition-Notification-To:\nReturn-Receipt-To:\nReceived:\n"
     "Precedence:list"},
    {"discussion", "subscribe", "on"},
    {"discussion", "member-list", "on"},
    {"discussion", "bounce-limit", "7"},
};

static int store_preset(struct change *change, const struct list_object *list, struct str preset, struct err *err)
{
	bool known = false;

	if (!str_equal(list->type, STR("mailing")))
		return err_set(err, ERR_SYNTAX, "a preset is for lists of the type mailing");
	for (size_t i = 0; i < sizeof presets / sizeof presets[0]; i++) {
		if (!str_equal_nocase(preset, str_of(presets[i].preset)))
			continue;
		known = true;
		if (list_setting_store(change, list, str_of(presets[i].key), str_of(presets[i].value), err) != 0)
			return -1;
	}
	return known ? 0
	             : err_set(err, ERR_NOT_FOUND, "a preset is announcement or discussion, not \"%.*s\"",
	                       STR_ARG(str_sub(preset, 0, 40)));
}

int op_list_add(struct change *change, struct err *err)
{
	const struct ipc_message *request = &change->incoming->message;
	struct str name, key, value, type = ipc_get(request, "type"), comment = ipc_get(request, "comment");
	struct str preset = ipc_get(request, "preset");
	struct list_object list;
	bool is_public = false;

	if (change_field(change, "name", &name, err) != 0 || change_flag(change, "public", &is_public, err) != 0 ||
	    list_add(change, name,
	             type.data != NULL     ? type
	             : preset.data != NULL ? STR("mailing")
	                                   : STR("distribution"),
	             &list, err) != 0 ||
	    (preset.data != NULL && store_preset(change, &list, preset, err) != 0))
		return -1;
	if ((comment.data != NULL && list_setting_store(change, &list, STR("comment"), comment, err) != 0) ||
	    (is_public && list_setting_store(change, &list, STR("public"), STR("on"), err) != 0))
		return -1;
	for (size_t position = 0; ipc_next(request, &position, &key, &value);)
		if (str_equal(key, STR("address")) && list_member_add(change, &list, value, err) < 0)
			return -1;
	ipc_add_number(&change->reply, "number", list.id);
	return 0;
}

int op_list_delete(struct change *change, struct err *err)
{
	struct str name;

	return change_field(change, "name", &name, err) != 0 ? -1 : list_delete(change, name, err);
}

int op_list_rename(struct change *change, struct err *err)
{
	struct list_object list, check;
	struct str to;

	if (list_requested(change, &list, err) != 0 || change_field(change, "to", &to, err) != 0)
		return -1;
	/* Another case of the same name is no other name; else it is one that a new list could have. */
	if (!str_equal_nocase(list.name, to)) {
		int64_t own = change->first_list;

		if (list_add(change, to, list.type, &check, err) != 0 ||
		    config_run(change->config, err, "DELETE FROM list WHERE id = ?", "n", check.id) != 0)
			return -1;
		change->first_list = own;
	}
	if (config_run(change->config, err, "UPDATE list SET name = ? WHERE id = ?", "tn", to, list.id) != 0 ||
	    config_run(change->config, err,
	               "UPDATE list_setting SET value = ? WHERE key IN ('digest-of', 'moderator') AND value = ?"
	               " COLLATE NOCASE",
	               "tt", to, list.name) != 0 ||
	    name_changed(change, list.name, to, err) != 0)
		return -1;
	change_note(change, "list %.*s renamed to %.*s", STR_ARG(list.name), STR_ARG(to));
	return 0;
}

int op_list_set(struct change *change, struct err *err)
{
	size_t position = 0, count = 0;
	struct list_object list;
	struct str key, value;
	int more;

	if (list_requested(change, &list, err) != 0)
		return -1;
	for (; (more = change_next_setting(change, &position, &key, &value, err)) == 1; count++)
		if (value.data == NULL                   ? list_setting_remove(change, &list, key, err) != 0
		    : str_equal_nocase(key, STR("type")) ? list_set_type(change, &list, value, err) != 0
		                                         : list_setting_store(change, &list, key, value, err) != 0)
			return -1;
	return more == 0 && count == 0 ? err_set(err, ERR_SYNTAX, "list-set needs a key and a value") : more;
}

int op_list_unset(struct change *change, struct err *err)
{
	struct list_object list;
	struct str key;

	if (list_requested(change, &list, err) != 0 || change_field(change, "key", &key, err) != 0)
		return -1;
	return list_setting_remove(change, &list, key, err);
}

int op_list_list(struct change *change, struct err *err)
{
	struct db_statement row;
	int found;

	if (config_query(change->config, &row, err,
	                 "SELECT name, type, (SELECT count(*) FROM list_member WHERE list = id),"
	                 " EXISTS(SELECT 1 FROM list_setting WHERE list = id AND key = 'public' AND value = 'on'),"
	                 " ifnull((SELECT value FROM list_setting WHERE list = id AND key = 'comment'), '')"
	                 " FROM list ORDER BY name",
	                 "") != 0)
		return -1;
	while ((found = db_step(&row, err)) == 1)
		change_list(change, "list",
		            json_pack("{s:s%, s:s%, s:I, s:b, s:s%}", "name", db_text(&row, 0).data, db_text(&row, 0).len,
		                      "type", db_text(&row, 1).data, db_text(&row, 1).len, "members",
		                      (json_int_t)db_number(&row, 2), "public", (int)db_number(&row, 3), "comment",
		                      db_text(&row, 4).data, db_text(&row, 4).len));
	db_finalize(&row);
	return found;
}

int op_list_show(struct change *change, struct err *err)
{
	struct list_object list;
	struct object object;
	int64_t members;

	if (list_requested(change, &list, err) != 0 || list_member_count(change, &list, &members, err) != 0)
		return -1;
	object_add_row(change, "type", list.type, false);
	object_add_row(change, "members", arena_printf(&change->arena, "%lld", (long long)members), false);
	object = (struct object){&list_kind, list.id, list.name};
	return object_settings_show(change, &object, STR(""), err);
}
