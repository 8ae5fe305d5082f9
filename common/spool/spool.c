#include "common/spool/spool.h"

#include "common/base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

enum {
	OUT_MAX = 128 * 1024,
	TIME_DIGITS = 13,
	/*
	 * So many of a derived id's time are the parent's, the rest is hash: 52 bits with those at its end, so that of
	 * 100,000 messages made of one no two get the same name.
	 */
	PARENT_DIGITS = 8,
	FILE_MODE = 0640,
};

static int open_folder(const struct instance *instance, const char *producer, const char *name, struct err *err)
{
	char path[INSTANCE_PATH_MAX + 128];
	int fd;

	snprintf(path, sizeof path, "%s/%s/%s", instance->spool, producer, name);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		err_system(err, "cannot open %s", path);
	return fd;
}

int spool_drop_open(struct spool_drop *drop, const struct instance *instance, const char *producer, struct err *err)
{
	*drop = (struct spool_drop){.new_folder = -1, .tmp_folder = -1, .scratch_folder = -1};
	if (!str_copy(str_of(producer), drop->producer, sizeof drop->producer))
		return err_set(err, ERR_LIMIT, "the name of the producer %s is too long", producer);
	drop->new_folder = open_folder(instance, producer, "new", err);
	if (drop->new_folder < 0)
		return -1;
	drop->tmp_folder = open_folder(instance, producer, "tmp", err);
	if (drop->tmp_folder < 0) {
		spool_drop_close(drop);
		return -1;
	}
	return 0;
}

void spool_drop_close(struct spool_drop *drop)
{
	if (drop->new_folder >= 0)
		close(drop->new_folder);
	if (drop->tmp_folder >= 0)
		close(drop->tmp_folder);
	if (drop->scratch_folder >= 0)
		close(drop->scratch_folder);
	drop->new_folder = drop->tmp_folder = drop->scratch_folder = -1;
}

/* The time is about the parent's, where its name begins with an id, so that the two sort together. */
static void derive_id(char *out, const char *producer, struct str parent)
{
	unsigned char hash[SHA256_DIGEST_LENGTH];
	char stamp[TIME_DIGITS + 1];
	size_t id_length = parent.len;

	SHA256((const unsigned char *)parent.data, parent.len, hash);
	for (size_t i = 0; i < TIME_DIGITS; i++)
		stamp[i] = "0123456789abcdef"[hash[4 + i] & 15];
	stamp[TIME_DIGITS] = '\0';
	if (str_find_char(parent, '/') > 0)
		id_length = (size_t)str_find_char(parent, '/');
	if (spool_id_is_valid(str_sub(parent, 0, id_length)))
		memcpy(stamp, parent.data, PARENT_DIGITS);
	snprintf(out, SPOOL_ID_MAX, "%s-%.24s-%02x%02x%02x%02x", stamp, producer, hash[0], hash[1], hash[2], hash[3]);
}

void spool_make_id(struct spool_file *file, const char *producer, struct str parent)
{
	struct timespec now;
	uint32_t random;

	file->derived = parent.len != 0;
	if (file->derived) {
		derive_id(file->id, producer, parent);
		return;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	io_random(&random, sizeof random);
	snprintf(file->id, sizeof file->id, "%013" PRIx64 "-%.24s-%08" PRIx32,
	         ((uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000) & 0xfffffffffffff, producer, random);
}

/* Has the file system, as it says, no unnamed files? */
static bool lacks_unnamed(int error)
{
	return error == EOPNOTSUPP || error == EISDIR || error == EINVAL;
}

int spool_scratch(const struct spool_drop *drop, struct err *err)
{
	int folder = drop->scratch_folder >= 0 ? drop->scratch_folder : drop->tmp_folder;
	int fd = openat(folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	char name[32] = "scratch-";

	if (fd < 0 && lacks_unnamed(errno)) {
		io_random_hex(name + strlen(name), 16);
		fd = openat(folder, name, O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd >= 0)
			unlinkat(folder, name, 0);
	}
	return fd >= 0 ? fd : err_system(err, "cannot make a file in the spool of %s", drop->producer);
}

int spool_scratch_in(struct spool_drop *drop, const char *path, struct err *err)
{
	drop->scratch_folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return drop->scratch_folder >= 0 ? 0 : err_system(err, "cannot open %s", path);
}

/* An unnamed file in new/; where the file system has none, a named one in tmp/. */
static int open_file(struct spool_file *file, struct err *err)
{
	file->tmp_name[0] = '\0';
	file->fd = openat(file->drop->new_folder, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, FILE_MODE);
	if (file->fd >= 0)
		return 0;
	if (!lacks_unnamed(errno))
		return err_system(err, "cannot make a file in the spool of %s", file->drop->producer);
	snprintf(file->tmp_name, sizeof file->tmp_name, "%s", file->id);
	if (file->derived)
		unlinkat(file->drop->tmp_folder, file->tmp_name, 0); /* of an attempt that was cut off */
	file->fd =
	    openat(file->drop->tmp_folder, file->tmp_name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
	if (file->fd < 0)
		return err_system(err, "cannot make a file in the spool of %s", file->drop->producer);
	return 0;
}

int spool_begin(struct spool_file *file, const struct spool_drop *drop, const struct spool_envelope *envelope,
                struct err *err)
{
	file->drop = drop;
	file->size = 0;
	file->fd = -1;
	file->tmp_name[0] = '\0';
	buf_init(&file->out, SPOOL_ENVELOPE_MAX + OUT_MAX);
	if (spool_envelope_format(envelope, &file->out, err) != 0 || open_file(file, err) != 0) {
		spool_abort(file);
		return -1;
	}
	return 0;
}

static int flush(struct spool_file *file, struct err *err)
{
	if (io_write_all(file->fd, file->out.data, file->out.len, err) != 0)
		return err_prefix(err, "spool of %s", file->drop->producer);
	buf_reset(&file->out);
	return 0;
}

int spool_write(struct spool_file *file, struct str bytes, struct err *err)
{
	file->size += (int64_t)bytes.len;
	if (file->out.len + bytes.len <= OUT_MAX) {
		buf_add_str(&file->out, bytes);
		return 0;
	}
	if (flush(file, err) != 0)
		return -1;
	if (bytes.len >= OUT_MAX / 2)
		return io_write_all(file->fd, bytes.data, bytes.len, err);
	buf_add_str(&file->out, bytes);
	return 0;
}

/* Give the file its name in new/, never over one that is there. -1: errno. */
static int give_name(struct spool_file *file)
{
	char path[32];
	int result;

	if (file->tmp_name[0] == '\0') {
		snprintf(path, sizeof path, "/proc/self/fd/%d", file->fd);
		return linkat(AT_FDCWD, path, file->drop->new_folder, file->id, AT_SYMLINK_FOLLOW);
	}
	result = renameat2(file->drop->tmp_folder, file->tmp_name, file->drop->new_folder, file->id, RENAME_NOREPLACE);
	if (result != 0 && errno == EINVAL) { /* this file system cannot: a second name, then without the first */
		result = linkat(file->drop->tmp_folder, file->tmp_name, file->drop->new_folder, file->id, 0);
		if (result == 0 && unlinkat(file->drop->tmp_folder, file->tmp_name, 0) != 0)
			result = -1; /* two names are refused by who takes it over */
	}
	if (result == 0)
		file->tmp_name[0] = '\0';
	return result;
}

static int sync_folder(const struct spool_drop *drop, int folder, struct err *err)
{
	return fsync(folder) == 0 ? 0 : err_system(err, "cannot sync the spool folder of %s", drop->producer);
}

int spool_commit(struct spool_file *file, struct err *err)
{
	int result = flush(file, err);

	if (result == 0 && fdatasync(file->fd) != 0)
		result = err_system(err, "cannot sync a file in the spool of %s", file->drop->producer);
	if (result == 0 && give_name(file) != 0 && !(errno == EEXIST && file->derived))
		result = err_system(err, "cannot link a file into the spool of %s", file->drop->producer);
	if (result == 0)
		result = sync_folder(file->drop, file->drop->new_folder, err);
	spool_abort(file);
	return result;
}

void spool_abort(struct spool_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	if (file->tmp_name[0] != '\0')
		unlinkat(file->drop->tmp_folder, file->tmp_name, 0);
	file->fd = -1;
	file->tmp_name[0] = '\0';
	buf_free(&file->out);
}

int spool_park(struct spool_file *file, int *fd_out, struct err *err)
{
	char path[32];
	int result = flush(file, err);

	if (result == 0 && file->tmp_name[0] == '\0') {
		snprintf(path, sizeof path, "/proc/self/fd/%d", file->fd);
		if (linkat(AT_FDCWD, path, file->drop->tmp_folder, file->id, AT_SYMLINK_FOLLOW) != 0)
			result = err_system(err, "cannot link a file into the spool of %s", file->drop->producer);
	}
	if (result == 0) {
		/* on its way already while others are written; a help that may fail */
		sync_file_range(file->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
		*fd_out = file->fd;
		file->fd = -1;
		file->tmp_name[0] = '\0'; /* it stays, if it was there by name */
	}
	spool_abort(file);
	return result;
}

int spool_sync_parked(const struct spool_drop *drop, const int *fds, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++)
		if (fdatasync(fds[i]) != 0)
			return err_system(err, "cannot sync a file in the spool of %s", drop->producer);
	return sync_folder(drop, drop->tmp_folder, err);
}

int spool_sync_released(const struct spool_drop *drop, struct err *err)
{
	return sync_folder(drop, drop->new_folder, err);
}

int spool_release(const struct spool_drop *drop, struct str id, struct err *err)
{
	char name[SPOOL_ID_MAX];

	if (!spool_id_is_valid(id) || !str_copy(id, name, sizeof name))
		return err_set(err, ERR_SYNTAX, "what is to be released has no id");
	/* nobody else makes names of this drop's new/, and what was released is not there any more */
	if (renameat(drop->tmp_folder, name, drop->new_folder, name) != 0 && errno != ENOENT)
		return err_system(err, "cannot move a file in the spool of %s", drop->producer);
	return 0;
}

void spool_unpark(const struct spool_drop *drop, struct str id)
{
	char name[SPOOL_ID_MAX];

	if (spool_id_is_valid(id) && str_copy(id, name, sizeof name))
		unlinkat(drop->tmp_folder, name, 0);
}

int spool_free_space(int fd, uint64_t *free_out, uint64_t *total_out, struct err *err)
{
	struct statvfs space;

	if (fstatvfs(fd, &space) != 0)
		return err_system(err, "cannot ask for the free space of the spool");
	*free_out = (uint64_t)space.f_bavail * space.f_frsize;
	*total_out = (uint64_t)space.f_blocks * space.f_frsize;
	return 0;
}
