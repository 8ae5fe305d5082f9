#include "configd/connectors.h"

#define SHOWN(value) STR_ARG(str_sub(value, 0, 80))

int op_connection_reserve(struct change *change, struct err *err)
{
	return config_reserve(change->config, STR("connection"), 1, &change->first_connection, err);
}

int connection_add(struct change *change, struct str name, struct object *object_out, struct err *err)
{
	int64_t count;
	int found;

	if (check_name(name, "connection", err) != 0 ||
	    (found = object_find(change, &connection_kind, name, object_out, err)) < 0 ||
	    config_number(change->config, &count, err, "SELECT count(*) FROM connection", "") != 1)
		return -1;
	if (found == 1)
		return err_set(err, ERR_EXISTS, "the connection %.*s exists already", STR_ARG(object_out->name));
	/* an import looks in the end: what the text lacks goes later */
	if (change->import == NULL && count >= CONNECTIONS_MAX)
		return err_set(err, ERR_LIMIT, "there are %d connections already, and there can be no more: delete one first",
		               CONNECTIONS_MAX);
	object_out->id = change->first_connection++;
	object_out->name = name;
	if (config_run(change->config, err, "INSERT INTO connection VALUES(?, ?)", "nt", object_out->id, name) != 0)
		return -1;
	change_note(change, "connection %.*s added", STR_ARG(name));
	return count == 0 ? object_setting_store(change, object_out, STR("default"), STR("on"), err) : 0;
}

int connector_take_settings(struct change *change, const struct object *object, object_store *store, int *count_out,
                            struct err *err)
{
	struct str key, value;
	size_t position = 0;
	int more;

	*count_out = 0;
	while ((more = change_next_setting(change, &position, &key, &value, err)) == 1) {
		if (store(change, object, key, value, err) != 0)
			return -1;
		++*count_out;
	}
	return more;
}

void connector_add_secret(struct ipc_message *request, const char *kind, int64_t id)
{
	char name[40];

	snprintf(name, sizeof name, "%s/%lld", kind, (long long)id);
	ipc_add_text(request, "name", name);
}

int op_connection_add(struct change *change, struct err *err)
{
	struct object object;
	struct str name;
	int count;

	if (change_field(change, "name", &name, err) != 0 || connection_add(change, name, &object, err) != 0)
		return -1;
	return connector_take_settings(change, &object, object_setting_store, &count, err);
}

static int requested(struct change *change, struct object *object_out, struct err *err)
{
	struct str name;

	return change_field(change, "name", &name, err) != 0 ? -1
	                                                     : object_need(change, &connection_kind, name, object_out, err);
}

int op_connection_set(struct change *change, struct err *err)
{
	struct object object;
	int count;

	if (requested(change, &object, err) != 0 ||
	    connector_take_settings(change, &object, object_setting_store, &count, err) != 0)
		return -1;
	return count > 0 ? 0 : err_set(err, ERR_SYNTAX, "connection-set needs a key and a value");
}

int op_connection_unset(struct change *change, struct err *err)
{
	struct object object;
	struct str key;

	return requested(change, &object, err) != 0 || change_field(change, "key", &key, err) != 0
	           ? -1
	           : object_setting_remove(change, &object, key, err);
}

/* A list of names with one in place of another, or without it. */
static struct str replace_name(struct change *change, struct str list, struct str from, struct str to)
{
	struct str out = STR(""), item;

	while ((item = str_cut_item(&list)).len != 0) {
		if (str_equal_nocase(item, from))
			item = to;
		if (item.len != 0)
			out = arena_printf(&change->arena, "%.*s%s%.*s", STR_ARG(out), out.len != 0 ? "," : "", STR_ARG(item));
	}
	return out;
}

/* Schedule items that name nothing any more go. */
static int follow_schedule(struct change *change, struct str from, struct str to, struct err *err)
{
	struct reference {
		int64_t item;
		struct str list;
		struct reference *next;
	} *references = NULL;
	struct db_statement row;
	int found;

	if (config_query(change->config, &row, err,
	                 "SELECT id, value FROM item JOIN item_field ON item = id"
	                 " WHERE kind = 'schedule' AND key = 'connections'",
	                 "") != 0)
		return -1;
	while ((found = db_step(&row, err)) == 1) {
		struct reference *reference = arena_get(&change->arena, sizeof *reference);

		*reference = (struct reference){db_number(&row, 0), arena_copy(&change->arena, db_text(&row, 1)), references};
		references = reference;
	}
	db_finalize(&row);
	for (; found == 0 && references != NULL; references = references->next) {
		struct str list = replace_name(change, references->list, from, to);

		if (list.len != 0) {
			found = config_run(change->config, err,
			                   "UPDATE item_field SET value = ? WHERE item = ? AND key = 'connections'", "tn", list,
			                   references->item);
			continue;
		}
		found = config_run(change->config, err, "DELETE FROM item_field WHERE item = ?", "n", references->item) != 0
		            ? -1
		            : config_run(change->config, err, "DELETE FROM item WHERE id = ?", "n", references->item);
		change_note(change, "a schedule item for connection %.*s alone deleted", STR_ARG(from));
	}
	return found;
}

static int follow_setting(struct change *change, struct str from, struct str to, struct err *err)
{
	static const char key[] = "schedule.immediate-connections";
	struct str list;
	int found = config_text(change->config, &change->arena, &list, err, "SELECT value FROM setting WHERE key = ?", "t",
	                        STR(key));

	if (found != 1)
		return found;
	return config_run(change->config, err, "UPDATE setting SET value = ? WHERE key = ?", "tt",
	                  replace_name(change, list, from, to), STR(key));
}

int connection_follow(struct change *change, struct str from, struct str to, struct err *err)
{
	if (config_run(change->config, err,
	               "UPDATE connection_setting SET value = ? WHERE key = 'fallback' AND value = ? COLLATE NOCASE", "tt",
	               to, from) != 0)
		return -1;
	return follow_schedule(change, from, to, err) != 0 ? -1 : follow_setting(change, from, to, err);
}

int op_connection_rename(struct change *change, struct err *err)
{
	struct object object, other;
	struct str to;
	int found;

	if (requested(change, &object, err) != 0 || change_field(change, "to", &to, err) != 0 ||
	    check_name(to, "connection", err) != 0 || (found = object_find(change, &connection_kind, to, &other, err)) < 0)
		return -1;
	if (found == 1 && other.id != object.id)
		return err_set(err, ERR_EXISTS, "the connection %.*s exists already", STR_ARG(other.name));
	if (config_run(change->config, err, "UPDATE connection SET name = ? WHERE id = ?", "tn", to, object.id) != 0 ||
	    config_run(change->config, err, "UPDATE sender SET name = ? WHERE id = ?", "tn", to, object.id) != 0)
		return -1;
	change_note(change, "connection %.*s renamed to %.*s", STR_ARG(object.name), STR_ARG(to));
	return connection_follow(change, object.name, to, err);
}

/* Collectors that belong to nothing else. */
static int check_lonely(struct change *change, const struct object *object, struct err *err)
{
	struct str name;
	int found = config_text(change->config, &change->arena, &name, err,
	                        "SELECT name FROM collector JOIN collector_connection ON collector = id"
	                        " GROUP BY id HAVING count(*) = 1 AND min(connection) = ? LIMIT 1",
	                        "n", object->id);

	if (found == 1)
		return err_set(err, ERR_DENIED,
		               "the collector %.*s belongs to the connection %.*s alone: give it another first", STR_ARG(name),
		               STR_ARG(object->name));
	return found;
}

int connection_delete(struct change *change, struct str name, struct err *err)
{
	struct object object, sender;
	int found;

	if (object_need(change, &connection_kind, name, &object, err) != 0 || check_lonely(change, &object, err) != 0 ||
	    (found = object_find(change, &sender_kind, name, &sender, err)) < 0 ||
	    (found == 1 && sender_delete(change, name, err) != 0) || object_settings_delete(change, &object, err) != 0)
		return -1;
	if (config_run(change->config, err, "DELETE FROM collector_connection WHERE connection = ?", "n", object.id) != 0 ||
	    config_run(change->config, err, "DELETE FROM connection WHERE id = ?", "n", object.id) != 0)
		return -1;
	change_note(change, "connection %.*s deleted", STR_ARG(object.name));
	return connection_follow(change, object.name, STR(""), err);
}

int op_connection_delete(struct change *change, struct err *err)
{
	struct str name;

	return change_field(change, "name", &name, err) != 0 ? -1 : connection_delete(change, name, err);
}

int op_connection_show(struct change *change, struct err *err)
{
	struct object object;

	return requested(change, &object, err) != 0 ? -1 : object_settings_show(change, &object, STR(""), err);
}

int op_connection_list(struct change *change, struct err *err)
{
	struct db_statement row;
	int found;

	if (config_query(
	        change->config, &row, err,
	        "SELECT name, id,"
	        " EXISTS(SELECT 1 FROM connection_setting WHERE connection = id AND key = 'default' AND value = 'on'),"
	        " EXISTS(SELECT 1 FROM connection_setting WHERE connection = id AND key = 'continuous'"
	        " AND value = 'on'),"
	        " ifnull((SELECT method FROM sender WHERE sender.id = connection.id), ''),"
	        " (SELECT count(*) FROM collector_connection WHERE connection = id)"
	        " FROM connection ORDER BY id",
	        "") != 0)
		return -1;
	while ((found = db_step(&row, err)) == 1)
		change_list(change, "connection",
		            json_pack("{s:s%, s:I, s:b, s:b, s:s%, s:I}", "name", db_text(&row, 0).data, db_text(&row, 0).len,
		                      "id", (json_int_t)db_number(&row, 1), "default", (int)db_number(&row, 2), "continuous",
		                      (int)db_number(&row, 3), "sender", db_text(&row, 4).data, db_text(&row, 4).len,
		                      "collectors", (json_int_t)db_number(&row, 5)));
	db_finalize(&row);
	return found;
}
