/*
 * scripts: their files. What is new is written beside what there is before the change is committed, and takes its place
 * by rename afterwards; the folder stays the same, since sandboxes allow it by what it is, not by its name.
 */
#include "configd/scripts.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/script/script.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEW ".new"

enum { NAME_ROOM = SCRIPT_NAME_MAX + 6 + sizeof NEW };

/* What is done with each file; name: below the folder of scripts, with that of a user where it is in one. */
typedef void visit(struct config *config, int folder, const char *name);

static int open_folder(const struct config *config, struct err *err)
{
	char path[INSTANCE_PATH_MAX + 128];
	int fd;

	instance_path(path, sizeof path, config->instance->state, SCRIPT_PUBLISHED);
	if (io_make_folder(path, 0755, err) != 0)
		return -1;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 ? fd : err_system(err, "cannot open %s", path);
}

/* Folders that are empty go. */
static void for_files(struct config *config, int folder, const char *below, visit *function)
{
	int fd = openat(folder, below[0] != '\0' ? below : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *names = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;
	char name[NAME_ROOM];

	while (names != NULL && (entry = readdir(names)) != NULL) {
		if (entry->d_name[0] == '.' || snprintf(name, sizeof name, "%s%s%s", below, below[0] != '\0' ? "/" : "",
		                                        entry->d_name) >= (int)sizeof name)
			continue;
		if (entry->d_type != DT_DIR)
			function(config, folder, name);
		else if (below[0] == '\0')
			for_files(config, folder, name, function);
	}
	if (names != NULL)
		closedir(names);
	if (below[0] != '\0')
		unlinkat(folder, below, AT_REMOVEDIR);
}

static bool is_new(const char *name)
{
	return str_ends_nocase(str_of(name), STR(NEW));
}

/* Of a change that was never committed. */
static void drop_new(struct config *config, int folder, const char *name)
{
	(void)config;
	if (is_new(name))
		unlinkat(folder, name, 0);
}

static bool is_same(int folder, const char *name, struct str text)
{
	int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat file;
	char piece[16384];
	ssize_t count = 1;
	bool same = fd >= 0 && fstat(fd, &file) == 0 && (uint64_t)file.st_size == text.len;

	while (same && text.len > 0 && (count = read(fd, piece, sizeof piece)) > 0) {
		same = (size_t)count <= text.len && memcmp(piece, text.data, (size_t)count) == 0;
		text = same ? str_skip(text, (size_t)count) : text;
	}
	if (fd >= 0)
		close(fd);
	return same && text.len == 0;
}

static int write_new(int folder, const char *name, struct str text, struct err *err)
{
	char path[NAME_ROOM], user[NAME_ROOM];
	const char *slash = strchr(name, '/');
	int fd, result;

	if (slash != NULL) {
		str_copy(str_from(name, (size_t)(slash - name)), user, sizeof user);
		if (mkdirat(folder, user, 0755) != 0 && errno != EEXIST)
			return err_system(err, "cannot make the folder of the script %s", name);
	}
	snprintf(path, sizeof path, "%s" NEW, name);
	fd = openat(folder, path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_system(err, "cannot make the file of the script %s", name);
	result = io_write_all(fd, text.data, text.len, err);
	if (fchmod(fd, 0644) != 0)
		result = err_system(err, "cannot publish the script %s", name);
	close(fd);
	return result;
}

static int write_all(struct config *config, int folder, struct err *err)
{
	struct db_statement rows;
	int row;

	if (config_query(config, &rows, err, "SELECT name, text FROM script WHERE error = '' ORDER BY name", "") != 0)
		return -1;
	while ((row = db_step(&rows, err)) == 1)
		if (!is_same(folder, db_text(&rows, 0).data, db_text(&rows, 1)) &&
		    write_new(folder, db_text(&rows, 0).data, db_text(&rows, 1), err) != 0) {
			row = -1;
			break;
		}
	db_finalize(&rows);
	return row;
}

int script_files_prepare(struct config *config, struct err *err)
{
	int folder, result;

	if (!config->scripts_changed)
		return 0;
	folder = open_folder(config, err);
	if (folder < 0)
		return -1;
	for_files(config, folder, "", drop_new);
	result = write_all(config, folder, err);
	close(folder);
	return result;
}

/* What is new takes its place; what is no script in use any more goes. */
static void put_in_place(struct config *config, int folder, const char *name)
{
	char path[NAME_ROOM];
	struct err err;

	str_copy(str_of(name), path, sizeof path);
	if (is_new(name)) {
		path[strlen(path) - strlen(NEW)] = '\0';
		if (renameat(folder, name, folder, path) != 0)
			log_error("the script %s stays as it was: %s", path, strerror(errno));
	} else if (config_number(config, NULL, &err, "SELECT 1 FROM script WHERE name = ? AND error = ''", "t",
	                         str_of(name)) == 0) {
		unlinkat(folder, name, 0);
	}
}

void script_files_finish(struct config *config)
{
	struct err err;
	int folder;

	if (!config->scripts_changed)
		return;
	folder = open_folder(config, &err);
	if (folder < 0) {
		log_error("scripts stay as they were: %s", err.text);
		return; /* the next change tries again */
	}
	for_files(config, folder, "", put_in_place);
	close(folder);
	config->scripts_changed = false;
}
