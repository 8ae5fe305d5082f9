#include "configd/attributes.h"
#include "configd/names.h"

enum { GROUPS_MAX = 10000 };

int group_find(struct change *change, struct str name, struct group *group_out, struct err *err)
{
	struct db_statement statement;
	int row;

	*group_out = (struct group){0};
	if (config_query(change->config, &statement, err, "SELECT id, name FROM user_group WHERE name = ?", "t", name) != 0)
		return -1;
	row = db_step(&statement, err);
	if (row == 1)
		*group_out = (struct group){db_number(&statement, 0), arena_copy(&change->arena, db_text(&statement, 1))};
	db_finalize(&statement);
	return row;
}

int group_need(struct change *change, struct str name, struct group *group_out, struct err *err)
{
	int row = group_find(change, name, group_out, err);
	struct named named;

	if (row == 0 && name_find(change, name, &named, err) == 1 && named.kind == NAME_GROUP)
		return err_set(err, ERR_DENIED, "the group %.*s is always there, and nobody is put into it",
		               STR_ARG(named.name));
	if (row == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no group \"%.*s\"", STR_ARG(str_sub(name, 0, 80)));
	return row == 1 ? 0 : -1;
}

static int check_free(struct change *change, struct str name, struct err *err)
{
	return check_name(name, "group", err) != 0 ? -1 : name_check_free(change, name, NAME_GROUP, err);
}

int group_add(struct change *change, struct str name, struct group *group_out, struct err *err)
{
	int64_t groups;

	if (check_free(change, name, err) != 0 ||
	    config_number(change->config, &groups, err, "SELECT count(*) FROM user_group", "") != 1)
		return -1;
	if (groups >= GROUPS_MAX)
		return err_set(err, ERR_LIMIT, "there are %d groups already", GROUPS_MAX);
	*group_out = (struct group){change->first_group++, name};
	if (config_run(change->config, err, "INSERT INTO user_group VALUES(?, ?)", "nt", group_out->id, name) != 0)
		return -1;
	change_note(change, "group %.*s added", STR_ARG(name));
	return 0;
}

int group_delete(struct change *change, struct str name, struct err *err)
{
	struct attribute_holder holder;
	struct group group;

	if (group_need(change, name, &group, err) != 0)
		return -1;
	holder = (struct attribute_holder){true, group.id, group.name};
	if (attributes_drop(change, &holder, err) != 0 ||
	    config_run(change->config, err, "DELETE FROM primary_group WHERE group_id = ?", "n", group.id) != 0 ||
	    config_run(change->config, err, "DELETE FROM membership WHERE group_id = ?", "n", group.id) != 0 ||
	    config_run(change->config, err, "DELETE FROM user_group WHERE id = ?", "n", group.id) != 0 ||
	    name_deleted(change, group.name, err) != 0)
		return -1;
	change_note(change, "group %.*s deleted", STR_ARG(group.name));
	return 0;
}

int group_is_member(struct change *change, const struct group *group, const struct user *user, struct err *err)
{
	return config_number(change->config, NULL, err, "SELECT 1 FROM membership WHERE group_id = ? AND uid = ?", "nn",
	                     group->id, user->uid);
}

int group_set_member(struct change *change, const struct group *group, const struct user *user, bool member,
                     struct err *err)
{
	const char *sql =
	    member ? "INSERT INTO membership VALUES(?, ?)" : "DELETE FROM membership WHERE group_id = ? AND uid = ?";

	if (config_run(change->config, err, sql, "nn", group->id, user->uid) != 0)
		return -1;
	if (!member && config_run(change->config, err, "DELETE FROM primary_group WHERE group_id = ? AND uid = ?", "nn",
	                          group->id, user->uid) != 0)
		return -1;
	change_note(change, "user %.*s %s group %.*s", STR_ARG(user->name), member ? "joined the" : "left the",
	            STR_ARG(group->name));
	return 0;
}

int group_set_primary(struct change *change, const struct group *group, const struct user *user, struct err *err)
{
	if (config_run(change->config, err, "DELETE FROM primary_group WHERE uid = ?", "n", user->uid) != 0 ||
	    (group != NULL &&
	     config_run(change->config, err, "INSERT INTO primary_group VALUES(?, ?)", "nn", user->uid, group->id) != 0))
		return -1;
	change_note(change, "user %.*s has %s%.*s", STR_ARG(user->name),
	            group != NULL ? "the primary group " : "no primary group", group != NULL ? (int)group->name.len : 0,
	            group != NULL ? group->name.data : "");
	return 0;
}

int op_group_reserve(struct change *change, struct err *err)
{
	struct str name;

	if (change_field(change, "name", &name, err) != 0 || check_free(change, name, err) != 0)
		return -1;
	return config_reserve(change->config, STR("group"), 1, &change->first_group, err);
}

int op_group_add(struct change *change, struct err *err)
{
	struct group group;
	struct str name;

	return change_field(change, "name", &name, err) != 0 ? -1 : group_add(change, name, &group, err);
}

int op_group_delete(struct change *change, struct err *err)
{
	struct str name;

	return change_field(change, "name", &name, err) != 0 ? -1 : group_delete(change, name, err);
}

/* The group and the user of a request; 1 = he is a member, 0 = he is none, -1 = error. */
static int requested_member(struct change *change, struct group *group, struct user *user, struct err *err)
{
	struct str name, user_name;

	if (change_field(change, "name", &name, err) != 0 || change_field(change, "user", &user_name, err) != 0 ||
	    group_need(change, name, group, err) != 0 || user_need(change, user_name, user, err) != 0)
		return -1;
	return group_is_member(change, group, user, err);
}

int op_group_add_member(struct change *change, struct err *err)
{
	bool primary = false;
	struct group group;
	struct user user;
	int known = requested_member(change, &group, &user, err);

	if (known < 0 || change_flag(change, "primary", &primary, err) != 0)
		return -1;
	if (known == 1 && primary)
		known = config_number(change->config, NULL, err, "SELECT 1 FROM primary_group WHERE uid = ? AND group_id = ?",
		                      "nn", user.uid, group.id);
	else if (known == 0 && group_set_member(change, &group, &user, true, err) != 0)
		return -1;
	if (known == 1)
		return err_set(err, ERR_EXISTS, "the user %.*s is in already the group %.*s", STR_ARG(user.name),
		               STR_ARG(group.name));
	if (known < 0 || !primary)
		return known;
	return group_set_primary(change, &group, &user, err) != 0 ? -1 : attributes_hand_out(change, &group, &user, err);
}

int op_group_remove_member(struct change *change, struct err *err)
{
	struct group group;
	struct user user;
	int known = requested_member(change, &group, &user, err);

	if (known == 0)
		return err_set(err, ERR_NOT_FOUND, "the user %.*s is not in the group %.*s", STR_ARG(user.name),
		               STR_ARG(group.name));
	return known == 1 ? group_set_member(change, &group, &user, false, err) : -1;
}

int op_group_list(struct change *change, struct err *err)
{
	struct db_statement statement;
	int row;

	if (config_query(change->config, &statement, err,
	                 "SELECT name, (SELECT count(*) FROM membership WHERE group_id = id) FROM user_group ORDER BY name",
	                 "") != 0)
		return -1;
	while ((row = db_step(&statement, err)) == 1)
		change_list(change, "group",
		            json_pack("{s:s%, s:I}", "name", db_text(&statement, 0).data, db_text(&statement, 0).len, "users",
		                      (json_int_t)db_number(&statement, 1)));
	db_finalize(&statement);
	return row;
}

/* The users of a group that is always there, by its name. */
static const char *built_in_users(struct str name)
{
	if (str_equal_nocase(name, STR("everyone")))
		return "SELECT name FROM user WHERE ? <> 0 AND uid NOT IN (SELECT uid FROM effective_attribute"
		       " WHERE key = 'in-everyone' AND value = 'off') ORDER BY name";
	if (str_equal_nocase(name, STR("admins")))
		return "SELECT name FROM effective_user WHERE ? <> 0 AND administrator ORDER BY name";
	return str_equal_nocase(name, STR("no-one")) ? "SELECT name FROM user WHERE ? = 0" : NULL;
}

int op_group_members(struct change *change, struct err *err)
{
	struct group group = {.id = 1};
	struct db_statement statement;
	const char *sql;
	struct str name;
	int row;

	if (change_field(change, "name", &name, err) != 0)
		return -1;
	sql = built_in_users(name);
	if ((sql == NULL && group_need(change, name, &group, err) != 0) ||
	    config_query(change->config, &statement, err,
	                 sql != NULL ? sql
	                             : "SELECT name FROM user JOIN membership USING (uid) WHERE group_id = ? ORDER BY name",
	                 "n", group.id) != 0)
		return -1;
	while ((row = db_step(&statement, err)) == 1)
		change_list(change, "user",
		            json_pack("{s:s%}", "name", db_text(&statement, 0).data, db_text(&statement, 0).len));
	db_finalize(&statement);
	return row;
}
