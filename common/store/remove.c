#include "common/store/mailbox.h"
#include "common/store/marks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* What happens to the messages of a list, and what came of it. */
struct removal {
	int64_t folder;
	const uint32_t *uids;
	size_t count;
	bool hold; /* instead of removing */
	size_t done;
	struct mailbox_totals change;
};

static int delete_row(struct mailbox *mailbox, int64_t folder, uint32_t uid, struct str id, struct err *err)
{
	struct db_statement *add = index_statement(mailbox, STATEMENT_ADD_REMOVED, err);
	struct db_statement *delete = index_statement(mailbox, STATEMENT_DELETE_MESSAGE, err);

	if (add == NULL || delete == NULL)
		return -1;
	db_bind_number(add, 1, folder);
	db_bind_number(add, 2, uid);
	db_bind_text(add, 3, id);
	db_bind_number(delete, 1, folder);
	db_bind_number(delete, 2, uid);
	return db_run(add, err) == 0 && db_run(delete, err) == 0 ? 0 : -1;
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

static int remove_row(struct mailbox *mailbox, struct removal *removal, uint32_t uid, int64_t modseq, struct err *err)
{
	struct db_statement *statement = index_statement(mailbox, STATEMENT_MESSAGE, err);
	char id[STORE_ID_MAX + 1];
	int64_t size;
	bool held;
	int row;

	if (statement == NULL)
		return -1;
	db_bind_number(statement, 1, removal->folder);
	db_bind_number(statement, 2, uid);
	row = db_step(statement, err);
	if (row <= 0)
		return row;
	str_copy(db_text(statement, 0), id, sizeof id);
	size = db_number(statement, 1);
	held = db_number(statement, 2) != 0;
	db_reset(statement);
	if (removal->hold && held)
		return 0;
	removal->done++;
	*(held ? &removal->change.held_messages : &removal->change.messages) -= 1;
	*(held ? &removal->change.held_bytes : &removal->change.bytes) -= size;
	if (!removal->hold)
		return delete_row(mailbox, removal->folder, uid, str_of(id), err);
	removal->change.held_messages++;
	removal->change.held_bytes += size;
	return hold_row(mailbox, removal->folder, uid, modseq, err);
}

static int remove_rows(struct mailbox *mailbox, struct removal *removal, struct err *err)
{
	struct folder_row row;

	if (folder_read(mailbox, removal->folder, &row, err) != 0)
		return -1;
	row.modseq++;
	if (marks_reserve(mailbox, &row, row.uidnext - 1, err) != 0 || db_begin(&mailbox->db, err) != 0)
		return -1;
	for (size_t i = 0; i < removal->count; i++)
		if (remove_row(mailbox, removal, removal->uids[i], row.modseq, err) != 0)
			goto failed;
	if (folder_advance(mailbox, &row, &removal->change, err) != 0)
		goto failed;
	return db_commit(&mailbox->db, err);

failed:
	db_rollback(&mailbox->db);
	return -1;
}

static int unlink_file(struct mailbox *mailbox, const char *bucket, const struct db_statement *row, struct err *err)
{
	char name[FILE_NAME_MAX], path[FOLDER_PATH_MAX + FILE_NAME_MAX];

	snprintf(path, sizeof path, "%s/%s", bucket, file_name(name, (uint32_t)db_number(row, 1), db_text(row, 2)));
	if (unlinkat(mailbox->root, path, 0) != 0 && errno != ENOENT)
		return err_system(err, "cannot remove %s/%s", mailbox->path, path);
	return 0;
}

/* Unlink all that `removed` lists, and each bucket that is empty then, but for the one that new messages go to. */
static int unlink_files(struct mailbox *mailbox, struct db_statement *query, bool *some, struct err *err)
{
	char last[FOLDER_PATH_MAX] = "", bucket[FOLDER_PATH_MAX];
	int row;

	while ((row = db_step(query, err)) == 1) {
		uint32_t uid = (uint32_t)db_number(query, 1);

		*some = true;
		file_bucket(bucket, db_number(query, 0), uid);
		if (last[0] != '\0' && strcmp(last, bucket) != 0)
			unlinkat(mailbox->root, last, AT_REMOVEDIR);
		if (unlink_file(mailbox, bucket, query, err) != 0)
			return -1;
		str_copy(uid / BUCKET_SIZE != db_number(query, 3) / BUCKET_SIZE ? str_of(bucket) : STR(""), last, sizeof last);
	}
	if (last[0] != '\0')
		unlinkat(mailbox->root, last, AT_REMOVEDIR);
	return row;
}

int message_finish_removal(struct mailbox *mailbox, struct err *err)
{
	struct db_statement query;
	bool some = false;
	int result;

	if (db_prepare(&mailbox->db, &query,
	               "SELECT removed.folder, uid, removed.id, ifnull(uidnext, 0) FROM removed"
	               " LEFT JOIN folder ON folder.id = removed.folder ORDER BY removed.folder, uid",
	               err) != 0)
		return -1;
	result = unlink_files(mailbox, &query, &some, err);
	db_finalize(&query);
	/* Not synced: after a power cut the files are looked for once more. */
	if (result == 0 && some)
		result = db_exec(&mailbox->db, "DELETE FROM removed", err);
	return result;
}

static int run(struct mailbox *mailbox, struct removal *removal, int wait_ms, size_t *done_out, struct err *err)
{
	struct err later;
	int result;

	if (done_out != NULL)
		*done_out = 0;
	if (mailbox_lock(mailbox, wait_ms, err) != 0)
		return -1;
	result = remove_rows(mailbox, removal, err);
	if (result == 0)
		result = index_sync(mailbox, err);
	/* The messages are gone whether or not their files can be unlinked now; the next opening tries again. */
	if (result == 0 && !removal->hold)
		message_finish_removal(mailbox, &later);
	mailbox_unlock(mailbox);
	if (result == 0 && done_out != NULL)
		*done_out = removal->done;
	return result;
}

int mailbox_expunge(struct mailbox *mailbox, int64_t folder, const uint32_t *uids, size_t count, int wait_ms,
                    size_t *removed_out, struct err *err)
{
	struct removal removal = {.folder = folder, .uids = uids, .count = count};

	return run(mailbox, &removal, wait_ms, removed_out, err);
}

int mailbox_hold(struct mailbox *mailbox, int64_t folder, const uint32_t *uids, size_t count, int wait_ms,
                 size_t *held_out, struct err *err)
{
	struct removal removal = {.folder = folder, .uids = uids, .count = count, .hold = true};

	return run(mailbox, &removal, wait_ms, held_out, err);
}
