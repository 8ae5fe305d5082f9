#include "common/store/blocks.h"

#include "common/store/mailbox.h"

int mailbox_blocks_each(struct mailbox *mailbox, int64_t folder,
                        bool (*visit)(const struct mailbox_block *block, void *context), void *context, struct err *err)
{
	struct db_statement *statement = index_statement(mailbox, STATEMENT_BLOCKS, err);
	uint32_t next = 1;
	int row = 0;

	if (statement == NULL)
		return -1;
	db_bind_number(statement, 1, folder);
	while (next > 0 && (row = db_step(statement, err)) == 1) {
		struct mailbox_block block = {(uint32_t)db_number(statement, 0), (uint32_t)db_number(statement, 1),
		                              db_text(statement, 2)};

		if (block.first != next || block.last < block.first || !visit(&block, context))
			break;
		next = block.last + 1;
	}
	db_reset(statement);
	return row < 0 ? -1 : 0;
}

/* A folder that went meanwhile must leave nothing behind. 1, 0; -1: err. */
static int folder_is_there(struct mailbox *mailbox, int64_t folder, struct err *err)
{
	struct db_statement *statement = index_statement(mailbox, STATEMENT_PEEK, err);
	int row;

	if (statement == NULL)
		return -1;
	db_bind_number(statement, 1, folder);
	row = db_step(statement, err);
	db_reset(statement);
	return row;
}

static int delete_from(struct mailbox *mailbox, int64_t folder, uint32_t first, struct err *err)
{
	struct db_statement *statement = index_statement(mailbox, STATEMENT_BLOCKS_DELETE, err);

	if (statement == NULL)
		return -1;
	db_bind_number(statement, 1, folder);
	db_bind_number(statement, 2, first);
	return db_run(statement, err);
}

static int put(struct mailbox *mailbox, int64_t folder, const struct mailbox_block *block, struct err *err)
{
	struct db_statement *statement = index_statement(mailbox, STATEMENT_BLOCK_PUT, err);

	if (statement == NULL)
		return -1;
	db_bind_number(statement, 1, folder);
	db_bind_number(statement, 2, block->first);
	db_bind_number(statement, 3, block->last);
	db_bind_blob(statement, 4, block->data);
	return db_run(statement, err);
}

static int replace(struct mailbox *mailbox, int64_t folder, const struct mailbox_block *blocks, size_t count,
                   struct err *err)
{
	int there = folder_is_there(mailbox, folder, err);
	int result = there < 0 ? -1 : 0;

	if (there <= 0)
		return result;
	result = delete_from(mailbox, folder, blocks[0].first, err);
	for (size_t i = 0; i < count && result == 0; i++)
		result = put(mailbox, folder, &blocks[i], err);
	return result;
}

int mailbox_blocks_put(struct mailbox *mailbox, int64_t folder, const struct mailbox_block *blocks, size_t count,
                       struct err *err)
{
	int result;

	if (mailbox_lock_loose(mailbox, 0, err) != 0)
		return err->code == STORE_BUSY ? 0 : -1;
	result = db_begin(&mailbox->db, err);
	if (result == 0)
		result = replace(mailbox, folder, blocks, count, err);
	if (result == 0)
		result = db_commit(&mailbox->db, err);
	else
		db_rollback(&mailbox->db);
	if (result == 0 && mailbox->log_state == LOG_SYNCED)
		mailbox->log_state = LOG_LOOSE;
	mailbox_unlock(mailbox);
	return result;
}
