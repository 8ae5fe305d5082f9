#include "queue-manager/queue.h"

#include "common/base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

enum { PREDECESSOR_MS = 15000 };

static int mark = -1;

/*
 * One queue-manager at a time: where the supervisor was killed and started again, the one of before may still wait for
 * a result, and must write it down before anybody else looks at the queue. The lock is kept until the process ends.
 */
static int lock_mark(const char *path, struct err *err)
{
	int64_t end = io_now_ms() + PREDECESSOR_MS;

	while (flock(mark, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK)
			return err_system(err, "cannot lock %s", path);
		if (io_now_ms() > end)
			return err_set(err, ERR_TEMPORARY, "another queue-manager holds %s", path);
		nanosleep(&(struct timespec){0, 20000000}, NULL);
	}
	return 0;
}

#ifndef POSTROOM_SANITIZED
static void on_fault(int signal)
{
	(void)!write(mark, "crashed\n", 8);
	raise(signal); /* the handler is gone: this ends us on return */
}
#endif

int crash_watch(const struct queue *queue, unsigned *points_out, struct err *err)
{
	char path[INSTANCE_PATH_MAX + 128];
	char byte;

	instance_path(path, sizeof path, queue->instance->state, "queue/crashed");
	mark = open(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0640);
	if (mark < 0)
		return err_system(err, "cannot open %s", path);
	if (lock_mark(path, err) != 0)
		return -1;
	*points_out = pread(mark, &byte, 1, 0) == 1 ? QUEUE_POINTS_CRASH : QUEUE_POINTS_KILL;
	if (ftruncate(mark, 0) != 0)
		return err_system(err, "cannot empty %s", path);
#ifndef POSTROOM_SANITIZED /* there the sanitizer's own handlers tell more */
	static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
	struct sigaction action = {.sa_handler = on_fault, .sa_flags = (int)SA_RESETHAND};

	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
		sigaction(faults[i], &action, NULL);
#endif
	return 0;
}
