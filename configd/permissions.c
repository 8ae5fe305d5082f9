#include "configd/permissions.h"

#include "common/addr/pattern.h"
#include "common/policy/permissions.h"

/* One entry in its normal form. */
struct permission {
	struct user user; /* uid PERMISSIONS_FOR_ALL: for all */
	const char *list;
	struct str pattern;
};

static int normalise(struct change *change, struct str user, struct str list, struct str pattern,
                     struct permission *permission, struct err *err)
{
	struct buf normal;
	int result;

	*permission = (struct permission){.list = permission_list_find(list)};
	if (permission->list == NULL)
		return err_set(err, ERR_SYNTAX,
		               "a list is target-white, target-black, sender-white or sender-black, not \"%.*s\"",
		               STR_ARG(str_sub(list, 0, 40)));
	if (user.len != 0 && user_need(change, user, &permission->user, err) != 0)
		return -1;
	buf_init(&normal, ADDR_PATTERN_MAX + ADDR_PATTERN_MAX);
	result = addr_pattern_normalise(str_trim(pattern), &normal, err);
	permission->pattern = arena_copy(&change->arena, buf_str(&normal));
	buf_free(&normal);
	return result;
}

/* 1 = it is there, 0 = it is not, -1 = error. */
static int exists(struct change *change, const struct permission *permission, struct err *err)
{
	return config_number(change->config, NULL, err,
	                     "SELECT 1 FROM permission WHERE uid = ? AND list = ? AND pattern = ? COLLATE NOCASE", "ntt",
	                     permission->user.uid, str_of(permission->list), permission->pattern);
}

static void note(struct change *change, const struct permission *permission, const char *what)
{
	change_note(change, "%.*s %s the list %s of %s%.*s", STR_ARG(permission->pattern), what, permission->list,
	            permission->user.uid != PERMISSIONS_FOR_ALL ? "user " : "all", STR_ARG(permission->user.name));
}

static int add(struct change *change, const struct permission *permission, struct err *err)
{
	int64_t entries;

	if (config_number(change->config, &entries, err, "SELECT count(*) FROM permission WHERE uid = ? AND list = ?", "nt",
	                  permission->user.uid, str_of(permission->list)) != 1)
		return -1;
	if (entries >= PERMISSIONS_MAX)
		return err_set(err, ERR_LIMIT, "the list has %d entries already", PERMISSIONS_MAX);
	if (config_run(change->config, err, "INSERT INTO permission VALUES(?, ?, ?)", "ntt", permission->user.uid,
	               str_of(permission->list), permission->pattern) != 0)
		return -1;
	note(change, permission, "added to");
	return 0;
}

static int remove_entry(struct change *change, const struct permission *permission, struct err *err)
{
	if (config_run(change->config, err,
	               "DELETE FROM permission WHERE uid = ? AND list = ? AND pattern = ? COLLATE NOCASE", "ntt",
	               permission->user.uid, str_of(permission->list), permission->pattern) != 0)
		return -1;
	note(change, permission, "removed from");
	return 0;
}

/* The entry that a request is about, and whether it is there: 1, 0 or -1. */
static int requested(struct change *change, struct permission *permission, struct err *err)
{
	struct str list, pattern, user = ipc_get(&change->incoming->message, "user");

	if (change_field(change, "list", &list, err) != 0 || change_field(change, "pattern", &pattern, err) != 0 ||
	    normalise(change, user, list, pattern, permission, err) != 0)
		return -1;
	return exists(change, permission, err);
}

int op_permission_add(struct change *change, struct err *err)
{
	struct permission permission;
	int known = requested(change, &permission, err);

	if (known == 1)
		return err_set(err, ERR_EXISTS, "%.*s is on the list already", STR_ARG(permission.pattern));
	return known < 0 ? -1 : add(change, &permission, err);
}

int op_permission_remove(struct change *change, struct err *err)
{
	struct permission permission;
	int known = requested(change, &permission, err);

	if (known == 0)
		return err_set(err, ERR_NOT_FOUND, "%.*s is not on the list", STR_ARG(permission.pattern));
	return known < 0 ? -1 : remove_entry(change, &permission, err);
}

static const char all_entries[] = "SELECT list, ifnull(name, ''), pattern FROM permission LEFT JOIN user USING (uid)";

/* Those of a user, or all: the global ones and everybody's. */
int op_permission_list(struct change *change, struct err *err)
{
	struct str name = ipc_get(&change->incoming->message, "user");
	struct user user = {.uid = PERMISSIONS_FOR_ALL};
	struct db_statement rows;
	int row;

	if (name.len != 0 && user_need(change, name, &user, err) != 0)
		return -1;
	if (config_query(
	        change->config, &rows, err,
	        arena_printf(&change->arena, "%s WHERE ?1 = 0 OR permission.uid = ?1 ORDER BY 2, 1, 3", all_entries).data,
	        "n", user.uid) != 0)
		return -1;
	while ((row = db_step(&rows, err)) == 1)
		change_list(change, "permission",
		            json_pack("{s:s%, s:s%, s:s%}", "list", db_text(&rows, 0).data, db_text(&rows, 0).len, "user",
		                      db_text(&rows, 1).data, db_text(&rows, 1).len, "pattern", db_text(&rows, 2).data,
		                      db_text(&rows, 2).len));
	db_finalize(&rows);
	return row;
}

int permissions_drop(struct change *change, const struct user *user, struct err *err)
{
	return config_run(change->config, err, "DELETE FROM permission WHERE uid = ?", "n", user->uid);
}

int permissions_export(struct change *change, struct buf *out, struct err *err)
{
	struct db_statement rows;
	int row;

	if (config_query(change->config, &rows, err, arena_printf(&change->arena, "%s ORDER BY 2, 1, 3", all_entries).data,
	                 "") != 0)
		return -1;
	while ((row = db_step(&rows, err)) == 1) {
		buf_add_str(out, STR("\n[permission]\n"));
		for (int field = PERMISSION_LIST; field <= PERMISSION_PATTERN; field++)
			if (db_text(&rows, field).len != 0)
				buf_printf(out, "%s = %.*s\n", text_field_name(TEXT_PERMISSION, field), STR_ARG(db_text(&rows, field)));
	}
	db_finalize(&rows);
	return row;
}

static int import_one(struct change *change, const struct text_object *object, struct err *err)
{
	struct str pattern = object->fields[PERMISSION_PATTERN];
	struct permission permission;
	int known;

	if (pattern.data == NULL)
		return err_set(err, ERR_SYNTAX, "a [permission] needs a pattern");
	if (normalise(change, object->fields[PERMISSION_USER], object->fields[PERMISSION_LIST], pattern, &permission,
	              err) != 0 ||
	    import_keep_name(change,
	                     arena_printf(&change->arena, "%.*s %s %.*s", STR_ARG(permission.user.name), permission.list,
	                                  STR_ARG(permission.pattern)),
	                     err) != 0 ||
	    (known = exists(change, &permission, err)) < 0)
		return -1;
	return known == 1 ? 0 : add(change, &permission, err);
}

/* "anna target-white *@example.com"; without a user the first word is empty. */
static int remove_named(struct change *change, struct str name, struct err *err)
{
	struct str rest = name, user = str_cut(&rest, ' '), list = str_cut(&rest, ' ');
	struct permission permission;

	return normalise(change, user, list, rest, &permission, err) != 0 ? -1 : remove_entry(change, &permission, err);
}

int permissions_import(struct change *change, const struct text *text, struct err *err)
{
	if (import_begin_names(change, err) != 0)
		return -1;
	for (const struct text_object *object = text->objects[TEXT_PERMISSION]; object != NULL; object = object->next)
		if (import_one(change, object, err) != 0)
			return err_prefix(err, "import:%u", object->line);
	return import_for_missing(change,
	                          "SELECT ifnull(name, '') || ' ' || list || ' ' || pattern AS name FROM permission"
	                          " LEFT JOIN user USING (uid)",
	                          remove_named, err);
}
