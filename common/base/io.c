#include "common/base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	FIRST_FD = 3, /* behind those that every process has */
	COPY_OCTETS = 64 * 1024,
};

int io_write_all(int fd, const void *data, size_t len, struct err *err)
{
	const char *at = data;

	while (len > 0) {
		ssize_t count = write(fd, at, len);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return err_system(err, "cannot write");
		at += count;
		len -= (size_t)count;
	}
	return 0;
}

int io_copy(int from, int to, struct err *err)
{
	char part[COPY_OCTETS];
	ssize_t count;
	off_t at = 0;

	while ((count = pread(from, part, sizeof part, at)) != 0) {
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return err_system(err, "cannot read");
		if (io_write_all(to, part, (size_t)count, err) != 0)
			return -1;
		at += count;
	}
	return 0;
}

int io_read_file(const char *path, struct buf *text, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int result = 0;

	if (fd < 0)
		return err_system(err, "cannot open %s", path);
	for (;;) {
		char part[16384];
		ssize_t count = read(fd, part, sizeof part);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			result = err_system(err, "cannot read %s", path);
		else if (count > 0 && buf_add(text, part, (size_t)count) != 0)
			result = err_set(err, ERR_LIMIT, "%s is larger than %zu bytes", path, text->limit);
		if (count <= 0 || result != 0)
			break;
	}
	close(fd);
	return result;
}

int io_sync_folder(const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int result;

	if (fd < 0)
		return err_system(err, "cannot open %s", path);
	result = fsync(fd);
	if (result != 0)
		err_system(err, "cannot sync %s", path);
	close(fd);
	return result;
}

/* Write and sync the temporary file; it is removed again where that fails. */
static int write_temporary(const char *path, struct str content, mode_t mode, struct err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	int result;

	if (fd < 0)
		return err_system(err, "cannot create %s", path);
	result = io_write_all(fd, content.data, content.len, err);
	if (result == 0 && fchmod(fd, mode) != 0)
		result = err_system(err, "cannot set the mode of %s", path);
	if (result == 0 && fsync(fd) != 0)
		result = err_system(err, "cannot sync %s", path);
	close(fd);
	if (result != 0)
		unlink(path);
	return result;
}

int io_replace_file(const char *path, struct str content, mode_t mode, struct err *err)
{
	char temporary[4096], folder[4096], random[17];
	const char *slash = strrchr(path, '/');

	io_random_hex(random, 16);
	if ((size_t)snprintf(temporary, sizeof temporary, "%s.%s", path, random) >= sizeof temporary)
		return err_set(err, ERR_LIMIT, "the path %s is too long", path);
	str_copy(slash != NULL ? str_from(path, (size_t)(slash - path)) : STR("."), folder, sizeof folder);
	if (write_temporary(temporary, content, mode, err) != 0)
		return -1;
	if (rename(temporary, path) != 0) {
		err_system(err, "cannot rename %s to %s", temporary, path);
		unlink(temporary);
		return -1;
	}
	return io_sync_folder(folder[0] != '\0' ? folder : "/", err);
}

int io_make_folder(const char *path, mode_t mode, struct err *err)
{
	if (mkdir(path, mode) != 0 && errno != EEXIST)
		return err_system(err, "cannot make the folder %s", path);
	return 0;
}

void io_random(void *out, size_t len)
{
	char *at = out;

	while (len > 0) {
		ssize_t count = getrandom(at, len, 0);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			abort();
		at += count;
		len -= (size_t)count;
	}
}

void io_random_hex(char *out, size_t len)
{
	static const char digits[] = "0123456789abcdef";

	io_random(out, len);
	for (size_t i = 0; i < len; i++)
		out[i] = digits[(unsigned char)out[i] & 15];
	out[len] = '\0';
}

int64_t io_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool io_equal_secret(struct str a, struct str b)
{
	unsigned char difference = 0;

	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		difference |= (unsigned char)(a.data[i] ^ b.data[i]);
	return difference == 0;
}

void io_close_all_but(const int *keep, size_t count)
{
	unsigned from = FIRST_FD;

	for (;;) {
		unsigned next = ~0U;

		for (size_t i = 0; i < count; i++)
			if (keep[i] >= (int)from && (unsigned)keep[i] < next)
				next = (unsigned)keep[i];
		if (next > from)
			close_range(from, next - (next != ~0U), 0);
		if (next == ~0U)
			return;
		from = next + 1;
	}
}
