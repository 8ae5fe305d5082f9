#include "statusd/historyd/old_logs.h"

#include "common/base/arena.h"
#include "common/base/io.h"
#include "common/base/log.h"
#include "common/daemon/logs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

enum {
	FILES_MAX = 10000,  /* files looked at */
	NUMBER_MAX = 10000, /* of a day */
	NAME_LEN = 80,
	DAY_SECONDS = 24 * 3600,
};

static const int64_t MB = 1000 * 1000;

/* A file that is there. */
struct old_file {
	char name[NAME_LEN];
	int log; /* index in log_names */
	int64_t size;
	struct timespec time; /* when it was kept */
	bool deleted;
};

struct old_files {
	struct old_file *files; /* oldest first */
	size_t count;
	int64_t size;
};

int old_logs_open(struct old_logs *old, const struct instance *instance, const struct settings *settings,
                  struct err *err)
{
	char path[INSTANCE_PATH_MAX + 16];

	*old = (struct old_logs){.settings = settings};
	snprintf(path, sizeof path, "%s/old", instance->log);
	old->folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return old->folder >= 0 ? 0 : err_system(err, "cannot open %s", path);
}

void old_logs_close(struct old_logs *old)
{
	if (old->folder >= 0)
		close(old->folder);
	old->folder = -1;
}

/* The log that a file of this name is of; -1: it is none of ours. */
static int log_of(const char *name)
{
	char pattern[NAME_LEN];

	for (int i = 0; i < LOG_KINDS; i++) {
		snprintf(pattern, sizeof pattern, "%s_*-*-*_*.lbk", log_names[i]);
		if (str_matches_wildcard(str_of(name), str_of(pattern)))
			return i;
	}
	return -1;
}

static int compare_age(const void *a, const void *b)
{
	const struct old_file *one = a, *other = b;

	if (one->time.tv_sec != other->time.tv_sec)
		return one->time.tv_sec < other->time.tv_sec ? -1 : 1;
	if (one->time.tv_nsec != other->time.tv_nsec)
		return one->time.tv_nsec < other->time.tv_nsec ? -1 : 1;
	return strverscmp(one->name, other->name); /* the number of the day is in it */
}

static void list_files(const struct old_logs *old, struct old_files *found, struct arena *arena)
{
	int copy = openat(old->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = copy >= 0 ? fdopendir(copy) : NULL;
	const struct dirent *entry;
	struct stat info;

	*found = (struct old_files){.files = arena_get(arena, FILES_MAX * sizeof *found->files)};
	while (folder != NULL && found->count < FILES_MAX && (entry = readdir(folder)) != NULL) {
		int log = log_of(entry->d_name);
		struct old_file *file = &found->files[found->count];

		if (log < 0 || fstatat(old->folder, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(info.st_mode))
			continue;
		*file = (struct old_file){.log = log, .size = info.st_size, .time = info.st_mtim};
		str_copy(str_of(entry->d_name), file->name, sizeof file->name);
		found->size += file->size;
		found->count++;
	}
	if (folder != NULL)
		closedir(folder);
	qsort(found->files, found->count, sizeof *found->files, compare_age);
}

static void delete_file(const struct old_logs *old, struct old_files *found, struct old_file *file, const char *reason)
{
	file->deleted = true;
	found->size -= file->size;
	if (unlinkat(old->folder, file->name, 0) == 0)
		log_info("deleted log/old/%s: %s", file->name, reason);
	else
		log_error("cannot delete log/old/%s: %s", file->name, strerror(errno));
}

static bool lacks_room(const struct old_logs *old)
{
	int64_t wanted = settings_number(old->settings, SETTING_LOG_MIN_FREE) * MB;
	struct statvfs info;

	return fstatvfs(old->folder, &info) == 0 && (int64_t)(info.f_bavail * info.f_frsize) < wanted;
}

/* Too many of its log, or too old: the one that days say, where they do. newer: of that log, behind this one. */
static bool is_over(const struct old_logs *old, const struct old_file *file, int64_t newer)
{
	int64_t days = settings_number(old->settings, SETTING_LOG_KEEP_DAYS);

	if (days > 0)
		return file->time.tv_sec < time(NULL) - days * DAY_SECONDS;
	return newer >= settings_number(old->settings, SETTING_LOG_KEEP) - 1; /* the .lbk is one */
}

static void prune(const struct old_logs *old)
{
	int64_t max = settings_number(old->settings, SETTING_LOG_KEEP_SIZE) * MB, newer[LOG_KINDS] = {0};
	struct old_files found;
	struct arena arena;
	size_t at = 0;

	arena_init(&arena);
	list_files(old, &found, &arena);
	for (; at < found.count && lacks_room(old); at++)
		delete_file(old, &found, &found.files[at], "the disk has too little room");
	for (; at < found.count && found.size > max; at++)
		delete_file(old, &found, &found.files[at], "old logs take too much");
	for (size_t i = found.count; i-- > at;)
		if (is_over(old, &found.files[i], newer[found.files[i].log]++))
			delete_file(old, &found, &found.files[i], "more than are to be kept");
	arena_free(&arena);
}

/* A new file for a log's content, of today's next number. -1: there is none. */
static int make_file(const struct old_logs *old, const char *log, char name[NAME_LEN], struct err *err)
{
	time_t now = time(NULL);
	struct tm local;
	char date[16];

	localtime_r(&now, &local);
	strftime(date, sizeof date, "%Y-%m-%d", &local);
	for (int number = 1; number < NUMBER_MAX; number++) {
		int fd;

		snprintf(name, NAME_LEN, "%s_%s_%d.lbk", log, date, number);
		fd = openat(old->folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
		if (fd >= 0 || errno != EEXIST)
			return fd >= 0 ? fd : err_system(err, "cannot make it");
	}
	return err_set(err, ERR_LIMIT, "there are too many of that day");
}

void old_logs_keep(const struct old_logs *old, const char *name, int fd)
{
	char kept[NAME_LEN] = "";
	struct stat info;
	struct err err;
	int to;

	if (fstat(fd, &info) != 0 || info.st_size == 0 ||
	    (settings_number(old->settings, SETTING_LOG_KEEP) <= 1 &&
	     settings_number(old->settings, SETTING_LOG_KEEP_DAYS) == 0)) {
		prune(old);
		return;
	}
	to = make_file(old, name, kept, &err);
	if (to < 0 || io_copy(fd, to, &err) != 0)
		log_error("%s.lbk is not kept as log/old/%s: %s", name, kept, err.text);
	if (to >= 0)
		close(to);
	prune(old);
}
