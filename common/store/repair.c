#include "common/base/io.h"
#include "common/store/backup.h"
#include "common/store/marks.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct repair {
	struct mailbox *mailbox;
	struct mailbox_repair *report;
	struct sweep sweep;
	char damaged[64]; /* name of the index that was set aside, or "" */
	struct err *err;
	int result;
};

/* Put a damaged file out of the way, with those that belong to it. */
static int set_aside(struct mailbox *mailbox, const char *name, char *aside, size_t size, struct err *err)
{
	static const char *const endings[] = {"", "-wal", "-shm"};
	char from[32], to[80];

	snprintf(aside, size, "%s.damaged-%lld", name, (long long)time(NULL));
	for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
		snprintf(from, sizeof from, "%s%s", name, endings[i]);
		snprintf(to, sizeof to, "%s%s", aside, endings[i]);
		if (renameat(mailbox->root, from, mailbox->root, to) != 0 && errno != ENOENT)
			return err_system(err, "cannot rename %s/%s", mailbox->path, from);
	}
	return 0;
}

/* Is every page of the index readable and in order? -1: it is not, err->code ERR_CORRUPT, or it cannot be said. */
static int check_index(struct mailbox *mailbox, struct err *err)
{
	struct db_statement check;
	int row;

	if (db_prepare(&mailbox->db, &check, "PRAGMA quick_check(1)", err) != 0)
		return -1;
	row = db_step(&check, err);
	if (row == 1 && !str_equal(db_text(&check, 0), STR("ok")))
		row = err_set(err, ERR_CORRUPT, "%s: %.*s", mailbox->db.path, STR_ARG(str_sub(db_text(&check, 0), 0, 200)));
	db_finalize(&check);
	return row < 0 ? -1 : 0;
}

/* Open the index where it is sound, else an empty one in its place. */
static int open_or_rebuild(struct repair *repair, struct err *err)
{
	struct mailbox *mailbox = repair->mailbox;
	struct marks marks;
	char aside[64];

	if (marks_read(mailbox, &marks, err) == 0)
		marks_free(&marks);
	else if (err->code != ERR_CORRUPT || set_aside(mailbox, "marks", aside, sizeof aside, err) != 0)
		return -1;
	if (index_open(mailbox, false, err) == 0) {
		if (check_index(mailbox, err) == 0)
			return 0;
		index_close(mailbox);
	}
	if (err->code != STORE_INDEX_LOST && err->code != ERR_CORRUPT)
		return -1;
	repair->report->index_rebuilt = true;
	if (set_aside(mailbox, "index.db", repair->damaged, sizeof repair->damaged, err) != 0)
		return -1;
	return index_open(mailbox, true, err);
}

static int remove_empty_bucket(struct mailbox *mailbox, int64_t bucket, void *context, struct err *err)
{
	char path[FOLDER_PATH_MAX];

	(void)err;
	snprintf(path, sizeof path, "%s/%lld", (const char *)context, (long long)bucket);
	unlinkat(mailbox->root, path, AT_REMOVEDIR);
	return 0;
}

/* A folder of files that neither index nor marks know. */
static int recover_folder(struct mailbox *mailbox, int64_t id, void *context, struct err *err)
{
	struct repair *repair = context;
	struct folder_row row;
	struct db_statement update;
	char name[48];
	int result;

	if (id < 1 || folder_read(mailbox, id, &row, err) == 0)
		return 0;
	if (err->code != ERR_NOT_FOUND)
		return -1;
	snprintf(name, sizeof name, "msg/%lld", (long long)id);
	if (file_each_folder(mailbox, name, 0, remove_empty_bucket, name, err) != 0)
		return -1;
	if (unlinkat(mailbox->root, name, AT_REMOVEDIR) == 0)
		return 0; /* left by a folder that was removed */
	row = (struct folder_row){.id = id, .uidvalidity = (int64_t)time(NULL), .uidnext = 1, .modseq = 1};
	snprintf(name, sizeof name, "Recovered (%lld)", (long long)id);
	if (folder_insert(mailbox, &row, str_of(name), err) != 0 ||
	    db_prepare(&mailbox->db, &update, "UPDATE mailbox SET next_folder = max(next_folder, ? + 1)", err) != 0)
		return -1;
	db_bind_number(&update, 1, id);
	result = db_run(&update, err);
	db_finalize(&update);
	return result == 0 ? sweep_new_files(mailbox, id, &repair->sweep, err) : -1;
}

static bool sweep_new(const struct mailbox_folder *folder, void *context)
{
	struct repair *repair = context;

	repair->result = sweep_new_files(repair->mailbox, folder->id, &repair->sweep, repair->err);
	return repair->result == 0;
}

static bool sweep_visited(const struct mailbox_folder *folder, void *context)
{
	struct repair *repair = context;

	repair->result = sweep_all_files(repair->mailbox, folder->id, &repair->sweep, repair->err);
	return repair->result == 0;
}

static int count_anew(struct mailbox *mailbox, struct err *err)
{
	return db_exec(&mailbox->db,
	               "UPDATE folder SET (messages, bytes, held_messages, held_bytes, unseen, deleted, deleted_bytes) ="
	               " (SELECT ifnull(sum(NOT held), 0), ifnull(sum(size * NOT held), 0), ifnull(sum(held), 0),"
	               " ifnull(sum(size * held), 0), ifnull(sum(NOT held AND flags & 1 = 0), 0),"
	               " ifnull(sum(NOT held AND flags & 8 <> 0), 0),"
	               " ifnull(sum(size * (NOT held AND flags & 8 <> 0)), 0)"
	               " FROM message WHERE folder = folder.id),"
	               " vanished = (SELECT count(*) FROM vanished WHERE folder = folder.id)",
	               err);
}

/* What an interrupted replacement of marks has left beside it. */
static int remove_temporary(struct repair *repair, struct err *err)
{
	DIR *folder = opendir(repair->mailbox->path);
	struct dirent *entry;

	if (folder == NULL)
		return err_system(err, "cannot read %s", repair->mailbox->path);
	while ((entry = readdir(folder)) != NULL)
		if (strlen(entry->d_name) == strlen("marks.") + 16 && str_starts(str_of(entry->d_name), STR("marks.")) &&
		    unlinkat(repair->mailbox->root, entry->d_name, 0) == 0)
			repair->report->files_removed++;
	closedir(folder);
	return 0;
}

static int mend(struct repair *repair, struct err *err)
{
	struct mailbox *mailbox = repair->mailbox;
	struct mailbox_totals totals;

	/* What an old index does not know is taken in before the marks tell it how far UIDs were given: behind that, files
	 * without a row belong to nothing. */
	if (open_or_rebuild(repair, err) != 0 ||
	    (repair->damaged[0] != '\0' && salvage_removed(mailbox, repair->damaged, err) != 0) ||
	    removed_finish(mailbox, err) != 0 || mailbox_folder_each(mailbox, sweep_new, repair, err) != 0 ||
	    repair->result != 0 || marks_reconcile(mailbox, &repair->sweep, err) != 0 ||
	    file_each_folder(mailbox, "msg", 1, recover_folder, repair, err) != 0 ||
	    mailbox_folder_each(mailbox, sweep_visited, repair, err) != 0 || repair->result != 0)
		return -1;
	/* The older one first. */
	if (repair->damaged[0] != '\0' && (salvage(mailbox, "index.bak", DB_READ_ONLY, err) != 0 ||
	                                   salvage(mailbox, repair->damaged, DB_NO_CHECKPOINT, err) != 0))
		return -1;
	if (removed_finish(mailbox, err) != 0 || salvage_bin(mailbox, err) != 0)
		return -1;
	if (count_anew(mailbox, err) != 0 || marks_write(mailbox, NULL, err) != 0 || index_sync(mailbox, err) != 0 ||
	    remove_temporary(repair, err) != 0 || io_sync_folder(mailbox->path, err) != 0)
		return -1;
	if (index_checkpoint(mailbox, err) != 0 && err->code != ERR_TEMPORARY)
		return -1;
	if (mailbox_stat(mailbox, &totals, err) != 0)
		return -1;
	repair->report->messages = totals.messages + totals.held_messages;
	repair->report->bytes = totals.bytes + totals.held_bytes;
	repair->report->taken_in = repair->sweep.taken_in;
	repair->report->renumbered = repair->sweep.renumbered;
	repair->report->rows_removed = repair->sweep.rows_removed;
	repair->report->files_removed += repair->sweep.files_removed;
	return 0;
}

int mailbox_repair(const struct instance *instance, int64_t uid, int wait_ms, struct mailbox_repair *report,
                   struct err *err)
{
	struct repair repair = {.report = report, .err = err};
	int result;

	*report = (struct mailbox_repair){0};
	if (mailbox_open_folder(&repair.mailbox, instance, uid, err) != 0)
		return err->sys == ENOENT ? err_set(err, ERR_NOT_FOUND, "user %lld has no mailbox", (long long)uid) : -1;
	result = mailbox_take_lock(repair.mailbox, wait_ms, err);
	if (result == 0)
		result = mend(&repair, err);
	mailbox_close(repair.mailbox); /* and with its descriptor the lock */
	return result;
}
