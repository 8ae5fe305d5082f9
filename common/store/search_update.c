#include "common/base/io.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/store/mailbox.h"
#include "common/store/search_writer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	COMMIT_MESSAGES = 500,
	COMMIT_MS = 2000,
	MERGE_MIN = 1000,   /* messages added, from which on the index is put in order */
	MERGE_PAGES = 2000, /* in one transaction */
	COLLECT_WAIT_MS = 1000,
	GONE_MIN = 10000, /* messages that are gone, below which the index is kept whatever their part */
};

/* One run of the indexer. */
struct run {
	const struct search_work *work;
	search_progress *progress;
	void *context;
	int root, lock;
	struct db db;
	struct search_writer *writer;
	struct db_statement set_folder;
	int64_t done, all, added;
	int64_t began; /* the transaction, io_now_ms; 0: none */
	unsigned in_transaction;
	bool is_stopped;
};

struct file {
	uint32_t uid;
	char id[STORE_ID_MAX + 1];
};

static bool add_folder(const struct mailbox_folder *folder, void *context)
{
	struct search_work *work = context;

	if (work->count % 64 == 0)
		work->folders = memory_resize(work->folders, (work->count + 64) * sizeof *work->folders);
	work->folders[work->count++] =
	    (struct search_folder){folder->id, folder->totals.messages, folder->uidvalidity, folder->uidnext};
	return true;
}

int search_work_collect(struct search_work *work, struct mailbox *mailbox, struct err *err)
{
	int result;

	*work = (struct search_work){.folders = NULL};
	str_copy(str_of(mailbox->path), work->path, sizeof work->path);
	/* Copies have their UIDs before their files are there: not while one is being made. */
	if (mailbox_lock_loose(mailbox, COLLECT_WAIT_MS, err) != 0)
		return -1;
	result = mailbox_folder_each(mailbox, add_folder, work, err);
	mailbox_unlock(mailbox);
	if (result != 0)
		search_work_free(work);
	return result;
}

void search_work_free(struct search_work *work)
{
	memory_free(work->folders);
	work->folders = NULL;
	work->count = 0;
}

static int open_lock(const struct search_work *work, int how, struct err *err)
{
	char path[STORE_PATH_MAX + 32];
	int fd;

	snprintf(path, sizeof path, "%s/search.lock", work->path);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_system(err, "cannot open %s", path);
	if (flock(fd, how) == 0)
		return fd;
	if (errno == EWOULDBLOCK)
		err_set(err, STORE_BUSY, "%s is held by another process", path);
	else
		err_system(err, "cannot lock %s", path);
	close(fd);
	return -1;
}

bool search_is_updating(const struct search_work *work)
{
	struct err err;
	int fd = open_lock(work, LOCK_SH | LOCK_NB, &err);

	if (fd >= 0)
		close(fd);
	return fd < 0 && err.code == STORE_BUSY;
}

static void remove_index(const struct run *run)
{
	static const char *const names[] = {"search.db", "search.db-wal", "search.db-shm"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		unlinkat(run->root, names[i], 0);
}

static void close_index(struct run *run)
{
	search_writer_close(run->writer);
	run->writer = NULL;
	db_finalize(&run->set_folder);
	db_close(&run->db);
}

static int open_index(struct run *run, struct err *err)
{
	if (search_db_create(&run->db, run->work->path, err) != 0)
		return -1;
	if (search_writer_open(&run->writer, &run->db, err) == 0 &&
	    db_prepare(
	        &run->db, &run->set_folder,
	        "INSERT INTO folder VALUES(?1, ?2, ?3, ?4) ON CONFLICT(id) DO UPDATE SET upto = ?3, added = added + ?4",
	        err) == 0)
		return 0;
	close_index(run);
	return -1;
}

/* How far a folder is indexed. *belongs: to the folder as it is. */
static int read_upto(struct run *run, const struct search_folder *folder, uint32_t *upto, bool *belongs,
                     struct err *err)
{
	struct db_statement statement;
	int row;

	*upto = 1;
	*belongs = true;
	if (db_prepare(&run->db, &statement, "SELECT uidvalidity, upto FROM folder WHERE id = ?", err) != 0)
		return -1;
	db_bind_number(&statement, 1, folder->id);
	row = db_step(&statement, err);
	if (row == 1) {
		*upto = (uint32_t)db_number(&statement, 1);
		*belongs = db_number(&statement, 0) == folder->uidvalidity;
	}
	db_finalize(&statement);
	return row < 0 ? -1 : 0;
}

/* Is the index worth keeping? 1, 0 (another mailbox's, or mostly of messages that are gone), -1. */
static int is_worth(struct run *run, struct err *err)
{
	struct db_statement statement;
	int64_t added = 0, messages = 0;
	int row;

	for (size_t i = 0; i < run->work->count; i++) {
		uint32_t upto;
		bool belongs;

		if (read_upto(run, &run->work->folders[i], &upto, &belongs, err) != 0)
			return -1;
		if (!belongs)
			return 0;
		messages += run->work->folders[i].messages;
	}
	if (db_prepare(&run->db, &statement, "SELECT total(added) FROM folder", err) != 0)
		return -1;
	row = db_step(&statement, err);
	if (row == 1)
		added = db_number(&statement, 0);
	db_finalize(&statement);
	return row < 0 ? -1 : added - messages < GONE_MIN || added < 2 * messages;
}

static int begin(struct run *run, struct err *err)
{
	if (run->began != 0)
		return 0;
	if (db_begin(&run->db, err) != 0)
		return -1;
	run->began = io_now_ms();
	run->in_transaction = 0;
	return 0;
}

/* Say how far the folder is, and commit. */
static int commit(struct run *run, const struct search_folder *folder, uint32_t upto, struct err *err)
{
	if (begin(run, err) != 0)
		return -1;
	db_bind_number(&run->set_folder, 1, folder->id);
	db_bind_number(&run->set_folder, 2, folder->uidvalidity);
	db_bind_number(&run->set_folder, 3, upto);
	db_bind_number(&run->set_folder, 4, run->in_transaction);
	run->began = 0;
	if (db_run(&run->set_folder, err) != 0) {
		db_rollback(&run->db);
		return -1;
	}
	if (db_commit(&run->db, err) != 0)
		return -1;
	/* Readers may keep the log from being emptied: the next time will do. */
	sqlite3_wal_checkpoint_v2(run->db.handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	return 0;
}

static int add_file(struct run *run, const struct search_folder *folder, int bucket, const struct file *file,
                    struct err *err)
{
	char name[FILE_NAME_MAX];
	int fd = openat(bucket, file_name(name, file->uid, str_of(file->id)), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat info;
	int result = 0;

	/* It may have been removed meanwhile. */
	if (fd < 0)
		return errno == ENOENT ? 0 : err_system(err, "cannot open %s of folder %" PRId64, name, folder->id);
	if (begin(run, err) != 0)
		result = -1;
	else if (fstat(fd, &info) == 0)
		result = search_writer_add(run->writer, folder->id, file->uid, mime_source_file(fd, 0, info.st_size), err);
	close(fd);
	run->in_transaction++;
	run->added++;
	return result;
}

static int by_number(const void *a, const void *b)
{
	const struct file *left = a, *right = b;

	return left->uid < right->uid ? -1 : left->uid > right->uid;
}

/* The messages (is_bucket), or the buckets, in a folder of the file system, by number from `from` to below `to`. */
static int list_files(int fd, bool is_bucket, uint32_t from, uint32_t to, struct file **files, size_t *count,
                      struct err *err)
{
	DIR *folder = fdopendir(fd);
	struct dirent *entry;

	*files = NULL;
	*count = 0;
	if (folder == NULL) {
		close(fd);
		return err_system(err, "cannot list messages");
	}
	while ((entry = readdir(folder)) != NULL) {
		uint64_t number;
		uint32_t uid;
		struct str id = {"", 0};

		if (is_bucket && !file_parse_name(entry->d_name, &uid, &id))
			continue;
		if (!is_bucket && !str_to_u64(str_of(entry->d_name), UINT32_MAX, &number))
			continue;
		if (!is_bucket)
			uid = (uint32_t)number;
		if (uid < from || uid >= to)
			continue;
		if (*count % 256 == 0)
			*files = memory_resize(*files, (*count + 256) * sizeof **files);
		(*files)[*count].uid = uid;
		str_copy(id, (*files)[*count].id, sizeof(*files)[*count].id);
		(*count)++;
	}
	closedir(folder);
	if (*count > 1)
		qsort(*files, *count, sizeof **files, by_number);
	return 0;
}

static bool is_time_to_commit(const struct run *run)
{
	return run->began != 0 && (run->in_transaction >= COMMIT_MESSAGES || io_now_ms() - run->began > COMMIT_MS);
}

static int add_bucket(struct run *run, const struct search_folder *folder, uint32_t bucket, uint32_t upto,
                      struct err *err)
{
	char path[FOLDER_PATH_MAX];
	int fd = openat(run->root, file_bucket(path, folder->id, bucket * BUCKET_SIZE), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct file *files;
	size_t count;
	int list, result = 0;

	if (fd < 0)
		return errno == ENOENT ? 0 : err_system(err, "cannot open %s/%s", run->work->path, path);
	list = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (list < 0 || list_files(list, true, upto, folder->uidnext, &files, &count, err) != 0) {
		close(fd);
		return list < 0 ? err_system(err, "cannot open %s/%s", run->work->path, path) : -1;
	}
	for (size_t i = 0; i < count && result == 0 && !run->is_stopped; i++) {
		result = add_file(run, folder, fd, &files[i], err);
		run->done++;
		if (result == 0 && run->progress != NULL)
			run->is_stopped = !run->progress(run->done, run->all, run->context);
		if (result == 0 && (run->is_stopped || is_time_to_commit(run)))
			result = commit(run, folder, files[i].uid + 1, err);
	}
	memory_free(files);
	close(fd);
	return result;
}

static int add_messages(struct run *run, const struct search_folder *folder, uint32_t upto, struct err *err)
{
	char path[FOLDER_PATH_MAX];
	struct file *buckets = NULL;
	size_t count = 0;
	int fd, result = 0;

	snprintf(path, sizeof path, "msg/%" PRId64, folder->id);
	fd = openat(run->root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno != ENOENT)
		return err_system(err, "cannot open %s/%s", run->work->path, path);
	if (fd >= 0 && list_files(fd, false, upto / BUCKET_SIZE, UINT32_MAX, &buckets, &count, err) != 0)
		return -1;
	for (size_t i = 0; i < count && result == 0 && !run->is_stopped; i++)
		result = add_bucket(run, folder, buckets[i].uid, upto, err);
	memory_free(buckets);
	if (result == 0 && !run->is_stopped)
		result = commit(run, folder, folder->uidnext, err);
	return result;
}

static int add_folders(struct run *run, struct err *err)
{
	for (size_t i = 0; i < run->work->count && !run->is_stopped; i++) {
		const struct search_folder *folder = &run->work->folders[i];
		uint32_t upto;
		bool belongs;

		if (read_upto(run, folder, &upto, &belongs, err) != 0)
			return -1;
		if (upto < folder->uidnext && add_messages(run, folder, upto, err) != 0) {
			if (run->began != 0)
				db_rollback(&run->db);
			return -1;
		}
	}
	return 0;
}

/* One transaction of putting a table of FTS5 in order. 1: there is more to do; 0; -1. */
static int merge_some(struct run *run, const char *table, int pages, struct err *err)
{
	char query[96];
	int before = sqlite3_total_changes(run->db.handle);

	snprintf(query, sizeof query, "INSERT INTO %s(%s, rank) VALUES('merge', %d)", table, table, pages);
	if (db_begin(&run->db, err) != 0)
		return -1;
	if (db_exec(&run->db, query, err) != 0) {
		db_rollback(&run->db);
		return -1;
	}
	if (db_commit(&run->db, err) != 0)
		return -1;
	sqlite3_wal_checkpoint_v2(run->db.handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	return sqlite3_total_changes(run->db.handle) - before >= 2;
}

/* Many additions leave each table in many segments, in each of which a search has to look: make them one. */
static int merge(struct run *run, struct err *err)
{
	for (int i = -1; i < SEARCH_CLASS_COUNT; i++) {
		const char *table = i < 0 ? "doc" : search_class_tables[i];
		/* A negative number begins with all segments, also with few of them. */
		int more = merge_some(run, table, -MERGE_PAGES, err);

		while (more == 1 && !run->is_stopped) {
			more = merge_some(run, table, MERGE_PAGES, err);
			run->is_stopped = run->progress != NULL && !run->progress(run->done, run->all, run->context);
		}
		if (more < 0)
			return -1;
	}
	return 0;
}

/* One try, from opening to closing. */
static int build(struct run *run, struct err *err)
{
	int result;

	run->began = 0;
	run->done = run->added = 0;
	if (open_index(run, err) != 0)
		return -1;
	result = is_worth(run, err);
	if (result == 0) {
		close_index(run);
		remove_index(run);
		if (open_index(run, err) != 0)
			return -1;
	}
	if (result >= 0)
		result = add_folders(run, err);
	if (result == 0 && !run->is_stopped && run->added >= MERGE_MIN)
		result = merge(run, err);
	close_index(run);
	return result;
}

static int run_locked(struct run *run, struct err *err)
{
	int result;

	run->root = open(run->work->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (run->root < 0)
		return err_system(err, "cannot open %s", run->work->path);
	for (size_t i = 0; i < run->work->count; i++)
		run->all += run->work->folders[i].messages;
	result = build(run, err);
	if (result != 0 && err->code == ERR_CORRUPT) {
		log_warning("the search index is damaged and will be built again: %s", err->text);
		remove_index(run);
		result = build(run, err);
	}
	close(run->root);
	return result;
}

int search_update(const struct search_work *work, search_progress *progress, void *context, struct err *err)
{
	struct run run = {.work = work, .progress = progress, .context = context};
	int result;

	run.lock = open_lock(work, LOCK_EX | LOCK_NB, err);
	if (run.lock < 0)
		return err->code == STORE_BUSY ? 0 : -1;
	result = run_locked(&run, err);
	close(run.lock);
	return result;
}

int search_rebuild(struct mailbox *mailbox, search_progress *progress, void *context, struct err *err)
{
	struct search_work work;
	struct run run = {.work = &work, .progress = progress, .context = context};
	int result = -1;

	if (search_work_collect(&work, mailbox, err) != 0)
		return -1;
	run.lock = open_lock(&work, LOCK_EX, err);
	if (run.lock >= 0) {
		run.root = mailbox->root;
		remove_index(&run);
		result = run_locked(&run, err);
		close(run.lock);
	}
	search_work_free(&work);
	return result;
}
