/*
 * The fetcher: forks a worker for each question, sees to it that it ends, and makes addresses of what it wrote. What it
 * is asked is the number of a list; the rest it reads in the settings itself.
 */
#include "lists/source.h"

#include "common/base/io.h"
#include "common/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WHY_MAX = 300 };

struct fetcher {
	const struct daemon *daemon;
	struct settings settings;
};

/* How the worker ended; why: what it said of that. */
static int judge_end(int status, struct str why, struct err *err)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (why.len > 0)
		return err_set(err, ERR_TEMPORARY, "%.*s", STR_ARG(why));
	if (WIFSIGNALED(status))
		return err_set(err, ERR_TEMPORARY, "it was ended by signal %d", WTERMSIG(status));
	return err_set(err, ERR_TEMPORARY, "it ended with status %d", WEXITSTATUS(status));
}

/* Wait for a worker's end, or make one when its time is over, for all that it started too. */
static int wait_for(pid_t pid, int why_fd, struct err *err)
{
	int pidfd = pidfd_open(pid, 0), status, result = 0;
	struct pollfd poll_fd = {.fd = pidfd, .events = POLLIN};
	char why[WHY_MAX];
	ssize_t count;

	if (pidfd < 0 || poll(&poll_fd, 1, SOURCE_SECONDS * 1000) == 0)
		result = err_set(err, ERR_TIMEOUT, "it took longer than %d seconds", SOURCE_SECONDS);
	kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pidfd >= 0)
		close(pidfd);
	count = read(why_fd, why, sizeof why);
	return result != 0 ? result : judge_end(status, str_from(why, count > 0 ? (size_t)count : 0), err);
}

static int run_worker(struct fetcher *fetcher, const struct source *source, int file, struct err *err)
{
	pid_t parent = getpid(), pid;
	int why[2], result;

	if (pipe2(why, O_CLOEXEC | O_NONBLOCK) != 0)
		return err_system(err, "cannot make a pipe");
	pid = fork();
	if (pid == 0) {
		daemon_follow_parent(parent);
		settings_close(&fetcher->settings);
		source_work(&fetcher->daemon->instance, source, file, why[1]);
	}
	close(why[1]);
	result = pid > 0 ? wait_for(pid, why[0], err) : err_system(err, "cannot fork");
	close(why[0]);
	return result;
}

/* Lines of the raw file that are addresses, into out. */
static int sift(int raw, struct buf *out, int64_t *count, int64_t *skipped, struct err *err)
{
	struct buf text;
	struct arena arena;
	struct str rest;
	char path[32];
	int result;

	snprintf(path, sizeof path, "/proc/self/fd/%d", raw);
	buf_init(&text, SOURCE_OCTETS_MAX);
	arena_init(&arena);
	result = io_read_file(path, &text, err);
	rest = buf_str(&text);
	while (result == 0 && rest.len > 0) {
		struct str line = str_trim(str_cut(&rest, '\n')), address = list_normal_address(line, &arena);

		if (address.len == 0) {
			*skipped += 1;
		} else if (++*count > SOURCE_ROWS_MAX) {
			result = err_set(err, ERR_LIMIT, "there are more than %d members", SOURCE_ROWS_MAX);
		} else {
			buf_add_str(out, address);
			buf_add_char(out, '\n');
		}
		arena_reset(&arena);
	}
	arena_free(&arena);
	buf_free(&text);
	return result;
}

static int fetch(struct fetcher *fetcher, const struct list *list, int file, struct ipc_message *reply, struct err *err)
{
	const struct source source = {
	    .kind = str_of(list_settings_text(&list->settings, LIST_SETTING_SOURCE)),
	    .name = str_of(list_settings_text(&list->settings, LIST_SETTING_SOURCE_NAME)),
	    .query = str_of(list_settings_text(&list->settings, LIST_SETTING_SOURCE_QUERY)),
	};
	int64_t count = 0, skipped = 0;
	int raw = memfd_create("members", MFD_CLOEXEC), result;
	struct buf lines;

	if (raw < 0)
		return err_system(err, "cannot make a file for members");
	buf_init(&lines, SOURCE_OCTETS_MAX);
	result = run_worker(fetcher, &source, raw, err);
	if (result == 0)
		result = sift(raw, &lines, &count, &skipped, err);
	if (result == 0)
		result = io_write_all(file, lines.data, lines.len, err);
	buf_free(&lines);
	close(raw);
	ipc_add_number(reply, "count", count);
	ipc_add_number(reply, "skipped", skipped);
	if (skipped > 0)
		log_warning("list=%.*s %lld rows of its source are no addresses", STR_ARG(list->name), (long long)skipped);
	return result;
}

static int answer(struct fetcher *fetcher, struct ipc_message *request, struct ipc_message *reply, struct err *err)
{
	struct arena arena;
	struct list list = {0};
	int64_t id;
	int file = ipc_take_fd(request, 0), result = -1;

	arena_init(&arena);
	if (file < 0 || !ipc_get_number(request, "list", 1, INT64_MAX, &id)) {
		err_set(err, ERR_PROTOCOL, "a question has a list and a file");
	} else {
		settings_refresh(&fetcher->settings);
		list.id = id;
		list.name = arena_printf(&arena, "%lld", (long long)id);
		if (list_settings_load(&fetcher->settings.objects, id, &arena, &list.settings, err) == 0)
			result = fetch(fetcher, &list, file, reply, err);
	}
	if (file >= 0)
		close(file);
	arena_free(&arena);
	return result;
}

static __attribute__((noreturn)) void serve(int fd, const struct daemon *daemon)
{
	static struct fetcher fetcher;
	struct ipc_message request, reply;
	uint32_t sequence;
	struct err err;

	fetcher.daemon = daemon;
	if (settings_open(&fetcher.settings, &daemon->instance, true, &err) != 0 || sandbox_enter_base(&err) != 0)
		daemon_fail(&err);
	ipc_message_init(&request);
	ipc_message_init(&reply);
	while (ipc_receive(fd, &request, &sequence, -1, &err) == 1) {
		ipc_reply_ok(&reply);
		if (answer(&fetcher, &request, &reply, &err) != 0) {
			ipc_message_reset(&reply);
			ipc_reply_error(&reply, &err);
		}
		if (ipc_send(fd, &reply, sequence, &err) != 0)
			log_error("%s", err.text);
		ipc_message_reset(&reply);
		ipc_message_reset(&request);
	}
	_exit(0);
}

int fetcher_start(const struct daemon *daemon, struct err *err)
{
	pid_t parent = getpid(), child;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return err_system(err, "cannot make a pair of sockets");
	child = fork();
	if (child == 0) {
		daemon_follow_parent(parent);
		for (int i = 0; i < daemon->socket_count; i++)
			close(daemon->sockets[i].fd);
		close(pair[0]);
		serve(pair[1], daemon);
	}
	close(pair[1]);
	if (child < 0) {
		close(pair[0]);
		return err_system(err, "cannot fork");
	}
	return pair[0];
}
