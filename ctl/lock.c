#include "ctl/lock.h"

#include "ctl/supervisor.h"

#include "common/base/io.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LOCK_PATIENCE_MS = 15000 /* for a command that borrowed configd and authd */ };

/* Nobody else may open it, and keep us from starting by a lock of his own. */
static int open_lock(const struct instance *instance, char *path, size_t size)
{
	return open(instance_path(path, size, instance->state, "postroom.lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

/* Who holds the lock: "<pid> <purpose>", "" for nobody. */
static void read_lock(int fd, char *text, size_t size)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	ssize_t len = 0;

	if (fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK)
		len = pread(fd, text, size - 1, 0);
	text[len > 0 ? len : 0] = '\0';
}

static pid_t running_pid(const char *text)
{
	return strstr(text, " run") != NULL ? (pid_t)strtol(text, NULL, 10) : 0;
}

int lock_take(const struct instance *instance, const char *purpose, struct err *err)
{
	char path[INSTANCE_PATH_MAX + 32], text[64];
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int64_t end = io_now_ms() + LOCK_PATIENCE_MS;
	int fd = open_lock(instance, path, sizeof path);

	if (fd < 0)
		return err_system(err, "cannot open %s", path);
	while (fcntl(fd, F_OFD_SETLK, &lock) != 0) {
		read_lock(fd, text, sizeof text);
		if (running_pid(text) != 0 || io_now_ms() > end) {
			close(fd);
			return err_set(err, ERR_EXISTS, "already running (pid %ld)", strtol(text, NULL, 10));
		}
		nanosleep(&(struct timespec){0, 20000000}, NULL);
	}
	snprintf(text, sizeof text, "%d %s\n", (int)getpid(), purpose);
	if (ftruncate(fd, 0) != 0 || pwrite(fd, text, strlen(text), 0) < 0) {
		err_system(err, "cannot write %s", path);
		close(fd);
		return -1;
	}
	return fd;
}

pid_t supervisor_pid(const struct instance *instance)
{
	char path[INSTANCE_PATH_MAX + 32], text[64];
	int fd = open_lock(instance, path, sizeof path);

	if (fd < 0)
		return 0;
	read_lock(fd, text, sizeof text);
	close(fd);
	return running_pid(text);
}
