/* policyd: what is kept for users goes when they are gone; their numbers are never given again. */
#include "policyd/policyd.h"

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/db/query.h"

#include <stdlib.h>

struct numbers {
	int64_t *list;
	size_t count, room;
};

static int read_numbers(struct db *db, const char *sql, struct numbers *numbers, struct err *err)
{
	struct db_statement rows;
	int row;

	*numbers = (struct numbers){NULL, 0, 0};
	if (db_query(db, &rows, err, sql, "") != 0)
		return -1;
	while ((row = db_step(&rows, err)) == 1) {
		if (numbers->count == numbers->room) {
			numbers->room = numbers->room != 0 ? 2 * numbers->room : 64;
			numbers->list = memory_resize(numbers->list, numbers->room * sizeof *numbers->list);
		}
		numbers->list[numbers->count++] = db_number(&rows, 0);
	}
	db_finalize(&rows);
	return row;
}

static int by_value(const void *a, const void *b)
{
	const int64_t *left = a, *right = b;

	return *left < *right ? -1 : *left > *right;
}

static int forget(struct policyd *policyd, int64_t uid, struct err *err)
{
	if (events_begin(policyd, err) != 0 ||
	    db_query_run(&policyd->db, err, "DELETE FROM contact WHERE uid = ?", "n", uid) != 0 ||
	    db_query_run(&policyd->db, err, "DELETE FROM collected WHERE uid = ?", "n", uid) != 0)
		return -1;
	return 0;
}

int owners_prune(struct policyd *policyd, struct db *objects, struct err *err)
{
	struct numbers users, owners = {NULL, 0, 0};
	int result = read_numbers(objects, "SELECT uid FROM user ORDER BY uid", &users, err);

	if (result == 0) /* 0 is everybody's book */
		result = read_numbers(&policyd->db,
		                      "SELECT uid FROM contact WHERE uid > 0 UNION SELECT uid FROM collected ORDER BY uid",
		                      &owners, err);
	for (size_t i = 0; i < owners.count && result == 0; i++)
		if (users.count == 0 || bsearch(&owners.list[i], users.list, users.count, sizeof *users.list, by_value) == NULL)
			result = forget(policyd, owners.list[i], err);
	memory_free(users.list);
	memory_free(owners.list);
	return result;
}

void owners_look(struct policyd *policyd)
{
	struct db objects;
	struct err err;
	int result = settings_open_snapshot(&policyd->settings, &objects, &err);

	if (result == 0) {
		result = owners_prune(policyd, &objects, &err);
		db_close(&objects);
	}
	events_commit(policyd);
	if (result != 0 && err.code != ERR_NOT_FOUND) /* settings that are just being replaced are looked at in an hour */
		log_error("what is kept for users who are gone cannot be removed: %s", err.text);
}
