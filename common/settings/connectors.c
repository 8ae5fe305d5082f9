#include "common/settings/connectors.h"

#include "common/base/hidden.h"
#include "common/collecting/folder.h"
#include "common/collecting/routing.h"
#include "common/db/query.h"
#include "common/outgoing/filter.h"
#include "common/outgoing/overrides.h"

#include <stdio.h>

static const struct setting_definition connection_definitions[CONNECTION_SETTING_COUNT] = {
#define CONNECTION_SETTING(name, key, type, fallback, min, max, choices, unit, sentence, paragraph) \
	[CONNECTION_SETTING_##                                                                          \
	    name] = {key, SETTING_##type, fallback, min, max, choices, unit, sentence, paragraph, false, false, false},
#include "common/settings/connection_settings.def"
};

static const struct setting_definition sender_definitions[SENDER_SETTING_COUNT] = {
#define SENDER_SETTING(name, key, type, fallback, min, max, choices, unit, sentence, paragraph) \
	[SENDER_SETTING_##                                                                          \
	    name] = {key, SETTING_##type, fallback, min, max, choices, unit, sentence, paragraph, false, false, false},
#include "common/settings/sender_settings.def"
};

static const struct setting_definition collector_definitions[COLLECTOR_SETTING_COUNT] = {
#define COLLECTOR_SETTING(name, key, type, fallback, min, max, choices, unit, sentence, paragraph) \
	[COLLECTOR_SETTING_##                                                                          \
	    name] = {key, SETTING_##type, fallback, min, max, choices, unit, sentence, paragraph, false, false, false},
#include "common/settings/collector_settings.def"
};

const struct catalogue connection_catalogue = {"setting of connections", "connection-settings", connection_definitions,
                                               CONNECTION_SETTING_COUNT};
const struct catalogue sender_catalogue = {"setting of senders", "sender-settings", sender_definitions,
                                           SENDER_SETTING_COUNT};
const struct catalogue collector_catalogue = {"setting of collectors", "collector-settings", collector_definitions,
                                              COLLECTOR_SETTING_COUNT};

/* A command is a path and words; no shell reads it. */
static int check_command(struct str value, struct err *err)
{
	if (value.len != 0 && value.data[0] != '/')
		return err_set(err, ERR_SYNTAX, "a command begins with the path of a program, such as /usr/local/bin/up");
	return 0;
}

static int check_connection(size_t setting, struct str value, struct err *err)
{
	switch ((enum connection_setting)setting) {
	case CONNECTION_SETTING_CONNECT_COMMAND:
	case CONNECTION_SETTING_DISCONNECT_COMMAND:
		return check_command(value, err);
	default:
		return 0;
	}
}

/* How collected mail is routed: parsed, and forgotten. */
/* What makes a target of a server. */
#define FORWARD_ADDRESS "SMTP:a@example.com@"

int collector_parse_forward(struct str value, struct arena *arena, struct smtp_target *target_out, struct err *err)
{
	return smtp_target_parse(arena_printf(arena, FORWARD_ADDRESS "%.*s", STR_ARG(value)), arena, target_out, err);
}

struct str collector_format_forward(const struct smtp_target *target, struct arena *arena)
{
	return str_skip(smtp_target_format(target, arena), sizeof FORWARD_ADDRESS - 1);
}

static int check_routing(enum collector_setting setting, struct str value, struct arena *arena, struct err *err)
{
	enum routing_step order[ROUTING_STEPS_MAX];
	struct str domains[ROUTING_DOMAINS_MAX];
	struct special_fields special;
	struct rule_targets targets;
	struct smtp_target server;
	size_t count;

	switch (setting) {
	case COLLECTOR_SETTING_ACCEPTED_DOMAINS:
		return routing_parse_domains(value, arena, domains, &count, err);
	case COLLECTOR_SETTING_ORDER:
		return routing_parse_order(value, order, err);
	case COLLECTOR_SETTING_SPECIAL_FIELDS:
		if (special_parse(value, arena, &special, err) != 0)
			return -1;
		special_free(&special);
		return 0;
	case COLLECTOR_SETTING_FORWARD_SERVER:
		return value.len == 0 ? 0 : collector_parse_forward(value, arena, &server, err);
	default: /* of who gets it */
		return value.len == 0 ? 0 : targets_parse(value, arena, &targets, err);
	}
}

/* One group, which is the name of a user. */
static int check_marker(struct str value, struct err *err)
{
	struct regex *regex;
	size_t count;

	if (value.len == 0)
		return 0;
	if (regex_compile(value, &regex, err) != 0)
		return -1;
	count = regex_group_count(regex);
	regex_free(regex);
	return count == 1 ? 0 : err_set(err, ERR_SYNTAX, "the expression has %zu groups, not one", count);
}

static int check_collector(size_t setting, struct str value, struct err *err)
{
	struct arena arena;
	int result;

	switch ((enum collector_setting)setting) {
	case COLLECTOR_SETTING_SUBJECT_MARKER:
		return check_marker(value, err);
	case COLLECTOR_SETTING_IMAP_FOLDERS:
		return collect_folders_check(value, err);
	case COLLECTOR_SETTING_ACCEPTED_DOMAINS:
	case COLLECTOR_SETTING_ORDER:
	case COLLECTOR_SETTING_SPECIAL_FIELDS:
	case COLLECTOR_SETTING_FORWARD_SERVER:
	case COLLECTOR_SETTING_TARGET:
	case COLLECTOR_SETTING_ERROR_TARGET:
		arena_init(&arena);
		result = check_routing((enum collector_setting)setting, value, &arena, err);
		arena_free(&arena);
		return result;
	default:
		return 0;
	}
}

static struct str show_collector(size_t setting, struct str value, struct arena *arena)
{
	struct smtp_target target;

	if (setting != COLLECTOR_SETTING_FORWARD_SERVER || collector_parse_forward(value, arena, &target, NULL) != 0)
		return value;
	if (target.password.len != 0)
		target.password = STR(HIDDEN_PASSWORD);
	return collector_format_forward(&target, arena);
}

/* Parsed, and forgotten: what cannot be parsed is not stored. */
static int check_filter(struct str value, struct err *err)
{
	struct filter filter = {0};
	struct arena arena;
	int result;

	arena_init(&arena);
	result = filter_parse(value, &arena, &filter, err);
	filter_free(&filter);
	arena_free(&arena);
	return result;
}

static int check_overrides(struct str value, struct err *err)
{
	struct overrides overrides = {0};
	struct arena arena;
	int result;

	arena_init(&arena);
	result = overrides_parse(value, &arena, &overrides, err);
	overrides_free(&overrides);
	arena_free(&arena);
	return result;
}

static int check_sender(size_t setting, struct str value, struct err *err)
{
	switch ((enum sender_setting)setting) {
	case SENDER_SETTING_FILTER:
		return check_filter(value, err);
	case SENDER_SETTING_DNS_OVERRIDES:
		return check_overrides(value, err);
	case SENDER_SETTING_RETURN_PATH_ADDRESS:
	case SENDER_SETTING_RETURN_PATH_NULL:
		return object_check_address(value, err);
	default:
		return 0;
	}
}

const struct object_kind connection_kind = {"connection", &connection_catalogue, check_connection, NULL};
const struct object_kind sender_kind = {"sender", &sender_catalogue, check_sender, NULL};
const struct object_kind collector_kind = {"collector", &collector_catalogue, check_collector, show_collector};

/* The numbers of all of a kind, in the order of a query. */
static int load_numbers(struct db *objects, const char *sql, struct arena *arena, int64_t **ids_out, size_t *count_out,
                        struct err *err)
{
	struct db_statement query;
	size_t room = 16, count = 0;
	int64_t *ids = arena_get(arena, room * sizeof *ids);
	int row;

	if (db_prepare(objects, &query, sql, err) != 0)
		return -1;
	while ((row = db_step(&query, err)) == 1) {
		if (count == room) {
			int64_t *larger = arena_get(arena, 2 * room * sizeof *ids);

			memcpy(larger, ids, room * sizeof *ids);
			ids = larger;
			room *= 2;
		}
		ids[count++] = db_number(&query, 0);
	}
	db_finalize(&query);
	*ids_out = ids;
	*count_out = count;
	return row;
}

int connection_load(struct db *objects, int64_t id, struct arena *arena, struct connection_settings *settings_out,
                    struct err *err)
{
	struct db_statement query;
	int row;

	if (db_query(objects, &query, err, "SELECT name FROM connection WHERE id = ?", "n", id) != 0)
		return -1;
	row = db_step(&query, err);
	if (row == 1) {
		settings_out->id = id;
		settings_out->name = arena_text(arena, db_text(&query, 0));
	}
	db_finalize(&query);
	if (row != 1)
		return row;
	return object_settings_load(objects, &connection_kind, id, arena, settings_out->texts, settings_out->numbers,
	                            err) == 0
	           ? 1
	           : -1;
}

int sender_load(struct db *objects, int64_t id, struct arena *arena, struct sender_settings *settings_out,
                struct err *err)
{
	struct db_statement query;
	int row;

	if (db_query(objects, &query, err,
	             "SELECT name, method, servers, encryption, username, verify FROM sender WHERE id = ?", "n", id) != 0)
		return -1;
	row = db_step(&query, err);
	if (row == 1) {
		settings_out->id = id;
		settings_out->name = arena_text(arena, db_text(&query, 0));
		settings_out->method = arena_text(arena, db_text(&query, 1));
		settings_out->servers = arena_text(arena, db_text(&query, 2));
		settings_out->encryption = arena_text(arena, db_text(&query, 3));
		settings_out->username = arena_text(arena, db_text(&query, 4));
		settings_out->verify = db_number(&query, 5) != 0;
	}
	db_finalize(&query);
	if (row != 1)
		return row;
	return object_settings_load(objects, &sender_kind, id, arena, settings_out->texts, settings_out->numbers, err) == 0
	           ? 1
	           : -1;
}

static int load_links(struct db *objects, struct collector_settings *settings, struct err *err)
{
	struct db_statement query;
	int row;

	settings->connection_count = 0;
	if (db_query(objects, &query, err,
	             "SELECT connection FROM collector_connection WHERE collector = ? ORDER BY connection LIMIT ?", "nn",
	             settings->id, (int64_t)CONNECTIONS_MAX) != 0)
		return -1;
	while ((row = db_step(&query, err)) == 1)
		settings->connections[settings->connection_count++] = db_number(&query, 0);
	db_finalize(&query);
	return row;
}

int collector_load(struct db *objects, int64_t id, struct arena *arena, struct collector_settings *settings_out,
                   struct err *err)
{
	struct db_statement query;
	int row;

	if (db_query(objects, &query, err, "SELECT name, has_password FROM collector WHERE id = ?", "n", id) != 0)
		return -1;
	row = db_step(&query, err);
	if (row == 1) {
		settings_out->id = id;
		settings_out->name = arena_text(arena, db_text(&query, 0));
		settings_out->has_password = db_number(&query, 1) != 0;
	}
	db_finalize(&query);
	if (row != 1)
		return row;
	if (load_links(objects, settings_out, err) != 0 ||
	    object_settings_load(objects, &collector_kind, id, arena, settings_out->texts, settings_out->numbers, err) != 0)
		return -1;
	return 1;
}

int connections_load(struct db *objects, struct arena *arena, struct connection_settings **list_out, size_t *count_out,
                     struct err *err)
{
	int64_t *ids;

	if (load_numbers(objects, "SELECT id FROM connection ORDER BY id", arena, &ids, count_out, err) != 0)
		return -1;
	*list_out = arena_get(arena, (*count_out + 1) * sizeof **list_out);
	for (size_t i = 0; i < *count_out; i++)
		if (connection_load(objects, ids[i], arena, &(*list_out)[i], err) != 1)
			return -1;
	return 0;
}

int senders_load(struct db *objects, struct arena *arena, struct sender_settings **list_out, size_t *count_out,
                 struct err *err)
{
	int64_t *ids;

	if (load_numbers(objects, "SELECT id FROM sender ORDER BY id", arena, &ids, count_out, err) != 0)
		return -1;
	*list_out = arena_get(arena, (*count_out + 1) * sizeof **list_out);
	for (size_t i = 0; i < *count_out; i++)
		if (sender_load(objects, ids[i], arena, &(*list_out)[i], err) != 1)
			return -1;
	return 0;
}

int collectors_load(struct db *objects, struct arena *arena, struct collector_settings **list_out, size_t *count_out,
                    struct err *err)
{
	int64_t *ids;

	if (load_numbers(objects,
	                 "SELECT id FROM collector LEFT JOIN collector_setting ON collector = id AND key = 'priority'"
	                 " ORDER BY CAST(ifnull(value, 0) AS INTEGER), id",
	                 arena, &ids, count_out, err) != 0)
		return -1;
	*list_out = arena_get(arena, (*count_out + 1) * sizeof **list_out);
	for (size_t i = 0; i < *count_out; i++)
		if (collector_load(objects, ids[i], arena, &(*list_out)[i], err) != 1)
			return -1;
	return 0;
}
