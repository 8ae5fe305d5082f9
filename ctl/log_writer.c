#include "ctl/log_writer.h"

#include "ctl/spawn.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/daemon/syslog.h"
#include "common/net/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	PIPE_SIZE = 1024 * 1024, /* octets that wait while a writer is started again */
	CHUNK = 64 * 1024,       /* octets written at once */
	RESTART_PAUSE_MS = 500,  /* between two starts of a writer that dies at once */
	MEMORY_MAX = 64 << 20,
	DESCRIPTORS_MAX = 16,
	/* where the writer has its descriptors */
	IN = STDIN_FILENO,
	FILE_OUT = STDOUT_FILENO,
};

static int open_file(const struct instance *instance, struct err *err)
{
	char path[INSTANCE_PATH_MAX + 32];
	int fd = open(instance_path(path, sizeof path, instance->log, "postroom.log"),
	              O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);

	return fd >= 0 ? fd : err_system(err, "cannot open %s", path);
}

/*
 * A second way into the pipe, which never waits: this process is who starts a writer that died, so it must not stand in
 * front of a pipe that nobody empties. The other one is the daemons', who share its flags.
 */
static int open_impatient(int pipe_end, struct err *err)
{
	char path[64];
	int fd;

	snprintf(path, sizeof path, "/proc/self/fd/%d", pipe_end);
	fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	return fd >= 0 ? fd : err_system(err, "cannot open the pipe of the log");
}

/* Exactly count octets, which are there. */
static int read_whole(int fd, char *bytes, size_t count)
{
	for (size_t done = 0; done < count;) {
		ssize_t got = read(fd, bytes + done, count - done);

		if (got == 0 || (got < 0 && errno != EINTR))
			return -1;
		done += got > 0 ? (size_t)got : 0;
	}
	return 0;
}

/* The severity of a line of common/base/log.h, which has its level behind the process. */
static int severity_of(struct str line)
{
	static const struct {
		const char *word;
		int severity;
	} levels[] = {{"error", SYSLOG_ERROR}, {"warning", SYSLOG_WARNING}, {"info", SYSLOG_INFO}, {"debug", SYSLOG_DEBUG}};
	ptrdiff_t at = str_find(line, STR("]: "));
	struct str rest = at >= 0 ? str_skip(line, (size_t)at + 3) : STR(""), word = str_cut(&rest, ':');

	for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
		if (str_equal(word, str_of(levels[i].word)))
			return levels[i].severity;
	return SYSLOG_NOTICE;
}

/* Send lines to syslog, without their time, which it adds; what is not a whole line waits in rest for its end. */
static void forward(const struct syslog *syslog, struct buf *rest, struct str bytes)
{
	while (bytes.len > 0) {
		ptrdiff_t end = str_find_char(bytes, '\n');
		struct str line;

		buf_add_str(rest, str_sub(bytes, 0, end >= 0 ? (size_t)end : bytes.len));
		if (end < 0)
			return;
		bytes = str_skip(bytes, (size_t)end + 1);
		line = buf_str(rest);
		str_cut(&line, ' ');
		syslog_send(syslog, "", severity_of(line), line);
		buf_reset(rest);
	}
}

/* Copy from the pipe to the file until nobody writes any more. Returns the exit status. */
static int write_lines(const struct syslog *syslog)
{
	static char bytes[CHUNK];
	unsigned long long lost = 0;
	struct buf rest;
	int copy[2];
	ssize_t count;
	struct err err;

	buf_init(&rest, CHUNK);
	if (pipe2(copy, O_CLOEXEC) != 0) {
		log_error("cannot make a pipe: %s", strerror(errno));
		return 1;
	}
	while ((count = tee(IN, copy[1], CHUNK, 0)) != 0) {
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0 || read_whole(copy[0], bytes, (size_t)count) != 0) {
			log_error("cannot read what is to be logged: %s", strerror(errno));
			return 1;
		}
		if (syslog->fd >= 0)
			forward(syslog, &rest, str_from(bytes, (size_t)count));
		if (!syslog->instead_of_files && io_write_all(FILE_OUT, bytes, (size_t)count, &err) != 0) {
			lost += (size_t)count;
		} else if (lost > 0) {
			log_error("about %llu octets before this could not be written here", lost);
			lost = 0;
		}
		read_whole(IN, bytes, (size_t)count); /* taken out only now */
	}
	return 0;
}

static int confine(const struct log_writer *writer, struct err *err)
{
	struct sandbox sandbox;
	int result;

	if (spawn_become_user(writer->instance, program_find("statusd"), err) != 0 || sandbox_init(&sandbox, 0, err) != 0 ||
	    sandbox_prepare(&sandbox, err) != 0 || sandbox_limit(MEMORY_MAX, 0, DESCRIPTORS_MAX, err) != 0)
		return -1;
	result = sandbox_enter(&sandbox, err);
	sandbox_free(&sandbox);
	return result;
}

static void run(const struct log_writer *writer) __attribute__((noreturn));

static void run(const struct log_writer *writer)
{
	static const int ignored[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE};
	struct syslog syslog;
	struct err err;

	for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
		signal(ignored[i], SIG_IGN);
	prctl(PR_SET_NAME, "log-writer");
	log_open("log-writer");
	dup2(writer->in, IN);
	dup2(writer->file, FILE_OUT);
	dup2(writer->file, STDERR_FILENO);
	close_range(STDERR_FILENO + 1, ~0U, 0); /* the pipe's other end among them: it would never end */
	if (syslog_open(&syslog, writer->instance, &err) != 0)
		log_error("the log goes to the file: %s", err.text);
	if (confine(writer, &err) != 0) {
		log_error("the log writer cannot be confined: %s", err.text);
		_exit(1);
	}
	_exit(write_lines(&syslog));
}

/* Standard error goes where what is written is kept, where it is the log at all. */
static void aim(const struct log_writer *writer)
{
	if (writer->has_stderr)
		dup2(writer->pid != 0 ? writer->own : writer->file, STDERR_FILENO);
}

static int start(struct log_writer *writer, struct err *err)
{
	pid_t pid = fork();

	if (pid == 0)
		run(writer);
	if (pid < 0)
		return err_system(err, "cannot start the log writer");
	writer->pid = pid;
	writer->started_ms = io_now_ms();
	aim(writer);
	return 0;
}

int log_writer_open(struct log_writer *writer, const struct instance *instance, struct err *err)
{
	int ends[2];

	*writer =
	    (struct log_writer){.instance = instance, .file = open_file(instance, err), .in = -1, .out = -1, .own = -1};
	if (writer->file < 0)
		return -1;
	if (pipe2(ends, O_CLOEXEC) != 0)
		return err_system(err, "cannot make the pipe of the log");
	writer->in = ends[0];
	writer->out = ends[1];
	writer->own = open_impatient(writer->out, err);
	if (writer->own < 0)
		return -1;
	/* mode 0: no process can open it anew and read what others log, or take it out */
	if (fchmod(writer->in, 0) != 0)
		return err_system(err, "cannot close the pipe of the log to others");
	fcntl(writer->out, F_SETPIPE_SZ, PIPE_SIZE); /* where a user may not have as much, it stays smaller */
	return start(writer, err);
}

void log_writer_take_stderr(struct log_writer *writer)
{
	writer->has_stderr = true;
	aim(writer);
}

static bool is_open(const struct log_writer *writer)
{
	return writer->instance != NULL && writer->in >= 0;
}

bool log_writer_ended(struct log_writer *writer, pid_t pid)
{
	if (pid != writer->pid)
		return false;
	writer->pid = 0;
	aim(writer);
	return true;
}

int log_writer_keep(struct log_writer *writer)
{
	int64_t wait_ms = writer->started_ms + RESTART_PAUSE_MS - io_now_ms();
	struct err err;

	if (writer->pid != 0 || !is_open(writer))
		return -1;
	if (wait_ms > 0)
		return (int)wait_ms;
	if (start(writer, &err) == 0)
		return -1;
	writer->started_ms = io_now_ms();
	return RESTART_PAUSE_MS;
}

void log_writer_close(struct log_writer *writer, int patience_ms)
{
	int64_t end = io_now_ms() + patience_ms;

	if (!is_open(writer))
		return;
	if (writer->pid == 0)
		start(writer, NULL);
	if (writer->has_stderr)
		dup2(writer->file, STDERR_FILENO); /* else the pipe would have a writing end for ever */
	close(writer->in);
	close(writer->out);
	close(writer->own);
	writer->in = writer->out = writer->own = -1;
	while (writer->pid != 0 && waitpid(writer->pid, NULL, WNOHANG) == 0) {
		if (io_now_ms() > end)
			kill(writer->pid, SIGKILL);
		nanosleep(&(struct timespec){0, 2000000}, NULL);
	}
	writer->pid = 0;
}
