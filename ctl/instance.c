/*
 * The commands that concern a whole instance: run, start, stop, status, reload.
 */
#include "ctl/ctl.h"
#include "ctl/supervisor.h"

#include "common/base/io.h"
#include "common/net/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { START_PATIENCE_MS = 60000, STOP_PATIENCE_MS = 20000 };

static int not_running(void)
{
	fprintf(stderr, "postroom: not running\n");
	return CTL_NOT_RUNNING;
}

int ctl_run(struct ctl *ctl, int argc, char **argv)
{
	(void)argc, (void)argv;
	return supervisor_run(&ctl->instance) == 0 ? CTL_DONE : CTL_REFUSED;
}

/* In the background process: its own session, standard output where the parent waits for "ready". */
static void run_detached(struct ctl *ctl, int ready_pipe) __attribute__((noreturn));

static void run_detached(struct ctl *ctl, int ready_pipe)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	setsid();
	dup2(null, STDIN_FILENO);
	dup2(ready_pipe, STDOUT_FILENO);
	exit(supervisor_run(&ctl->instance));
}

int ctl_start(struct ctl *ctl, int argc, char **argv)
{
	char line[16] = "";
	int ready[2], status;
	pid_t pid;

	(void)argc, (void)argv;
	if (pipe2(ready, O_CLOEXEC) != 0)
		return ctl_refuse("cannot make a pipe: %s", strerror(errno));
	pid = fork();
	if (pid == 0)
		run_detached(ctl, ready[1]);
	close(ready[1]);
	if (pid < 0)
		return ctl_refuse("cannot start: %s", strerror(errno));
	if (read(ready[0], line, sizeof line - 1) > 0 && strcmp(line, "ready\n") == 0) {
		printf("started (pid %d)\n", (int)pid);
		return CTL_DONE;
	}
	waitpid(pid, &status, 0); /* it has said why on standard error */
	return CTL_REFUSED;
}

int ctl_stop(struct ctl *ctl, int argc, char **argv)
{
	pid_t pid = supervisor_pid(&ctl->instance);
	int64_t end = io_now_ms() + STOP_PATIENCE_MS;

	(void)argc, (void)argv;
	if (pid == 0)
		return not_running();
	if (kill(pid, SIGTERM) != 0)
		return ctl_refuse("cannot stop process %d: %s", (int)pid, strerror(errno));
	while (supervisor_pid(&ctl->instance) == pid) {
		if (io_now_ms() > end)
			return ctl_refuse("process %d has not ended within %d seconds", (int)pid, STOP_PATIENCE_MS / 1000);
		nanosleep(&(struct timespec){0, 20000000}, NULL);
	}
	printf("stopped\n");
	return CTL_DONE;
}

int ctl_reload(struct ctl *ctl, int argc, char **argv)
{
	struct instance checked;
	struct err err;
	pid_t pid = supervisor_pid(&ctl->instance);

	(void)argc, (void)argv;
	if (pid == 0)
		return not_running();
	if (instance_open(&checked, ctl->dir, &err) != 0)
		return ctl_refuse_err(&err);
	if (kill(pid, SIGHUP) != 0)
		return ctl_refuse("cannot signal process %d: %s", (int)pid, strerror(errno));
	printf("reloading\n");
	return CTL_DONE;
}

/* A line of run/status: name, pid, state, restarts, start on the monotonic clock. */
static bool parse_status(struct str line, struct str *name, struct str *state, uint64_t number[3])
{
	*name = str_cut_word(&line);
	if (!str_to_u64(str_cut_word(&line), INT32_MAX, &number[0]))
		return false;
	*state = str_cut_word(&line);
	return str_to_u64(str_cut_word(&line), UINT32_MAX, &number[1]) &&
	       str_to_u64(str_cut_word(&line), INT64_MAX, &number[2]);
}

static void print_status(struct str text, pid_t pid, bool as_json)
{
	int landlock = sandbox_landlock_version();
	json_t *root = json_object(), *daemons = json_array();

	if (!as_json) {
		printf("running, supervisor pid %d\n", (int)pid);
		if (landlock == 0)
			printf("warning: this kernel has no Landlock; processes are confined by seccomp and users alone\n");
		printf("%-14s %8s %-9s %9s %10s\n", "daemon", "pid", "state", "restarts", "up");
	}
	while (text.data != NULL) {
		struct str name, state;
		uint64_t number[3];
		int64_t up;

		if (!parse_status(str_cut(&text, '\n'), &name, &state, number))
			continue;
		up = number[0] != 0 ? (io_now_ms() - (int64_t)number[2]) / 1000 : 0;
		if (as_json)
			json_array_append_new(daemons, json_pack("{s:s%, s:I, s:s%, s:I, s:I}", "name", name.data, name.len, "pid",
			                                         (json_int_t)number[0], "state", state.data, state.len, "restarts",
			                                         (json_int_t)number[1], "up_seconds", (json_int_t)up));
		else
			printf("%-14.*s %8" PRIu64 " %-9.*s %9" PRIu64 " %9" PRId64 "s\n", STR_ARG(name), number[0], STR_ARG(state),
			       number[1], up);
	}
	if (as_json) {
		json_object_set_new(root, "running", json_true());
		json_object_set_new(root, "pid", json_integer(pid));
		json_object_set_new(root, "landlock", json_integer(landlock));
		json_object_set(root, "daemons", daemons);
		json_dumpf(root, stdout, JSON_INDENT(2));
		printf("\n");
	}
	json_decref(daemons);
	json_decref(root);
}

int ctl_status(struct ctl *ctl, int argc, char **argv)
{
	bool as_json = argc > 1 && strcmp(argv[1], "--json") == 0;
	pid_t pid = supervisor_pid(&ctl->instance);
	char path[INSTANCE_PATH_MAX + 32];
	struct buf text;
	struct err err;

	if (pid == 0) {
		if (as_json)
			printf("{\"running\": false}\n");
		return not_running();
	}
	buf_init(&text, 65536);
	if (io_read_file(instance_path(path, sizeof path, ctl->instance.run, "status"), &text, &err) != 0) {
		buf_free(&text);
		return ctl_refuse_err(&err);
	}
	print_status(buf_str(&text), pid, as_json);
	buf_free(&text);
	return CTL_DONE;
}
