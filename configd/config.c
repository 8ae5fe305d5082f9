#include "configd/attributes.h"

#include "common/base/io.h"
#include "common/db/query.h"

#include <stdarg.h>

#define COUNT_OF(array) (int)(sizeof(array) / sizeof(array)[0])

static const char config_schema[] =
    "CREATE TABLE setting(key TEXT PRIMARY KEY, value TEXT NOT NULL);"
    "CREATE TABLE domain(name TEXT PRIMARY KEY, is_default INTEGER NOT NULL);"
    "CREATE TABLE user(uid INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE COLLATE NOCASE,"
    " administrator INTEGER NOT NULL, enabled INTEGER NOT NULL);"
    "CREATE TABLE mapping(id INTEGER PRIMARY KEY, pattern TEXT NOT NULL COLLATE NOCASE, target TEXT NOT NULL);"
    "CREATE INDEX mapping_pattern ON mapping(pattern);"
    "CREATE TABLE sender(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE COLLATE NOCASE, method TEXT NOT NULL,"
    " servers TEXT NOT NULL, encryption TEXT NOT NULL, verify INTEGER NOT NULL, username TEXT NOT NULL,"
    " has_password INTEGER NOT NULL);";

/* Permissions name groups by number. */
static const char config_group_schema[] =
    "CREATE TABLE user_group(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE COLLATE NOCASE);"
    "CREATE TABLE membership(group_id INTEGER NOT NULL, uid INTEGER NOT NULL, PRIMARY KEY (group_id, uid))"
    " WITHOUT ROWID;"
    "CREATE INDEX membership_uid ON membership(uid);";

/* The rules of SMTP services in their order; conditions are one a line (common/rules/rule.h). */
static const char rule_schema[] =
    "CREATE TABLE smtp_rule(service INTEGER NOT NULL, position INTEGER NOT NULL, name TEXT NOT NULL,"
    " stage TEXT NOT NULL, action TEXT NOT NULL, parameter TEXT NOT NULL, match TEXT NOT NULL,"
    " conditions TEXT NOT NULL);"
    "CREATE INDEX smtp_rule_position ON smtp_rule(service, position);";

/* Rules name users by number, lists are services by number (common/policy/access.h). */
static const char access_schema[] =
    "CREATE TABLE access_list(list INTEGER PRIMARY KEY, use_global INTEGER NOT NULL);"
    "CREATE TABLE access_rule(list INTEGER NOT NULL, position INTEGER NOT NULL, allow INTEGER NOT NULL,"
    " kind TEXT NOT NULL, address TEXT NOT NULL, prefix INTEGER NOT NULL, unauth INTEGER NOT NULL,"
    " users TEXT NOT NULL, comment TEXT NOT NULL, PRIMARY KEY (list, position)) WITHOUT ROWID;";

/* The bindings of a service are in the order of their rows. */
static const char config_service_schema[] =
    "CREATE TABLE service(id INTEGER PRIMARY KEY, type TEXT NOT NULL, name TEXT NOT NULL UNIQUE COLLATE NOCASE,"
    " enabled INTEGER NOT NULL, encryption TEXT NOT NULL);"
    "CREATE TABLE service_binding(service INTEGER NOT NULL, address TEXT NOT NULL, port INTEGER NOT NULL,"
    " UNIQUE (service, address, port));"
    "CREATE TABLE service_setting(service INTEGER NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,"
    " PRIMARY KEY (service, key)) WITHOUT ROWID;";

/* Lists of users and of the server (common/items/item.h). */
static const char item_schema[] =
    "CREATE TABLE item(id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, owner INTEGER NOT NULL,"
    " position INTEGER NOT NULL);"
    "CREATE INDEX item_owner ON item(kind, owner, position);"
    "CREATE TABLE item_field(item INTEGER NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (item, key))"
    " WITHOUT ROWID;";

/* Who gets what, beyond names; the second index is for those that must be tried one by one. */
static const char mapping_schema[] =
    "ALTER TABLE mapping ADD COLUMN type TEXT NOT NULL DEFAULT 'always';"
    "ALTER TABLE mapping ADD COLUMN collector INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE mapping ADD COLUMN comment TEXT NOT NULL DEFAULT '';"
    "CREATE INDEX mapping_wildcard ON mapping(pattern) WHERE instr(pattern, '*') + instr(pattern, '?') > 0;";

/* Members are names of users and lists, addresses, "SMTP:..."; settings are those of list_settings.def that were set.
 */
static const char list_schema[] =
    "CREATE TABLE list(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE COLLATE NOCASE, type TEXT NOT NULL);"
    "CREATE TABLE list_member(list INTEGER NOT NULL, address TEXT NOT NULL COLLATE NOCASE, PRIMARY KEY (list, address))"
    " WITHOUT ROWID;"
    "CREATE TABLE list_setting(list INTEGER NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (list, key))"
    " WITHOUT ROWID;";

/* What users have beside their names (common/settings/attributes.h): here their own, in a snapshot what is in force. */
static const char user_attribute_schema[] =
    "CREATE TABLE user_attribute(uid INTEGER NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,"
    " PRIMARY KEY (uid, key)) WITHOUT ROWID;";

/* Lists of patterns of addresses (common/policy/permissions.h); uid 0: for all. */
static const char permission_schema[] =
    "CREATE TABLE permission(uid INTEGER NOT NULL, list TEXT NOT NULL, pattern TEXT NOT NULL COLLATE NOCASE,"
    " PRIMARY KEY (uid, list, pattern)) WITHOUT ROWID;";

/* How mail comes from and goes to elsewhere (common/settings/connectors.h); a sender has its connection's number. */
static const char connector_schema[] =
    "CREATE TABLE connection(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE COLLATE NOCASE);"
    "CREATE TABLE connection_setting(connection INTEGER NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,"
    " PRIMARY KEY (connection, key)) WITHOUT ROWID;"
    "CREATE TABLE sender_setting(sender INTEGER NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,"
    " PRIMARY KEY (sender, key)) WITHOUT ROWID;"
    "CREATE TABLE collector(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE COLLATE NOCASE,"
    " has_password INTEGER NOT NULL);"
    "CREATE TABLE collector_setting(collector INTEGER NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,"
    " PRIMARY KEY (collector, key)) WITHOUT ROWID;"
    "CREATE TABLE collector_connection(collector INTEGER NOT NULL, connection INTEGER NOT NULL,"
    " PRIMARY KEY (collector, connection)) WITHOUT ROWID;";

const char *const config_shared_schemas[] = {
    config_schema,  config_group_schema, rule_schema,           access_schema,     config_service_schema, item_schema,
    mapping_schema, list_schema,         user_attribute_schema, permission_schema, connector_schema,      NULL,
};

/* Two attributes that users had from the beginning, in columns; a snapshot still has them so. */
static const char own_attribute_schema[] =
    "INSERT INTO user_attribute SELECT uid, 'administrator', 'on' FROM user WHERE administrator = 1;"
    "INSERT INTO user_attribute SELECT uid, 'enabled', 'off' FROM user WHERE enabled = 0;"
    "ALTER TABLE user DROP COLUMN administrator;"
    "ALTER TABLE user DROP COLUMN enabled;"
    "CREATE TABLE group_attribute(group_id INTEGER NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,"
    " PRIMARY KEY (group_id, key)) WITHOUT ROWID;"
    "CREATE TABLE primary_group(uid INTEGER PRIMARY KEY, group_id INTEGER NOT NULL);";

/* Numbers that authd's secrets hang on are given out for good before they are used, whatever becomes of the change. */
static const char reserved_schema[] = "CREATE TABLE reserved(kind TEXT PRIMARY KEY, next INTEGER NOT NULL);"
                                      "INSERT INTO reserved VALUES('uid', 1), ('sender', 1);";

static const char reserved_group[] = "INSERT INTO reserved VALUES('group', 1);";

static const char reserved_service[] = "INSERT INTO reserved VALUES('service', 100);";

static const char reserved_list[] = "INSERT INTO reserved VALUES('list', 1);";

/*
 * Each sender gets a connection of its name and number, which is always there, as it was without one. The version
 * before had at most one sender that did something, so there may be more than ten; they stay.
 */
static const char sender_connections[] =
    "INSERT INTO connection SELECT id, name FROM sender;"
    "INSERT INTO connection_setting SELECT id, 'continuous', 'on' FROM sender;"
    "INSERT INTO connection_setting SELECT min(id), 'default', 'on' FROM sender HAVING count(*) > 0;"
    "UPDATE reserved SET kind = 'connection' WHERE kind = 'sender';"
    "INSERT INTO reserved VALUES('collector', 1);";

/* Whose mailboxes are to go (mailboxes.c); since: seconds since 1970. */
static const char deleted_users[] = "CREATE TABLE deleted_user(uid INTEGER PRIMARY KEY, since INTEGER NOT NULL);";

/* Scripts in force are files (configd/scripts.h). error: what is wrong with one, else empty. */
static const char script_schema[] =
    "CREATE TABLE script(name TEXT PRIMARY KEY, text TEXT NOT NULL, error TEXT NOT NULL,"
    " changed INTEGER NOT NULL);";

static const char *const migrations[] = {
    config_schema,    reserved_schema,       config_group_schema,   reserved_group,       rule_schema,
    access_schema,    config_service_schema, reserved_service,      item_schema,          mapping_schema,
    list_schema,      reserved_list,         user_attribute_schema, own_attribute_schema, permission_schema,
    connector_schema, sender_connections,    deleted_users,         script_schema,
};

int config_open(struct config *config, const struct instance *instance, struct err *err)
{
	char path[INSTANCE_PATH_MAX + 128];

	*config = (struct config){.instance = instance};
	if (io_make_folder(instance_path(path, sizeof path, instance->state, "config"), 0700, err) != 0)
		return -1;
	instance_path(path, sizeof path, instance->state, "config/config.db");
	if (db_open(&config->db, path, DB_CREATE, 5000, err) != 0)
		return -1;
	if (db_exec(&config->db, "PRAGMA temp_store = MEMORY", err) != 0 ||
	    db_migrate(&config->db, migrations, COUNT_OF(migrations), err) != 0 ||
	    attributes_make_views(config, err) != 0 || services_make_standard(config, err) != 0) {
		db_close(&config->db);
		return -1;
	}
	return 0;
}

void config_close(struct config *config)
{
	db_close(&config->db);
}

int config_query(struct config *config, struct db_statement *statement, struct err *err, const char *sql,
                 const char *types, ...)
{
	va_list args;
	int result;

	va_start(args, types);
	result = db_query_va(&config->db, statement, err, sql, types, args);
	va_end(args);
	return result;
}

int config_run(struct config *config, struct err *err, const char *sql, const char *types, ...)
{
	va_list args;
	int result;

	va_start(args, types);
	result = db_query_run_va(&config->db, err, sql, types, args);
	va_end(args);
	return result;
}

int config_number(struct config *config, int64_t *value_out, struct err *err, const char *sql, const char *types, ...)
{
	va_list args;
	int row;

	va_start(args, types);
	row = db_query_number_va(&config->db, value_out, err, sql, types, args);
	va_end(args);
	return row;
}

int config_text(struct config *config, struct arena *arena, struct str *value_out, struct err *err, const char *sql,
                const char *types, ...)
{
	struct db_statement statement;
	va_list args;
	int row;

	va_start(args, types);
	row = db_query_va(&config->db, &statement, err, sql, types, args);
	va_end(args);
	if (row != 0)
		return -1;
	row = db_step(&statement, err);
	if (row == 1)
		*value_out = arena_copy(arena, db_text(&statement, 0));
	db_finalize(&statement);
	return row;
}

int config_reserve(struct config *config, struct str kind, int64_t count, int64_t *first_out, struct err *err)
{
	int64_t first;

	if (config_number(config, &first, err, "SELECT next FROM reserved WHERE kind = ?", "t", kind) != 1)
		return -1;
	if (*first_out == 0)
		*first_out = first;
	return config_run(config, err, "UPDATE reserved SET next = next + ? WHERE kind = ?", "nt", count, kind);
}
