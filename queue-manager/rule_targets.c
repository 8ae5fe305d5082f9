#include "queue-manager/queue.h"

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/collecting/folder.h"

#include <stdlib.h>

/*
 * Remote addresses that an administrator sends messages to: targets of SMTP rules, of download rules, of collectors and
 * of FROM mappings, and where users get a link to a new password. Whoever takes a message in for one of them has no
 * token; but that it is there can be looked up here, so nobody's word is needed.
 */
struct rule_targets_known {
	struct arena arena;
	struct str *list; /* sorted */
	size_t count, room;
	uint64_t generation; /* of the settings that they are from */
};

static int compare(const void *a, const void *b)
{
	return str_compare(*(const struct str *)a, *(const struct str *)b);
}

static struct str lower(struct str text, struct arena *arena)
{
	char *copy = arena_text(arena, text);

	for (size_t i = 0; i < text.len; i++)
		if (copy[i] >= 'A' && copy[i] <= 'Z')
			copy[i] = (char)(copy[i] + ('a' - 'A'));
	return str_from(copy, text.len);
}

static void add(struct rule_targets_known *known, const struct rule_targets *targets)
{
	for (size_t i = 0; i < targets->count; i++) {
		if (known->count == known->room) {
			known->room = known->room != 0 ? 2 * known->room : 16;
			known->list = memory_resize(known->list, known->room * sizeof *known->list);
		}
		known->list[known->count++] = lower(targets->list[i].address, &known->arena);
	}
}

/* What stands behind the folders of a collector. */
static void add_folders(struct rule_targets_known *known, struct str lines)
{
	struct collect_folder folder;
	struct str line;

	while (collect_folder_next(&lines, &line))
		if (collect_folder_parse(line, &known->arena, &folder, NULL) == 0)
			add(known, &folder.targets);
}

static int load(struct rule_targets_known *known, struct db *db, struct err *err)
{
	struct db_statement statement;
	struct rule_targets targets;
	int row;

	if (db_prepare(db, &statement,
	               "SELECT parameter, 0 FROM smtp_rule WHERE action IN ('redirect', 'copy')"
	               " UNION SELECT value, 0 FROM item JOIN item_field ON item = id"
	               " WHERE kind = 'download-rule' AND key = 'parameter'"
	               " UNION SELECT value, key = 'imap.folders' FROM collector_setting"
	               " WHERE key IN ('target', 'error-target', 'imap.folders')"
	               " UNION SELECT target, 0 FROM mapping WHERE type = 'from'"
	               " UNION SELECT value, 0 FROM user_attribute WHERE key = 'password.reset-address'",
	               err) != 0)
		return -1;
	while ((row = db_step(&statement, err)) == 1)
		if (db_number(&statement, 1) != 0)
			add_folders(known, arena_copy(&known->arena, db_text(&statement, 0)));
		else if (targets_parse(db_text(&statement, 0), &known->arena, &targets, NULL) == 0)
			add(known, &targets);
	db_finalize(&statement);
	if (known->count != 0)
		qsort(known->list, known->count, sizeof *known->list, compare);
	return row;
}

static int refresh(struct rule_targets_known *known, const struct settings *settings, struct err *err)
{
	struct db db;
	int result;

	if (known->generation == settings->generation)
		return 0;
	arena_reset(&known->arena);
	known->count = 0;
	if (settings_open_snapshot(settings, &db, err) != 0)
		return -1;
	result = load(known, &db, err);
	known->generation = result == 0 ? settings->generation : 0;
	db_close(&db);
	return result;
}

int rule_targets_have(const struct queue *queue, struct str address)
{
	static struct rule_targets_known known;
	struct arena arena;
	struct err err;
	struct str key;
	bool found;

	if (refresh(&known, &queue->settings, &err) != 0) {
		log_warning("cannot tell where rules may send: %s", err.text);
		return -1;
	}
	arena_init(&arena);
	key = lower(address, &arena);
	found = known.count != 0 && bsearch(&key, known.list, known.count, sizeof key, compare) != NULL;
	arena_free(&arena);
	return found;
}
