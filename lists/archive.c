#include "lists/lists.h"

#include "common/base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { NAME_MAX_LEN = 24, FILE_MODE = 0600 };

static const char *name_of(int64_t key, char name[NAME_MAX_LEN])
{
	snprintf(name, NAME_MAX_LEN, "%" PRId64, key);
	return name;
}

int archive_create(struct listd *listd, struct err *err)
{
	int fd = openat(listd->mail_folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, FILE_MODE);

	return fd >= 0 ? fd : err_system(err, "cannot make a file for a message");
}

int archive_keep(struct listd *listd, int fd, int64_t key, struct err *err)
{
	char name[NAME_MAX_LEN], path[32];

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (fdatasync(fd) != 0)
		return err_system(err, "cannot sync a message");
	unlinkat(listd->mail_folder, name_of(key, name), 0); /* of a transaction that did not end */
	if (linkat(AT_FDCWD, path, listd->mail_folder, name, AT_SYMLINK_FOLLOW) != 0 || fsync(listd->mail_folder) != 0)
		return err_system(err, "cannot keep a message");
	return 0;
}

int archive_open(struct listd *listd, int64_t key, struct err *err)
{
	char name[NAME_MAX_LEN];
	int fd = openat(listd->mail_folder, name_of(key, name), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	return fd >= 0 ? fd : err_system(err, "cannot open a message that is kept");
}

void archive_remove(struct listd *listd, int64_t key)
{
	char name[NAME_MAX_LEN];

	if (unlinkat(listd->mail_folder, name_of(key, name), 0) != 0 && errno != ENOENT)
		log_error("cannot remove a message: %s", strerror(errno));
}

void archive_sweep(struct listd *listd)
{
	int fd = openat(listd->mail_folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *names = fd >= 0 ? fdopendir(fd) : NULL;

	if (names == NULL)
		return;
	for (const struct dirent *entry; (entry = readdir(names)) != NULL;) {
		int64_t key = strtoll(entry->d_name, NULL, 10);

		if (entry->d_name[0] != '.' &&
		    db_query_number(&listd->db, NULL, NULL, "SELECT 1 FROM post WHERE key = ? AND (state <> ? OR is_archived)",
		                    "nn", key, (int64_t)POST_DONE) == 0)
			unlinkat(listd->mail_folder, entry->d_name, 0);
	}
	closedir(names);
}

/* Those of one list that are older than it keeps them, or of no list at all. */
static int prune_list(const struct list *list, void *context, struct err *err)
{
	struct listd *listd = context;
	int64_t days = list_settings_number(&list->settings, LIST_SETTING_KEEP_DAYS);

	return db_query_run(&listd->db, err,
	                    "UPDATE post SET is_archived = 0 WHERE list = ? AND state = ? AND is_archived AND time < ?",
	                    "nnn", list->id, (int64_t)POST_DONE, (listd_time() - days * DAY_SECONDS) * 1000);
}

void archive_prune(struct listd *listd, int64_t now)
{
	struct arena arena;
	struct err err;

	arena_init(&arena);
	if (table_begin(listd, &err) != 0) {
		log_error("the archives of lists cannot be pruned: %s", err.text);
	} else if (list_each(listd, &arena, prune_list, listd, &err) != 0 ||
	           db_query_run(&listd->db, &err, "DELETE FROM post WHERE state = ? AND NOT is_archived AND time < ?", "nn",
	                        (int64_t)POST_DONE, (now - DONE_DAYS * DAY_SECONDS) * 1000) != 0 ||
	           db_query_run(&listd->db, &err, "DELETE FROM command WHERE time < ?", "n",
	                        now - DONE_DAYS * DAY_SECONDS) != 0 ||
	           db_query_run(&listd->db, &err, "DELETE FROM answered WHERE time < ?", "n", now - DAY_SECONDS) != 0 ||
	           db_query_run(&listd->db, &err, "DELETE FROM token WHERE time < ?", "n",
	                        now - TOKEN_DAYS * DAY_SECONDS) != 0) {
		log_error("the archives of lists cannot be pruned: %s", err.text);
		table_rollback(listd);
	} else if (table_commit(listd, &err) != 0) {
		log_error("the archives of lists cannot be pruned: %s", err.text);
	} else {
		archive_sweep(listd);
	}
	arena_free(&arena);
}
