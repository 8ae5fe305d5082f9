#include "common/base/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int remove_at(int parent, const char *name, int depth, struct err *err);

/* A file or a link goes by its name; what turns out to be a folder is gone through. */
static int remove_entry(int folder, const char *name, int depth, struct err *err)
{
	if (unlinkat(folder, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM) /* Linux says EISDIR of a folder, POSIX EPERM */
		return err_system(err, "cannot remove %s", name);
	return remove_at(folder, name, depth, err) < 0 ? -1 : 0;
}

static int remove_all(DIR *stream, int depth, struct err *err)
{
	struct dirent *entry;

	while ((entry = readdir(stream)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		    remove_entry(dirfd(stream), entry->d_name, depth, err) != 0)
			return -1;
	return 0;
}

static int remove_at(int parent, const char *name, int depth, struct err *err)
{
	int result, fd;
	DIR *stream;

	if (depth > TREE_DEPTH_MAX)
		return err_set(err, ERR_LIMIT, "folders are nested too deep at %s", name);
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : err_system(err, "cannot open %s", name);
	stream = fdopendir(fd);
	if (stream == NULL) {
		close(fd);
		return err_system(err, "cannot read %s", name);
	}
	result = remove_all(stream, depth + 1, err);
	closedir(stream);
	if (result != 0)
		return -1;
	return unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT ? 1 : err_system(err, "cannot remove %s", name);
}

int tree_remove(int parent, const char *name, struct err *err)
{
	return remove_at(parent, name, 0, err);
}
