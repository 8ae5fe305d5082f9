#include "common/store/bin.h"

#include "common/base/log.h"
#include "common/store/mailbox.h"
#include "common/store/marks.h"
#include "common/store/transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum {
	PURGE_PAUSE = 3600, /* seconds */
	PURGE_MAX = 10000,  /* messages in one transaction, and in one go of an opening */
};

static int bin_prepare(struct mailbox *mailbox, struct db_statement *statement, const char *sql, int64_t first,
                       int64_t second, struct err *err)
{
	if (db_prepare(&mailbox->db, statement, sql, err) != 0)
		return -1;
	if (sqlite3_bind_parameter_count(statement->handle) >= 1)
		db_bind_number(statement, 1, first);
	if (sqlite3_bind_parameter_count(statement->handle) >= 2)
		db_bind_number(statement, 2, second);
	return 0;
}

static int bin_run(struct mailbox *mailbox, const char *sql, int64_t first, int64_t second, struct err *err)
{
	struct db_statement statement;
	int result;

	if (bin_prepare(mailbox, &statement, sql, first, second, err) != 0)
		return -1;
	result = db_run(&statement, err);
	db_finalize(&statement);
	return result;
}

/* What the messages and folders removed from one second on, or before one, come to. */
static int count(struct mailbox *mailbox, int64_t from, int64_t before, struct mailbox_bin *bin, struct err *err)
{
	struct db_statement query;
	int row;

	*bin = (struct mailbox_bin){0};
	if (bin_prepare(
	        mailbox, &query,
	        "SELECT total(there), total(size * there), total(NOT there), total(size * NOT there),"
	        " (SELECT count(*) FROM bin_folder WHERE time >= ?1 AND time < ?2) FROM"
	        " (SELECT folder IN (SELECT id FROM folder) AS there, size FROM bin WHERE time >= ?1 AND time < ?2)",
	        from, before, err) != 0)
		return -1;
	row = db_step(&query, err);
	if (row == 1)
		*bin = (struct mailbox_bin){db_number(&query, 0), db_number(&query, 1), db_number(&query, 2),
		                            db_number(&query, 3), db_number(&query, 4)};
	db_finalize(&query);
	return row < 0 ? -1 : 0;
}

int mailbox_bin_stat(struct mailbox *mailbox, int64_t since, struct mailbox_bin *bin, struct err *err)
{
	return mailbox_look(mailbox, err) == 0 ? count(mailbox, since, INT64_MAX, bin, err) : -1;
}

/* One transaction's worth. Returns how many messages went, -1: err. */
static int purge_some(struct mailbox *mailbox, int64_t before, struct err *err)
{
	struct err later;
	int done;

	if (db_begin(&mailbox->db, err) != 0)
		return -1;
	if (bin_run(mailbox,
	            "INSERT OR REPLACE INTO removed(folder, uid, id, fate) SELECT folder, uid, id, 0 FROM bin"
	            " WHERE time < ?1 ORDER BY time LIMIT ?2",
	            before, PURGE_MAX, err) != 0)
		goto failed;
	done = sqlite3_changes(mailbox->db.handle);
	if (bin_run(mailbox, "DELETE FROM bin WHERE (folder, uid) IN (SELECT folder, uid FROM removed WHERE fate = 0)", 0,
	            0, err) != 0 ||
	    bin_run(mailbox, "DELETE FROM bin_folder WHERE time < ?1 AND id NOT IN (SELECT folder FROM bin)", before, 0,
	            err) != 0)
		goto failed;
	/* What was kept about removed folders, to come back with them. */
	if (bin_run(mailbox, "DELETE FROM acl WHERE folder NOT IN (SELECT id FROM folder UNION SELECT id FROM bin_folder)",
	            0, 0, err) != 0 ||
	    bin_run(mailbox,
	            "DELETE FROM metadata WHERE folder NOT IN"
	            " (SELECT 0 UNION SELECT id FROM folder UNION SELECT id FROM bin_folder)",
	            0, 0, err) != 0 ||
	    bin_run(mailbox, "UPDATE mailbox SET bin_purged = unixepoch()", 0, 0, err) != 0)
		goto failed;
	if (db_commit(&mailbox->db, err) != 0 || index_sync(mailbox, err) != 0)
		return -1;
	if (done > 0)
		removed_finish(mailbox, &later); /* the next opening tries again */
	return done;

failed:
	db_rollback(&mailbox->db);
	return -1;
}

int mailbox_bin_purge(struct mailbox *mailbox, int64_t before, int wait_ms, struct mailbox_bin *purged, struct err *err)
{
	int done;

	if (mailbox_lock(mailbox, wait_ms, err) != 0)
		return -1;
	done = count(mailbox, 0, before, purged, err) == 0 ? PURGE_MAX : -1;
	while (done == PURGE_MAX)
		done = purge_some(mailbox, before, err);
	mailbox_unlock(mailbox);
	return done < 0 ? -1 : 0;
}

/* When the bin was last purged; whether there is anything to purge. */
static int look_due(struct mailbox *mailbox, int64_t now, bool *due, struct err *err)
{
	struct db_statement query;
	int row;

	if (bin_prepare(mailbox, &query,
	                "SELECT bin_purged, EXISTS (SELECT 1 FROM bin WHERE time < ?1) OR"
	                " EXISTS (SELECT 1 FROM bin_folder WHERE time < ?1) FROM mailbox",
	                now - mailbox->bin_keep, 0, err) != 0)
		return -1;
	row = db_step(&query, err);
	if (row == 1) {
		int64_t last = db_number(&query, 0);

		*due = db_number(&query, 1) != 0 && (now - last >= PURGE_PAUSE || last > now || mailbox->bin_keep == 0);
	}
	db_finalize(&query);
	return row < 0 ? -1 : 0;
}

void mailbox_set_bin(struct mailbox *mailbox, int64_t keep_seconds)
{
	int64_t now = (int64_t)time(NULL);
	bool due = false;
	struct err err;
	int result;

	mailbox->bin_keep = keep_seconds;
	result = look_due(mailbox, now, &due, &err);
	if (result == 0 && due) {
		result = mailbox_lock(mailbox, 0, &err);
		if (result == 0) {
			result = purge_some(mailbox, keep_seconds > 0 ? now - keep_seconds : INT64_MAX, &err);
			mailbox_unlock(mailbox);
		}
	}
	if (result < 0 && err.code != STORE_BUSY)
		log_warning("mailbox uid=%lld: cannot purge the recycle bin: %s", (long long)mailbox->uid, err.text);
}

/* What mailbox_undelete brings back, of one folder at a time. */
struct undelete {
	struct mailbox *mailbox;
	int64_t since, folder;
	bool unread, flagged;
	struct transfer transfer;
	struct mailbox_bin *restored;
};

/* A file that a power cut has taken (or a careless hand) must not keep the others from coming back. */
static bool has_file(const struct mailbox *mailbox, int64_t folder, uint32_t uid, struct str id)
{
	char path[FILE_PATH_MAX];

	return faccessat(mailbox->root, file_path(path, "bin", folder, uid, id), F_OK, 0) == 0 ||
	       faccessat(mailbox->root, file_path(path, "msg", folder, uid, id), F_OK, 0) == 0;
}

static int gather(struct undelete *work, struct err *err)
{
	struct mailbox *mailbox = work->mailbox;
	struct db_statement query;
	int row;

	if (bin_prepare(mailbox, &query,
	                "SELECT uid, size, internal_date, save_date, flags, keywords, id, email_id FROM bin"
	                " WHERE folder = ?1 AND time >= ?2 ORDER BY uid",
	                work->folder, work->since, err) != 0)
		return -1;
	while ((row = db_step(&query, err)) == 1) {
		struct message_row message = {.folder = work->folder,
		                              .uid = (uint32_t)db_number(&query, 0),
		                              .size = db_number(&query, 1),
		                              .internal_date = db_number(&query, 2),
		                              .save_date = db_number(&query, 3),
		                              .flags = (unsigned)db_number(&query, 4),
		                              .keywords = arena_copy(&work->transfer.arena, db_text(&query, 5)),
		                              .id = arena_copy(&work->transfer.arena, db_text(&query, 6)),
		                              .email_id = db_number(&query, 7)};

		if (has_file(mailbox, message.folder, message.uid, message.id))
			transfer_add(&work->transfer, &message);
		else
			log_warning("mailbox uid=%lld: a message of the recycle bin has no file: folder=%lld uid=%u",
			            (long long)mailbox->uid, (long long)message.folder, message.uid);
	}
	db_finalize(&query);
	return row;
}

static int restore_rows(struct undelete *work, struct err *err)
{
	struct mailbox *mailbox = work->mailbox;
	struct transfer *transfer = &work->transfer;

	for (size_t i = 0; i < transfer->count; i++) {
		const struct transfer_item *item = &transfer->items[i];
		struct message_row row = item->row;

		row.flags &= ~(unsigned)STORE_DELETED;
		if (work->unread)
			row.flags &= ~(unsigned)STORE_SEEN;
		if (work->flagged)
			row.flags |= STORE_FLAGGED;
		if (transfer_insert(transfer, item, &row, err) != 0 ||
		    removed_add(mailbox, row.folder, row.uid, row.id, REMOVED_UNLINK, err) != 0)
			return -1;
	}
	if (folder_advance(mailbox, &transfer->to, &transfer->change, err) != 0)
		return -1;
	return bin_run(mailbox, "DELETE FROM bin WHERE folder = ?1 AND time >= ?2", work->folder, work->since, err);
}

static int transfer_back(struct undelete *work, struct err *err)
{
	struct mailbox *mailbox = work->mailbox;

	if (gather(work, err) != 0)
		return -1;
	if (work->transfer.count == 0)
		return 0;
	if (transfer_link(&work->transfer, err) != 0 || db_begin(&mailbox->db, err) != 0)
		return -1;
	if (restore_rows(work, err) != 0) {
		db_rollback(&mailbox->db);
		return -1;
	}
	if (db_commit(&mailbox->db, err) != 0)
		return -1;
	return index_sync(mailbox, err);
}

/* Make a removed folder again, with what was kept about it. */
static int make_folder(struct undelete *work, struct str name, struct str use, int64_t *id, struct err *err)
{
	struct mailbox *mailbox = work->mailbox;
	struct db_statement update;
	int result;

	if (folder_create(mailbox, name, id, err) != 0)
		return -1;
	if (bin_run(mailbox, "DELETE FROM acl WHERE folder = ?1", *id, 0, err) != 0 ||
	    bin_run(mailbox, "UPDATE acl SET folder = ?1 WHERE folder = ?2", *id, work->folder, err) != 0 ||
	    bin_run(mailbox, "UPDATE metadata SET folder = ?1 WHERE folder = ?2", *id, work->folder, err) != 0 ||
	    db_prepare(&mailbox->db, &update,
	               "UPDATE folder SET special_use = ?2 WHERE id = ?1 AND ?2 NOT IN (SELECT special_use FROM folder)",
	               err) != 0)
		return -1;
	db_bind_number(&update, 1, *id);
	db_bind_text(&update, 2, use);
	result = db_run(&update, err);
	db_finalize(&update);
	return result;
}

/* The folder that takes the messages: their own, the one of its name, or it made again. */
static int find_target(struct undelete *work, int64_t *id, bool *made, struct err *err)
{
	char name[STORE_NAME_MAX + 1], use[STORE_NAME_MAX + 1] = "";
	struct mailbox_folder there;
	struct db_statement query;
	int row;

	*made = false;
	*id = work->folder;
	if (mailbox_folder(work->mailbox, work->folder, &there, err) == 0)
		return 0;
	if (err->code != ERR_NOT_FOUND ||
	    bin_prepare(work->mailbox, &query, "SELECT name, special_use FROM bin_folder WHERE id = ?1", work->folder, 0,
	                err) != 0)
		return -1;
	snprintf(name, sizeof name, "Recovered (%lld)", (long long)work->folder);
	row = db_step(&query, err);
	if (row == 1) {
		str_copy(db_text(&query, 0), name, sizeof name);
		str_copy(db_text(&query, 1), use, sizeof use);
	}
	db_finalize(&query);
	if (row < 0)
		return -1;
	if (mailbox_folder_find(work->mailbox, str_of(name), &there, err) == 0) {
		*id = there.id;
		return 0;
	}
	*made = true;
	return err->code == ERR_NOT_FOUND ? make_folder(work, str_of(name), str_of(use), id, err) : -1;
}

static int undelete_folder(struct undelete *work, struct err *err)
{
	int64_t to;
	bool made;
	int result;

	if (find_target(work, &to, &made, err) != 0)
		return -1;
	result = transfer_begin(&work->transfer, work->mailbox, to, err);
	if (result == 0)
		result = transfer_back(work, err);
	if (result == 0) {
		int64_t *messages = to != work->folder ? &work->restored->folder_messages : &work->restored->messages;
		int64_t *bytes = to != work->folder ? &work->restored->folder_bytes : &work->restored->bytes;

		*messages += work->transfer.change.messages;
		*bytes += work->transfer.change.bytes;
		work->restored->folders += made;
		/* While older messages of the folder stay in the bin, it is still known where they belong. */
		result = bin_run(work->mailbox, "DELETE FROM bin_folder WHERE id = ?1 AND id NOT IN (SELECT folder FROM bin)",
		                 work->folder, 0, err);
	}
	transfer_end(&work->transfer, true);
	return result;
}

/* The next folder above work->folder that something is to come back to: 1, 0 (none) or -1. */
static int next_folder(struct undelete *work, struct err *err)
{
	struct db_statement query;
	int row;

	if (bin_prepare(work->mailbox, &query,
	                "SELECT min(id) FROM (SELECT folder AS id FROM bin WHERE time >= ?2 UNION"
	                " SELECT id FROM bin_folder WHERE time >= ?2) WHERE id > ?1",
	                work->folder, work->since, err) != 0)
		return -1;
	row = db_step(&query, err);
	if (row == 1 && db_is_null(&query, 0))
		row = 0;
	if (row == 1)
		work->folder = db_number(&query, 0);
	db_finalize(&query);
	return row;
}

int mailbox_undelete(struct mailbox *mailbox, int64_t since, bool unread, bool flagged, int wait_ms,
                     struct mailbox_bin *restored, struct err *err)
{
	struct undelete work = {
	    .mailbox = mailbox, .since = since, .unread = unread, .flagged = flagged, .restored = restored};
	int more;

	*restored = (struct mailbox_bin){0};
	if (mailbox_lock(mailbox, wait_ms, err) != 0)
		return -1;
	while ((more = next_folder(&work, err)) == 1)
		if (undelete_folder(&work, err) != 0) {
			more = -1;
			break;
		}
	if (more == 0)
		more = index_sync(mailbox, err);
	mailbox_unlock(mailbox);
	return more;
}
