#include "common/store/mailbox.h"

#include "common/base/arena.h"
#include "common/base/memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A file in a bucket. */
struct found {
	int64_t bucket;
	const char *name;
	uint32_t uid;
	struct str id;
};

struct sweep_work {
	struct folder_row row;
	int64_t known; /* UIDs below this one are the index's business */
	bool all;      /* look at those too */
	bool changed;  /* there are rows more or less */
	struct arena arena;
	struct found *files; /* of one bucket */
	size_t count, capacity;
	struct found *clashing; /* UID taken by another file */
	size_t clashing_count;
	struct mailbox_totals change;
	struct sweep *sweep;
};

static const char *found_path(char *out, size_t size, const struct sweep_work *work, const struct found *file)
{
	snprintf(out, size, "msg/%lld/%lld/%s", (long long)work->row.id, (long long)file->bucket, file->name);
	return out;
}

static int remove_file(struct mailbox *mailbox, struct sweep_work *work, const struct found *file, struct err *err)
{
	char path[FOLDER_PATH_MAX + 256];

	if (unlinkat(mailbox->root, found_path(path, sizeof path, work, file), 0) != 0)
		return err_system(err, "cannot remove %s/%s", mailbox->path, path);
	work->sweep->files_removed++;
	return 0;
}

static int compare_uids(const void *a, const void *b)
{
	const struct found *left = a, *right = b;

	return left->uid < right->uid ? -1 : left->uid > right->uid;
}

/* The files of one bucket, by UID, with those still being written; other names are not ours to touch. */
static int read_bucket(struct mailbox *mailbox, struct sweep_work *work, int64_t bucket, struct err *err)
{
	char path[FOLDER_PATH_MAX];
	struct dirent *entry;
	DIR *folder;
	int fd;

	snprintf(path, sizeof path, "msg/%lld/%lld", (long long)work->row.id, (long long)bucket);
	fd = openat(mailbox->root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	folder = fd >= 0 ? fdopendir(fd) : NULL;
	if (folder == NULL) {
		err_system(err, "cannot read %s/%s", mailbox->path, path);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	work->count = 0;
	while ((entry = readdir(folder)) != NULL) {
		struct found file = {.bucket = bucket};
		bool temporary = entry->d_name[0] == '.';

		if (!file_parse_name(entry->d_name + temporary, &file.uid, &file.id) || file.uid / BUCKET_SIZE != bucket)
			continue;
		file.name = arena_text(&work->arena, str_of(entry->d_name));
		file_parse_name(file.name + temporary, &file.uid, &file.id);
		if (work->count == work->capacity) {
			work->capacity = work->capacity == 0 ? 64 : 2 * work->capacity;
			work->files = memory_resize(work->files, work->capacity * sizeof *work->files);
		}
		work->files[work->count++] = file;
	}
	closedir(folder);
	if (work->count > 1)
		qsort(work->files, work->count, sizeof *work->files, compare_uids);
	return 0;
}

/* Has the folder another message of this id? 1, 0 or -1. */
static int has_id(struct mailbox *mailbox, const struct sweep_work *work, struct str id, struct err *err)
{
	struct db_statement query;
	int row;

	if (db_prepare(&mailbox->db, &query, "SELECT 1 FROM message WHERE folder = ? AND id = ?", err) != 0)
		return -1;
	db_bind_number(&query, 1, work->row.id);
	db_bind_text(&query, 2, id);
	row = db_step(&query, err);
	db_finalize(&query);
	return row;
}

/*
 * Make a message of a file. One whose id the folder has under another UID is a leftover. That the id was delivered says
 * less: copies and moved messages keep it, and an index that lost their rows may know it still.
 */
static int take_in(struct mailbox *mailbox, struct sweep_work *work, const struct found *file, struct err *err)
{
	char path[FOLDER_PATH_MAX + 256];
	struct message_row message;
	struct stat info;
	int fresh, repeated;

	if (fstatat(mailbox->root, found_path(path, sizeof path, work, file), &info, AT_SYMLINK_NOFOLLOW) != 0)
		return err_system(err, "cannot look at %s/%s", mailbox->path, path);
	if (!S_ISREG(info.st_mode))
		return 0;
	fresh = message_mark_delivered(mailbox, file->id, (int64_t)info.st_mtime, err);
	repeated = fresh == 0 ? has_id(mailbox, work, file->id, err) : 0;
	if (fresh < 0 || repeated < 0)
		return -1;
	/* Its row may have been seen before the end of power took it: the UID is not given again. */
	if (file->uid >= work->row.uidnext) {
		work->row.uidnext = (int64_t)file->uid + 1;
		work->changed = true;
	}
	if (repeated == 1)
		return remove_file(mailbox, work, file, err);
	message = (struct message_row){.folder = work->row.id,
	                               .uid = file->uid,
	                               .size = info.st_size,
	                               .internal_date = info.st_mtime,
	                               .save_date = info.st_mtime,
	                               .modseq = work->row.modseq,
	                               .keywords = STR(""),
	                               .id = file->id};
	if (message_insert(mailbox, &message, err) != 0)
		return -1;
	totals_count(&work->change, 1, 0, false, message.size);
	work->sweep->taken_in++;
	work->changed = true;
	return 0;
}

/* A name that the index knows the UID of: 1 = it is that message's, 0 = it is not, -1 = err. */
static int has_row(struct mailbox *mailbox, const struct sweep_work *work, const struct found *file, struct err *err)
{
	struct db_statement *statement = index_statement(mailbox, STATEMENT_MESSAGE, err);
	int row;

	if (statement == NULL)
		return -1;
	db_bind_number(statement, 1, work->row.id);
	db_bind_number(statement, 2, file->uid);
	row = db_step(statement, err);
	if (row <= 0)
		return row;
	row = str_equal(db_text(statement, 0), file->id);
	db_reset(statement);
	return row;
}

/* Where the recycle bin has it, it is to be moved there still: 1; 0: it does not; -1: err. */
static int keep_for_bin(struct mailbox *mailbox, const struct sweep_work *work, const struct found *file,
                        struct err *err)
{
	struct db_statement query;
	int row;

	if (db_prepare(&mailbox->db, &query, "SELECT 1 FROM bin WHERE folder = ? AND uid = ? AND id = ?", err) != 0)
		return -1;
	db_bind_number(&query, 1, work->row.id);
	db_bind_number(&query, 2, file->uid);
	db_bind_text(&query, 3, file->id);
	row = db_step(&query, err);
	db_finalize(&query);
	if (row == 1 && removed_add(mailbox, work->row.id, file->uid, file->id, REMOVED_TO_BIN, err) != 0)
		return -1;
	return row;
}

static void remember_clashing(struct sweep_work *work, struct found file)
{
	work->clashing = memory_resize(work->clashing, (work->clashing_count + 1) * sizeof *work->clashing);
	work->clashing[work->clashing_count++] = file;
}

static int visit_file(struct mailbox *mailbox, struct sweep_work *work, const struct found *file, struct err *err)
{
	int known;

	if (file->name[0] == '.')
		return remove_file(mailbox, work, file, err);
	if (file->uid >= work->row.uidnext)
		return take_in(mailbox, work, file, err);
	if (file->uid >= work->known) {
		remember_clashing(work, *file);
		return 0;
	}
	if (!work->all)
		return 0;
	known = has_row(mailbox, work, file, err);
	if (known == 0)
		known = keep_for_bin(mailbox, work, file, err);
	return known == 0 ? remove_file(mailbox, work, file, err) : known == 1 ? 0 : -1;
}

static int visit_bucket(struct mailbox *mailbox, int64_t bucket, void *context, struct err *err)
{
	struct sweep_work *work = context;

	if (read_bucket(mailbox, work, bucket, err) != 0)
		return -1;
	for (size_t i = 0; i < work->count; i++)
		if (visit_file(mailbox, work, &work->files[i], err) != 0)
			return -1;
	return 0;
}

/* Two files with one UID: the second gets the next free one. */
static int renumber(struct mailbox *mailbox, struct sweep_work *work, struct found file, struct err *err)
{
	char from[FOLDER_PATH_MAX + 256], name[FILE_NAME_MAX];
	int bucket, result;

	if (work->row.uidnext > UINT32_MAX)
		return err_set(err, ERR_LIMIT, "the folder has no UIDs left");
	found_path(from, sizeof from, work, &file);
	file.uid = (uint32_t)work->row.uidnext;
	file.bucket = file.uid / BUCKET_SIZE;
	file.name = file_name(name, file.uid, file.id);
	bucket = file_open_bucket(mailbox, work->row.id, file.uid, err);
	if (bucket < 0)
		return -1;
	result = renameat(mailbox->root, from, bucket, name);
	if (result != 0)
		err_system(err, "cannot rename %s/%s", mailbox->path, from);
	else if (fsync(bucket) != 0)
		result = err_system(err, "cannot sync the folder of %s", from);
	close(bucket);
	work->sweep->renumbered++;
	return result == 0 ? take_in(mailbox, work, &file, err) : -1;
}

/* Rows whose file is gone cannot be served: they go. */
static int remove_empty_rows(struct mailbox *mailbox, struct sweep_work *work, struct err *err)
{
	struct db_statement *delete = index_statement(mailbox, STATEMENT_DELETE_MESSAGE, err);
	struct vanish vanish = {.mailbox = mailbox, .row = &work->row};
	char path[FILE_PATH_MAX];
	struct db_statement query;
	struct stat info;
	int row;

	if (delete == NULL ||
	    db_prepare(&mailbox->db, &query, "SELECT uid, id, size, flags, held FROM message WHERE folder = ? ORDER BY uid",
	               err) != 0)
		return -1;
	db_bind_number(&query, 1, work->row.id);
	while ((row = db_step(&query, err)) == 1) {
		uint32_t uid = (uint32_t)db_number(&query, 0);

		file_path(path, "msg", work->row.id, uid, db_text(&query, 1));
		if (fstatat(mailbox->root, path, &info, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT)
			continue;
		totals_count(&work->change, -1, (unsigned)db_number(&query, 3), db_number(&query, 4) != 0,
		             db_number(&query, 2));
		/* Deleting the row that a query stands on is allowed: it goes on behind it. */
		db_bind_number(delete, 1, work->row.id);
		db_bind_number(delete, 2, uid);
		row = db_run(delete, err);
		if (row == 0)
			row = cache_delete(mailbox, work->row.id, uid, err);
		if (row == 0)
			row = vanish_add(&vanish, uid, err);
		if (row != 0)
			break;
		work->sweep->rows_removed++;
		work->changed = true;
	}
	db_finalize(&query);
	return row == 0 ? vanish_end(&vanish, err) : row;
}

static int sweep_rows(struct mailbox *mailbox, struct sweep_work *work, struct err *err)
{
	char path[FOLDER_PATH_MAX];

	snprintf(path, sizeof path, "msg/%lld", (long long)work->row.id);
	if (work->all && remove_empty_rows(mailbox, work, err) != 0)
		return -1;
	if (file_each_folder(mailbox, path, work->all ? 0 : work->known / BUCKET_SIZE, visit_bucket, work, err) != 0)
		return -1;
	for (size_t i = 0; i < work->clashing_count; i++)
		if (renumber(mailbox, work, work->clashing[i], err) != 0)
			return -1;
	if (!work->changed)
		return 0;
	/* The marks follow when all folders have been swept: they may name some that the index does not know yet. */
	if (work->row.modseq > work->row.modseq_mark)
		work->row.modseq_mark = work->row.modseq;
	return folder_advance(mailbox, &work->row, &work->change, err);
}

static int sweep_folder(struct mailbox *mailbox, int64_t folder, bool all, struct sweep *sweep, struct err *err)
{
	struct sweep_work work = {.all = all, .sweep = sweep};
	int result;

	if (folder_read(mailbox, folder, &work.row, err) != 0)
		return -1;
	work.known = work.row.uidnext;
	work.row.modseq++;
	/* Nothing is written to the index where nothing is found: a transaction begun at once costs nothing then. */
	if (db_begin(&mailbox->db, err) != 0)
		return -1;
	arena_init(&work.arena);
	result = sweep_rows(mailbox, &work, err);
	if (result != 0)
		db_rollback(&mailbox->db);
	else
		result = db_commit(&mailbox->db, err);
	if (result == 0 && work.changed)
		result = index_sync(mailbox, err);
	arena_free(&work.arena);
	memory_free(work.files);
	memory_free(work.clashing);
	return result;
}

int sweep_new_files(struct mailbox *mailbox, int64_t folder, struct sweep *sweep, struct err *err)
{
	return sweep_folder(mailbox, folder, false, sweep, err);
}

int sweep_all_files(struct mailbox *mailbox, int64_t folder, struct sweep *sweep, struct err *err)
{
	return sweep_folder(mailbox, folder, true, sweep, err);
}
