#include "configd/lists.h"

#include "common/settings/list_settings.h"
#include "configd/names.h"
#include "configd/object_settings.h"

#define SHOWN(value) STR_ARG(str_sub(value, 0, 80))

static const char *const types[] = {"distribution", "forwarding", "mailing", "database"};

int list_find(struct change *change, struct str name, struct list_object *list_out, struct err *err)
{
	struct db_statement row;
	int found;

	*list_out = (struct list_object){0};
	if (config_query(change->config, &row, err, "SELECT id, name, type FROM list WHERE name = ?", "t", name) != 0)
		return -1;
	found = db_step(&row, err);
	if (found == 1)
		*list_out = (struct list_object){db_number(&row, 0), arena_copy(&change->arena, db_text(&row, 1)),
		                                 arena_copy(&change->arena, db_text(&row, 2))};
	db_finalize(&row);
	return found;
}

int list_need(struct change *change, struct str name, struct list_object *list_out, struct err *err)
{
	int found = list_find(change, name, list_out, err);

	if (found == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no list \"%.*s\"", SHOWN(name));
	return found == 1 ? 0 : -1;
}

int list_requested(struct change *change, struct list_object *list_out, struct err *err)
{
	struct str name;

	return change_field(change, "name", &name, err) != 0 ? -1 : list_need(change, name, list_out, err);
}

/* What may stand before the '@' unquoted (RFC 5322 3.2.3), but for what patterns and targets begin with. */
static int check_list_name(struct str name, struct err *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'+-/=^_`{|}.";

	if (name.len == 0 || name.len > LIST_NAME_MAX)
		return err_set(err, ERR_SYNTAX, "the name of a list has 1 to %d characters", LIST_NAME_MAX);
	for (size_t i = 0; i < name.len; i++)
		if (name.data[i] == '\0' || strchr(allowed, name.data[i]) == NULL)
			return err_set(
			    err, ERR_SYNTAX,
			    "the name of a list consists of what may stand before the @ of an address; \"%.*s\" does not",
			    STR_ARG(name));
	if (name.data[0] == '.' || name.data[name.len - 1] == '.' || str_find(name, STR("..")) >= 0)
		return err_set(err, ERR_SYNTAX, "dots of a name stand between other characters; \"%.*s\" has others",
		               STR_ARG(name));
	return 0;
}

static int check_type(struct str word, struct str *type_out, struct err *err)
{
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (str_equal_nocase(word, str_of(types[i]))) {
			*type_out = str_of(types[i]);
			return 0;
		}
	return err_set(err, ERR_SYNTAX, "the type of a list is distribution, forwarding, mailing or database, not \"%.*s\"",
	               SHOWN(word));
}

int list_add(struct change *change, struct str name, struct str type, struct list_object *list_out, struct err *err)
{
	int64_t lists;

	if (check_list_name(name, err) != 0 || check_type(type, &type, err) != 0 ||
	    name_check_free(change, name, NAME_LIST, err) != 0 ||
	    config_number(change->config, &lists, err, "SELECT count(*) FROM list", "") != 1)
		return -1;
	if (lists >= LISTS_MAX)
		return err_set(err, ERR_LIMIT, "there are %d lists already", LISTS_MAX);
	*list_out = (struct list_object){change->first_list++, name, type};
	if (config_run(change->config, err, "INSERT INTO list VALUES(?, ?, ?)", "ntt", list_out->id, name, type) != 0)
		return -1;
	change_note(change, "%.*s list %.*s added", STR_ARG(type), STR_ARG(name));
	return 0;
}

int list_set_type(struct change *change, struct list_object *list, struct str type, struct err *err)
{
	int64_t members;

	if (check_type(type, &type, err) != 0 || list_member_count(change, list, &members, err) != 0)
		return -1;
	if (str_equal(type, list->type))
		return 0;
	if (str_equal(type, STR("forwarding")) && members > 1)
		return err_set(err, ERR_DENIED, "%.*s has %lld members; a forwarding has one, so it stays a %.*s list",
		               STR_ARG(list->name), (long long)members, STR_ARG(list->type));
	if (str_equal(type, STR("database")) && members > 0)
		return err_set(err, ERR_DENIED, "%.*s has %lld members; a database list has none of its own: remove them first",
		               STR_ARG(list->name), (long long)members);
	if (config_run(change->config, err, "UPDATE list SET type = ? WHERE id = ?", "tn", type, list->id) != 0)
		return -1;
	change_note(change, "list %.*s is a %.*s list now, no %.*s list", STR_ARG(list->name), STR_ARG(type),
	            STR_ARG(list->type));
	list->type = type;
	return 0;
}

int list_delete(struct change *change, struct str name, struct err *err)
{
	struct list_object list;

	if (list_need(change, name, &list, err) != 0 ||
	    config_run(change->config, err, "DELETE FROM list_member WHERE list = ?", "n", list.id) != 0 ||
	    config_run(change->config, err, "DELETE FROM list_setting WHERE list = ?", "n", list.id) != 0 ||
	    config_run(change->config, err, "DELETE FROM list WHERE id = ?", "n", list.id) != 0 ||
	    name_deleted(change, list.name, err) != 0)
		return -1;
	change_note(change, "list %.*s deleted", STR_ARG(list.name));
	return 0;
}

/* All lists have a comment and may be public; the rest is of those that listd sends. */
static int check_applies(const struct list_object *list, const struct setting_definition *definition, struct err *err)
{
	ptrdiff_t setting = definition - list_setting_definitions;
	bool of_listd = str_equal(list->type, STR("mailing")) || str_equal(list->type, STR("database"));

	if (of_listd || setting == LIST_SETTING_COMMENT || setting == LIST_SETTING_PUBLIC)
		return 0;
	return err_set(err, ERR_DENIED, "%s is a setting of mailing and database lists; %.*s is a %.*s list",
	               definition->key, STR_ARG(list->name), STR_ARG(list->type));
}

int list_setting_store(struct change *change, const struct list_object *list, struct str key, struct str value,
                       struct err *err)
{
	struct object object = {&list_kind, list->id, list->name};
	const struct setting_definition *definition;

	if (catalogue_find(&list_catalogue, key, &definition, err) != 0 ||
	    (value.data != NULL && check_applies(list, definition, err) != 0))
		return -1;
	return object_setting_store(change, &object, key, value, err);
}

int list_setting_remove(struct change *change, const struct list_object *list, struct str key, struct err *err)
{
	struct object object = {&list_kind, list->id, list->name};

	return object_setting_remove(change, &object, key, err);
}

/* A digest needs an archive that goes back far enough (specification 03-4.9). */
static int check_digests(struct config *config, struct err *err)
{
	struct db_statement row;
	int found;

	if (config_query(config, &row, err,
	                 "SELECT digest.name, source.name, archive.value IS NOT NULL,"
	                 " CAST(ifnull(days.value, 1) AS INTEGER), CAST(ifnull(keep.value, 1) AS INTEGER)"
	                 " FROM list_setting AS link JOIN list AS digest ON digest.id = link.list"
	                 " LEFT JOIN list AS source ON source.name = link.value"
	                 " LEFT JOIN list_setting AS archive ON archive.list = source.id AND archive.key = 'archive'"
	                 " AND archive.value = 'on'"
	                 " LEFT JOIN list_setting AS days ON days.list = digest.id AND days.key = 'digest-days'"
	                 " LEFT JOIN list_setting AS keep ON keep.list = source.id AND keep.key = 'keep-days'"
	                 " WHERE link.key = 'digest-of' AND link.value <> ''",
	                 "") != 0)
		return -1;
	while ((found = db_step(&row, err)) == 1) {
		struct str digest = db_text(&row, 0), source = db_text(&row, 1);

		if (db_is_null(&row, 1))
			found =
			    err_set(err, ERR_DENIED, "list %.*s is to be a digest of a list that there is not", STR_ARG(digest));
		else if (db_number(&row, 2) == 0)
			found = err_set(err, ERR_DENIED, "list %.*s is a digest of %.*s, which has to have archive on",
			                STR_ARG(digest), STR_ARG(source));
		else if (db_number(&row, 4) < db_number(&row, 3))
			found =
			    err_set(err, ERR_DENIED,
			            "list %.*s is a digest of %lld days, and %.*s keeps messages for %lld: raise its keep-days",
			            STR_ARG(digest), (long long)db_number(&row, 3), STR_ARG(source), (long long)db_number(&row, 4));
		if (found < 0)
			break;
	}
	db_finalize(&row);
	return found;
}

static int check_member_counts(struct config *config, struct err *err)
{
	struct db_statement row;
	int found;

	if (config_query(config, &row, err,
	                 "SELECT name, count(*), type FROM list JOIN list_member ON list = id GROUP BY list"
	                 " HAVING count(*) > CASE type WHEN 'forwarding' THEN 1 WHEN 'database' THEN 0 ELSE ? END LIMIT 1",
	                 "n", (int64_t)LIST_MEMBERS_MAX) != 0)
		return -1;
	found = db_step(&row, err);
	if (found == 1)
		found = err_set(err, ERR_LIMIT, "list %.*s would have %lld members, too many for a %.*s list",
		                STR_ARG(db_text(&row, 0)), (long long)db_number(&row, 1), STR_ARG(db_text(&row, 2)));
	db_finalize(&row);
	return found;
}

int check_lists(struct config *config, struct err *err)
{
	return check_member_counts(config, err) != 0 ? -1 : check_digests(config, err);
}
