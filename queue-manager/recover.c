#include "queue-manager/queue.h"

#include "common/base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Other forms of messages that are not there any more. */
static void remove_orphans(struct queue *queue, const struct buf *names, const struct buf *forms)
{
	for (size_t at = 0; at < forms->len; at += SPOOL_ID_MAX)
		if (names->len == 0 ||
		    bsearch(forms->data + at, names->data, names->len / SPOOL_ID_MAX, SPOOL_ID_MAX, compare_names) == NULL)
			forms_remove(queue, forms->data + at);
}

/* The names in active/, sorted as the table sorts them. */
static int read_names(struct queue *queue, struct buf *names, struct err *err)
{
	struct buf forms;
	int fd = openat(queue->active_folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;

	if (folder == NULL)
		return err_system(err, "cannot read spool/active");
	buf_init(&forms, SIZE_MAX / 2);
	while ((entry = readdir(folder)) != NULL) {
		char name[SPOOL_ID_MAX] = {0};

		if (entry->d_name[0] == '.')
			continue;
		if (form_is_name(entry->d_name, name)) {
			buf_add(&forms, name, sizeof name);
			continue;
		}
		if (!spool_id_is_valid(str_of(entry->d_name))) {
			message_set_aside(queue, entry->d_name, "its name is not an id");
			continue;
		}
		str_copy(str_of(entry->d_name), name, sizeof name);
		buf_add(names, name, sizeof name);
	}
	closedir(folder);
	if (names->len != 0)
		qsort(names->data, names->len / SPOOL_ID_MAX, SPOOL_ID_MAX, compare_names);
	remove_orphans(queue, names, &forms);
	buf_free(&forms);
	return 0;
}

struct merge {
	struct db_statement rows, add, remove, count;
	unsigned points, found, finished;
};

static int prepare(struct db *db, struct merge *merge, struct err *err)
{
	if (db_prepare(db, &merge->rows, "SELECT id, key FROM message ORDER BY id", err) != 0)
		return -1;
	if (db_prepare(db, &merge->add, "INSERT INTO message(id, born, next, crashes) VALUES(?1, ?2, 0, ?3)", err) != 0)
		return -1;
	if (db_prepare(db, &merge->count, "UPDATE message SET crashes = crashes + ?1 WHERE trying = 1", err) != 0)
		return -1;
	return db_prepare(db, &merge->remove, "INSERT INTO finished SELECT ?1", err);
}

static int add_row(struct merge *merge, const char *name, struct err *err)
{
	merge->found++;
	db_bind_text(&merge->add, 1, str_of(name));
	db_bind_number(&merge->add, 2, queue_now());
	db_bind_number(&merge->add, 3, merge->points);
	return db_run(&merge->add, err);
}

static int remove_row(struct merge *merge, int64_t row, struct err *err)
{
	merge->finished++;
	db_bind_number(&merge->remove, 1, row);
	return db_run(&merge->remove, err);
}

/* Both in order: a name without a row was being handled without one, a row without a name is finished. */
static int merge_all(struct merge *merge, const struct buf *names, struct err *err)
{
	size_t at = 0;
	int result;

	while ((result = db_step(&merge->rows, err)) == 1) {
		struct str id = db_text(&merge->rows, 0);
		int order = 1;

		while (at < names->len && (order = str_compare(str_of(names->data + at), id)) < 0) {
			if (add_row(merge, names->data + at, err) != 0)
				return -1;
			at += SPOOL_ID_MAX;
		}
		if (at < names->len && order == 0)
			at += SPOOL_ID_MAX;
		else if (remove_row(merge, db_number(&merge->rows, 1), err) != 0)
			return -1;
	}
	for (; at < names->len && result == 0; at += SPOOL_ID_MAX)
		result = add_row(merge, names->data + at, err);
	return result;
}

static int merge_with_table(struct queue *queue, const struct buf *names, unsigned points, struct err *err)
{
	struct db *db = table_db(queue);
	struct merge merge = {.points = points};
	int result = db_exec(db, "CREATE TEMP TABLE finished(key INTEGER PRIMARY KEY)", err);

	if (result == 0)
		result = prepare(db, &merge, err);
	if (result == 0)
		result = merge_all(&merge, names, err);
	if (result == 0) {
		db_bind_number(&merge.count, 1, points);
		result = db_run(&merge.count, err);
	}
	db_finalize(&merge.count);
	db_finalize(&merge.rows);
	db_finalize(&merge.add);
	db_finalize(&merge.remove);
	if (result == 0)
		result = db_exec(db,
		                 "DELETE FROM delivery WHERE message IN (SELECT key FROM finished);"
		                 "DELETE FROM message WHERE key IN (SELECT key FROM finished);"
		                 "UPDATE message SET next = 0 WHERE next IS NULL;"
		                 "UPDATE message SET trying = 0 WHERE trying = 1",
		                 err);
	if (result == 0 && merge.found + merge.finished > 0)
		log_info("after an unclean end: %u messages are tried again, %u were finished", merge.found, merge.finished);
	return result;
}

static int hold_dangerous(struct queue *queue, struct err *err)
{
	struct db_statement statement;
	int result;

	if (db_prepare(table_db(queue), &statement,
	               "UPDATE message SET held = 1 WHERE crashes >= ?1 AND held = 0 RETURNING id", err) != 0)
		return -1;
	db_bind_number(&statement, 1, QUEUE_POINTS_MAX);
	while ((result = db_step(&statement, err)) == 1)
		log_error("id=%.*s held: the queue-manager ended again and again while it was being tried",
		          STR_ARG(db_text(&statement, 0)));
	db_finalize(&statement);
	return result;
}

int recover(struct queue *queue, unsigned points, struct err *err)
{
	struct db *db = table_db(queue);
	struct buf names;
	int result;

	buf_init(&names, SIZE_MAX / 2);
	result = read_names(queue, &names, err);
	if (result == 0)
		result = db_begin(db, err);
	if (result == 0) {
		result = merge_with_table(queue, &names, points, err) == 0 ? hold_dangerous(queue, err) : -1;
		if (result == 0)
			result = db_commit(db, err);
		else
			db_rollback(db);
	}
	buf_free(&names);
	return result;
}
