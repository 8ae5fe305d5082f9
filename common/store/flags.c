#include "common/store/backup.h"
#include "common/store/marks.h"

enum { SYNC_WAIT_MS = 20000 };

/* A call of mailbox_store. */
struct flagging {
	const struct store_change *change;
	struct folder_row row;
	struct mailbox_totals totals;
	struct buf wanted, keywords; /* the change's keywords, and those of one message */
	uint32_t *failed;
	size_t failed_count, changed;
};

static unsigned change_flags(unsigned flags, const struct store_change *change)
{
	switch (change->how) {
	case STORE_ADD:
		return flags | change->flags;
	case STORE_TAKE:
		return flags & ~change->flags;
	default:
		return change->flags;
	}
}

static int write_flags(struct mailbox *mailbox, struct flagging *work, uint32_t uid, unsigned flags, struct err *err)
{
	struct db_statement *statement = index_statement(mailbox, STATEMENT_SET_FLAGS, err);

	if (statement == NULL)
		return -1;
	db_bind_number(statement, 1, work->row.id);
	db_bind_number(statement, 2, uid);
	db_bind_number(statement, 3, flags);
	db_bind_number(statement, 4, work->row.modseq);
	db_bind_text(statement, 5, buf_str(&work->keywords));
	work->changed++;
	return db_run(statement, err);
}

static int flag_message(struct mailbox *mailbox, struct flagging *work, uint32_t uid, struct err *err)
{
	struct db_statement *statement = index_statement(mailbox, STATEMENT_FLAGS, err);
	const struct store_change *change = work->change;
	unsigned before, after;
	int64_t size;
	bool same;
	int row;

	if (statement == NULL)
		return -1;
	db_bind_number(statement, 1, work->row.id);
	db_bind_number(statement, 2, uid);
	row = db_step(statement, err);
	if (row != 1)
		return row;
	if (change->unchanged_since >= 0 && db_number(statement, 1) > change->unchanged_since) {
		work->failed[work->failed_count++] = uid;
		db_reset(statement);
		return 0;
	}
	before = (unsigned)db_number(statement, 0);
	size = db_number(statement, 2);
	after = (change_flags(before, change) & ~change->closed) | (before & change->closed);
	buf_reset(&work->keywords);
	row = change->closed_keywords
	          ? buf_add_str(&work->keywords, db_text(statement, 3))
	          : keywords_merge(db_text(statement, 3), change->how, buf_str(&work->wanted), &work->keywords, err);
	same = before == after && str_equal(db_text(statement, 3), buf_str(&work->keywords));
	db_reset(statement);
	if (row != 0 || same)
		return row;
	totals_count(&work->totals, -1, before, false, size);
	totals_count(&work->totals, 1, after, false, size);
	return write_flags(mailbox, work, uid, after, err);
}

static int flag_messages(struct mailbox *mailbox, struct flagging *work, const uint32_t *uids, size_t count,
                         struct err *err)
{
	if (keywords_sort(work->change->keywords, &work->wanted, err) != 0 ||
	    folder_read(mailbox, work->row.id, &work->row, err) != 0)
		return -1;
	work->row.modseq++;
	if (marks_reserve(mailbox, &work->row, work->row.uidnext - 1, err) != 0 || db_begin(&mailbox->db, err) != 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (flag_message(mailbox, work, uids[i], err) != 0)
			goto failed;
	if (work->changed == 0) {
		db_rollback(&mailbox->db);
		return 0;
	}
	if (folder_advance(mailbox, &work->row, &work->totals, err) != 0)
		goto failed;
	if (db_commit(&mailbox->db, err) != 0)
		return -1;
	if (mailbox->log_state == LOG_SYNCED)
		mailbox->log_state = LOG_LOOSE;
	mailbox->flags_changed = true;
	return 0;

failed:
	db_rollback(&mailbox->db);
	return -1;
}

int mailbox_store(struct mailbox *mailbox, int64_t folder, const uint32_t *uids, size_t count,
                  const struct store_change *change, uint32_t *failed, size_t *failed_count, int wait_ms,
                  struct err *err)
{
	struct flagging work = {.change = change, .row.id = folder, .failed = failed};
	int result;

	if (failed_count != NULL)
		*failed_count = 0;
	if (mailbox_lock_loose(mailbox, wait_ms, err) != 0)
		return -1;
	buf_init(&work.wanted, STORE_KEYWORDS_MAX);
	buf_init(&work.keywords, STORE_KEYWORDS_MAX);
	result = flag_messages(mailbox, &work, uids, count, err);
	mailbox_unlock(mailbox);
	buf_free(&work.wanted);
	buf_free(&work.keywords);
	if (result == 0 && failed_count != NULL)
		*failed_count = work.failed_count;
	return result;
}

int mailbox_mark_recent(struct mailbox *mailbox, int64_t folder, uint32_t uidnext, int wait_ms, struct err *err)
{
	struct db_statement *statement;
	int result = -1;

	if (mailbox_lock_loose(mailbox, wait_ms, err) != 0)
		return -1;
	statement = index_statement(mailbox, STATEMENT_MARK_RECENT, err);
	if (statement != NULL) {
		db_bind_number(statement, 1, folder);
		db_bind_number(statement, 2, uidnext);
		result = db_run(statement, err);
		if (mailbox->log_state == LOG_SYNCED)
			mailbox->log_state = LOG_LOOSE;
	}
	mailbox_unlock(mailbox);
	return result;
}

int mailbox_sync(struct mailbox *mailbox, struct err *err)
{
	int result;

	if (mailbox->log_state == LOG_SYNCED)
		return 0;
	if (mailbox->log_state != LOG_DOUBTFUL)
		return index_sync(mailbox, err);
	result = mailbox_lock(mailbox, SYNC_WAIT_MS, err);
	if (result == 0)
		mailbox_unlock(mailbox);
	return result;
}

void mailbox_idle(struct mailbox *mailbox)
{
	if (mailbox->db.handle != NULL) {
		removed_rest(mailbox, 0);
		backup_if_due(mailbox);
	}
	index_finalize(mailbox);
	if (mailbox->db.handle != NULL)
		sqlite3_db_release_memory(mailbox->db.handle);
	names_free(mailbox);
}
