#include "ctl/ctl.h"
#include "ctl/supervisor.h"

#include "common/base/memory.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

/* configd may be waiting for authd on behalf of somebody else, who sets the passwords of a whole table. */
enum { ASK_TIMEOUT_MS = 300000 };

int ctl_refuse(const char *format, ...)
{
	va_list args;

	fputs("postroom: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return CTL_REFUSED;
}

int ctl_refuse_err(const struct err *err)
{
	return ctl_refuse("%s", err->text);
}

int ctl_usage(const struct ctl_command *command)
{
	fprintf(stderr, "usage: postroom [-C DIR] %s %s\n", command->name, command->arguments);
	return CTL_USAGE;
}

/* Settings can be changed while the instance is stopped: its configd and authd are started for us. */
static int make_reachable(struct ctl *ctl, const char *callee)
{
	struct err err;

	if (supervisor_pid(&ctl->instance) != 0)
		return CTL_DONE;
	if (strcmp(callee, "configd") != 0) {
		fprintf(stderr, "postroom: not running\n");
		return CTL_NOT_RUNNING;
	}
	return supervisor_borrow(&ctl->instance, &err) < 0 ? ctl_refuse_err(&err) : CTL_DONE;
}

int ctl_reach(struct ctl *ctl, const char *callee, struct ipc_channel *channel)
{
	int status = make_reachable(ctl, callee);
	struct err err;

	if (status != CTL_DONE)
		return status;
	return ipc_connect(channel, &ctl->instance, callee, "postroom", &err) == 0 ? CTL_DONE : ctl_refuse_err(&err);
}

int ctl_ask_long(struct ctl *ctl, const char *callee, const struct ipc_message *request, struct ipc_message *reply,
                 int timeout_ms)
{
	struct ipc_channel channel;
	struct err err;
	int result, status = ctl_reach(ctl, callee, &channel);

	if (status != CTL_DONE)
		return status;
	result = ipc_call(&channel, request, reply, timeout_ms, &err);
	ipc_close(&channel);
	return result == 0 ? CTL_DONE : ctl_refuse_err(&err);
}

int ctl_ask(struct ctl *ctl, const char *callee, const struct ipc_message *request, struct ipc_message *reply)
{
	return ctl_ask_long(ctl, callee, request, reply, ASK_TIMEOUT_MS);
}

/* A line of standard input, without its end. Nothing is read beyond it. */
static int read_line(char *line, size_t size)
{
	size_t len = 0;
	char c;
	ssize_t count;

	while ((count = read(STDIN_FILENO, &c, 1)) == 1 && c != '\n') {
		if (len + 1 == size)
			return ctl_refuse("the password is longer than %zu bytes", size - 1);
		if (c == '\0')
			return ctl_refuse("the password must not hold a NUL");
		line[len++] = c;
	}
	if (len > 0 && line[len - 1] == '\r')
		len--;
	line[len] = '\0';
	if (count < 0)
		return ctl_refuse("cannot read the password");
	return len > 0 ? CTL_DONE : ctl_refuse("the password must not be empty");
}

static int ask_terminal(const char *prompt, char *line, size_t size)
{
	struct termios loud, quiet;
	sigset_t signals, before;
	int status;

	if (tcgetattr(STDIN_FILENO, &loud) != 0)
		return ctl_refuse("cannot ask for the password without a terminal; use --password-stdin");
	quiet = loud;
	quiet.c_lflag &= (tcflag_t)~ECHO;
	/* Ctrl-C must not leave a terminal that echoes nothing. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTSTP);
	sigprocmask(SIG_BLOCK, &signals, &before);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	fputs(prompt, stderr);
	status = read_line(line, size);
	fputc('\n', stderr);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &loud);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return status;
}

int ctl_read_password(bool from_stdin, char password[CTL_PASSWORD_MAX + 1])
{
	char again[CTL_PASSWORD_MAX + 1];
	int status;

	if (from_stdin)
		return read_line(password, CTL_PASSWORD_MAX + 1);
	status = ask_terminal("Password: ", password, sizeof again);
	if (status == CTL_DONE)
		status = ask_terminal("Again: ", again, sizeof again);
	if (status == CTL_DONE && strcmp(password, again) != 0)
		status = ctl_refuse("the two passwords differ");
	memory_wipe(again, sizeof again);
	return status;
}

bool ctl_parse_time(const char *text, int64_t *ms)
{
	static const char *const formats[] = {"%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"};

	for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
		struct tm local = {.tm_isdst = -1};
		const char *end = strptime(text, formats[i], &local);
		time_t seconds;

		if (end == NULL || *end != '\0')
			continue;
		seconds = mktime(&local);
		*ms = (int64_t)seconds * 1000;
		return seconds >= 0;
	}
	return false;
}
