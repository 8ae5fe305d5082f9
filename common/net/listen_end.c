/* listen: what a session knows of the others: how many there are, and the end of one at an administrator's request. */
#include "common/net/listener.h"

#include "common/base/io.h"

#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The listener as it was when this process was forked. */
static const struct listener *parent;
static struct listener_session own; /* as it will stand in the table */

void listener_inherit(const struct listener *listener, const struct listener_session *session)
{
	parent = listener;
	own = *session;
}

long listen_address_count(void)
{
	return parent != NULL ? listener_count(parent, &own).of_address + 1 : 1;
}

static bool is_in_table(pid_t pid)
{
	for (size_t i = 0; parent != NULL && i < parent->session_count; i++)
		if (parent->sessions[i].pid == pid)
			return pid != getpid();
	return false;
}

/* Is that process a child of the listener's now? proc(5): "pid (name) state ppid ...", and the name may hold anything.
 */
static bool is_child(pid_t pid)
{
	char path[32];
	struct buf text;
	struct str rest;
	uint64_t ppid = 0;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	buf_init(&text, 4096);
	if (io_read_file(path, &text, NULL) == 0) {
		rest = str_skip(buf_str(&text), (size_t)(str_find_last_char(buf_str(&text), ')') + 1));
		str_cut_word(&rest);
		str_to_u64(str_cut_word(&rest), INT32_MAX, &ppid);
	}
	buf_free(&text);
	return parent != NULL && (pid_t)ppid == parent->pid;
}

int listen_end_session(pid_t pid, struct err *err)
{
	int process = is_in_table(pid) ? (int)syscall(SYS_pidfd_open, pid, 0) : -1, result = 0;

	/* looked at while the descriptor holds the process, so that none with the same number takes its place */
	if (process < 0 || !is_child(pid))
		result = err_set(err, ERR_NOT_FOUND, "process %d is no session of this listener", (int)pid);
	else if (syscall(SYS_pidfd_send_signal, process, SIGTERM, NULL, 0) != 0)
		result = err_system(err, "cannot end session %d", (int)pid);
	if (process >= 0)
		close(process);
	return result;
}
