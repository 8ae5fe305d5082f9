#include "common/store/mailbox.h"

/* The rowid of a blob: neighbours in a folder are neighbours in the table. */
static int64_t key_of(int64_t folder, uint32_t uid)
{
	return (folder << 32) | uid;
}

int mailbox_cache_each(struct mailbox *mailbox, int64_t folder, const uint32_t *uids, size_t count,
                       void (*visit)(uint32_t uid, struct str blob, void *context), void *context, struct err *err)
{
	struct db_statement *statement = index_statement(mailbox, STATEMENT_CACHE_GET, err);
	int row = 0;

	/* One transaction: each step would lock and unlock otherwise. */
	if (statement == NULL || db_exec(&mailbox->db, "BEGIN", err) != 0)
		return -1;
	for (size_t i = 0; i < count && row >= 0; i++) {
		db_bind_number(statement, 1, key_of(folder, uids[i]));
		row = db_step(statement, err);
		if (row == 1)
			visit(uids[i], db_text(statement, 0), context);
		db_reset(statement);
	}
	db_rollback(&mailbox->db);
	return row < 0 ? -1 : 0;
}

/* A message that went meanwhile must leave nothing behind. */
static int is_there(struct mailbox *mailbox, int64_t folder, uint32_t uid, struct err *err)
{
	struct db_statement *statement = index_statement(mailbox, STATEMENT_MESSAGE, err);
	int row;

	if (statement == NULL)
		return -1;
	db_bind_number(statement, 1, folder);
	db_bind_number(statement, 2, uid);
	row = db_step(statement, err);
	if (row == 1)
		db_reset(statement);
	return row;
}

static int put(struct mailbox *mailbox, int64_t folder, const struct mailbox_cached *cached, struct err *err)
{
	struct db_statement *statement;
	int there;

	if (cached->blob.len > STORE_CACHE_MAX)
		return 0;
	there = is_there(mailbox, folder, cached->uid, err);
	if (there <= 0)
		return there;
	statement = index_statement(mailbox, STATEMENT_CACHE_PUT, err);
	if (statement == NULL)
		return -1;
	db_bind_number(statement, 1, key_of(folder, cached->uid));
	db_bind_blob(statement, 2, cached->blob);
	return db_run(statement, err);
}

int mailbox_cache_put(struct mailbox *mailbox, int64_t folder, const struct mailbox_cached *cached, size_t count,
                      struct err *err)
{
	int result;

	if (mailbox_lock_loose(mailbox, 0, err) != 0)
		return err->code == STORE_BUSY ? 0 : -1;
	result = db_begin(&mailbox->db, err);
	for (size_t i = 0; i < count && result == 0; i++)
		result = put(mailbox, folder, &cached[i], err);
	if (result == 0)
		result = db_commit(&mailbox->db, err);
	else
		db_rollback(&mailbox->db);
	if (result == 0 && mailbox->log_state == LOG_SYNCED)
		mailbox->log_state = LOG_LOOSE;
	mailbox_unlock(mailbox);
	return result;
}

int cache_delete(struct mailbox *mailbox, int64_t folder, uint32_t uid, struct err *err)
{
	struct db_statement *statement = index_statement(mailbox, STATEMENT_CACHE_DELETE, err);

	if (statement == NULL)
		return -1;
	db_bind_number(statement, 1, key_of(folder, uid));
	return db_run(statement, err);
}

int cache_copy(struct mailbox *mailbox, int64_t from, uint32_t from_uid, int64_t to, uint32_t to_uid, struct err *err)
{
	struct db_statement *statement = index_statement(mailbox, STATEMENT_CACHE_COPY, err);

	if (statement == NULL)
		return -1;
	db_bind_number(statement, 1, key_of(from, from_uid));
	db_bind_number(statement, 2, key_of(to, to_uid));
	return db_run(statement, err);
}
