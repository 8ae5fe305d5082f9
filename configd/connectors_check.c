/* connectors: what must hold between them, looked at before every commit. */
#include "configd/connectors.h"

#include "common/items/schedule.h"

#define SHOWN(value) STR_ARG(str_sub(value, 0, 80))

/* Each name of a list, but for those that begin with '@'. 0 = all are there. */
static int check_names_there(struct config *config, const char *what, struct str list, struct err *err)
{
	struct str item;

	while ((item = str_cut_item(&list)).len != 0) {
		int found;

		if (str_equal_nocase(item, STR(SCHEDULE_DEFAULT)) || str_equal_nocase(item, STR(SCHEDULE_DENY)))
			continue;
		found = config_number(config, NULL, err, "SELECT 1 FROM connection WHERE name = ? COLLATE NOCASE", "t", item);
		if (found == 0)
			return err_set(err, ERR_NOT_FOUND, "%s: there is no connection \"%.*s\"", what, SHOWN(item));
		if (found < 0)
			return -1;
	}
	return 0;
}

static int check_lists_of(struct config *config, const char *what, const char *sql, struct err *err)
{
	struct db_statement row;
	int found;

	if (config_query(config, &row, err, sql, "") != 0)
		return -1;
	while ((found = db_step(&row, err)) == 1)
		if (check_names_there(config, what, db_text(&row, 0), err) != 0) {
			found = -1;
			break;
		}
	db_finalize(&row);
	return found;
}

static int check_collectors(struct config *config, struct err *err)
{
	struct arena arena;
	struct str name;
	int found;

	arena_init(&arena);
	found = config_text(
	    config, &arena, &name, err,
	    "SELECT name FROM collector WHERE id NOT IN (SELECT collector FROM collector_connection) LIMIT 1", "");
	if (found == 1)
		found = err_set(err, ERR_DENIED, "the collector %.*s must belong to a connection", STR_ARG(name));
	arena_free(&arena);
	return found;
}

static int check_own_fallback(struct config *config, struct err *err)
{
	int found = config_number(config, NULL, err,
	                          "SELECT 1 FROM connection_setting JOIN connection ON id = connection"
	                          " WHERE key = 'fallback' AND value = name COLLATE NOCASE LIMIT 1",
	                          "");

	return found == 1 ? err_set(err, ERR_DENIED, "fallback: a connection cannot be its own") : found;
}

int check_connectors(struct config *config, struct err *err)
{
	if (check_collectors(config, err) != 0 || check_own_fallback(config, err) != 0 ||
	    check_lists_of(config, "fallback", "SELECT value FROM connection_setting WHERE key = 'fallback'", err) != 0 ||
	    check_lists_of(config, "schedule.immediate-connections",
	                   "SELECT value FROM setting WHERE key = 'schedule.immediate-connections'", err) != 0)
		return -1;
	return check_lists_of(config, "connections",
	                      "SELECT value FROM item JOIN item_field ON item = id"
	                      " WHERE kind = 'schedule' AND key = 'connections'",
	                      err);
}
