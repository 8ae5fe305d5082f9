#include "queue-manager/queue.h"

#include "common/base/log.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { FILES_PER_TURN = 30 };

void doom_begin(struct queue *queue)
{
	queue->doomed = true;
	queue->doomed_after = 0;
	queue->turn_again = true;
}

/* The row follows once the folder is synced; it is passed over meanwhile. */
static void remove_file(struct queue *queue, const char *id, int64_t row)
{
	if (unlinkat(queue->active_folder, id, 0) == 0)
		log_info("id=%s deleted by an administrator", id);
	else if (errno != ENOENT) {
		log_error("id=%s cannot be removed: %s", id, strerror(errno));
		return;
	}
	forms_remove(queue, id);
	message_left_active(queue, id);
	table_forget(queue, row);
}

void doom_turn(struct queue *queue)
{
	struct db_statement statement;
	int count = 0;

	if (!queue->doomed)
		return;
	if (db_prepare(table_db(queue), &statement,
	               "SELECT key, id FROM message WHERE held = 2 AND key > ?1 ORDER BY key LIMIT ?2", NULL) != 0)
		return;
	db_bind_number(&statement, 1, queue->doomed_after);
	db_bind_number(&statement, 2, FILES_PER_TURN);
	while (db_step(&statement, NULL) == 1) {
		char id[SPOOL_ID_MAX];

		str_copy(db_text(&statement, 1), id, sizeof id);
		queue->doomed_after = db_number(&statement, 0);
		remove_file(queue, id, queue->doomed_after);
		count++;
	}
	db_finalize(&statement);
	queue->doomed = count == FILES_PER_TURN;
	queue->turn_again |= queue->doomed;
}
