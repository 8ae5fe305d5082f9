/* connectors: in the text of export and import. */
#include "configd/connectors.h"

static void begin(struct buf *out, enum text_kind kind, const char *section, struct str name)
{
	buf_printf(out, "\n[%s]\n", section);
	text_add_field(out, kind, 0, name);
}

static int export_connections(struct change *change, struct buf *out, struct err *err)
{
	struct db_statement row;
	int found;

	if (config_query(change->config, &row, err, "SELECT name FROM connection ORDER BY id", "") != 0)
		return -1;
	while ((found = db_step(&row, err)) == 1)
		begin(out, TEXT_CONNECTION, "connection", db_text(&row, 0));
	db_finalize(&row);
	return found;
}

static int export_senders(struct change *change, struct buf *out, struct err *err)
{
	struct db_statement row;
	int found;

	if (config_query(change->config, &row, err,
	                 "SELECT name, method, servers, encryption, verify, username FROM sender ORDER BY id", "") != 0)
		return -1;
	while ((found = db_step(&row, err)) == 1) {
		begin(out, TEXT_SENDER, "sender", db_text(&row, 0));
		text_add_field(out, TEXT_SENDER, SENDER_METHOD, db_text(&row, 1));
		text_add_field(out, TEXT_SENDER, SENDER_SERVERS, db_text(&row, 2));
		text_add_field(out, TEXT_SENDER, SENDER_ENCRYPTION, db_text(&row, 3));
		text_add_field(out, TEXT_SENDER, SENDER_VERIFY, db_number(&row, 4) != 0 ? STR("on") : STR("off"));
		text_add_field(out, TEXT_SENDER, SENDER_USERNAME, db_text(&row, 5));
	}
	db_finalize(&row);
	return found;
}

static int export_collectors(struct change *change, struct buf *out, struct err *err)
{
	struct db_statement row;
	int found;

	if (config_query(change->config, &row, err,
	                 "SELECT name, (SELECT group_concat(connection.name, ',') FROM collector_connection"
	                 " JOIN connection ON connection.id = connection WHERE collector = collector.id)"
	                 " FROM collector ORDER BY id",
	                 "") != 0)
		return -1;
	while ((found = db_step(&row, err)) == 1) {
		begin(out, TEXT_COLLECTOR, "collector", db_text(&row, 0));
		text_add_field(out, TEXT_COLLECTOR, COLLECTOR_CONNECTIONS, db_text(&row, 1));
	}
	db_finalize(&row);
	return found;
}

int connectors_export(struct change *change, struct buf *out, struct err *err)
{
	if (export_connections(change, out, err) != 0 ||
	    object_settings_export(change, &connection_kind, TEXT_CONNECTION_SETTING, out, err) != 0 ||
	    export_senders(change, out, err) != 0 ||
	    object_settings_export(change, &sender_kind, TEXT_SENDER_SETTING, out, err) != 0)
		return -1;
	return export_collectors(change, out, err) != 0
	           ? -1
	           : object_settings_export(change, &collector_kind, TEXT_COLLECTOR_SETTING, out, err);
}

static int refuse(const struct text_object *line, struct err *err)
{
	return err_prefix(err, "import:%u", line->line);
}

/* Another number for what belongs to a connection. authd knows the password by the old one, so it is gone. */
static int renumber(struct change *change, struct object *object, struct err *err)
{
	static const char *const statements[] = {
	    "UPDATE connection SET id = ? WHERE id = ?",
	    "UPDATE connection_setting SET connection = ? WHERE connection = ?",
	    "UPDATE sender_setting SET sender = ? WHERE sender = ?",
	    "UPDATE collector_connection SET connection = ? WHERE connection = ?",
	};
	int64_t id = change->first_connection++;
	struct sender sender;
	int found = sender_find(change, object->name, &sender, err);

	if (found < 0)
		return -1;
	for (size_t i = 0; i < sizeof statements / sizeof *statements; i++)
		if (config_run(change->config, err, statements[i], "nn", id, object->id) != 0)
			return -1;
	if (found == 1 && sender.has_password)
		connector_add_secret(change_ask_after(change, "secret-delete"), sender_kind.word, sender.id);
	object->id = id;
	return found == 0 ? 0
	                  : config_run(change->config, err, "UPDATE sender SET id = ?, has_password = 0 WHERE name = ?",
	                               "nt", id, object->name);
}

/*
 * The order of connections is that of their numbers, and of several senders the first one takes the mail. One that
 * comes too early for its place in the text gets a new number.
 */
static int import_connection(struct change *change, const struct text_object *line, int64_t *last_id, bool of_sender,
                             struct err *err)
{
	struct str name = line->fields[CONNECTION_NAME];
	struct object object;
	int found = object_find(change, &connection_kind, name, &object, err);

	if (found < 0 || import_keep_name(change, name, err) != 0)
		return -1;
	if (found == 0 && connection_add(change, name, &object, err) != 0)
		return -1;
	if (found == 0 && of_sender && object_setting_store(change, &object, STR("continuous"), STR("on"), err) != 0)
		return -1;
	if (object.id < *last_id && renumber(change, &object, err) != 0)
		return -1;
	*last_id = object.id;
	return 0;
}

/* Has the text a connection of that name? One of an earlier version has senders alone. */
static bool is_in_text(const struct text *text, struct str name)
{
	for (const struct text_object *line = text->objects[TEXT_CONNECTION]; line != NULL; line = line->next)
		if (str_equal_nocase(line->fields[CONNECTION_NAME], name))
			return true;
	return false;
}

/* What names a connection that is deleted here (fallbacks, schedule) comes with the text. */
static int import_connections(struct change *change, const struct text *text, struct err *err)
{
	int64_t last_id = 0;

	if (import_begin_names(change, err) != 0)
		return -1;
	for (const struct text_object *line = text->objects[TEXT_CONNECTION]; line != NULL; line = line->next)
		if (import_connection(change, line, &last_id, false, err) != 0)
			return refuse(line, err);
	for (const struct text_object *line = text->objects[TEXT_SENDER]; line != NULL; line = line->next)
		if (!is_in_text(text, line->fields[SENDER_NAME]) && import_connection(change, line, &last_id, true, err) != 0)
			return refuse(line, err);
	return 0;
}

static bool same_sender(const struct sender *a, const struct sender *b)
{
	return a->id == b->id && str_equal(a->method, b->method) && str_equal(a->servers, b->servers) &&
	       str_equal(a->encryption, b->encryption) && str_equal(a->username, b->username) && a->verify == b->verify &&
	       a->has_password == b->has_password;
}

static void take(struct str *value, const struct text_object *line, int field)
{
	if (line->fields[field].data != NULL)
		*value = line->fields[field];
}

static int import_sender(struct change *change, const struct text_object *line, struct err *err)
{
	struct str name = line->fields[SENDER_NAME];
	struct sender old, sender;

	if (sender_find(change, name, &old, err) < 0 || import_keep_name(change, name, err) != 0)
		return -1;
	sender_defaults(&sender, name);
	sender.id = old.id;
	if (old.id != 0)
		sender.name = old.name;
	take(&sender.method, line, SENDER_METHOD);
	take(&sender.servers, line, SENDER_SERVERS);
	take(&sender.encryption, line, SENDER_ENCRYPTION);
	take(&sender.username, line, SENDER_USERNAME);
	if (text_flag(TEXT_SENDER, line, SENDER_VERIFY, false, &sender.verify, err) != 0)
		return -1;
	sender.has_password = old.has_password && str_equal(old.username, sender.username);
	if (sender_check(change, &sender, err) != 0 ||
	    (!same_sender(&old, &sender) && sender_store(change, &sender, err) != 0))
		return -1;
	if (sender.username.len != 0 && !sender.has_password)
		change_note(change, "sender %.*s needs its password: postroom sender set %.*s --password-stdin", STR_ARG(name),
		            STR_ARG(name));
	return 0;
}

static int import_senders(struct change *change, const struct text *text, struct err *err)
{
	if (import_begin_names(change, err) != 0)
		return -1;
	for (const struct text_object *line = text->objects[TEXT_SENDER]; line != NULL; line = line->next)
		if (import_sender(change, line, err) != 0)
			return refuse(line, err);
	return import_for_missing(change, "SELECT name FROM sender", sender_delete, err);
}

static int import_collector(struct change *change, const struct text_object *line, struct err *err)
{
	struct str name = line->fields[COLLECTOR_NAME], wanted = line->fields[COLLECTOR_CONNECTIONS], stored;
	struct object object;
	int found;

	if (import_keep_name(change, name, err) != 0 ||
	    (found = object_find(change, &collector_kind, name, &object, err)) < 0 ||
	    (found == 0 && collector_add(change, name, &object, err) != 0))
		return -1;
	if (found == 0)
		change_note(change, "collector %.*s needs its password: postroom collector set %.*s --password-stdin",
		            STR_ARG(name), STR_ARG(name));
	if (wanted.data == NULL)
		return err_set(err, ERR_SYNTAX, "a [collector] belongs to connections");
	if (collector_connections(change, &object, &stored, err) != 0)
		return -1;
	return str_equal(stored, wanted) ? 0 : collector_set_connections(change, &object, wanted, err);
}

static int import_collectors(struct change *change, const struct text *text, struct err *err)
{
	if (import_begin_names(change, err) != 0)
		return -1;
	for (const struct text_object *line = text->objects[TEXT_COLLECTOR]; line != NULL; line = line->next)
		if (import_collector(change, line, err) != 0)
			return refuse(line, err);
	return import_for_missing(change, "SELECT name FROM collector", collector_delete, err);
}

/* Connections that the text lacks: after collectors, which may belong to them, have got those of the text. */
static int delete_missing(struct change *change, const struct text *text, struct err *err)
{
	int64_t count;

	if (import_begin_names(change, err) != 0)
		return -1;
	for (const struct text_object *line = text->objects[TEXT_CONNECTION]; line != NULL; line = line->next)
		if (import_keep_name(change, line->fields[CONNECTION_NAME], err) != 0)
			return refuse(line, err);
	for (const struct text_object *line = text->objects[TEXT_SENDER]; line != NULL; line = line->next)
		if (!is_in_text(text, line->fields[SENDER_NAME]) &&
		    import_keep_name(change, line->fields[SENDER_NAME], err) != 0)
			return refuse(line, err);
	if (import_for_missing(change, "SELECT name FROM connection", connection_delete, err) != 0 ||
	    config_number(change->config, &count, err, "SELECT count(*) FROM connection", "") != 1)
		return -1;
	if (count > CONNECTIONS_MAX)
		return err_set(err, ERR_LIMIT, "the text has %lld connections, and there can be %d", (long long)count,
		               CONNECTIONS_MAX);
	return 0;
}

/* A text of an earlier version says nothing of connections: those of its senders keep what is set. */
static int import_connection_settings(struct change *change, const struct text *text, struct err *err)
{
	if (text->objects[TEXT_CONNECTION] == NULL)
		return 0;
	return object_settings_import(change, &connection_kind, TEXT_CONNECTION_SETTING, text, object_setting_store, err);
}

int connectors_import(struct change *change, const struct text *text, struct err *err)
{
	if (import_connections(change, text, err) != 0 || import_senders(change, text, err) != 0 ||
	    import_collectors(change, text, err) != 0 || delete_missing(change, text, err) != 0 ||
	    import_connection_settings(change, text, err) != 0 ||
	    object_settings_import(change, &sender_kind, TEXT_SENDER_SETTING, text, object_setting_store, err) != 0)
		return -1;
	return object_settings_import(change, &collector_kind, TEXT_COLLECTOR_SETTING, text, object_setting_store, err);
}
