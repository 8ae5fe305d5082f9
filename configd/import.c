#include "configd/import.h"
#include "configd/access.h"
#include "configd/attributes.h"
#include "configd/connectors.h"
#include "configd/items.h"
#include "configd/lists.h"
#include "configd/mappings.h"
#include "configd/permissions.h"
#include "configd/scripts.h"

/*
 * An import makes what is stored equal to the text, as one change: what the text lacks is deleted, what differs is set.
 * The functions that single requests use do it, so that the same checks hold.
 */
struct import {
	struct text text;
	struct ipc_message *restore; /* to authd: the password hashes; NULL until there is one */
};

/* Names of the kind being imported; what is stored and not in it is deleted. */
static const char names_table[] = "CREATE TEMP TABLE IF NOT EXISTS import_name(name TEXT PRIMARY KEY COLLATE NOCASE);"
                                  "DELETE FROM import_name";

int op_import_prepare(struct change *change, struct err *err)
{
	struct text *text;
	struct str input;

	change->import = arena_get(&change->arena, sizeof *change->import);
	text = &change->import->text;
	if (change_field(change, "text", &input, err) != 0 || text_parse(input, &change->arena, text, err) != 0 ||
	    change_flag(change, "check", &change->only_check, err) != 0)
		return -1;
	for (int kind = 0; kind < TEXT_KINDS; kind++)
		if (text->counts[kind] > OBJECTS_MAX)
			return err_set(err, ERR_LIMIT, "the text has more than %d objects of one kind", OBJECTS_MAX);
	if (config_reserve(change->config, STR("uid"), (int64_t)text->counts[TEXT_USER], &change->first_uid, err) != 0)
		return -1;
	if (config_reserve(change->config, STR("group"), (int64_t)text->counts[TEXT_GROUP], &change->first_group, err) !=
	        0 ||
	    config_reserve(change->config, STR("list"), (int64_t)text->counts[TEXT_LIST], &change->first_list, err) != 0 ||
	    config_reserve(change->config, STR("service"), (int64_t)text->counts[TEXT_SERVICE], &change->first_service,
	                   err) != 0)
		return -1;
	/* each connection may get a new number, and senders of an earlier version have none */
	return config_reserve(change->config, STR("connection"),
	                      (int64_t)(2 * text->counts[TEXT_CONNECTION] + 2 * text->counts[TEXT_SENDER]),
	                      &change->first_connection, err) != 0
	           ? -1
	           : config_reserve(change->config, STR("collector"), (int64_t)text->counts[TEXT_COLLECTOR],
	                            &change->first_collector, err);
}

/* Say which line of the text was refused. */
static int refuse(const struct text_object *object, struct err *err)
{
	return err_prefix(err, "import:%u", object->line);
}

int import_begin_names(struct change *change, struct err *err)
{
	return db_exec(&change->config->db, names_table, err);
}

int import_keep_name(struct change *change, struct str name, struct err *err)
{
	int row = config_number(change->config, NULL, err, "SELECT 1 FROM temp.import_name WHERE name = ?", "t", name);

	if (row == 1)
		return err_set(err, ERR_EXISTS, "\"%.*s\" stands in the text twice", STR_ARG(name));
	return row == 0 ? config_run(change->config, err, "INSERT INTO temp.import_name VALUES(?)", "t", name) : -1;
}

static int keep_name(struct change *change, const struct text_object *object, struct str name, struct err *err)
{
	return import_keep_name(change, name, err) == 0 ? 0 : refuse(object, err);
}

struct name_list {
	struct str name;
	struct name_list *next;
};

/* Read all names that a query gives, before anything is changed in its tables. */
static int read_names(struct change *change, const char *sql, struct name_list **list_out, struct err *err)
{
	struct name_list **tail = list_out;
	struct db_statement statement;
	int row;

	*list_out = NULL;
	if (config_query(change->config, &statement, err, sql, "") != 0)
		return -1;
	while ((row = db_step(&statement, err)) == 1) {
		*tail = arena_get(&change->arena, sizeof **tail);
		(*tail)->name = arena_copy(&change->arena, db_text(&statement, 0));
		tail = &(*tail)->next;
	}
	db_finalize(&statement);
	return row;
}

static int for_names(struct change *change, const char *sql,
                     int (*function)(struct change *change, struct str name, struct err *err), struct err *err)
{
	struct name_list *list;

	if (read_names(change, sql, &list, err) != 0)
		return -1;
	for (; list != NULL; list = list->next)
		if (function(change, list->name, err) != 0)
			return -1;
	return 0;
}

int import_for_missing(struct change *change, const char *sql,
                       int (*function)(struct change *change, struct str name, struct err *err), struct err *err)
{
	struct str missing = arena_printf(
	    &change->arena, "SELECT name FROM (%s) WHERE name NOT IN (SELECT name FROM temp.import_name)", sql);

	return for_names(change, missing.data, function, err);
}

/* Set a setting where what is stored is another. */
static int import_setting(struct change *change, const struct text_object *object, struct err *err)
{
	struct str key = object->fields[SETTING_KEY], value = object->fields[SETTING_VALUE], stored = STR("");
	const struct setting_definition *definition = setting_find(key);
	struct buf normal;
	bool same = false;
	int row;

	value = setting_from_line(definition, value, &change->arena);
	row =
	    config_text(change->config, &change->arena, &stored, err, "SELECT value FROM setting WHERE key = ?", "t", key);
	if (row < 0 || keep_name(change, object, key, err) != 0)
		return -1;
	if (row == 1 && definition != NULL) {
		buf_init(&normal, SETTING_VALUE_MAX);
		same = setting_check(definition, value, &normal, NULL) == 0 && str_equal(buf_str(&normal), stored);
		buf_free(&normal);
	}
	return same || setting_store(change, key, value, err) == 0 ? 0 : refuse(object, err);
}

static int import_settings(struct change *change, struct err *err)
{
	if (import_begin_names(change, err) != 0)
		return -1;
	for (const struct text_object *object = change->import->text.objects[TEXT_SETTING]; object != NULL;
	     object = object->next)
		if (import_setting(change, object, err) != 0)
			return -1;
	return import_for_missing(change, "SELECT key AS name FROM setting", setting_remove, err);
}

static int import_domain(struct change *change, const struct text_object *object, struct err *err)
{
	struct str name;
	bool is_default;
	int64_t was_default = 0;
	int known;

	if (text_flag(TEXT_DOMAIN, object, DOMAIN_DEFAULT, false, &is_default, err) != 0)
		return -1;
	if (domain_normalise(change, object->fields[DOMAIN_NAME], &name, err) != 0)
		return refuse(object, err);
	if (keep_name(change, object, name, err) != 0 || (known = domain_is_local(change, name, err)) < 0)
		return -1;
	if (known == 0 && domain_add(change, name, err) != 0)
		return refuse(object, err);
	if (config_number(change->config, &was_default, err, "SELECT is_default FROM domain WHERE name = ?", "t", name) < 0)
		return -1;
	return is_default && was_default == 0 ? domain_set_default(change, name, err) : 0;
}

static int import_domains(struct change *change, struct err *err)
{
	if (change->import->text.counts[TEXT_DOMAIN] == 0)
		return err_set(err, ERR_SYNTAX,
		               "the text has no [domain]; an import describes everything, as \"postroom export\" writes it");
	if (import_begin_names(change, err) != 0)
		return -1;
	for (const struct text_object *object = change->import->text.objects[TEXT_DOMAIN]; object != NULL;
	     object = object->next)
		if (import_domain(change, object, err) != 0)
			return -1;
	return import_for_missing(change, "SELECT name FROM domain", domain_delete, err);
}

static int import_group(struct change *change, const struct text_object *object, struct err *err)
{
	struct str name = object->fields[GROUP_NAME];
	struct group group;
	int row;

	if (keep_name(change, object, name, err) != 0 || (row = group_find(change, name, &group, err)) < 0)
		return -1;
	return row == 1 || group_add(change, name, &group, err) == 0 ? 0 : refuse(object, err);
}

static int import_groups(struct change *change, struct err *err)
{
	if (import_begin_names(change, err) != 0)
		return -1;
	for (const struct text_object *object = change->import->text.objects[TEXT_GROUP]; object != NULL;
	     object = object->next)
		if (import_group(change, object, err) != 0)
			return -1;
	return import_for_missing(change, "SELECT name FROM user_group", group_delete, err);
}

/* Is a name among those that commas separate? */
static bool lists_name(struct str list, struct str name)
{
	while (list.data != NULL)
		if (str_equal_nocase(str_trim(str_cut(&list, ',')), name))
			return true;
	return false;
}

/* Each group named must exist; the user is in these and in no other. */
static int import_memberships(struct change *change, const struct user *user, struct str list, struct err *err)
{
	struct name_list *groups;
	struct group group;

	for (struct str rest = list; rest.data != NULL && str_trim(rest).len != 0;)
		if (group_need(change, str_trim(str_cut(&rest, ',')), &group, err) != 0)
			return -1;
	if (read_names(change, "SELECT name FROM user_group", &groups, err) != 0)
		return -1;
	for (; groups != NULL; groups = groups->next) {
		bool wanted = lists_name(list, groups->name);
		int known;

		if (group_need(change, groups->name, &group, err) != 0 ||
		    (known = group_is_member(change, &group, user, err)) < 0 ||
		    (wanted != (known == 1) && group_set_member(change, &group, user, wanted, err) != 0))
			return -1;
	}
	return 0;
}

/* Attributes are those of the text: nobody gets copies of a group's for joining it. */
static int import_primary_group(struct change *change, const struct user *user, struct str name, struct err *err)
{
	struct group group = {0};
	int64_t known = 0;

	if (config_number(change->config, &known, err, "SELECT group_id FROM primary_group WHERE uid = ?", "n", user->uid) <
	        0 ||
	    (name.len != 0 && group_need(change, name, &group, err) != 0))
		return -1;
	if (known == group.id)
		return 0;
	if (name.len != 0 && group_is_member(change, &group, user, err) != 1)
		return err_set(err, ERR_SYNTAX, "the primary group %.*s is none of the groups", STR_ARG(group.name));
	return group_set_primary(change, name.len != 0 ? &group : NULL, user, err);
}

static int import_hash(struct change *change, const struct user *user, struct str hash)
{
	if (change->import->restore == NULL)
		change->import->restore = change_ask_before(change, "restore");
	ipc_add(change->import->restore, "hash",
	        arena_printf(&change->arena, "%lld:%.*s", (long long)user->uid, STR_ARG(hash)));
	change_note(change, "user %.*s has the password of the text", STR_ARG(user->name));
	return 0;
}

static int import_user(struct change *change, const struct text_object *object, struct err *err)
{
	struct str name = object->fields[USER_NAME], hash = object->fields[USER_PASSWORD_HASH];
	bool administrator, enabled;
	struct user user;
	int row;

	if (text_flag(TEXT_USER, object, USER_ADMINISTRATOR, false, &administrator, err) != 0 ||
	    text_flag(TEXT_USER, object, USER_ENABLED, true, &enabled, err) != 0 ||
	    keep_name(change, object, name, err) != 0 || (row = user_find(change, name, &user, err)) < 0)
		return -1;
	if (row == 0 && user_add(change, name, administrator, enabled, &user, err) != 0)
		return refuse(object, err);
	if (row == 1 && user_set(change, &user, administrator, enabled, err) != 0)
		return -1;
	if (import_memberships(change, &user, object->fields[USER_GROUPS], err) != 0 ||
	    import_primary_group(change, &user, object->fields[USER_PRIMARY_GROUP], err) != 0)
		return refuse(object, err);
	return hash.data != NULL ? import_hash(change, &user, hash) : 0;
}

static int delete_user(struct change *change, struct str name, struct err *err)
{
	struct user user;

	if (user_need(change, name, &user, err) != 0 || user_delete(change, &user, err) != 0)
		return -1;
	ipc_add_number(change_ask_after(change, "user-delete"), "uid", user.uid);
	return 0;
}

static int import_users(struct change *change, struct err *err)
{
	static const char missing[] = "SELECT name FROM user WHERE name NOT IN (SELECT name FROM temp.import_name)";
	bool may_delete = false;
	struct str first;
	int row;

	if (import_begin_names(change, err) != 0 || change_flag(change, "delete-users", &may_delete, err) != 0)
		return -1;
	for (const struct text_object *object = change->import->text.objects[TEXT_USER]; object != NULL;
	     object = object->next)
		if (import_user(change, object, err) != 0)
			return -1;
	if (may_delete)
		return for_names(change, missing, delete_user, err);
	row = config_text(change->config, &change->arena, &first, err, missing, "");
	if (row == 1) /* a mailbox hangs on each */
		return err_set(
		    err, ERR_DENIED,
		    "the text lacks the user %.*s, who would be deleted with all mail; say --delete-users if that is meant",
		    STR_ARG(first));
	return row;
}

int op_import(struct change *change, struct err *err)
{
	int64_t count = 0;

	/* Mappings go first and come back last: their targets depend on domains, users, groups and lists of the text. */
	if (import_settings(change, err) != 0 || mappings_import_begin(change, err) != 0 ||
	    import_domains(change, err) != 0 || import_groups(change, err) != 0 || import_users(change, err) != 0 ||
	    attributes_import(change, &change->import->text, err) != 0 ||
	    permissions_import(change, &change->import->text, err) != 0 ||
	    lists_import(change, &change->import->text, err) != 0 ||
	    mappings_import(change, &change->import->text, err) != 0 ||
	    connectors_import(change, &change->import->text, err) != 0 ||
	    import_services(change, &change->import->text, err) != 0 ||
	    smtp_rules_import(change, &change->import->text, err) != 0 ||
	    access_import(change, &change->import->text, err) != 0 ||
	    items_import(change, &change->import->text, err) != 0 ||
	    scripts_import(change, &change->import->text, err) != 0)
		return -1;
	for (const struct change_note *note = change->notes; note != NULL; note = note->next, count++)
		ipc_add(&change->reply, "change", note->text);
	ipc_add_number(&change->reply, "changed", count);
	return 0;
}
