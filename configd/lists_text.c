/* lists: in the text of export and import. */
#include "configd/lists.h"
#include "configd/object_settings.h"

#include "common/settings/list_settings.h"

static int export_rows(struct change *change, enum text_kind kind, const char *section, const char *sql,
                       struct buf *out, struct err *err)
{
	struct db_statement row;
	int found;

	if (config_query(change->config, &row, err, sql, "") != 0)
		return -1;
	while ((found = db_step(&row, err)) == 1) {
		buf_printf(out, "\n[%s]\n", section);
		for (int field = 0; text_field_name(kind, field) != NULL; field++)
			text_add_field(out, kind, field, db_text(&row, field));
	}
	db_finalize(&row);
	return found;
}

int lists_export(struct change *change, struct buf *out, struct err *err)
{
	if (export_rows(change, TEXT_LIST, "list", "SELECT name, type FROM list ORDER BY name", out, err) != 0 ||
	    object_settings_export(change, &list_kind, TEXT_LIST_SETTING, out, err) != 0)
		return -1;
	return export_rows(change, TEXT_LIST_MEMBER, "list-member",
	                   "SELECT name, address FROM list_member JOIN list ON id = list ORDER BY name, address", out, err);
}

static int import_list(struct change *change, const struct text_object *object, struct err *err)
{
	struct str name = object->fields[LIST_NAME], type = object->fields[LIST_TYPE];
	struct list_object list;
	int found;

	if (type.data == NULL)
		type = STR("distribution");
	if (import_keep_name(change, name, err) != 0 || (found = list_find(change, name, &list, err)) < 0)
		return -1;
	if (found == 0)
		return list_add(change, name, type, &list, err);
	return 0;
}

/* Types that limit members come last: those that the text lacks are gone by then. */
static int import_type(struct change *change, const struct text_object *object, struct err *err)
{
	struct str type = object->fields[LIST_TYPE];
	struct list_object list;

	if (type.data == NULL)
		type = STR("distribution");
	return list_need(change, object->fields[LIST_NAME], &list, err) != 0 ? -1 : list_set_type(change, &list, type, err);
}

/* The others come before members. */
static int import_wide_type(struct change *change, const struct text_object *object, struct err *err)
{
	struct str type = object->fields[LIST_TYPE];

	return str_equal_nocase(type, STR("forwarding")) || str_equal_nocase(type, STR("database"))
	           ? 0
	           : import_type(change, object, err);
}

static int store_setting(struct change *change, const struct object *object, struct str key, struct str value,
                         struct err *err)
{
	struct list_object list;

	return list_need(change, object->name, &list, err) != 0 ? -1 : list_setting_store(change, &list, key, value, err);
}

static int import_member(struct change *change, const struct text_object *object, struct err *err)
{
	struct str address = object->fields[LIST_MEMBER_ADDRESS], normal;
	struct list_object list;
	int result;

	if (address.data == NULL)
		return err_set(err, ERR_SYNTAX, "a [list-member] needs an address");
	if (list_need(change, object->fields[LIST_MEMBER_LIST], &list, err) != 0 ||
	    list_member_normalise(change, address, &normal, err) != 0 ||
	    import_keep_name(change, arena_printf(&change->arena, "%.*s %.*s", STR_ARG(list.name), STR_ARG(normal)), err) !=
	        0)
		return -1;
	result = list_member_add(change, &list, normal, err);
	if (result == 1)
		change_note(change, "list %.*s: member %.*s added", STR_ARG(list.name), STR_ARG(normal));
	return result < 0 ? -1 : 0;
}

static int remove_member(struct change *change, struct str name, struct err *err)
{
	struct str address = name, whose = str_cut(&address, ' ');
	struct list_object list;

	if (list_need(change, whose, &list, err) != 0 ||
	    config_run(change->config, err, "DELETE FROM list_member WHERE list = ? AND address = ?", "nt", list.id,
	               address) != 0)
		return -1;
	change_note(change, "list %.*s: member %.*s removed", STR_ARG(list.name), STR_ARG(address));
	return 0;
}

static int for_objects(struct change *change, const struct text *text, enum text_kind kind,
                       int (*function)(struct change *, const struct text_object *, struct err *), struct err *err)
{
	for (const struct text_object *object = text->objects[kind]; object != NULL; object = object->next)
		if (function(change, object, err) != 0)
			return err_prefix(err, "import:%u", object->line);
	return 0;
}

/* Those that the text lacks go before new ones come, so that a forwarding may get another address. */
static int import_members(struct change *change, const struct text *text, struct err *err)
{
	static const char stored[] = "SELECT list.name || ' ' || address AS name FROM list_member JOIN list ON id = list";

	if (import_begin_names(change, err) != 0)
		return -1;
	for (const struct text_object *object = text->objects[TEXT_LIST_MEMBER]; object != NULL; object = object->next) {
		struct str normal = object->fields[LIST_MEMBER_ADDRESS];

		if (normal.data != NULL && list_member_normalise(change, normal, &normal, err) == 0 &&
		    import_keep_name(
		        change,
		        arena_printf(&change->arena, "%.*s %.*s", STR_ARG(object->fields[LIST_MEMBER_LIST]), STR_ARG(normal)),
		        err) != 0)
			return err_prefix(err, "import:%u", object->line);
	}
	if (import_for_missing(change, stored, remove_member, err) != 0 || import_begin_names(change, err) != 0)
		return -1;
	return for_objects(change, text, TEXT_LIST_MEMBER, import_member, err);
}

int lists_import(struct change *change, const struct text *text, struct err *err)
{
	if (import_begin_names(change, err) != 0 || for_objects(change, text, TEXT_LIST, import_list, err) != 0 ||
	    import_for_missing(change, "SELECT name FROM list", list_delete, err) != 0 ||
	    for_objects(change, text, TEXT_LIST, import_wide_type, err) != 0 || import_members(change, text, err) != 0 ||
	    for_objects(change, text, TEXT_LIST, import_type, err) != 0)
		return -1;
	return object_settings_import(change, &list_kind, TEXT_LIST_SETTING, text, store_setting, err);
}
