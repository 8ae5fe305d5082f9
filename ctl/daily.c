#include "ctl/daily.h"

#include "common/base/log.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	HOUR = 3,
	MINUTE = 30,
	LOOK_MS = 60000, /* so that a clock that is set does not put it off for long */
	NICE = 10,
};

time_t daily_next(time_t last)
{
	struct tm day;
	time_t next;

	localtime_r(&last, &day);
	day.tm_hour = HOUR;
	day.tm_min = MINUTE;
	day.tm_sec = 0;
	day.tm_isdst = -1;
	next = mktime(&day);
	if (next > last)
		return next;
	day.tm_mday++;
	day.tm_hour = HOUR;
	day.tm_min = MINUTE;
	day.tm_isdst = -1;
	return mktime(&day);
}

static const char *stamp_path(const struct daily *daily, char *path, size_t size)
{
	return instance_path(path, size, daily->instance->state, "maintained");
}

/* The file's own time is what counts; it is made where it is missing. */
static void write_stamp(const struct daily *daily)
{
	char path[INSTANCE_PATH_MAX + 32];
	int fd = open(stamp_path(daily, path, sizeof path), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0 || futimens(fd, NULL) != 0)
		log_warning("cannot note the time of the daily work in %s", path);
	if (fd >= 0)
		close(fd);
}

void daily_begin(struct daily *daily, const struct instance *instance)
{
	char path[INSTANCE_PATH_MAX + 32];
	struct stat info;

	*daily = (struct daily){.instance = instance, .last = time(NULL)};
	if (lstat(stamp_path(daily, path, sizeof path), &info) == 0)
		daily->last = info.st_mtime;
	else
		write_stamp(daily);
}

/* The program itself anew, so that nothing of the supervisor's is in it. */
static void __attribute__((noreturn)) run(const struct instance *instance)
{
	char dir[INSTANCE_PATH_MAX];
	char *const system[] = {(char *)"postroom", (char *)"maintain", NULL};
	char *const own[] = {(char *)"postroom", (char *)"-C", dir, (char *)"maintain", NULL};
	int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	snprintf(dir, sizeof dir, "%s", instance->dir);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	setpriority(PRIO_PROCESS, 0, NICE);
	dup2(nowhere, STDIN_FILENO);
	dup2(nowhere, STDOUT_FILENO);
	execv("/proc/self/exe", dir[0] != '\0' ? own : system);
	_exit(127);
}

int64_t daily_look(struct daily *daily)
{
	time_t now = time(NULL), next;
	int64_t wait;

	if (daily->instance == NULL)
		return -1;
	next = daily_next(daily->last);
	if (next > now || daily->pid != 0) {
		wait = (int64_t)(next - now) * 1000;
		return wait > 0 && wait < LOOK_MS ? wait : LOOK_MS;
	}
	daily->last = now;
	daily->pid = fork();
	if (daily->pid == 0)
		run(daily->instance);
	if (daily->pid < 0) {
		log_error("the daily work on mailboxes cannot be started");
		daily->pid = 0;
	} else {
		log_info("the daily work on mailboxes begins");
		write_stamp(daily);
	}
	return LOOK_MS;
}

bool daily_ended(struct daily *daily, pid_t pid, int status)
{
	if (pid != daily->pid)
		return false;
	daily->pid = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		log_info("the daily work on mailboxes is done");
	else
		log_error("the daily work on mailboxes failed: \"postroom maintain\" says why");
	return true;
}
