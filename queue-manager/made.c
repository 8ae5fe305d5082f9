#include "queue-manager/queue.h"

#include "common/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Who makes mail out of messages, and which of the message's deliveries may make it again. ?2 is the number that the
 * step names (a user), 0 where it names none; what is not resolved yet may lead to anybody. NULL: it is made of
 * no message, or its maker keeps an account and puts into new/ only what is in it.
 */
static const struct maker {
	const char *drop;
	const char *open;
} makers[] = {
    {"queue-manager", "report <> 0 AND ?2 >= 0"},
    {"deliver", "state <= 1 AND (kind = 0 OR kind = 1 AND ?2 IN (0, uid))"},
    {"filterd", "(SELECT prepared FROM message WHERE key = message) = 0 AND ?2 >= 0"},
    {"listd", NULL},
    {"reporter", NULL},
};

static const struct maker *maker_find(const char *drop)
{
	for (size_t i = 0; i < sizeof makers / sizeof makers[0]; i++)
		if (strcmp(makers[i].drop, drop) == 0)
			return &makers[i];
	return NULL;
}

bool made_by_us(struct str producer)
{
	for (size_t i = 0; i < sizeof makers / sizeof makers[0]; i++)
		if (str_equal(producer, str_of(makers[i].drop)))
			return true;
	return false;
}

/* "<id>/<step>[/<number>[/...]]" */
static bool read_parent(struct str parent, char id[SPOOL_ID_MAX], int64_t *number)
{
	struct str rest = parent, name = str_cut(&rest, '/');
	uint64_t value = 0;

	str_cut(&rest, '/');
	if (rest.data != NULL && !str_to_u64(str_cut(&rest, '/'), INT64_MAX, &value))
		value = 0;
	*number = (int64_t)value;
	return spool_id_is_valid(name) && str_copy(name, id, SPOOL_ID_MAX);
}

/* Is the file of that message gone for good? 1, 0, or -1: the folder cannot be synced now. */
static int is_gone(struct queue *queue, const char *id)
{
	struct stat status;

	if (fstatat(queue->active_folder, id, &status, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT)
		return 0;
	if (queue->removals_unsynced && fsync(queue->active_folder) != 0) {
		log_error("cannot sync spool/active: %s", strerror(errno));
		return -1;
	}
	queue->removals_unsynced = false;
	return 1;
}

/* Does the table know each of its deliveries, and that none of those is open? */
static bool is_closed(struct queue *queue, const struct maker *maker, const char *id, int64_t number)
{
	struct db_statement statement;
	char sql[400];
	bool closed = false;

	snprintf(sql, sizeof sql,
	         "SELECT count(*), coalesce(sum(%s), 0) FROM delivery WHERE message = (SELECT key FROM message WHERE id = "
	         "?1)",
	         maker->open);
	if (db_prepare(table_db(queue), &statement, sql, NULL) != 0)
		return false;
	db_bind_text(&statement, 1, str_of(id));
	db_bind_number(&statement, 2, number);
	if (db_step(&statement, NULL) == 1)
		closed = db_number(&statement, 0) > 0 && db_number(&statement, 1) == 0;
	db_finalize(&statement);
	return closed;
}

/* So that its end, or what is written of it, makes us look at the drops again. */
static void await(struct queue *queue, const char *id)
{
	for (unsigned i = 0; i < queue->awaited_count; i++)
		if (strcmp(queue->awaited[i], id) == 0)
			return;
	if (queue->awaited_count < QUEUE_AWAITED_MAX)
		memcpy(queue->awaited[queue->awaited_count++], id, SPOOL_ID_MAX);
	else
		queue->awaits_more = true;
}

bool made_is_settled(struct queue *queue, const struct drop *drop, struct str parent)
{
	const struct maker *maker = maker_find(drop->name);
	char id[SPOOL_ID_MAX] = {0};
	int64_t number;
	int gone;

	if (maker == NULL || maker->open == NULL || !read_parent(parent, id, &number))
		return true; /* of nobody who could make it again */
	gone = is_gone(queue, id);
	if (gone == 1 || (gone == 0 && is_closed(queue, maker, id, number)))
		return true;
	await(queue, id);
	return false;
}

void made_parent_changed(struct queue *queue, const char *id)
{
	unsigned i = 0;

	while (i < queue->awaited_count && strcmp(queue->awaited[i], id) != 0)
		i++;
	if (i == queue->awaited_count && !queue->awaits_more)
		return;
	if (i < queue->awaited_count)
		memcpy(queue->awaited[i], queue->awaited[--queue->awaited_count], SPOOL_ID_MAX);
	queue->awaits_more = false;
	intake_look_again(queue);
}
