#include "common/store/remove.h"

#include "common/store/marks.h"

#include <time.h>

/* What happens to the messages of a list, and what came of it. */
struct removal {
	const uint32_t *uids;
	size_t count;
	bool hold;        /* instead of removing */
	bool deleted;     /* those with \Deleted alone */
	int64_t bin_time; /* 0: not to the bin */
	size_t done;
	struct folder_row row;
	struct mailbox_totals change;
	struct vanish vanish;
};

static int add_to_bin(struct mailbox *mailbox, int64_t folder, uint32_t uid, int64_t time, struct err *err)
{
	struct db_statement *statement = index_statement(mailbox, STATEMENT_ADD_BIN, err);

	if (statement == NULL)
		return -1;
	db_bind_number(statement, 1, folder);
	db_bind_number(statement, 2, uid);
	db_bind_number(statement, 3, time);
	return db_run(statement, err);
}

int remove_row(struct mailbox *mailbox, int64_t folder, uint32_t uid, struct str id, int64_t bin_time, struct err *err)
{
	struct db_statement *delete;

	if (bin_time != 0 && add_to_bin(mailbox, folder, uid, bin_time, err) != 0)
		return -1;
	if (removed_add(mailbox, folder, uid, id, bin_time != 0 ? REMOVED_TO_BIN : REMOVED_UNLINK, err) != 0 ||
	    cache_delete(mailbox, folder, uid, err) != 0)
		return -1;
	delete = index_statement(mailbox, STATEMENT_DELETE_MESSAGE, err);
	if (delete == NULL)
		return -1;
	db_bind_number(delete, 1, folder);
	db_bind_number(delete, 2, uid);
	return db_run(delete, err);
}

static int hold_row(struct mailbox *mailbox, int64_t folder, uint32_t uid, int64_t modseq, struct err *err)
{
	struct db_statement *statement = index_statement(mailbox, STATEMENT_HOLD_MESSAGE, err);

	if (statement == NULL)
		return -1;
	db_bind_number(statement, 1, folder);
	db_bind_number(statement, 2, uid);
	db_bind_number(statement, 3, modseq);
	return db_run(statement, err);
}

static int remove_one(struct mailbox *mailbox, struct removal *removal, uint32_t uid, struct err *err)
{
	struct db_statement *statement = index_statement(mailbox, STATEMENT_MESSAGE, err);
	char id[STORE_ID_MAX + 1];
	unsigned flags;
	int64_t size;
	bool held;
	int row;

	if (statement == NULL)
		return -1;
	db_bind_number(statement, 1, removal->row.id);
	db_bind_number(statement, 2, uid);
	row = db_step(statement, err);
	if (row <= 0)
		return row;
	str_copy(db_text(statement, 0), id, sizeof id);
	size = db_number(statement, 1);
	held = db_number(statement, 2) != 0;
	flags = (unsigned)db_number(statement, 3);
	db_reset(statement);
	if ((removal->hold && held) || (removal->deleted && (held || (flags & STORE_DELETED) == 0)))
		return 0;
	removal->done++;
	totals_count(&removal->change, -1, flags, held, size);
	if (removal->hold)
		totals_count(&removal->change, 1, flags, true, size);
	if (!held && vanish_add(&removal->vanish, uid, err) != 0)
		return -1;
	return removal->hold ? hold_row(mailbox, removal->row.id, uid, removal->row.modseq, err)
	                     : remove_row(mailbox, removal->row.id, uid, str_of(id), removal->bin_time, err);
}

static int remove_all(struct mailbox *mailbox, struct removal *removal, struct err *err)
{
	if (folder_read(mailbox, removal->row.id, &removal->row, err) != 0)
		return -1;
	removal->row.modseq++;
	removal->vanish = (struct vanish){.mailbox = mailbox, .row = &removal->row};
	if (marks_reserve(mailbox, &removal->row, removal->row.uidnext - 1, err) != 0 || db_begin(&mailbox->db, err) != 0)
		return -1;
	for (size_t i = 0; i < removal->count; i++)
		if (remove_one(mailbox, removal, removal->uids[i], err) != 0)
			goto failed;
	if (removal->done == 0) {
		db_rollback(&mailbox->db);
		return 0;
	}
	if (vanish_end(&removal->vanish, err) != 0 || folder_advance(mailbox, &removal->row, &removal->change, err) != 0)
		goto failed;
	if (db_commit(&mailbox->db, err) != 0)
		return -1;
	mailbox->log_state = LOG_UNSYNCED;
	if (!removal->hold)
		removed_defer(mailbox, removal->done);
	return 0;

failed:
	db_rollback(&mailbox->db);
	return -1;
}

static int run(struct mailbox *mailbox, struct removal *removal, int wait_ms, size_t *done_out, struct err *err)
{
	int result;

	if (done_out != NULL)
		*done_out = 0;
	if (mailbox_lock(mailbox, wait_ms, err) != 0)
		return -1;
	result = remove_all(mailbox, removal, err);
	mailbox_unlock(mailbox);
	if (result == 0 && removal->done > 0)
		result = index_sync_late(mailbox, err);
	if (result == 0 && done_out != NULL)
		*done_out = removal->done;
	return result;
}

static int64_t bin_time(const struct mailbox *mailbox)
{
	return mailbox->bin_keep > 0 ? (int64_t)time(NULL) : 0;
}

int mailbox_expunge(struct mailbox *mailbox, int64_t folder, const uint32_t *uids, size_t count, int wait_ms,
                    size_t *removed_out, struct err *err)
{
	struct removal removal = {.row.id = folder, .uids = uids, .count = count, .bin_time = bin_time(mailbox)};

	return run(mailbox, &removal, wait_ms, removed_out, err);
}

int mailbox_expunge_deleted(struct mailbox *mailbox, int64_t folder, const uint32_t *uids, size_t count, int wait_ms,
                            struct err *err)
{
	struct removal removal = {
	    .row.id = folder, .uids = uids, .count = count, .deleted = true, .bin_time = bin_time(mailbox)};

	return run(mailbox, &removal, wait_ms, NULL, err);
}

int mailbox_hold(struct mailbox *mailbox, int64_t folder, const uint32_t *uids, size_t count, int wait_ms,
                 size_t *held_out, struct err *err)
{
	struct removal removal = {.row.id = folder, .uids = uids, .count = count, .hold = true};

	return run(mailbox, &removal, wait_ms, held_out, err);
}
