#include "configd/object_settings.h"

#define SHOWN(value) STR_ARG(str_sub(value, 0, 80))

/* A statement with the kind's table and column, which have the same name, in place of each "@". */
static const char *statement_of(struct change *change, const struct object_kind *kind, const char *pattern)
{
	struct str rest = str_of(pattern), sql = str_cut(&rest, '@');

	while (rest.data != NULL) {
		struct str part = str_cut(&rest, '@');

		sql = arena_printf(&change->arena, "%.*s%s%.*s", STR_ARG(sql), kind->word, STR_ARG(part));
	}
	return arena_text(&change->arena, sql);
}

int object_find(struct change *change, const struct object_kind *kind, struct str name, struct object *object_out,
                struct err *err)
{
	struct db_statement row;
	int found;

	*object_out = (struct object){.kind = kind};
	if (config_query(change->config, &row, err,
	                 statement_of(change, kind, "SELECT id, name FROM @ WHERE name = ? COLLATE NOCASE"), "t",
	                 name) != 0)
		return -1;
	found = db_step(&row, err);
	if (found == 1) {
		object_out->id = db_number(&row, 0);
		object_out->name = arena_copy(&change->arena, db_text(&row, 1));
	}
	db_finalize(&row);
	return found;
}

int object_need(struct change *change, const struct object_kind *kind, struct str name, struct object *object_out,
                struct err *err)
{
	int found = object_find(change, kind, name, object_out, err);

	if (found == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no %s \"%.*s\"", kind->word, SHOWN(name));
	return found == 1 ? 0 : -1;
}

int object_setting_store(struct change *change, const struct object *object, struct str key, struct str value,
                         struct err *err)
{
	const struct object_kind *kind = object->kind;
	const struct setting_definition *definition;
	struct buf normal;
	int result = -1;

	if (value.data == NULL)
		return object_setting_remove(change, object, key, err);
	buf_init(&normal, SETTING_VALUE_MAX);
	if (catalogue_find(kind->catalogue, key, &definition, err) == 0 &&
	    object_setting_check(kind, definition, value, &normal, err) == 0)
		result = config_run(change->config, err,
		                    statement_of(change, kind, "INSERT OR REPLACE INTO @_setting VALUES(?, ?, ?)"), "ntt",
		                    object->id, str_of(definition->key), buf_str(&normal));
	if (result == 0)
		change_note(change, "set %s = %.*s of %s %.*s", definition->key,
		            SHOWN(definition->type == SETTING_SECRET ? STR("(a secret)") : buf_str(&normal)), kind->word,
		            STR_ARG(object->name));
	buf_free(&normal);
	return result;
}

int object_setting_remove(struct change *change, const struct object *object, struct str key, struct err *err)
{
	const struct setting_definition *definition;

	if (catalogue_find(object->kind->catalogue, key, &definition, err) != 0 ||
	    config_run(change->config, err,
	               statement_of(change, object->kind, "DELETE FROM @_setting WHERE @ = ? AND key = ?"), "nt",
	               object->id, str_of(definition->key)) != 0)
		return -1;
	change_note(change, "unset %s of %s %.*s", definition->key, object->kind->word, STR_ARG(object->name));
	return 0;
}

int object_settings_delete(struct change *change, const struct object *object, struct err *err)
{
	return config_run(change->config, err, statement_of(change, object->kind, "DELETE FROM @_setting WHERE @ = ?"), "n",
	                  object->id);
}

int object_setting_get(struct change *change, const struct object *object, struct str key, struct str *value_out,
                       struct err *err)
{
	return config_text(change->config, &change->arena, value_out, err,
	                   statement_of(change, object->kind, "SELECT value FROM @_setting WHERE @ = ? AND key = ?"), "nt",
	                   object->id, key);
}

void object_add_row(struct change *change, const char *key, struct str value, bool is_default)
{
	change_list(change, "setting",
	            json_pack("{s:s, s:s%, s:b}", "key", key, "value", value.data, value.len, "default", (int)is_default));
}

int object_settings_show(struct change *change, const struct object *object, struct str part, struct err *err)
{
	const struct catalogue *catalogue = object->kind->catalogue;

	for (size_t i = 0; i < catalogue->count; i++) {
		const struct setting_definition *definition = &catalogue->definitions[i];
		struct str value = str_of(definition->fallback), rest = str_of(definition->key), first = str_cut(&rest, '.');
		int found;

		if (part.len != 0 && rest.data != NULL && !str_equal(first, part))
			continue;
		found = object_setting_get(change, object, str_of(definition->key), &value, err);
		if (found < 0)
			return -1;
		if (object->kind->show != NULL)
			value = object->kind->show(i, value, &change->arena);
		object_add_row(change, definition->key, value, found == 0);
	}
	return 0;
}

enum { FIELD_NAME, FIELD_KEY, FIELD_VALUE };

/* NULL: this version does not know it. */
static const struct setting_definition *definition_of(const struct object_kind *kind, struct str key)
{
	const struct setting_definition *definition = NULL;

	catalogue_find(kind->catalogue, key, &definition, NULL);
	return definition;
}

int object_settings_export(struct change *change, const struct object_kind *kind, enum text_kind section,
                           struct buf *out, struct err *err)
{
	struct db_statement row;
	int found;

	if (config_query(
	        change->config, &row, err,
	        statement_of(change, kind, "SELECT name, key, value FROM @_setting JOIN @ ON id = @ ORDER BY name, key"),
	        "") != 0)
		return -1;
	while ((found = db_step(&row, err)) == 1) {
		buf_printf(out, "\n[%s-setting]\n", kind->word);
		text_add_field(out, section, FIELD_NAME, db_text(&row, 0));
		text_add_field(out, section, FIELD_KEY, db_text(&row, 1));
		buf_printf(out, "%s = ", text_field_name(section, FIELD_VALUE));
		setting_to_line(definition_of(kind, db_text(&row, 1)), db_text(&row, 2), out);
		buf_add_char(out, '\n');
	}
	db_finalize(&row);
	return found;
}

static int import_setting(struct change *change, const struct object_kind *kind, const struct text_object *line,
                          object_store *store, struct err *err)
{
	struct str key = line->fields[FIELD_KEY], value = line->fields[FIELD_VALUE], stored = STR("");
	struct object object;
	int found;

	if (key.data == NULL || value.data == NULL)
		return err_set(err, ERR_SYNTAX, "a [%s-setting] needs key and value", kind->word);
	value = setting_from_line(definition_of(kind, key), value, &change->arena);
	if (definition_of(kind, key) != NULL)
		key = str_of(definition_of(kind, key)->key);
	if (object_need(change, kind, line->fields[FIELD_NAME], &object, err) != 0 ||
	    import_keep_name(change, arena_printf(&change->arena, "%.*s %.*s", STR_ARG(object.name), STR_ARG(key)), err) !=
	        0 ||
	    (found = object_setting_get(change, &object, key, &stored, err)) < 0)
		return -1;
	return found == 1 && str_equal(stored, value) ? 0 : store(change, &object, key, value, err);
}

/* Those that are stored and are not in the text. */
static int remove_missing(struct change *change, const struct object_kind *kind, object_store *store, struct err *err)
{
	struct missing {
		struct object object;
		struct str key;
		struct missing *next;
	} *list = NULL;
	struct db_statement row;
	int found;

	if (config_query(change->config, &row, err,
	                 statement_of(change, kind,
	                              "SELECT id, name, key FROM @_setting JOIN @ ON id = @"
	                              " WHERE name || ' ' || key NOT IN (SELECT name FROM temp.import_name)"),
	                 "") != 0)
		return -1;
	while ((found = db_step(&row, err)) == 1) {
		struct missing *missing = arena_get(&change->arena, sizeof *missing);

		missing->object = (struct object){kind, db_number(&row, 0), arena_copy(&change->arena, db_text(&row, 1))};
		missing->key = arena_copy(&change->arena, db_text(&row, 2));
		missing->next = list;
		list = missing;
	}
	db_finalize(&row);
	for (; found == 0 && list != NULL; list = list->next)
		if (store(change, &list->object, list->key, (struct str){0}, err) != 0)
			return -1;
	return found;
}

int object_settings_import(struct change *change, const struct object_kind *kind, enum text_kind section,
                           const struct text *text, object_store *store, struct err *err)
{
	if (import_begin_names(change, err) != 0)
		return -1;
	for (const struct text_object *line = text->objects[section]; line != NULL; line = line->next)
		if (import_setting(change, kind, line, store, err) != 0)
			return err_prefix(err, "import:%u", line->line);
	return remove_missing(change, kind, store, err);
}
