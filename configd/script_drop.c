/* scripts: what is put into etc/scripts is taken over. */
#include "configd/scripts.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/script/name.h"
#include "common/script/script.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	REST_S = 1,      /* so long nobody may have written to a file: who copies it is done with it */
	TAKEN_MAX = 200, /* at a time; the others come next */
	LEFT_MAX = 1000, /* files that stay, which are told of once */
};

/* A file that was looked at. */
struct dropped {
	char *path; /* below etc/scripts */
	struct stat file;
};

static struct {
	struct config *config;
	char folder[INSTANCE_PATH_MAX + 16];
	int watch; /* of inotify; -1: there is none */
	struct event *soon;
	struct dropped taken[TAKEN_MAX]; /* by the change that runs */
	size_t taken_count;
	struct dropped left[LEFT_MAX];
	size_t left_count;
	bool again; /* there is something that is not to be taken yet */
} drop;

static const struct timeval rest = {REST_S, 0};

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	       a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static bool was_left(const char *path, const struct stat *file)
{
	for (size_t i = 0; i < drop.left_count; i++)
		if (strcmp(drop.left[i].path, path) == 0 && is_same(&drop.left[i].file, file))
			return true;
	return false;
}

static void leave(const char *path, const struct stat *file, const char *why)
{
	size_t i = 0;

	log_warning("%s/%s is not taken over: %s", drop.folder, path, why);
	while (i < drop.left_count && strcmp(drop.left[i].path, path) != 0)
		i++;
	if (i == LEFT_MAX)
		return;
	if (i == drop.left_count)
		drop.left[drop.left_count++].path = memory_text(str_of(path));
	drop.left[i].file = *file;
}

static const char *full_path(const char *below, char *out, size_t size)
{
	snprintf(out, size, "%s/%s", drop.folder, below);
	return out;
}

/* Is it a script that may be taken, and has somebody put it down entirely? */
static void look_at_file(const char *folder, const char *below, time_t now)
{
	char path[2 * INSTANCE_PATH_MAX + 32], name[SCRIPT_NAME_MAX + 6];
	struct stat file;
	struct err err;

	if (drop.taken_count == TAKEN_MAX || lstat(full_path(below, path, sizeof path), &file) != 0 ||
	    was_left(below, &file))
		return;
	if (now - file.st_mtime >= 0 && now - file.st_mtime <= REST_S) {
		drop.again = true;
		return;
	}
	if (script_name_normalise(str_of(below), name, sizeof name, &err) != 0)
		leave(below, &file, err.text);
	else if (!S_ISREG(file.st_mode))
		leave(below, &file, "it is no regular file");
	else if ((file.st_uid != 0 && file.st_uid != geteuid()) || (file.st_mode & S_IWOTH) != 0)
		leave(below, &file, "it must belong to root, and not be writable by others");
	else if (access(folder, W_OK) != 0)
		leave(below, &file, "it could not be renamed; it is used from there");
	else
		drop.taken[drop.taken_count++] = (struct dropped){memory_text(str_of(below)), file};
}

/* The folders of users stand in the one of scripts. */
static void look_through(const char *below, time_t now)
{
	char path[2 * INSTANCE_PATH_MAX + 32], name[2 * INSTANCE_PATH_MAX];
	struct dirent *entry;
	DIR *folder;

	full_path(below, path, sizeof path);
	if (drop.watch >= 0)
		inotify_add_watch(drop.watch, path, IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_ONLYDIR);
	folder = opendir(path);
	while (folder != NULL && (entry = readdir(folder)) != NULL) {
		snprintf(name, sizeof name, "%s%s%s", below, below[0] != '\0' ? "/" : "", entry->d_name);
		if (entry->d_name[0] == '.')
			continue;
		if (str_ends_nocase(str_of(name), STR(".lua")))
			look_at_file(path, name, now);
		else if (entry->d_type == DT_DIR && below[0] == '\0')
			look_through(name, now);
	}
	if (folder != NULL)
		closedir(folder);
}

/* Read one and keep its text. 1: done; 0: it stays; -1: nothing can be stored. */
static int take(struct change *change, const struct dropped *dropped, struct err *err)
{
	char path[2 * INSTANCE_PATH_MAX + 32];
	struct str broken = STR("");
	struct err wrong;
	struct buf text;
	int result = -1;

	buf_init(&text, SCRIPT_FILE_MAX + 1);
	if (io_read_file(full_path(dropped->path, path, sizeof path), &text, &wrong) != 0 ||
	    script_check(buf_str(&text), dropped->path, &wrong) != 0) {
		leave(dropped->path, &dropped->file, wrong.text);
		result = 0;
	} else if (script_put(change, str_of(dropped->path), buf_str(&text), &broken, err) == 0) {
		result = 1;
	} else if (err->code == ERR_LIMIT || err->code == ERR_SYNTAX) {
		leave(dropped->path, &dropped->file, err->text);
		result = 0;
	}
	buf_free(&text);
	return result;
}

static void forget(struct dropped *dropped)
{
	memory_free(dropped->path);
	dropped->path = NULL;
}

static int run_take(struct change *change, struct err *err)
{
	for (size_t i = 0; i < drop.taken_count; i++) {
		int row = take(change, &drop.taken[i], err);

		if (row < 0)
			return -1;
		if (row == 0)
			forget(&drop.taken[i]);
	}
	return 0;
}

/* It is published: out of the way with the files, so that they are not in force beside it. */
static void rename_taken(struct change *change)
{
	char path[2 * INSTANCE_PATH_MAX + 32], old[2 * INSTANCE_PATH_MAX + 40];

	(void)change;
	for (size_t i = 0; i < drop.taken_count; i++) {
		const struct dropped *taken = &drop.taken[i];
		struct stat file;

		if (taken->path == NULL)
			continue;
		full_path(taken->path, path, sizeof path);
		if (lstat(path, &file) != 0 || !is_same(&file, &taken->file))
			continue; /* somebody has put down another one meanwhile: it comes next */
		snprintf(old, sizeof old, "%s%s", path, isupper((unsigned char)path[strlen(path) - 1]) ? ".OLD" : ".old");
		if (rename(path, old) != 0)
			leave(taken->path, &taken->file, strerror(errno));
	}
}

static int run_take_and_rename(struct change *change, struct err *err)
{
	change->committed = rename_taken;
	return run_take(change, err);
}

static void ended(struct config *config)
{
	(void)config;
	for (size_t i = 0; i < drop.taken_count; i++)
		forget(&drop.taken[i]);
	drop.again |= drop.taken_count == TAKEN_MAX;
	drop.taken_count = 0;
	if (drop.again)
		evtimer_add(drop.soon, &rest);
}

static const struct operation operation = {"script-take", NULL, run_take_and_rename, true};

static void look(void)
{
	if (drop.taken_count > 0)
		return; /* they are being taken; that looks again */
	drop.again = false;
	look_through("", time(NULL));
	if (drop.taken_count > 0)
		request_run(drop.config, &operation, ended);
	else
		ended(drop.config);
}

static void on_soon(evutil_socket_t fd, short what, void *context)
{
	(void)fd, (void)what, (void)context;
	look();
}

static void on_watch(evutil_socket_t fd, short what, void *context)
{
	char events[4096];

	(void)what, (void)context;
	while (read(fd, events, sizeof events) > 0)
		continue;
	drop.again = true;
	if (drop.taken_count == 0)
		evtimer_add(drop.soon, &rest);
}

void script_drop_start(struct config *config, struct event_base *base)
{
	drop.config = config;
	instance_path(drop.folder, sizeof drop.folder, config->instance->etc, "scripts");
	drop.soon = evtimer_new(base, on_soon, NULL);
	drop.watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (drop.watch < 0)
		log_warning("what is put into %s is seen at the next start only: %s", drop.folder, strerror(errno));
	else
		event_add(event_new(base, drop.watch, EV_READ | EV_PERSIST, on_watch, NULL), NULL);
	look();
}

int script_drop_allow(struct sandbox *sandbox, const struct instance *instance, struct err *err)
{
	char path[INSTANCE_PATH_MAX + 16];

	instance_path(path, sizeof path, instance->etc, "scripts");
	return access(path, F_OK) == 0 ? sandbox_allow(sandbox, path, SANDBOX_WRITE, err) : 0;
}
