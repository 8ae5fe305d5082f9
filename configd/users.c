#include "configd/attributes.h"
#include "configd/items.h"
#include "configd/names.h"
#include "configd/permissions.h"
#include "configd/scripts.h"

#include "common/settings/texts.h"

int user_find(struct change *change, struct str name, struct user *user_out, struct err *err)
{
	struct db_statement statement;
	int row;

	*user_out = (struct user){0};
	if (config_query(change->config, &statement, err,
	                 "SELECT uid, name, administrator, enabled FROM own_user WHERE name = ?", "t", name) != 0)
		return -1;
	row = db_step(&statement, err);
	if (row == 1)
		*user_out = (struct user){
		    .uid = db_number(&statement, 0),
		    .name = arena_copy(&change->arena, db_text(&statement, 1)),
		    .administrator = db_number(&statement, 2) != 0,
		    .enabled = db_number(&statement, 3) != 0,
		};
	db_finalize(&statement);
	return row;
}

int user_need(struct change *change, struct str name, struct user *user_out, struct err *err)
{
	int row = user_find(change, name, user_out, err);

	if (row == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no user \"%.*s\"", STR_ARG(str_sub(name, 0, 80)));
	return row == 1 ? 0 : -1;
}

static int check_free(struct change *change, struct str name, struct err *err)
{
	return check_name(name, "user", err) != 0 ? -1 : name_check_free(change, name, NAME_USER, err);
}

/* Store one of the two attributes that stand with the user, without a note. */
static int set_flag(struct change *change, int64_t uid, const char *key, bool value, struct err *err)
{
	return config_run(change->config, err, "INSERT OR REPLACE INTO user_attribute VALUES(?, ?, ?)", "ntt", uid,
	                  str_of(key), value ? STR("on") : STR("off"));
}

int user_add(struct change *change, struct str name, bool administrator, bool enabled, struct user *user_out,
             struct err *err)
{
	if (check_free(change, name, err) != 0)
		return -1;
	*user_out = (struct user){change->first_uid++, name, administrator, enabled};
	if (config_run(change->config, err, "INSERT INTO user VALUES(?, ?)", "nt", user_out->uid, name) != 0 ||
	    (administrator && set_flag(change, user_out->uid, "administrator", true, err) != 0) ||
	    (!enabled && set_flag(change, user_out->uid, "enabled", false, err) != 0))
		return -1;
	change_note(change, "user %.*s added%s%s", STR_ARG(name), administrator ? ", administrator" : "",
	            enabled ? "" : ", disabled");
	return 0;
}

int user_set(struct change *change, const struct user *user, bool administrator, bool enabled, struct err *err)
{
	if (administrator != user->administrator) {
		if (set_flag(change, user->uid, "administrator", administrator, err) != 0)
			return -1;
		change_note(change, "user %.*s is %s", STR_ARG(user->name),
		            administrator ? "an administrator" : "no administrator any more");
	}
	if (enabled != user->enabled) {
		if (set_flag(change, user->uid, "enabled", enabled, err) != 0)
			return -1;
		change_note(change, "user %.*s %s", STR_ARG(user->name), enabled ? "enabled" : "disabled");
	}
	return 0;
}

int user_delete(struct change *change, const struct user *user, struct err *err)
{
	const struct attribute_holder holder = {false, user->uid, user->name};

	if (notices_follow(change, user->name, STR(""), err) != 0 || items_delete_owner(change, user->uid, err) != 0 ||
	    attributes_drop(change, &holder, err) != 0 || permissions_drop(change, user, err) != 0 ||
	    scripts_drop(change, user->name, err) != 0 ||
	    config_run(change->config, err, "DELETE FROM primary_group WHERE uid = ?", "n", user->uid) != 0 ||
	    config_run(change->config, err, "DELETE FROM membership WHERE uid = ?", "n", user->uid) != 0 ||
	    config_run(change->config, err, "DELETE FROM user WHERE uid = ?", "n", user->uid) != 0 ||
	    mailboxes_add(change, user->uid, err) != 0 || name_deleted(change, user->name, err) != 0)
		return -1;
	change_note(change, "user %.*s deleted", STR_ARG(user->name));
	return 0;
}

int op_user_reserve(struct change *change, struct err *err)
{
	struct str name;

	/* A name that is refused anyway uses no number up. */
	if (change_field(change, "name", &name, err) != 0 || check_free(change, name, err) != 0)
		return -1;
	return config_reserve(change->config, STR("uid"), 1, &change->first_uid, err);
}

int user_check_password(struct change *change, struct str password, struct err *err)
{
	int64_t least;

	if (check_password(password, err) != 0 || setting_number(change, SETTING_PASSWORD_MIN, &least, err) != 0)
		return -1;
	if (str_utf8_length(password) < (size_t)least)
		return err_set(err, ERR_SYNTAX, "the password must have at least %lld characters", (long long)least);
	return 0;
}

int user_set_password(struct change *change, const struct user *user, struct str password, bool of_web, struct err *err)
{
	struct ipc_message *request;
	int64_t cost;

	if (user_check_password(change, password, err) != 0 ||
	    setting_number(change, SETTING_PASSWORD_COST, &cost, err) != 0)
		return -1;
	request = change_ask_before(change, "password-set");
	ipc_add_number(request, "uid", user->uid);
	ipc_add(request, "user", user->name);
	ipc_add(request, "password", password);
	ipc_add_number(request, "cost", cost);
	ipc_add_number(request, "web", of_web);
	return 0;
}

int user_copy_settings(struct change *change, const struct user *from, const struct user *to, struct err *err)
{
	/* The number of each new item is one that the old one's tells: they are copied before their texts. */
	static const char items[] = "INSERT INTO item(kind, owner, position) SELECT kind, ?, position FROM item"
	                            " WHERE owner = ? AND kind IN ('message-rule', 'prune-rule')";
	static const char fields[] =
	    "INSERT INTO item_field SELECT new.id, key, value FROM item AS new JOIN item AS old USING (kind, position)"
	    " JOIN item_field ON item_field.item = old.id WHERE new.owner = ? AND old.owner = ?"
	    " AND kind IN ('message-rule', 'prune-rule')";

	if (config_run(change->config, err,
	               "INSERT OR IGNORE INTO user_attribute SELECT ?, key, value FROM user_attribute WHERE uid = ?"
	               " AND key NOT IN ('administrator', 'enabled', 'directory')",
	               "nn", to->uid, from->uid) != 0 ||
	    config_run(change->config, err, items, "nn", to->uid, from->uid) != 0 ||
	    config_run(change->config, err, fields, "nn", to->uid, from->uid) != 0)
		return -1;
	change_note(change, "user %.*s has the settings of %.*s", STR_ARG(to->name), STR_ARG(from->name));
	return 0;
}

/* Specification 02, "Welcome message": the first message in a new mailbox. */
static void welcome(struct change *change)
{
	struct str name = ipc_get(&change->incoming->message, "name");
	const struct text_value values[] = {{"username", name},
	                                    {"password", ipc_get(&change->incoming->message, "password")}};
	struct notice notice = {.target = "Welcome", .severity = NOTICE_INFORMATIONAL, .item = name};
	struct text_filled words;
	struct user user;
	struct str text;
	struct err err;

	if (setting_text(change, SETTING_TEXT_WELCOME, &text, &err) != 0 || text.len == 0 ||
	    user_find(change, name, &user, &err) != 1)
		return;
	text_fill(text.data, values, 2, &change->arena, &words);
	notice.uid = user.uid;
	notice.subject = words.subject.len != 0 ? words.subject : STR("Welcome to email");
	notice.text = words.body;
	notice_send(change->config->notices, &notice);
}

int op_user_add(struct change *change, struct err *err)
{
	struct str password = ipc_get(&change->incoming->message, "password");
	struct str name, model = ipc_get(&change->incoming->message, "copy-from");
	bool administrator = false, welcomed = true;
	struct user user, from;

	if (change_field(change, "name", &name, err) != 0 ||
	    change_flag(change, "administrator", &administrator, err) != 0 ||
	    change_flag(change, "welcome", &welcomed, err) != 0 ||
	    user_add(change, name, administrator, true, &user, err) != 0)
		return -1;
	if (password.data != NULL && user_set_password(change, &user, password, false, err) != 0)
		return -1;
	if (model.data != NULL &&
	    (user_need(change, model, &from, err) != 0 || user_copy_settings(change, &from, &user, err) != 0))
		return -1;
	change->committed = welcomed ? welcome : NULL;
	ipc_add_number(&change->reply, "uid", user.uid);
	return 0;
}

/* The user that the request names. */
static int requested_user(struct change *change, struct user *user_out, struct err *err)
{
	struct str name;

	return change_field(change, "name", &name, err) != 0 ? -1 : user_need(change, name, user_out, err);
}

/* Specification 02, "Deleting users": his sessions would go on without him. */
static int refuse_in_use(struct change *change, const struct ipc_message *reply, struct err *err)
{
	struct str key, value;
	struct user user;
	uint64_t uid;

	if (requested_user(change, &user, err) != 0)
		return -1;
	for (size_t position = 0; ipc_next(reply, &position, &key, &value);)
		if (str_equal(key, STR("uid")) && str_to_u64(value, INT64_MAX, &uid) && (int64_t)uid == user.uid)
			return err_set(err, ERR_DENIED, "the user %.*s is in use: \"postroom sessions\" shows where from",
			               STR_ARG(user.name));
	return 0;
}

static int delete_unused(struct change *change, struct err *err)
{
	struct user user;

	if (requested_user(change, &user, err) != 0 || user_delete(change, &user, err) != 0)
		return -1;
	ipc_add_number(change_ask_after(change, "user-delete"), "uid", user.uid);
	return 0;
}

int op_user_delete(struct change *change, struct err *err)
{
	struct user user;

	if (requested_user(change, &user, err) != 0)
		return -1;
	change_ask_in_use(change);
	change->answered = refuse_in_use;
	change->then = delete_unused;
	return 0;
}

int op_user_rename(struct change *change, struct err *err)
{
	struct ipc_message *request;
	struct user user;
	struct str to;

	if (requested_user(change, &user, err) != 0 || change_field(change, "to", &to, err) != 0)
		return -1;
	/* Another case of the same name is no other name. */
	if (str_equal_nocase(user.name, to) ? check_name(to, "user", err) != 0 : check_free(change, to, err) != 0)
		return -1;
	if (config_run(change->config, err, "UPDATE user SET name = ? WHERE uid = ?", "tn", to, user.uid) != 0 ||
	    notices_follow(change, user.name, to, err) != 0 || name_changed(change, user.name, to, err) != 0 ||
	    scripts_rename(change, user.name, to, err) != 0)
		return -1;
	change_note(change, "user %.*s renamed to %.*s", STR_ARG(user.name), STR_ARG(to));
	request = change_ask_before(change, "user-rename");
	ipc_add_number(request, "uid", user.uid);
	ipc_add(request, "user", to);
	return 0;
}

int op_user_password(struct change *change, struct err *err)
{
	struct str password;
	struct user user;
	bool of_web = false;

	if (requested_user(change, &user, err) != 0 || change_field(change, "password", &password, err) != 0 ||
	    change_flag(change, "web", &of_web, err) != 0 || user_set_password(change, &user, password, of_web, err) != 0)
		return -1;
	change_note(change, "user %.*s has a new %spassword", STR_ARG(user.name), of_web ? "web " : "");
	return 0;
}
