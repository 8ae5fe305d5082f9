/*
 * store/backup: index.bak, what a lost index would take with it and the files cannot tell: flags, dates, the bin,
 * subscriptions, rights.
 *
 * Made at most once a day by a session that changed flags, as it ends or rests: nobody waits for it then.
 * mailbox_repair reads it.
 */
#include "common/store/backup.h"

#include "common/base/io.h"
#include "common/base/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { DAY = 86400 }; /* seconds */

#define NEW_NAME "index.bak.new"

static bool is_due(const struct mailbox *mailbox)
{
	int64_t now = (int64_t)time(NULL);
	struct stat info;

	return fstatat(mailbox->root, "index.bak", &info, AT_SYMLINK_NOFOLLOW) != 0 || info.st_mtime + DAY <= now ||
	       info.st_mtime > now + DAY;
}

/* The columns are those that salvage.c asks for; no keys, it is read from end to end. */
static int write_copy(struct mailbox *mailbox, struct err *err)
{
	return db_exec(
	    &mailbox->db,
	    "PRAGMA bak.journal_mode=OFF; PRAGMA bak.synchronous=OFF; BEGIN;"
	    "CREATE TABLE bak.folder AS SELECT id, special_use, recent FROM main.folder;"
	    "CREATE TABLE bak.message AS SELECT folder, uid, id, flags, keywords, internal_date, save_date, held,"
	    " email_id FROM main.message;"
	    "CREATE TABLE bak.delivered AS SELECT id, time FROM main.delivered;"
	    "CREATE TABLE bak.subscription AS SELECT name FROM main.subscription;"
	    "CREATE TABLE bak.acl AS SELECT folder, identifier, rights FROM main.acl;"
	    "CREATE TABLE bak.metadata AS SELECT folder, entry, value FROM main.metadata;"
	    "CREATE TABLE bak.bin AS SELECT * FROM main.bin;"
	    "CREATE TABLE bak.bin_folder AS SELECT * FROM main.bin_folder; COMMIT",
	    err);
}

static int attach(struct mailbox *mailbox, struct err *err)
{
	char path[STORE_PATH_MAX + 32];
	struct db_statement statement;
	int result;

	unlinkat(mailbox->root, NEW_NAME, 0);
	if (db_prepare(&mailbox->db, &statement, "ATTACH ? AS bak", err) != 0)
		return -1;
	db_bind_text(&statement, 1, str_of(mailbox_file(mailbox, NEW_NAME, path, sizeof path)));
	result = db_run(&statement, err);
	db_finalize(&statement);
	return result;
}

/* On disk before it takes the place of the last one. */
static int put_in_place(struct mailbox *mailbox, struct err *err)
{
	int fd = openat(mailbox->root, NEW_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int result = fd >= 0 ? fsync(fd) : -1;

	if (result == 0)
		result = renameat(mailbox->root, NEW_NAME, mailbox->root, "index.bak");
	if (result != 0)
		err_system(err, "cannot write %s/index.bak", mailbox->path);
	if (fd >= 0)
		close(fd);
	return result;
}

static int backup(struct mailbox *mailbox, struct err *err)
{
	int result;

	if (attach(mailbox, err) != 0)
		return -1;
	result = write_copy(mailbox, err);
	if (result != 0)
		db_rollback(&mailbox->db);
	sqlite3_exec(mailbox->db.handle, "DETACH bak", NULL, NULL, NULL);
	return result == 0 ? put_in_place(mailbox, err) : -1;
}

void backup_if_due(struct mailbox *mailbox)
{
	struct err err;

	if (!mailbox->flags_changed)
		return;
	mailbox->flags_changed = false;
	if (!is_due(mailbox) || mailbox_lock_loose(mailbox, 0, &err) != 0)
		return;
	index_finalize(mailbox);
	if (backup(mailbox, &err) != 0)
		log_warning("mailbox uid=%lld: %s", (long long)mailbox->uid, err.text);
	mailbox_unlock(mailbox);
}
