/*
 * store/removed: the files of rows that are gone: unlinked, or moved to the recycle bin.
 *
 * What is to happen stands in table removed, committed with the loss of the row; that is on disk before a file goes.
 * Here it is done, for many files at once, by a process that removed rows when its client is silent or gone, or by the
 * one that opens the mailbox next. Until then, and in the recycle bin, a session that was not told of the loss can read
 * the message (RFC 2180 4.1).
 */
#include "common/store/mailbox.h"

#include "common/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { UNFINISHED_MAX = 512 }; /* files that may wait for a quiet moment */

int removed_add(struct mailbox *mailbox, int64_t folder, uint32_t uid, struct str id, enum removed_fate fate,
                struct err *err)
{
	struct db_statement *statement = index_statement(mailbox, STATEMENT_ADD_REMOVED, err);

	if (statement == NULL)
		return -1;
	db_bind_number(statement, 1, folder);
	db_bind_number(statement, 2, uid);
	db_bind_text(statement, 3, id);
	db_bind_number(statement, 4, fate);
	return db_run(statement, err);
}

/* Where the last file was: what is empty behind it is removed when the work moves on. */
struct removing {
	struct mailbox *mailbox;
	int64_t folder;
	uint32_t bucket;
	bool begun, keep_bucket;
	bool folder_gone; /* the folder itself was removed */
};

static void remove_empty(const struct removing *work)
{
	static const char *const places[] = {"msg", "bin"};
	char path[FOLDER_PATH_MAX];

	for (size_t i = 0; i < sizeof places / sizeof places[0] && work->begun; i++) {
		if (work->keep_bucket && i == 0)
			continue;
		snprintf(path, sizeof path, "%s/%lld/%u", places[i], (long long)work->folder, work->bucket);
		unlinkat(work->mailbox->root, path, AT_REMOVEDIR);
		snprintf(path, sizeof path, "%s/%lld", places[i], (long long)work->folder);
		if (work->folder_gone || i == 1)
			unlinkat(work->mailbox->root, path, AT_REMOVEDIR);
	}
}

/* Rename a file from msg/ to bin/; the folders there are made when the first one comes. */
static int move_to_bin(struct mailbox *mailbox, int64_t folder, uint32_t uid, struct str id, struct err *err)
{
	char from[FILE_PATH_MAX], to[FILE_PATH_MAX], above[FOLDER_PATH_MAX];
	int result;

	file_path(from, "msg", folder, uid, id);
	file_path(to, "bin", folder, uid, id);
	result = renameat(mailbox->root, from, mailbox->root, to);
	if (result == 0 || errno != ENOENT)
		return result == 0 ? 0 : err_system(err, "cannot rename %s/%s", mailbox->path, from);
	mkdirat(mailbox->root, "bin", 0700);
	snprintf(above, sizeof above, "bin/%lld", (long long)folder);
	mkdirat(mailbox->root, above, 0700);
	snprintf(above, sizeof above, "bin/%lld/%u", (long long)folder, uid / BUCKET_SIZE);
	if (mkdirat(mailbox->root, above, 0700) != 0 && errno != EEXIST)
		return err_system(err, "cannot make %s/%s", mailbox->path, above);
	/* Done before a crash, where there is nothing to rename. */
	if (renameat(mailbox->root, from, mailbox->root, to) != 0 && errno != ENOENT)
		return err_system(err, "cannot rename %s/%s", mailbox->path, from);
	return 0;
}

static int unlink_both(struct mailbox *mailbox, int64_t folder, uint32_t uid, struct str id, struct err *err)
{
	static const char *const places[] = {"msg", "bin"};
	char path[FILE_PATH_MAX];

	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
		if (unlinkat(mailbox->root, file_path(path, places[i], folder, uid, id), 0) != 0 && errno != ENOENT)
			return err_system(err, "cannot remove %s/%s", mailbox->path, path);
	return 0;
}

/* Columns: folder, uid, id, fate, the folder's uidnext or 0. */
static int finish_file(struct removing *work, const struct db_statement *row, struct err *err)
{
	int64_t folder = db_number(row, 0), uidnext = db_number(row, 4);
	uint32_t uid = (uint32_t)db_number(row, 1);
	struct str id = db_text(row, 2);

	if (!work->begun || work->folder != folder || work->bucket != uid / BUCKET_SIZE) {
		remove_empty(work);
		work->begun = true;
		work->folder = folder;
		work->bucket = uid / BUCKET_SIZE;
		work->folder_gone = uidnext == 0;
		work->keep_bucket = uidnext / BUCKET_SIZE == work->bucket && uidnext > 0; /* new messages go there */
	}
	return db_number(row, 3) == REMOVED_TO_BIN ? move_to_bin(work->mailbox, folder, uid, id, err)
	                                           : unlink_both(work->mailbox, folder, uid, id, err);
}

/* What `removed` lists may be of another process, that has not synced it yet: what this one knows of the log says
 * little. */
static int sync_loss(struct mailbox *mailbox, struct err *err)
{
	return mailbox->log_state == LOG_DOUBTFUL ? index_settle(mailbox, err) : index_sync(mailbox, err);
}

int removed_finish(struct mailbox *mailbox, struct err *err)
{
	struct removing work = {.mailbox = mailbox};
	struct db_statement query;
	int row;

	if (db_prepare(&mailbox->db, &query,
	               "SELECT removed.folder, uid, removed.id, fate, ifnull(uidnext, 0) FROM removed"
	               " LEFT JOIN folder ON folder.id = removed.folder ORDER BY removed.folder, uid",
	               err) != 0)
		return -1;
	row = db_step(&query, err);
	if (row == 1 && sync_loss(mailbox, err) != 0)
		row = -1;
	while (row == 1)
		row = finish_file(&work, &query, err) == 0 ? db_step(&query, err) : -1;
	remove_empty(&work);
	db_finalize(&query);
	if (row != 0)
		return -1;
	mailbox->unfinished = 0;
	if (!work.begun)
		return 0;
	/* Not synced: after a power cut the files are looked for once more. */
	mailbox->log_state = LOG_LOOSE;
	return db_exec(&mailbox->db, "DELETE FROM removed", err);
}

void removed_defer(struct mailbox *mailbox, size_t count)
{
	struct err err;

	mailbox->unfinished += count;
	if (mailbox->unfinished >= UNFINISHED_MAX && removed_finish(mailbox, &err) != 0)
		log_warning("mailbox uid=%lld: files of removed messages wait: %s", (long long)mailbox->uid, err.text);
}

void removed_rest(struct mailbox *mailbox, int wait_ms)
{
	struct err err;
	int result;

	if (mailbox->unfinished == 0)
		return;
	result = mailbox_lock(mailbox, wait_ms, &err);
	if (result == 0) {
		result = removed_finish(mailbox, &err);
		mailbox_unlock(mailbox);
	}
	if (result != 0 && err.code != STORE_BUSY)
		log_warning("mailbox uid=%lld: files of removed messages wait: %s", (long long)mailbox->uid, err.text);
}
