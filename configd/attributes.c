#include "configd/attributes.h"

#include "common/addr/smtp_target.h"
#include "common/settings/attributes.h"

static const char views[] =
    "CREATE TEMP VIEW forced_attribute AS SELECT uid, key, value FROM primary_group JOIN group_attribute"
    " USING (group_id) WHERE (key = 'enabled' AND value = 'off') OR (key <> 'force' AND EXISTS (SELECT 1"
    " FROM group_attribute AS forcing WHERE forcing.group_id = primary_group.group_id AND forcing.key = 'force'"
    " AND forcing.value = 'on'));"
    "CREATE TEMP VIEW effective_attribute AS SELECT uid, key, value FROM forced_attribute UNION ALL"
    " SELECT uid, key, value FROM user_attribute AS own WHERE NOT EXISTS (SELECT 1 FROM forced_attribute AS forced"
    " WHERE forced.uid = own.uid AND forced.key = own.key);"
    "CREATE TEMP VIEW effective_user AS SELECT uid, name,"
    " EXISTS (SELECT 1 FROM effective_attribute AS its WHERE its.uid = user.uid AND key = 'administrator'"
    " AND value = 'on') AS administrator,"
    " NOT EXISTS (SELECT 1 FROM effective_attribute AS its WHERE its.uid = user.uid AND key = 'enabled'"
    " AND value = 'off') AS enabled FROM user;"
    "CREATE TEMP VIEW own_user AS SELECT uid, name,"
    " EXISTS (SELECT 1 FROM user_attribute AS its WHERE its.uid = user.uid AND key = 'administrator'"
    " AND value = 'on') AS administrator,"
    " NOT EXISTS (SELECT 1 FROM user_attribute AS its WHERE its.uid = user.uid AND key = 'enabled'"
    " AND value = 'off') AS enabled FROM user;";

int attributes_make_views(struct config *config, struct err *err)
{
	return db_exec(&config->db, views, err);
}

static const char *kind_of(const struct attribute_holder *holder)
{
	return holder->is_group ? "group" : "user";
}

/* An attribute of such holders. */
static int find(const struct attribute_holder *holder, struct str key, const struct setting_definition **definition_out,
                struct err *err)
{
	if (catalogue_find(&attribute_catalogue, key, definition_out, err) != 0)
		return -1;
	if (holder->is_group ? (*definition_out)->of_groups : (*definition_out)->of_users)
		return 0;
	return err_set(err, ERR_DENIED, "%s cannot be set of a %s", (*definition_out)->key, kind_of(holder));
}

/* What a group forces cannot be changed for its members one by one. */
static int check_not_forced(struct change *change, const struct attribute_holder *holder, struct str key,
                            struct err *err)
{
	const struct setting_definition *definition;
	struct str group;
	int row;

	if (holder->is_group)
		return 0;
	if (find(holder, key, &definition, err) != 0)
		return -1;
	row =
	    config_text(change->config, &change->arena, &group, err,
	                "SELECT name FROM user_group JOIN primary_group ON id = group_id JOIN forced_attribute USING (uid)"
	                " WHERE uid = ? AND key = ?",
	                "nt", holder->id, str_of(definition->key));
	if (row != 1)
		return row;
	return err_set(err, ERR_DENIED, "the group %.*s forces %s of the user %.*s", STR_ARG(group), definition->key,
	               STR_ARG(holder->name));
}

int attribute_store(struct change *change, const struct attribute_holder *holder, struct str key, struct str value,
                    struct err *err)
{
	const struct setting_definition *definition;
	const char *sql = holder->is_group ? "INSERT OR REPLACE INTO group_attribute VALUES(?, ?, ?)"
	                                   : "INSERT OR REPLACE INTO user_attribute VALUES(?, ?, ?)";
	struct buf normal;
	int result = -1;

	buf_init(&normal, SETTING_VALUE_MAX);
	if (find(holder, key, &definition, err) == 0 && setting_check(definition, value, &normal, err) == 0)
		result = config_run(change->config, err, sql, "ntt", holder->id, str_of(definition->key), buf_str(&normal));
	if (result == 0)
		change_note(change, "set %s = %.*s of %s %.*s", definition->key,
		            STR_ARG(smtp_target_show(buf_str(&normal), &change->arena)), kind_of(holder),
		            STR_ARG(holder->name));
	buf_free(&normal);
	return result;
}

static bool holds_item(struct str list, struct str wanted)
{
	struct str item;

	while ((item = str_cut_item(&list)).len != 0)
		if (str_equal_nocase(item, wanted))
			return true;
	return false;
}

/*
 * "+a,b" adds to a list that the holder has, "-a" takes out of it, what is there or not there already stays so. Any
 * other value stays as it is.
 */
static int apply_sign(struct change *change, const struct attribute_holder *holder, struct str key, struct str *value,
                      struct err *err)
{
	const struct setting_definition *definition;
	struct str stored = STR(""), rest, item;
	struct buf items, result;
	int row = 0;

	if (find(holder, key, &definition, err) != 0)
		return -1;
	if ((definition->type != SETTING_TARGETS && definition->type != SETTING_PATTERNS) || value->len == 0 ||
	    (value->data[0] != '+' && value->data[0] != '-'))
		return 0;
	buf_init(&items, SETTING_VALUE_MAX);
	buf_init(&result, 2 * SETTING_VALUE_MAX);
	if (setting_check(definition, str_skip(*value, 1), &items, err) != 0 ||
	    (row = config_text(change->config, &change->arena, &stored, err,
	                       holder->is_group ? "SELECT value FROM group_attribute WHERE group_id = ? AND key = ?"
	                                        : "SELECT value FROM user_attribute WHERE uid = ? AND key = ?",
	                       "nt", holder->id, str_of(definition->key))) < 0)
		row = -1;
	for (rest = row == 0 ? str_of(definition->fallback) : stored; (item = str_cut_item(&rest)).len != 0;)
		if (!holds_item(buf_str(&items), item))
			buf_printf(&result, "%s%.*s", result.len != 0 ? "," : "", STR_ARG(item));
	if (value->data[0] == '+')
		buf_printf(&result, "%s%s", result.len != 0 && items.len != 0 ? "," : "", buf_text(&items));
	*value = arena_copy(&change->arena, buf_str(&result));
	buf_free(&items);
	buf_free(&result);
	return row < 0 ? -1 : 0;
}

int attribute_remove(struct change *change, const struct attribute_holder *holder, struct str key, struct err *err)
{
	const struct setting_definition *definition;
	const char *sql = holder->is_group ? "DELETE FROM group_attribute WHERE group_id = ? AND key = ?"
	                                   : "DELETE FROM user_attribute WHERE uid = ? AND key = ?";

	if (find(holder, key, &definition, err) != 0 ||
	    config_run(change->config, err, sql, "nt", holder->id, str_of(definition->key)) != 0)
		return -1;
	change_note(change, "unset %s of %s %.*s", definition->key, kind_of(holder), STR_ARG(holder->name));
	return 0;
}

int attributes_drop(struct change *change, const struct attribute_holder *holder, struct err *err)
{
	const char *sql = holder->is_group ? "DELETE FROM group_attribute WHERE group_id = ?"
	                                   : "DELETE FROM user_attribute WHERE uid = ?";

	return config_run(change->config, err, sql, "n", holder->id);
}

int attributes_hand_out(struct change *change, const struct group *group, const struct user *user, struct err *err)
{
	int forces = config_number(change->config, NULL, err,
	                           "SELECT 1 FROM group_attribute WHERE group_id = ? AND key = 'force' AND value = 'on'",
	                           "n", group->id);

	if (forces != 0)
		return forces < 0 ? -1 : 0;
	return config_run(change->config, err,
	                  "INSERT OR REPLACE INTO user_attribute SELECT ?, key, value FROM group_attribute"
	                  " WHERE group_id = ? AND key <> 'force'",
	                  "nn", user->uid, group->id);
}

struct holder_list {
	struct attribute_holder holder;
	struct holder_list *next;
};

static bool has_wildcard(struct str word)
{
	return str_find_char(word, '*') >= 0 || str_find_char(word, '?') >= 0;
}

static struct holder_list **find_place(struct holder_list **list, int64_t id)
{
	while (*list != NULL && (*list)->holder.id != id)
		list = &(*list)->next;
	return list;
}

/*
 * Put those whom a word of the request means into the list, or take them out: a name, several by wildcards, "$" and a
 * group for its members.
 */
static int select_word(struct change *change, bool is_group, struct str word, bool out, struct holder_list **list,
                       struct err *err)
{
	bool members = !is_group && word.len > 0 && word.data[0] == '$', found = false;
	struct str name = str_skip(word, members);
	struct db_statement rows;
	int row;

	if (config_query(change->config, &rows, err,
	                 is_group  ? "SELECT id, name, name FROM user_group ORDER BY name"
	                 : members ? "SELECT uid, user.name, user_group.name FROM user JOIN membership USING (uid)"
	                             " JOIN user_group ON id = group_id ORDER BY user.name"
	                           : "SELECT uid, name, name FROM user ORDER BY name",
	                 "") != 0)
		return -1;
	while ((row = db_step(&rows, err)) == 1) {
		struct holder_list **place;

		if (has_wildcard(name) ? !str_matches_wildcard(db_text(&rows, 2), name)
		                       : !str_equal_nocase(db_text(&rows, 2), name))
			continue;
		found = true;
		place = find_place(list, db_number(&rows, 0));
		if (out && *place != NULL) {
			*place = (*place)->next;
		} else if (!out && *place == NULL) {
			*place = arena_get(&change->arena, sizeof **place);
			(*place)->holder =
			    (struct attribute_holder){is_group, db_number(&rows, 0), arena_copy(&change->arena, db_text(&rows, 1))};
		}
	}
	db_finalize(&rows);
	if (row == 0 && !found && !out)
		return err_set(err, ERR_NOT_FOUND, "there is no %s \"%.*s\"",
		               is_group  ? "group"
		               : members ? "member of"
		                         : "user",
		               STR_ARG(str_sub(name, 0, 80)));
	return row;
}

/* Whom the request names, in the field "user" or "group", separated by commas; "!" before a word takes them out. */
static int requested_holders(struct change *change, struct holder_list **list_out, struct err *err)
{
	struct str names = ipc_get(&change->incoming->message, "group");
	bool is_group = names.data != NULL;

	*list_out = NULL;
	if (!is_group && change_field(change, "user", &names, err) != 0)
		return -1;
	while (names.data != NULL) {
		struct str word = str_trim(str_cut(&names, ','));
		bool out = word.len > 0 && word.data[0] == '!';

		if (select_word(change, is_group, str_skip(word, out), out, list_out, err) != 0)
			return -1;
	}
	return *list_out != NULL ? 0 : err_set(err, ERR_NOT_FOUND, "nobody is left of those that are named");
}

/* One row of a listing: the value in force and where it comes from. */
static int list_one(struct change *change, const struct attribute_holder *holder,
                    const struct setting_definition *definition, struct err *err)
{
	const char *from = "default";
	struct str value = str_of(definition->fallback);
	int row;

	row = config_text(change->config, &change->arena, &value, err,
	                  holder->is_group ? "SELECT value FROM group_attribute WHERE group_id = ? AND key = ?"
	                                   : "SELECT value FROM effective_attribute WHERE uid = ? AND key = ?",
	                  "nt", holder->id, str_of(definition->key));
	if (row == 1)
		from = "own";
	if (row == 1 && !holder->is_group) {
		row = config_number(change->config, NULL, err, "SELECT 1 FROM forced_attribute WHERE uid = ? AND key = ?", "nt",
		                    holder->id, str_of(definition->key));
		if (row == 1)
			from = "group";
	}
	if (row < 0)
		return -1;
	/* Of a group, what is not set leaves its members what they have. */
	if (holder->is_group && strcmp(from, "default") == 0 && definition->of_users)
		return 0;
	change_list(change, "attribute",
	            json_pack("{s:s%, s:s, s:s%, s:s}", "name", holder->name.data, holder->name.len, "key", definition->key,
	                      "value", value.data, value.len, "from", from));
	return 0;
}

int op_attribute_get(struct change *change, struct err *err)
{
	struct str key = ipc_get(&change->incoming->message, "key");
	const struct setting_definition *definition;
	struct holder_list *list;

	if (requested_holders(change, &list, err) != 0)
		return -1;
	for (; list != NULL; list = list->next) {
		if (key.data != NULL) {
			if (find(&list->holder, key, &definition, err) != 0 ||
			    list_one(change, &list->holder, definition, err) != 0)
				return -1;
			continue;
		}
		for (int i = 0; i < ATTRIBUTE_COUNT; i++) {
			definition = &attribute_definitions[i];
			if ((list->holder.is_group ? definition->of_groups : definition->of_users) &&
			    list_one(change, &list->holder, definition, err) != 0)
				return -1;
		}
	}
	return 0;
}

static int set_one(struct change *change, const struct attribute_holder *holder, struct str key, struct str value,
                   struct err *err)
{
	if (value.data == NULL)
		return attribute_remove(change, holder, key, err);
	return check_not_forced(change, holder, key, err) != 0 || apply_sign(change, holder, key, &value, err) != 0
	           ? -1
	           : attribute_store(change, holder, key, value, err);
}

/* All that the request sets and unsets, for all who are named, or nothing. */
int op_attribute_set(struct change *change, struct err *err)
{
	struct holder_list *list;
	struct str key, value;

	if (requested_holders(change, &list, err) != 0)
		return -1;
	for (; list != NULL; list = list->next) {
		size_t position = 0, count = 0;
		int more;

		for (; (more = change_next_setting(change, &position, &key, &value, err)) == 1; count++)
			if (set_one(change, &list->holder, key, value, err) != 0)
				return -1;
		if (more != 0)
			return -1;
		if (count == 0)
			return err_set(err, ERR_SYNTAX, "%s needs a key and a value", change->operation->name);
	}
	return 0;
}

int op_attribute_unset(struct change *change, struct err *err)
{
	struct holder_list *list;
	struct str field, value;

	if (requested_holders(change, &list, err) != 0)
		return -1;
	for (; list != NULL; list = list->next)
		for (size_t position = 0; ipc_next(&change->incoming->message, &position, &field, &value);)
			if (str_equal(field, STR("key")) && attribute_remove(change, &list->holder, value, err) != 0)
				return -1;
	return 0;
}
