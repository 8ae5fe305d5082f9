/*
 * scripts: their files. All of them are written into a folder of their own before the change is committed; it takes the
 * place of the one before by one call, so that who reads finds the scripts of one moment.
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

#define PREPARED SCRIPT_PUBLISHED ".new"

/* A folder with files, and folders with files. */
static void remove_folder(int parent, const char *name, int depth)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;

	while (folder != NULL && (entry = readdir(folder)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (unlinkat(fd, entry->d_name, 0) != 0 && depth > 0)
			remove_folder(fd, entry->d_name, depth - 1);
	}
	if (folder != NULL)
		closedir(folder);
	unlinkat(parent, name, AT_REMOVEDIR);
}

static int write_file(int folder, const char *name, struct str text, struct err *err)
{
	char user[SCRIPT_NAME_MAX + 6];
	const char *slash = strchr(name, '/');
	int fd, result;

	if (slash != NULL) {
		str_copy(str_from(name, (size_t)(slash - name)), user, sizeof user);
		if (mkdirat(folder, user, 0755) != 0 && errno != EEXIST)
			return err_system(err, "cannot make the folder of the script %s", name);
	}
	fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
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
		if (write_file(folder, db_text(&rows, 0).data, db_text(&rows, 1), err) != 0) {
			row = -1;
			break;
		}
	db_finalize(&rows);
	return row;
}

int script_files_prepare(struct config *config, struct err *err)
{
	char path[INSTANCE_PATH_MAX + 128];
	int fd, result;

	if (!config->scripts_changed)
		return 0;
	instance_path(path, sizeof path, config->instance->state, PREPARED);
	remove_folder(AT_FDCWD, path, 1);
	if (io_make_folder(path, 0755, err) != 0)
		return -1;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_system(err, "cannot open %s", path);
	result = write_all(config, fd, err);
	close(fd);
	return result;
}

void script_files_finish(struct config *config)
{
	char prepared[INSTANCE_PATH_MAX + 128], path[INSTANCE_PATH_MAX + 128];

	if (!config->scripts_changed)
		return;
	instance_path(prepared, sizeof prepared, config->instance->state, PREPARED);
	instance_path(path, sizeof path, config->instance->state, SCRIPT_PUBLISHED);
	if (renameat2(AT_FDCWD, prepared, AT_FDCWD, path, RENAME_EXCHANGE) != 0 &&
	    (errno != ENOENT || rename(prepared, path) != 0)) {
		log_error("scripts stay as they were: cannot rename %s: %s", prepared, strerror(errno));
		return; /* the next change tries again */
	}
	remove_folder(AT_FDCWD, prepared, 1);
	config->scripts_changed = false;
}
