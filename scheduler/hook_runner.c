/* scheduler: the process that runs the commands of connections, one after another. */
#include "scheduler/scheduler.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/net/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORDS_MAX = 32, GIVE_UP = 127 };

/* The program, which is a group of its own, once its time is over. */
static volatile pid_t program;
static volatile sig_atomic_t is_late;

static void on_alarm(int signal_number)
{
	(void)signal_number;
	is_late = 1;
	kill(-program, SIGKILL);
}

/* What brings a connection up may speak to others; what it may write is its user's, and /tmp. */
static int confine(struct err *err)
{
	struct sandbox sandbox;
	int result;

	if (sandbox_init(&sandbox, SANDBOX_FORK | SANDBOX_EXEC | SANDBOX_SIGNAL | SANDBOX_CONNECT | SANDBOX_UNIX, err) != 0)
		return -1;
	result = sandbox_allow(&sandbox, "/", SANDBOX_READ, err) != 0 ||
	                 sandbox_allow(&sandbox, "/tmp", SANDBOX_WRITE, err) != 0 ||
	                 sandbox_allow(&sandbox, "/dev/null", SANDBOX_WRITE, err) != 0 ||
	                 sandbox_prepare(&sandbox, err) != 0
	             ? -1
	             : sandbox_enter(&sandbox, err);
	sandbox_free(&sandbox);
	return result;
}

/* Words separated by blanks; there is no quoting. */
static __attribute__((noreturn)) void execute(const struct ipc_message *request)
{
	char *words[WORDS_MAX + 1] = {NULL}, *rest = NULL;
	char *command = memory_text(ipc_get(request, "command"));
	size_t count = 0;
	int null = open("/dev/null", O_RDWR);

	setpgid(0, 0);
	for (char *word = strtok_r(command, " \t", &rest); word != NULL && count < WORDS_MAX;
	     word = strtok_r(NULL, " \t", &rest))
		words[count++] = word;
	clearenv();
	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
	setenv("POSTROOM_CONNECTION", memory_text(ipc_get(request, "connection")), 1);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0)
		_exit(GIVE_UP);
	io_close_all_but(NULL, 0);
	if (count > 0)
		execv(words[0], words);
	_exit(GIVE_UP);
}

static int run_program(const struct ipc_message *request, struct ipc_message *reply, struct err *err)
{
	const struct sigaction late = {.sa_handler = on_alarm};
	int64_t seconds = 0;
	int status = 0;

	ipc_get_number(request, "seconds", 1, UINT16_MAX, &seconds);
	is_late = 0;
	program = fork();
	if (program == 0)
		execute(request);
	if (program < 0)
		return err_system(err, "cannot fork");
	setpgid(program, program);
	sigaction(SIGALRM, &late, NULL);
	alarm((unsigned)seconds);
	while (waitpid(program, &status, 0) < 0 && errno == EINTR)
		continue;
	alarm(0);
	ipc_add_number(reply, "late", is_late);
	ipc_add_number(reply, "exit", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return 0;
}

static __attribute__((noreturn)) void serve(int fd)
{
	struct ipc_message request, reply;
	uint32_t sequence;
	struct err err;

	if (confine(&err) != 0) {
		log_error("%s", err.text);
		_exit(1);
	}
	ipc_message_init(&request);
	ipc_message_init(&reply);
	while (ipc_receive(fd, &request, &sequence, -1, &err) == 1) {
		ipc_reply_ok(&reply);
		if (run_program(&request, &reply, &err) != 0)
			ipc_reply_error(&reply, &err);
		if (ipc_send(fd, &reply, sequence, &err) != 0)
			break;
	}
	_exit(0);
}

int hook_runner_start(const struct daemon *daemon, int *fd_out, struct err *err)
{
	pid_t pid, parent = getpid();
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return err_system(err, "cannot make a pair of sockets");
	pid = fork();
	if (pid == 0) {
		daemon_follow_parent(parent);
		close(pair[0]);
		for (int i = 0; i < daemon->socket_count; i++)
			close(daemon->sockets[i].fd);
		serve(pair[1]);
	}
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return err_system(err, "cannot fork the runner of commands");
	}
	*fd_out = pair[0];
	return 0;
}
