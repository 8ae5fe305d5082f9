#include "ctl/users.h"

#include "common/daemon/programs.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

static int run_tool(char *const *arguments, struct err *err)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		execvp(arguments[0], arguments);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return err_system(err, "cannot run %s", arguments[0]);
	if (status != 0)
		return err_set(err, ERR_SYSTEM, "%s failed for %s", arguments[0], arguments[2]);
	return 0;
}

static int make_group(const char *name, struct err *err)
{
	char *const arguments[] = {(char *)"groupadd", (char *)"--system", (char *)name, NULL};

	return getgrnam(name) != NULL ? 0 : run_tool(arguments, err);
}

static int make_user(const struct program *program, struct err *err)
{
	char *const arguments[] = {(char *)"useradd",
	                           (char *)"--system",
	                           (char *)program->user,
	                           (char *)"--user-group",
	                           (char *)"--no-create-home",
	                           (char *)"--home-dir",
	                           (char *)"/nonexistent",
	                           (char *)"--shell",
	                           (char *)"/usr/sbin/nologin",
	                           (char *)"--groups",
	                           (char *)(program->listens ? USERS_GROUP "," USERS_TLS_GROUP : USERS_GROUP),
	                           NULL};

	return getpwnam(program->user) != NULL ? 0 : run_tool(arguments, err);
}

int users_make(struct err *err)
{
	/* two `init` at a time would stumble over each other's lock of /etc/passwd */
	int lock = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	int result;

	if (lock < 0 || flock(lock, LOCK_EX) != 0) {
		err_system(err, "cannot lock /etc/passwd");
		if (lock >= 0)
			close(lock);
		return -1;
	}
	result = make_group(USERS_GROUP, err);
	if (result == 0)
		result = make_group(USERS_TLS_GROUP, err);
	for (const struct program *program = programs; program->name != NULL && result == 0; program++)
		result = make_user(program, err);
	close(lock);
	return result;
}
