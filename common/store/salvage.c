#include "common/store/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct table {
	const char *query, *change;
	int columns;
};

static const struct table tables[] = {
    {"SELECT id, special_use, recent FROM folder",
     "UPDATE folder SET special_use = ?2, recent = max(recent, ?3) WHERE id = ?1", 3},
    {"SELECT folder, uid, id, flags, keywords, internal_date, save_date, held FROM message",
     "UPDATE message SET flags = ?4, keywords = ?5, internal_date = ?6, save_date = ?7, held = ?8"
     " WHERE folder = ?1 AND uid = ?2 AND id = ?3",
     8},
    {"SELECT folder, uid, id, email_id FROM message",
     "UPDATE message SET email_id = ?4 WHERE folder = ?1 AND uid = ?2 AND id = ?3", 4},
    {"SELECT id, time FROM delivered", "INSERT OR IGNORE INTO delivered VALUES(?, ?)", 2},
    {"SELECT name FROM subscription", "INSERT OR IGNORE INTO subscription VALUES(?)", 1},
    {"SELECT folder, identifier, rights FROM acl", "INSERT OR REPLACE INTO acl VALUES(?, ?, ?)", 3},
    {"SELECT folder, entry, value FROM metadata", "INSERT OR REPLACE INTO metadata VALUES(?, ?, ?)", 3},
    {"SELECT folder, uid, size, internal_date, save_date, flags, keywords, id, email_id, time FROM bin",
     "INSERT OR REPLACE INTO bin VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", 10},
    {"SELECT id, name, special_use, time FROM bin_folder",
     "INSERT OR REPLACE INTO bin_folder SELECT ?1, ?2, ?3, ?4 WHERE ?1 NOT IN (SELECT id FROM folder)", 4},
};

/*
 * Files in msg/ that are messages no more. In an index that is damaged that is not believed so far that one would be
 * unlinked for it: all go to the bin.
 */
static const struct table removed = {"SELECT folder, uid, id FROM removed WHERE folder > 0 AND uid BETWEEN 1 AND"
                                     " 0xffffffff AND length(id) < 64 AND id NOT GLOB '*[^A-Za-z0-9-]*'",
                                     "INSERT OR REPLACE INTO removed(folder, uid, id, fate) VALUES(?, ?, ?, 1)", 3};

static int copy_row(struct db_statement *from, struct db_statement *to, int columns, struct err *err)
{
	for (int i = 0; i < columns; i++)
		if (sqlite3_column_type(from->handle, i) == SQLITE_INTEGER)
			db_bind_number(to, i + 1, db_number(from, i));
		else
			db_bind_text(to, i + 1, db_text(from, i));
	return db_run(to, err);
}

/* Carry rows over until the damage is met: the rest is what cannot be saved. -1: the new index fails. */
static int salvage_rows(struct db *old, struct db *new, const struct table *table, struct err *err)
{
	struct db_statement from, to;
	struct err damage;
	int result;

	/* A table that an older version did not have. */
	if (db_prepare(old, &from, table->query, &damage) != 0)
		return 0;
	result = db_prepare(new, &to, table->change, err);
	while (result == 0 && db_step(&from, &damage) == 1)
		result = copy_row(&from, &to, table->columns, err);
	db_finalize(&from);
	db_finalize(&to);
	return result;
}

static int salvage_tables(struct mailbox *mailbox, const char *name, unsigned flags, const struct table *from,
                          size_t count, struct err *err)
{
	char path[STORE_PATH_MAX + 80];
	struct db old;
	struct err damage;
	int result;

	if (db_open(&old, mailbox_file(mailbox, name, path, sizeof path), flags, 0, &damage) != 0)
		return 0;
	result = db_begin(&mailbox->db, err);
	for (size_t i = 0; i < count && result == 0; i++)
		result = salvage_rows(&old, &mailbox->db, &from[i], err);
	if (result == 0)
		result = db_commit(&mailbox->db, err);
	else
		db_rollback(&mailbox->db);
	db_close(&old);
	return result;
}

int salvage(struct mailbox *mailbox, const char *name, unsigned flags, struct err *err)
{
	return salvage_tables(mailbox, name, flags, tables, sizeof tables / sizeof tables[0], err);
}

int salvage_removed(struct mailbox *mailbox, const char *name, struct err *err)
{
	return salvage_tables(mailbox, name, DB_NO_CHECKPOINT, &removed, 1, err);
}

/* A file of the bin: its row, where it has none, says that it was removed when it was put there. */
static int add_file(struct mailbox *mailbox, const struct file_place *place, const char *name, void *context,
                    struct err *err)
{
	struct db_statement statement;
	char path[FOLDER_PATH_MAX + 256];
	struct stat info;
	struct str id;
	uint32_t uid;
	int result;

	(void)context;
	snprintf(path, sizeof path, "%s/%lld/%lld/%s", place->place, (long long)place->folder, (long long)place->bucket,
	         name);
	if (!file_parse_name(name, &uid, &id) || fstatat(mailbox->root, path, &info, AT_SYMLINK_NOFOLLOW) != 0 ||
	    !S_ISREG(info.st_mode))
		return 0;
	if (db_prepare(&mailbox->db, &statement,
	               "INSERT OR IGNORE INTO bin VALUES(?1, ?2, ?3, ?4, ?4, 0, '', ?5, random() & 0x7fffffffffffffff, ?6)",
	               err) != 0)
		return -1;
	db_bind_number(&statement, 1, place->folder);
	db_bind_number(&statement, 2, uid);
	db_bind_number(&statement, 3, info.st_size);
	db_bind_number(&statement, 4, info.st_mtime);
	db_bind_text(&statement, 5, id);
	db_bind_number(&statement, 6, info.st_ctime);
	result = db_run(&statement, err);
	db_finalize(&statement);
	return result;
}

/* Rows of the bin that have no file, or whose file is a message's: those were brought back. */
static int remove_rows(struct mailbox *mailbox, struct err *err)
{
	char path[FILE_PATH_MAX];
	struct db_statement query, delete;
	int row;

	if (db_prepare(&mailbox->db, &query, "SELECT folder, uid, id FROM bin", err) != 0)
		return -1;
	row = db_prepare(&mailbox->db, &delete, "DELETE FROM bin WHERE folder = ? AND uid = ?", err);
	while (row == 0) {
		uint32_t uid;

		row = db_step(&query, err);
		if (row != 1)
			break;
		row = 0;
		uid = (uint32_t)db_number(&query, 1);
		if (faccessat(mailbox->root, file_path(path, "bin", db_number(&query, 0), uid, db_text(&query, 2)), F_OK, 0) ==
		    0)
			continue;
		db_bind_number(&delete, 1, db_number(&query, 0));
		db_bind_number(&delete, 2, uid);
		row = db_run(&delete, err);
	}
	db_finalize(&query);
	db_finalize(&delete);
	return row;
}

int salvage_bin(struct mailbox *mailbox, struct err *err)
{
	int result;

	if (db_begin(&mailbox->db, err) != 0)
		return -1;
	result = file_each_name(mailbox, "bin", add_file, NULL, err);
	if (result == 0)
		result = remove_rows(mailbox, err);
	if (result == 0)
		return db_commit(&mailbox->db, err);
	db_rollback(&mailbox->db);
	return -1;
}
