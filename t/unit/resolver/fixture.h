/* A folder of settings for tests of the resolver, published from SQL. */
#ifndef POSTROOM_T_UNIT_RESOLVER_FIXTURE_H
#define POSTROOM_T_UNIT_RESOLVER_FIXTURE_H

#include "resolver/resolve.h"

#include "common/base/io.h"
#include "common/base/memory.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* What of configd's tables the resolver reads. */
static const char fixture_schema[] =
    "CREATE TABLE setting(key TEXT PRIMARY KEY, value TEXT);"
    "CREATE TABLE domain(name TEXT PRIMARY KEY, is_default INTEGER);"
    "CREATE TABLE service(id INTEGER, type TEXT, name TEXT, enabled INTEGER, encryption TEXT);"
    "CREATE TABLE service_binding(service INTEGER, address TEXT, port INTEGER);"
    "CREATE TABLE service_setting(service INTEGER, key TEXT, value TEXT);"
    "CREATE TABLE user(uid INTEGER PRIMARY KEY, name TEXT UNIQUE COLLATE NOCASE, administrator INTEGER, enabled "
    "INTEGER);"
    "CREATE TABLE user_attribute(uid INTEGER, key TEXT, value TEXT, PRIMARY KEY (uid, key));"
    "CREATE TABLE permission(uid INTEGER, list TEXT, pattern TEXT);"
    "CREATE TABLE user_group(id INTEGER PRIMARY KEY, name TEXT UNIQUE COLLATE NOCASE);"
    "CREATE TABLE membership(group_id INTEGER, uid INTEGER);"
    "CREATE TABLE item(id INTEGER PRIMARY KEY, kind TEXT, owner INTEGER, position INTEGER);"
    "CREATE TABLE item_field(item INTEGER, key TEXT, value TEXT);"
    "CREATE TABLE mapping(id INTEGER PRIMARY KEY, pattern TEXT COLLATE NOCASE, target TEXT,"
    " type TEXT NOT NULL DEFAULT 'always', collector INTEGER NOT NULL DEFAULT 0, comment TEXT NOT NULL DEFAULT '');"
    "CREATE TABLE list(id INTEGER PRIMARY KEY, name TEXT UNIQUE COLLATE NOCASE, type TEXT);"
    "CREATE TABLE list_member(list INTEGER, address TEXT COLLATE NOCASE, PRIMARY KEY (list, address));"
    "CREATE TABLE list_setting(list INTEGER, key TEXT, value TEXT, PRIMARY KEY (list, key));"
    "CREATE TABLE collector(id INTEGER PRIMARY KEY, name TEXT, has_password INTEGER);"
    "CREATE TABLE collector_connection(collector INTEGER, connection INTEGER);"
    "CREATE TABLE collector_setting(collector INTEGER, key TEXT, value TEXT);";

struct fixture {
	struct instance instance;
	struct settings settings;
	struct resolver resolver;
	struct arena arena;
	struct resolution resolution;
	struct err err;
	char folder[64];
	bool explain;
};

/* Publish a generation of the settings with these objects. */
static inline void fixture_publish(struct fixture *fixture, uint64_t generation, const char *sql)
{
	char path[256], counter[256];
	struct db db;
	FILE *file;

	snprintf(path, sizeof path, "%s/settings/%" PRIu64 ".db", fixture->folder, generation);
	assert_int_equal(db_open(&db, path, DB_CREATE, 0, &fixture->err), 0);
	assert_int_equal(db_exec(&db, "PRAGMA synchronous = OFF; BEGIN", &fixture->err), 0);
	assert_int_equal(db_exec(&db, fixture_schema, &fixture->err), 0);
	assert_int_equal(db_exec(&db, sql, &fixture->err), 0);
	assert_int_equal(db_exec(&db, "COMMIT", &fixture->err), 0);
	assert_int_equal(db_checkpoint(&db, &fixture->err), 0);
	assert_int_equal(db_exec(&db, "PRAGMA journal_mode = DELETE", NULL), 0);
	db_close(&db);
	snprintf(counter, sizeof counter, "%s/settings/generation", fixture->folder);
	/* Written in place: readers map the file. */
	file = fopen(counter, generation == 1 ? "w" : "r+");
	assert_non_null(file);
	assert_int_equal(fwrite(&generation, sizeof generation, 1, file), 1);
	fclose(file);
}

static inline struct fixture *fixture_begin(const char *sql)
{
	struct fixture *fixture = memory_get(sizeof *fixture);
	char path[128];

	str_copy(STR("/tmp/postroom-resolve-XXXXXX"), fixture->folder, sizeof fixture->folder);
	assert_non_null(mkdtemp(fixture->folder));
	snprintf(path, sizeof path, "%s/settings", fixture->folder);
	assert_int_equal(io_make_folder(path, 0700, &fixture->err), 0);
	str_copy(str_of(fixture->folder), fixture->instance.state, sizeof fixture->instance.state);
	fixture_publish(fixture, 1, sql);
	arena_init(&fixture->arena);
	assert_int_equal(settings_open(&fixture->settings, &fixture->instance, true, &fixture->err), 0);
	assert_int_equal(resolver_open(&fixture->resolver, &fixture->settings, &fixture->err), 0);
	return fixture;
}

static inline void fixture_end(struct fixture *fixture)
{
	char command[128];

	resolver_close(&fixture->resolver);
	settings_close(&fixture->settings);
	arena_free(&fixture->arena);
	snprintf(command, sizeof command, "rm -r %s", fixture->folder);
	assert_int_equal(system(command), 0);
	memory_free(fixture);
}

#endif
