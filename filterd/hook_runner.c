/* hooks: the process that executes the administrator's program. */
#include "filterd/hooks.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PIECE = 64 * 1024, DESCRIPTORS = 256, GIVE_UP = 127 };

/* The program, which is a group of its own, once its time is over. */
static volatile pid_t program;
static volatile sig_atomic_t is_late;

static void on_alarm(int signal_number)
{
	(void)signal_number;
	is_late = 1;
	kill(-program, SIGKILL);
}

static void confine(void)
{
	struct sandbox sandbox;
	struct err err;

	if (sandbox_init(&sandbox, SANDBOX_FORK | SANDBOX_EXEC | SANDBOX_SIGNAL, &err) != 0 ||
	    sandbox_allow(&sandbox, "/", SANDBOX_READ, &err) != 0 ||
	    sandbox_allow(&sandbox, "/tmp", SANDBOX_WRITE, &err) != 0 ||
	    sandbox_allow(&sandbox, "/dev/null", SANDBOX_WRITE, &err) != 0 || sandbox_prepare(&sandbox, &err) != 0 ||
	    sandbox_enter(&sandbox, &err) != 0) {
		log_error("%s", err.text);
		_exit(1);
	}
	sandbox_free(&sandbox);
}

/* Words separated by blanks; there is no quoting. */
static void split_command(char *command, char *arguments[HOOK_ARGUMENTS_MAX + 1])
{
	size_t count = 0;
	char *rest = NULL;

	for (char *word = strtok_r(command, " \t", &rest); word != NULL && count < HOOK_ARGUMENTS_MAX;
	     word = strtok_r(NULL, " \t", &rest))
		arguments[count++] = word;
	arguments[count] = NULL;
}

static __attribute__((noreturn)) void execute(const struct ipc_message *request, int input, int output)
{
	char *arguments[HOOK_ARGUMENTS_MAX + 1];
	int64_t seconds = 1;
	int null = open("/dev/null", O_WRONLY);

	ipc_get_number(request, "seconds", 1, INT32_MAX, &seconds);
	split_command(memory_text(ipc_get(request, "command")), arguments);
	clearenv();
	setenv("PATH", "/usr/local/bin:/usr/bin:/bin", 1);
	setenv("POSTROOM_SENDER", memory_text(ipc_get(request, "sender")), 1);
	setenv("POSTROOM_RECIPIENTS", memory_text(ipc_get(request, "recipients")), 1);
	setenv("POSTROOM_TYPE", memory_text(ipc_get(request, "type")), 1);
	signal(SIGPIPE, SIG_DFL);
	if (null < 0 || dup2(input, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0 ||
	    sandbox_limit(HOOK_MEMORY, (unsigned)seconds, DESCRIPTORS, NULL) != 0)
		_exit(GIVE_UP);
	close_range(STDERR_FILENO + 1, ~0U, 0);
	if (arguments[0] != NULL)
		execv(arguments[0], arguments);
	_exit(GIVE_UP);
}

/* The message into the program, which need not read it all. */
static void feed(int message, int64_t offset, int pipe_fd)
{
	static char piece[PIECE];
	ssize_t size, written = 0;

	while (written >= 0 && (size = pread(message, piece, sizeof piece, offset)) > 0) {
		offset += size;
		for (ssize_t at = 0; at < size; at += written)
			if ((written = write(pipe_fd, piece + at, (size_t)(size - at))) <= 0)
				return;
	}
}

static int start(const struct ipc_message *request, int output, int *feed_out, struct err *err)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		return err_system(err, "cannot make a pipe");
	program = fork();
	if (program == 0) {
		setpgid(0, 0);
		execute(request, ends[0], output);
	}
	close(ends[0]);
	*feed_out = ends[1];
	if (program < 0)
		return err_system(err, "cannot fork");
	setpgid(program, program);
	return 0;
}

/* What it printed, with CRLF for each end of a line: a message goes on as it stands. */
static int tidy(int printed, int output, struct err *err)
{
	static char piece[PIECE], tidied[2 * PIECE];
	bool after_cr = false;
	int64_t at = 0;
	ssize_t size;

	while ((size = pread(printed, piece, sizeof piece, at)) > 0) {
		size_t len = 0;

		for (ssize_t i = 0; i < size; i++) {
			if (piece[i] != '\n' && piece[i] != '\r') {
				tidied[len++] = piece[i];
			} else if (piece[i] == '\r' || !after_cr) {
				tidied[len++] = '\r';
				tidied[len++] = '\n';
			}
			after_cr = piece[i] == '\r';
		}
		if (io_write_all(output, tidied, len, err) != 0)
			return -1;
		at += size;
	}
	return size == 0 ? 0 : err_system(err, "cannot read what the program wrote");
}

static int run_program(struct ipc_message *request, struct ipc_message *reply, struct err *err)
{
	const struct sigaction late = {.sa_handler = on_alarm};
	int message = ipc_take_fd(request, 0), printed = ipc_take_fd(request, 1), output = ipc_take_fd(request, 2);
	int input = -1, status = 0;
	int64_t offset, seconds;

	if (message < 0 || printed < 0 || output < 0 || !ipc_get_number(request, "offset", 0, INT64_MAX, &offset) ||
	    !ipc_get_number(request, "seconds", 1, INT32_MAX, &seconds))
		return err_set(err, ERR_PROTOCOL, "the runner does not understand");
	if (start(request, printed, &input, err) != 0)
		return -1;
	sigaction(SIGALRM, &late, NULL);
	alarm((unsigned)seconds);
	feed(message, offset, input);
	close(input);
	while (waitpid(program, &status, 0) < 0 && errno == EINTR)
		continue;
	alarm(0);
	kill(-program, SIGKILL); /* what it left running */
	ipc_add_number(reply, "late", is_late);
	ipc_add_number(reply, "exit", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return tidy(printed, output, err);
}

static __attribute__((noreturn)) void serve_one(int fd, struct ipc_message *request, uint32_t sequence)
{
	struct ipc_message reply;
	struct err err;

	signal(SIGCHLD, SIG_DFL);
	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	if (run_program(request, &reply, &err) != 0)
		ipc_reply_error(&reply, &err);
	ipc_send(fd, &reply, sequence, &err);
	_exit(0);
}

void hook_runner(int fd)
{
	struct ipc_message request;
	uint32_t sequence;
	struct err err;

	signal(SIGTERM, SIG_IGN); /* it ends with filterd */
	signal(SIGINT, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	confine();
	ipc_message_init(&request);
	while (ipc_receive(fd, &request, &sequence, -1, &err) == 1) {
		pid_t child = fork();

		if (child == 0)
			serve_one(fd, &request, sequence);
		if (child < 0)
			log_error("cannot fork for a program: %s", strerror(errno));
		ipc_message_reset(&request);
	}
	_exit(0);
}
