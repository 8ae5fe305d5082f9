/* attributes: in the text of export and import. */
#include "configd/attributes.h"

#include "common/settings/attributes.h"

/* NULL: this version does not know it. */
static const struct setting_definition *definition_of(struct str key)
{
	const struct setting_definition *definition;

	return catalogue_find(&attribute_catalogue, key, &definition, NULL) == 0 ? definition : NULL;
}

static int export_rows(struct change *change, enum text_kind kind, const char *sql, struct buf *out, struct err *err)
{
	struct db_statement statement;
	int row;

	if (config_query(change->config, &statement, err, sql, "") != 0)
		return -1;
	while ((row = db_step(&statement, err)) == 1) {
		buf_printf(out, "\n[%s-attribute]\n", kind == TEXT_USER_ATTRIBUTE ? "user" : "group");
		for (int field = ATTRIBUTE_HOLDER; field < ATTRIBUTE_VALUE; field++)
			buf_printf(out, "%s = %.*s\n", text_field_name(kind, field), STR_ARG(db_text(&statement, field)));
		buf_printf(out, "%s = ", text_field_name(kind, ATTRIBUTE_VALUE));
		setting_to_line(definition_of(db_text(&statement, ATTRIBUTE_KEY)), db_text(&statement, ATTRIBUTE_VALUE), out);
		buf_add_char(out, '\n');
	}
	db_finalize(&statement);
	return row;
}

int attributes_export(struct change *change, struct buf *out, struct err *err)
{
	if (export_rows(change, TEXT_GROUP_ATTRIBUTE,
	                "SELECT name, key, value FROM group_attribute JOIN user_group ON id = group_id ORDER BY name, key",
	                out, err) != 0)
		return -1;
	return export_rows(change, TEXT_USER_ATTRIBUTE,
	                   "SELECT name, key, value FROM user_attribute JOIN user USING (uid)"
	                   " WHERE key NOT IN ('administrator', 'enabled') ORDER BY name, key",
	                   out, err);
}

static int find_holder(struct change *change, bool is_group, struct str name, struct attribute_holder *holder,
                       struct err *err)
{
	struct group group;
	struct user user;

	if (is_group ? group_need(change, name, &group, err) != 0 : user_need(change, name, &user, err) != 0)
		return -1;
	*holder = is_group ? (struct attribute_holder){true, group.id, group.name}
	                   : (struct attribute_holder){false, user.uid, user.name};
	return 0;
}

static int import_one(struct change *change, bool is_group, const struct text_object *object, struct err *err)
{
	struct str key = object->fields[ATTRIBUTE_KEY], value = object->fields[ATTRIBUTE_VALUE], stored = STR("");
	struct attribute_holder holder;
	int row;

	if (key.data == NULL || value.data == NULL)
		return err_set(err, ERR_SYNTAX, "an attribute needs key and value");
	if (!is_group && (str_equal_nocase(key, STR("administrator")) || str_equal_nocase(key, STR("enabled"))))
		return err_set(err, ERR_SYNTAX, "%.*s stands in the [user]", STR_ARG(key));
	if (find_holder(change, is_group, object->fields[ATTRIBUTE_HOLDER], &holder, err) != 0 ||
	    import_keep_name(change, arena_printf(&change->arena, "%.*s %.*s", STR_ARG(holder.name), STR_ARG(key)), err) !=
	        0)
		return -1;
	value = setting_from_line(definition_of(key), value, &change->arena);
	row = config_text(change->config, &change->arena, &stored, err,
	                  is_group ? "SELECT value FROM group_attribute WHERE group_id = ? AND key = ?"
	                           : "SELECT value FROM user_attribute WHERE uid = ? AND key = ?",
	                  "nt", holder.id, key);
	if (row < 0)
		return -1;
	return row == 1 && str_equal(stored, value) ? 0 : attribute_store(change, &holder, key, value, err);
}

/* "anna send.internet" */
static int remove_one(struct change *change, bool is_group, struct str name, struct err *err)
{
	struct str key = name, whose = str_cut(&key, ' ');
	struct attribute_holder holder;

	return find_holder(change, is_group, whose, &holder, err) != 0 ? -1 : attribute_remove(change, &holder, key, err);
}

static int remove_of_user(struct change *change, struct str name, struct err *err)
{
	return remove_one(change, false, name, err);
}

static int remove_of_group(struct change *change, struct str name, struct err *err)
{
	return remove_one(change, true, name, err);
}

static int import_kind(struct change *change, const struct text *text, enum text_kind kind, struct err *err)
{
	bool is_group = kind == TEXT_GROUP_ATTRIBUTE;

	if (import_begin_names(change, err) != 0)
		return -1;
	for (const struct text_object *object = text->objects[kind]; object != NULL; object = object->next)
		if (import_one(change, is_group, object, err) != 0)
			return err_prefix(err, "import:%u", object->line);
	return is_group ? import_for_missing(change,
	                                     "SELECT name || ' ' || key AS name FROM group_attribute"
	                                     " JOIN user_group ON id = group_id",
	                                     remove_of_group, err)
	                : import_for_missing(change,
	                                     "SELECT name || ' ' || key AS name FROM user_attribute JOIN user USING (uid)"
	                                     " WHERE key NOT IN ('administrator', 'enabled')",
	                                     remove_of_user, err);
}

int attributes_import(struct change *change, const struct text *text, struct err *err)
{
	return import_kind(change, text, TEXT_GROUP_ATTRIBUTE, err) != 0
	           ? -1
	           : import_kind(change, text, TEXT_USER_ATTRIBUTE, err);
}
