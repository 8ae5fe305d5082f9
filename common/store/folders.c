#include "common/store/folders.h"

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/store/mailbox.h"
#include "common/store/marks.h"

#include <stdio.h>
#include <time.h>

/* The folder of name ?1 and those below it; what they are called where ?2 takes the place of ?1. */
#define MOVED_FOLDERS "(name = ?1 OR substr(name, 1, length(?1) + 1) = ?1 || '/')"
#define MOVED_NAME    "?2 || substr(name, length(?1) + 1)"

static int prepare_rename(struct mailbox *mailbox, struct db_statement *statement, const char *sql, struct str old,
                          struct str new, struct err *err)
{
	if (db_prepare(&mailbox->db, statement, sql, err) != 0)
		return -1;
	db_bind_text(statement, 1, old);
	db_bind_text(statement, 2, new);
	return 0;
}

/* Would the names be free, and short enough? */
static int check_rename(struct mailbox *mailbox, struct str old, struct str new, struct err *err)
{
	struct db_statement query;
	int64_t longest = 0;
	int row;

	if (str_starts(new, old) && new.len > old.len &&new.data[old.len] == '/')
		return err_set(err, ERR_DENIED, "a folder cannot be moved into itself");
	if (str_equal_nocase(new, STR("INBOX")) || str_equal(new, old))
		return err_set(err, ERR_EXISTS, "the folder exists already");
	if (prepare_rename(mailbox, &query,
	                   "WITH moved AS (SELECT id, " MOVED_NAME " AS new_name FROM folder WHERE " MOVED_FOLDERS ")"
	                   " SELECT max(length(CAST(new_name AS BLOB))), (SELECT count(*) FROM folder WHERE name IN"
	                   " (SELECT new_name FROM moved) AND id NOT IN (SELECT id FROM moved)) FROM moved",
	                   old, new, err) != 0)
		return -1;
	row = db_step(&query, err);
	if (row == 1) {
		longest = db_number(&query, 0);
		if (db_number(&query, 1) > 0)
			row = err_set(err, ERR_EXISTS, "the folder exists already");
	}
	db_finalize(&query);
	if (row == 1 && longest > STORE_NAME_MAX)
		return err_set(err, ERR_LIMIT, "the name of a folder below would be longer than %d bytes", STORE_NAME_MAX);
	return row == 1 ? 0 : -1;
}

static int rename_locked(struct mailbox *mailbox, int64_t id, struct str new, struct err *err)
{
	struct mailbox_folder folder;
	struct db_statement update;
	struct err later;
	int result;

	if (mailbox_folder(mailbox, id, &folder, err) != 0 || check_rename(mailbox, str_of(folder.name), new, err) != 0 ||
	    prepare_rename(mailbox, &update, "UPDATE folder SET name = " MOVED_NAME " WHERE " MOVED_FOLDERS,
	                   str_of(folder.name), new, err) != 0)
		return -1;
	result = db_run(&update, err);
	db_finalize(&update);
	if (result != 0 || index_sync(mailbox, err) != 0)
		return -1;
	/* The names in the marks serve a lost index alone; the next writing of the marks takes the new ones too. */
	if (marks_write(mailbox, NULL, &later) != 0)
		log_warning("%s", later.text);
	return 0;
}

/* RFC 9051 6.3.6: what is in INBOX moves into a new folder; what is below INBOX stays. */
static int rename_inbox(struct mailbox *mailbox, struct str name, int wait_ms, struct err *err)
{
	struct store_copy move = {.from = STORE_INBOX, .move = true, .keep = true};
	struct mailbox_folder made;
	struct mailbox_list list;
	struct store_pair *pairs;
	uint32_t *uids;
	size_t copied;
	struct err later;
	int result;

	if (mailbox_folder_create(mailbox, name, wait_ms, &move.to, err) != 0)
		return -1;
	if (mailbox_list(mailbox, STORE_INBOX, &list, err) != 0)
		return -1;
	pairs = memory_get((list.count + 1) * sizeof *pairs);
	uids = memory_get((list.count + 1) * sizeof *uids);
	for (size_t i = 0; i < list.count; i++)
		uids[i] = list.messages[i].uid;
	result = mailbox_copy(mailbox, &move, uids, list.count, pairs, &copied, wait_ms, err);
	memory_free(pairs);
	memory_free(uids);
	mailbox_list_free(&list);
	/* Where only the sync has failed the messages are there. */
	if (result != 0 && (mailbox_folder(mailbox, move.to, &made, &later) != 0 ||
	                    (made.totals.messages == 0 && mailbox_folder_delete(mailbox, move.to, wait_ms, &later) != 0)))
		log_warning("%s", later.text);
	return result;
}

int mailbox_folder_rename(struct mailbox *mailbox, int64_t id, struct str name, int wait_ms, struct err *err)
{
	int result;

	if (folder_check_name(name, err) != 0)
		return -1;
	if (id == STORE_INBOX)
		return rename_inbox(mailbox, name, wait_ms, err);
	if (mailbox_lock(mailbox, wait_ms, err) != 0)
		return -1;
	result = rename_locked(mailbox, id, name, err);
	mailbox_unlock(mailbox);
	return result;
}

/* The rows of a removed folder; ?1 is its id, ?2 the time. */
static const char *const to_bin[] = {
    "INSERT OR REPLACE INTO bin SELECT folder, uid, size, internal_date, save_date, flags, keywords, id, email_id, ?2"
    " FROM message WHERE folder = ?1",
    "INSERT OR REPLACE INTO removed(folder, uid, id, fate) SELECT folder, uid, id, 1 FROM message"
    " WHERE folder = ?1 AND ?2 > 0",
    "INSERT OR REPLACE INTO bin_folder SELECT id, name, special_use, ?2 FROM folder WHERE id = ?1",
    NULL,
};

static const char *const for_good[] = {
    "INSERT OR REPLACE INTO removed(folder, uid, id, fate) SELECT folder, uid, id, 0 FROM message"
    " WHERE folder = ?1 AND ?2 = 0",
    "DELETE FROM acl WHERE folder = ?1 AND ?2 = 0",
    "DELETE FROM metadata WHERE folder = ?1 AND ?2 = 0",
    NULL,
};

static const char *const remove_rows[] = {
    "DELETE FROM cache WHERE key BETWEEN (?1 << 32) AND (?1 << 32) + 0xffffffff AND ?2 >= 0",
    "DELETE FROM block WHERE folder = ?1 AND ?2 >= 0",
    "DELETE FROM message WHERE folder = ?1 AND ?2 >= 0",
    "DELETE FROM vanished WHERE folder = ?1 AND ?2 >= 0",
    "DELETE FROM folder WHERE id = ?1 AND ?2 >= 0",
    NULL,
};

static int run_all(struct mailbox *mailbox, const char *const *statements, int64_t folder, int64_t time,
                   struct err *err)
{
	for (; *statements != NULL; statements++) {
		struct db_statement statement;
		int result;

		if (db_prepare(&mailbox->db, &statement, *statements, err) != 0)
			return -1;
		db_bind_number(&statement, 1, folder);
		db_bind_number(&statement, 2, time);
		result = db_run(&statement, err);
		db_finalize(&statement);
		if (result != 0)
			return -1;
	}
	return 0;
}

static int delete_locked(struct mailbox *mailbox, int64_t id, struct err *err)
{
	int64_t now = mailbox->bin_keep > 0 ? (int64_t)time(NULL) : 0;
	struct folder_row row;
	struct err later;

	if (folder_read(mailbox, id, &row, err) != 0 || db_begin(&mailbox->db, err) != 0)
		return -1;
	if (run_all(mailbox, now > 0 ? to_bin : for_good, id, now, err) != 0 ||
	    run_all(mailbox, remove_rows, id, now, err) != 0) {
		db_rollback(&mailbox->db);
		return -1;
	}
	if (db_commit(&mailbox->db, err) != 0 || index_sync(mailbox, err) != 0)
		return -1;
	/* It is gone; what is left of it, a line in the marks and files, the next opening removes. */
	if (marks_write(mailbox, NULL, &later) != 0 || removed_finish(mailbox, &later) != 0)
		log_warning("%s", later.text);
	return 0;
}

int mailbox_folder_delete(struct mailbox *mailbox, int64_t id, int wait_ms, struct err *err)
{
	int result;

	if (id == STORE_INBOX)
		return err_set(err, ERR_DENIED, "INBOX cannot be removed");
	if (mailbox_lock(mailbox, wait_ms, err) != 0)
		return -1;
	result = delete_locked(mailbox, id, err);
	mailbox_unlock(mailbox);
	return result;
}
