#include "deliver/media.h"

#include "common/base/io.h"
#include "common/base/tree.h"
#include "common/items/responder.h"
#include "deliver/deliver.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SLICE = 64 * 1024, FILE_MODE = 0600 };

/* A name that no file of an owner has (responder_file_name_is_valid). */
static const char new_name[] = ".new";

const char *media_folder(char *out, size_t size, const struct instance *instance)
{
	return instance_path(out, size, instance->state, "mail/_media");
}

int media_prepare(const struct instance *instance, struct err *err)
{
	char path[INSTANCE_PATH_MAX + 128];

	return io_make_folder(media_folder(path, sizeof path, instance), 0700, err);
}

/* The folder of an owner; -1 with ERR_NOT_FOUND where there is none and it is not to be made. */
static int open_owner(const struct instance *instance, int64_t owner, bool make, struct err *err)
{
	char folder[INSTANCE_PATH_MAX + 128], path[INSTANCE_PATH_MAX + 160];
	int fd;

	snprintf(path, sizeof path, "%s/%" PRId64, media_folder(folder, sizeof folder, instance), owner);
	if (make && io_make_folder(path, 0700, err) != 0)
		return -1;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return err_set(err, ERR_NOT_FOUND, "there is no such file");
	return fd >= 0 ? fd : err_system(err, "cannot open %s", path);
}

/* All files of a folder, as JSON objects; reply NULL: they are counted only. */
static int list_files(int folder, struct ipc_message *reply, size_t *count_out, struct err *err)
{
	int again = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = again >= 0 ? fdopendir(again) : NULL;
	struct dirent *entry;

	*count_out = 0;
	if (stream == NULL)
		return err_system(err, "cannot list files");
	while ((entry = readdir(stream)) != NULL) {
		struct stat status;
		json_t *object;
		char *text;

		if (!responder_file_name_is_valid(str_of(entry->d_name)) ||
		    fstatat(folder, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(status.st_mode))
			continue;
		++*count_out;
		if (reply == NULL)
			continue;
		object = json_pack("{s:s, s:I, s:I}", "name", entry->d_name, "size", (json_int_t)status.st_size, "changed",
		                   (json_int_t)status.st_mtime);
		text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;
		if (text != NULL)
			ipc_add_text(reply, "file", text);
		free(text);
		json_decref(object);
	}
	closedir(stream);
	return 0;
}

static int copy(int from, int to, int64_t size, struct err *err)
{
	char slice[SLICE];

	for (int64_t at = 0; at < size;) {
		ssize_t count = pread(from, slice, sizeof slice, at);

		if (count <= 0)
			return count < 0 ? err_system(err, "cannot read the file") : err_set(err, ERR_CORRUPT, "the file changes");
		if (at + count > size)
			count = (ssize_t)(size - at);
		if (io_write_all(to, slice, (size_t)count, err) != 0)
			return -1;
		at += count;
	}
	return fsync(to) == 0 ? 0 : err_system(err, "cannot sync the file");
}

static int add_file(int folder, const char *name, int source, struct err *err)
{
	struct stat status, known;
	size_t count;
	int fd, result;

	if (source < 0 || fstat(source, &status) != 0 || !S_ISREG(status.st_mode))
		return err_set(err, ERR_SYNTAX, "the file is missing, or is none");
	if (status.st_size > MEDIA_FILE_MAX)
		return err_set(err, ERR_LIMIT, "a file may have %d octets at most", MEDIA_FILE_MAX);
	if (list_files(folder, NULL, &count, err) != 0)
		return -1;
	if (count >= MEDIA_FILES_MAX && fstatat(folder, name, &known, AT_SYMLINK_NOFOLLOW) != 0)
		return err_set(err, ERR_LIMIT, "there are %d files already", MEDIA_FILES_MAX);
	fd = openat(folder, new_name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
	if (fd < 0)
		return err_system(err, "cannot make a file");
	result = copy(source, fd, (int64_t)status.st_size, err);
	close(fd);
	if (result != 0) {
		unlinkat(folder, new_name, 0);
		return -1;
	}
	return renameat(folder, new_name, folder, name) == 0 && fsync(folder) == 0
	           ? 0
	           : err_system(err, "cannot keep the file");
}

static int delete_file(int folder, const char *name, struct err *err)
{
	if (unlinkat(folder, name, 0) == 0)
		return 0;
	return errno == ENOENT ? err_set(err, ERR_NOT_FOUND, "there is no such file")
	                       : err_system(err, "cannot delete the file");
}

static int get_file(int folder, const char *name, struct ipc_message *reply, struct err *err)
{
	int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? err_set(err, ERR_NOT_FOUND, "there is no such file")
		                       : err_system(err, "cannot open the file");
	ipc_add_fd(reply, fd); /* closed when it was sent */
	return 0;
}

/* Whose files are meant: a user by name or number, or 0. */
static int find_owner(const struct ipc_message *request, struct cache *cache, int64_t *owner_out, struct err *err)
{
	struct str user = ipc_get(request, "user");

	if (user.data != NULL)
		return cache_find_user(cache, user, owner_out, err);
	return ipc_get_number(request, "uid", 0, INT64_MAX, owner_out)
	           ? 0
	           : err_set(err, ERR_SYNTAX, "whose files are meant is missing");
}

static int act(struct ipc_message *request, const struct instance *instance, struct cache *cache,
               struct ipc_message *reply, struct err *err)
{
	bool lists = ipc_is(request, "media-list"), adds = ipc_is(request, "media-add");
	char name[RESPONDER_FILE_NAME_MAX + 1] = "";
	int64_t owner;
	size_t count;
	int folder, source, result;

	if (find_owner(request, cache, &owner, err) != 0)
		return -1;
	if (!lists && (!ipc_get_text(request, "name", name, sizeof name) || !responder_file_name_is_valid(str_of(name))))
		return err_set(err, ERR_SYNTAX, "this is no name for a file");
	folder = open_owner(instance, owner, adds, err);
	if (folder < 0)
		return lists && err->code == ERR_NOT_FOUND ? 0 : -1;
	if (lists) {
		result = list_files(folder, reply, &count, err);
	} else if (adds) {
		source = ipc_take_fd(request, 0);
		result = add_file(folder, name, source, err);
		if (source >= 0)
			close(source);
	} else if (ipc_is(request, "media-get")) {
		result = get_file(folder, name, reply, err);
	} else {
		result = delete_file(folder, name, err);
	}
	close(folder);
	return result;
}

int media_discard(const struct instance *instance, int64_t owner, bool *found_out, struct err *err)
{
	char path[INSTANCE_PATH_MAX + 128], name[32];
	int folder = open(media_folder(path, sizeof path, instance), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int removed = 0;

	*found_out = false;
	if (folder < 0)
		return errno == ENOENT ? 0 : err_system(err, "cannot open %s", path);
	snprintf(name, sizeof name, "%" PRId64, owner);
	if (owner > 0)
		removed = tree_remove(folder, name, err);
	close(folder);
	*found_out = removed == 1;
	return removed < 0 ? -1 : 0;
}

bool media_handle(struct ipc_incoming *incoming, const struct instance *instance, struct cache *cache)
{
	struct ipc_message *request = &incoming->message, reply;
	struct err err;
	int file;

	if (!ipc_is(request, "media-list") && !ipc_is(request, "media-get") && !ipc_is(request, "media-add") &&
	    !ipc_is(request, "media-delete"))
		return false;
	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	if (act(request, instance, cache, &reply, &err) == 0)
		ipc_answer(incoming, &reply);
	else
		ipc_answer_error(incoming, &err);
	file = ipc_take_fd(&reply, 0);
	if (file >= 0)
		close(file);
	ipc_message_free(&reply);
	return true;
}
