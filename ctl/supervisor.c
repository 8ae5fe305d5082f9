#include "ctl/supervisor.h"

#include "ctl/daily.h"
#include "ctl/layout.h"
#include "ctl/lock.h"
#include "ctl/log_writer.h"
#include "ctl/spawn.h"

#include "common/base/io.h"
#include "common/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	CHILDREN_MAX = 32,
	RESTART_PAUSE_MS = 500, /* between two starts of a daemon that dies at once */
	END_PATIENCE_MS = 8000, /* for daemons to end by themselves */
	LOG_PATIENCE_MS = 4000, /* for the log writer to write the rest */
};

struct supervisor {
	const struct instance *instance;
	struct sockets sockets;
	struct child children[CHILDREN_MAX];
	int child_count;
	int signal_fd, notify_fd;
	struct log_writer log;
	struct daily daily;
	bool ending;
	bool failed; /* a daemon could not start */
};

static int terminal_fd = -1; /* standard error as it was, while standard error is the log */

/* Say it in the log and, where there is one, on the terminal. */
static void report(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void report(const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	log_error("%s", text);
	if (terminal_fd >= 0)
		dprintf(terminal_fd, "postroom: %s\n", text);
}

/* run/status: what `postroom status` shows, written anew at each change. */
static void write_status(const struct supervisor *supervisor)
{
	char path[INSTANCE_PATH_MAX + 32];
	struct buf text;
	struct err err;

	buf_init(&text, 16384);
	for (int i = 0; i < supervisor->child_count; i++) {
		const struct child *child = &supervisor->children[i];

		buf_printf(&text, "%s %d %s %u %" PRId64 "\n", child->program->name, (int)child->pid,
		           child->ready      ? "ready"
		           : child->pid != 0 ? "starting"
		                             : "down",
		           child->restarts, child->started_ms);
	}
	if (io_replace_file(instance_path(path, sizeof path, supervisor->instance->run, "status"), buf_str(&text), 0644,
	                    &err) != 0)
		log_warning("%s", err.text);
	buf_free(&text);
}

static struct child *find_child(struct supervisor *supervisor, pid_t pid)
{
	for (int i = 0; i < supervisor->child_count; i++)
		if (supervisor->children[i].pid == pid)
			return &supervisor->children[i];
	return NULL;
}

static void start_child(struct supervisor *supervisor, struct child *child)
{
	struct err err;

	if (spawn_daemon(child, supervisor->instance, &supervisor->sockets, supervisor->log.out, &err) != 0) {
		report("%s", err.text);
		child->restart_ms = io_now_ms() + RESTART_PAUSE_MS;
		supervisor->failed |= !child->was_ready;
	}
}

static void child_ended(struct supervisor *supervisor, struct child *child, int status)
{
	const char *name = child->program->name;
	int64_t ran_ms = io_now_ms() - child->started_ms;

	child->pid = 0;
	child->ready = false;
	if (supervisor->ending)
		return;
	if (!child->was_ready && WIFEXITED(status) && WEXITSTATUS(status) != 0) {
		/* it cannot start, and said why: nothing that a restart would mend */
		report("%s did not start; the log has the reason", name);
		supervisor->failed = true;
		return;
	}
	if (WIFSIGNALED(status))
		log_error("%s died by signal %d (%s); starting it again", name, WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		log_error("%s ended with status %d; starting it again", name, WEXITSTATUS(status));
	child->restarts++;
	child->restart_ms = io_now_ms() + (ran_ms < RESTART_PAUSE_MS ? RESTART_PAUSE_MS : 0);
}

/* Reap what ended: daemons, and sessions that outlived their listener and became ours. */
static void reap(struct supervisor *supervisor)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct child *child = find_child(supervisor, pid);

		if (log_writer_ended(&supervisor->log, pid)) {
			log_error("the log writer ended; starting it again");
		} else if (daily_ended(&supervisor->daily, pid, status)) {
			continue;
		} else if (child != NULL) {
			child_ended(supervisor, child, status);
			write_status(supervisor);
		}
	}
}

/* One notice a turn: others wait in the socket, while signals are looked at too. */
static void read_notice(struct supervisor *supervisor)
{
	struct notice notice;
	struct child *child;
	struct err err;

	if (!spawn_read_notice(supervisor->notify_fd, &notice))
		return;
	child = find_child(supervisor, notice.pid);
	if (child != NULL && notice.kind == NOTICE_READY) {
		child->ready = child->was_ready = true;
		write_status(supervisor);
	} else if (child != NULL && notice.kind == NOTICE_KEEP) {
		if (sockets_keep(&supervisor->sockets, notice.fd, child->program->name, notice.text, &err) == 0)
			notice.fd = -1;
		else
			log_warning("%s", err.text);
	} else if (child != NULL && notice.kind == NOTICE_FORGET) {
		sockets_forget(&supervisor->sockets, child->program->name, notice.text);
	} else if (child != NULL && notice.kind == NOTICE_STATUS && terminal_fd >= 0) {
		dprintf(terminal_fd, "postroom: %s\n", notice.text); /* the log has it already */
	}
	if (notice.fd >= 0)
		close(notice.fd);
}

static bool all_ready(const struct supervisor *supervisor)
{
	for (int i = 0; i < supervisor->child_count; i++)
		if (!supervisor->children[i].ready)
			return false;
	return true;
}

/* A reload: daemons are started anew with the conf file as it is now; the sockets stay, so no connection is refused. */
static void reload(struct supervisor *supervisor)
{
	struct instance checked;
	struct err err;

	if (instance_open(&checked, supervisor->instance->dir[0] != '\0' ? supervisor->instance->dir : NULL, &err) != 0) {
		log_error("reload refused: %s", err.text);
		return;
	}
	log_info("reload: starting every daemon anew");
	for (int i = 0; i < supervisor->child_count; i++)
		if (supervisor->children[i].pid != 0)
			kill(supervisor->children[i].pid, SIGTERM);
}

static void read_signals(struct supervisor *supervisor)
{
	struct signalfd_siginfo info;

	while (read(supervisor->signal_fd, &info, sizeof info) == sizeof info) {
		if (info.ssi_signo == SIGHUP)
			reload(supervisor);
		else if (info.ssi_signo != SIGCHLD)
			supervisor->ending = true;
	}
	reap(supervisor);
}

/* Milliseconds until a process is to be started again, -1 where none waits; starts those whose time has come. */
static int restart_due(struct supervisor *supervisor)
{
	int64_t now = io_now_ms(), wait = log_writer_keep(&supervisor->log), daily = daily_look(&supervisor->daily);

	if (daily >= 0 && (wait < 0 || daily < wait))
		wait = daily;
	for (int i = 0; i < supervisor->child_count; i++) {
		struct child *child = &supervisor->children[i];

		if (child->pid != 0 || child->restart_ms == 0)
			continue;
		if (child->restart_ms <= now)
			start_child(supervisor, child);
		if (child->pid == 0 && (wait < 0 || child->restart_ms - now < wait))
			wait = child->restart_ms - now;
	}
	return wait < 0 ? -1 : (int)(wait > 0 ? wait : 1);
}

/* Look after the daemons until told to end or, with until_ready, until all of them are ready or one cannot start. */
static void watch(struct supervisor *supervisor, bool until_ready)
{
	struct pollfd events[2] = {{.fd = supervisor->signal_fd, .events = POLLIN},
	                           {.fd = supervisor->notify_fd, .events = POLLIN}};

	while (!supervisor->ending && !(until_ready && (supervisor->failed || all_ready(supervisor)))) {
		poll(events, 2, restart_due(supervisor));
		read_notice(supervisor);
		read_signals(supervisor);
	}
}

/*
 * Signal every process that is our child now, but the log writer; sessions left over by their listener are among them.
 * Returns how many.
 */
static int signal_children(const struct supervisor *supervisor, int number)
{
	char path[64];
	struct buf text;
	struct str rest;
	struct err err;
	int count = 0;

	snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
	buf_init(&text, 1 << 20);
	if (io_read_file(path, &text, &err) == 0) {
		rest = buf_str(&text);
		for (struct str word = str_cut_word(&rest); word.len > 0; word = str_cut_word(&rest)) {
			uint64_t pid;

			if (str_to_u64(word, INT32_MAX, &pid) && pid > 1 && (pid_t)pid != supervisor->log.pid)
				count += kill((pid_t)pid, number) == 0;
		}
	}
	buf_free(&text);
	return count;
}

/* End the daemons: politely, then, after END_PATIENCE_MS, at once; until none is left. Last the log writer. */
static void end_all(struct supervisor *supervisor)
{
	int64_t patience = io_now_ms() + END_PATIENCE_MS;
	bool killed = false;

	supervisor->ending = true;
	signal_children(supervisor, SIGTERM);
	while (reap(supervisor), signal_children(supervisor, 0) > 0) {
		struct pollfd event = {.fd = supervisor->signal_fd, .events = POLLIN};
		struct signalfd_siginfo info;

		log_writer_keep(&supervisor->log);
		poll(&event, 1, 100);
		while (read(supervisor->signal_fd, &info, sizeof info) == sizeof info)
			;
		if (io_now_ms() > patience) {
			if (!killed)
				log_warning("what has not ended by now is killed");
			killed = true;
			signal_children(supervisor, SIGKILL);
		}
	}
	log_writer_close(&supervisor->log, LOG_PATIENCE_MS);
}

static int open_events(struct supervisor *supervisor, struct err *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	supervisor->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (supervisor->signal_fd < 0)
		return err_system(err, "cannot watch signals");
	supervisor->notify_fd = spawn_notify_socket(supervisor->instance, err);
	if (supervisor->notify_fd < 0)
		return -1;
	return log_writer_open(&supervisor->log, supervisor->instance, err);
}

/* Every daemon needs many descriptors: connections of callers, open mailboxes. */
static void raise_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* Bind the sockets of a program and start it. */
static int add_program(struct supervisor *supervisor, const struct program *program, struct err *err)
{
	struct child *child = &supervisor->children[supervisor->child_count];

	if (sockets_bind(&supervisor->sockets, supervisor->instance, program, err) != 0)
		return -1;
	*child = (struct child){.program = program};
	supervisor->child_count++;
	start_child(supervisor, child);
	return 0;
}

/*
 * What starts before all others, each when the one before is ready: all read the settings as this version's configd
 * publishes them, and all ask authd. Where one of them cannot start, nothing listens.
 */
static const char *const foundations[] = {"configd", "authd"};

static bool is_foundation(const struct program *program)
{
	for (size_t i = 0; i < sizeof foundations / sizeof *foundations; i++)
		if (strcmp(program->name, foundations[i]) == 0)
			return true;
	return false;
}

/* Wait until all that were started are ready. */
static int await_all(struct supervisor *supervisor, struct err *err)
{
	watch(supervisor, true);
	return supervisor->failed
	           ? err_set(err, ERR_TEMPORARY, "the daemons could not be started; the log is %s/postroom.log",
	                     supervisor->instance->log)
	           : 0;
}

static int start_foundations(struct supervisor *supervisor, struct err *err)
{
	for (size_t i = 0; i < sizeof foundations / sizeof *foundations && !supervisor->ending; i++)
		if (add_program(supervisor, program_find(foundations[i]), err) != 0 || await_all(supervisor, err) != 0)
			return -1;
	return 0;
}

static int start_others(struct supervisor *supervisor, struct err *err)
{
	for (const struct program *program = programs; program->name != NULL; program++)
		if (!is_foundation(program) && add_program(supervisor, program, err) != 0)
			return -1;
	return await_all(supervisor, err);
}

int supervisor_run(const struct instance *instance)
{
	static struct supervisor supervisor;
	struct err err;
	int lock = lock_take(instance, "run", &err), result;

	log_open("postroom");
	if (lock < 0) {
		fprintf(stderr, "postroom: %s\n", err.text);
		return 1;
	}
	supervisor.instance = instance;
	raise_limits();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	result = layout_complete(instance, &err);
	if (result == 0)
		result = open_events(&supervisor, &err);
	if (result == 0) {
		terminal_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
		log_writer_take_stderr(&supervisor.log);
		log_info("starting Postroom %s", POSTROOM_VERSION);
		result = start_foundations(&supervisor, &err);
	}
	if (result == 0 && !supervisor.ending)
		result = start_others(&supervisor, &err);
	if (result != 0)
		report("%s", err.text);
	if (result == 0 && !supervisor.ending) {
		printf("ready\n");
		fflush(stdout);
		log_info("ready");
		daily_begin(&supervisor.daily, instance);
		watch(&supervisor, false);
	}
	end_all(&supervisor);
	log_info("ended");
	return result == 0 ? 0 : 1;
}

static struct supervisor borrowed;

/* What was borrowed goes back: as end_all, but for these two alone, since the process may have other children. */
static void end_borrowed(void)
{
	int64_t patience = io_now_ms() + END_PATIENCE_MS;

	for (int i = 0; i < borrowed.child_count; i++) {
		pid_t pid = borrowed.children[i].pid;

		if (pid <= 0 || kill(pid, SIGTERM) != 0)
			continue;
		while (waitpid(pid, NULL, WNOHANG) == 0) {
			if (io_now_ms() > patience)
				kill(pid, SIGKILL);
			nanosleep(&(struct timespec){0, 2000000}, NULL);
		}
	}
	log_writer_close(&borrowed.log, LOG_PATIENCE_MS);
}

int supervisor_borrow(const struct instance *instance, struct err *err)
{
	if (borrowed.instance != NULL)
		return 0;
	if (lock_take(instance, "borrowed", err) < 0)
		return err->code == ERR_EXISTS ? 1 : -1;
	borrowed.instance = instance;
	if (open_events(&borrowed, err) != 0)
		return -1;
	atexit(end_borrowed);
	if (start_foundations(&borrowed, err) != 0)
		return -1;
	if (borrowed.ending) /* Ctrl-C while they were starting */
		exit(1);
	return 0;
}
