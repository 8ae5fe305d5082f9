/* listen: the table of sessions, and how it lives on when the listener executes itself again. */
#include "common/net/listener.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { FIRST_HANDED_FD = 3 }; /* sd_listen_fds(3) */

/* Holds the number of a descriptor with the table of sessions, as it is in memory. */
static const char TABLE_VARIABLE[] = "POSTROOM_SESSIONS_FD";

void listener_add(struct listener *listener, const struct listener_session *session)
{
	if (listener->session_count == listener->session_room) {
		listener->session_room = listener->session_room != 0 ? listener->session_room * 2 : 64;
		listener->sessions = memory_resize(listener->sessions, listener->session_room * sizeof *session);
	}
	listener->sessions[listener->session_count++] = *session;
	listener->of_kind[session->kind]++;
}

void listener_remove(struct listener *listener, pid_t pid)
{
	for (size_t i = 0; i < listener->session_count; i++) {
		if (listener->sessions[i].pid == pid) {
			listener->of_kind[listener->sessions[i].kind]--;
			listener->sessions[i] = listener->sessions[--listener->session_count];
			return;
		}
	}
}

struct listener_counts listener_count(const struct listener *listener, const struct listener_session *session)
{
	struct listener_counts counts = {0};

	for (size_t i = 0; i < listener->session_count; i++) {
		const struct listener_session *other = &listener->sessions[i];

		if (other->kind != LISTENER_SESSION || !other->counts || other->service != session->service)
			continue;
		counts.all++;
		counts.in_reserved += other->in_reserved;
		counts.of_address += memcmp(other->address, session->address, sizeof other->address) == 0;
	}
	return counts;
}

/* The names in LISTEN_FDNAMES' form, and the descriptors left open over exec. They stand where daemon_start found them.
 */
static int hand_sockets_on(const struct daemon *daemon, struct err *err)
{
	struct buf names;
	char number[16];

	buf_init(&names, sizeof daemon->sockets);
	for (int i = 0; i < daemon->socket_count; i++) {
		int fd = daemon->sockets[i].fd;

		if (fd != FIRST_HANDED_FD + i || fcntl(fd, F_SETFD, 0) != 0) {
			buf_free(&names);
			return err_set(err, ERR_NOT_FOUND, "socket %d is not where it was handed over", i);
		}
		buf_printf(&names, "%s%s", i > 0 ? ":" : "", daemon->sockets[i].name);
	}
	setenv("LISTEN_FDNAMES", buf_text(&names), 1);
	buf_free(&names);
	snprintf(number, sizeof number, "%d", daemon->socket_count);
	setenv("LISTEN_FDS", number, 1);
	snprintf(number, sizeof number, "%d", (int)getpid());
	setenv("LISTEN_PID", number, 1);
	return 0;
}

static int hand_table_on(const struct listener *listener, struct err *err)
{
	int fd = memfd_create("sessions", 0);
	char number[16];

	if (fd < 0)
		return err_system(err, "cannot keep the table of sessions");
	if (io_write_all(fd, listener->sessions, listener->session_count * sizeof *listener->sessions, err) != 0) {
		close(fd);
		return -1;
	}
	snprintf(number, sizeof number, "%d", fd);
	setenv(TABLE_VARIABLE, number, 1);
	return 0;
}

int listener_execute_again(struct listener *listener, struct err *err)
{
	if (hand_sockets_on(listener->daemon, err) != 0 || hand_table_on(listener, err) != 0 ||
	    (listener->bells != NULL && bell_hub_hand_on(listener->bells, err) != 0))
		return -1;
	listener_hand_bound_on(listener);
	sigprocmask(SIG_SETMASK, &listener->mask_before, NULL);
	execv("/proc/self/exe", listener->daemon->argv);
	return err_system(err, "cannot execute %s again", listener->daemon->name);
}

void listener_take_over(struct listener *listener)
{
	const char *text = getenv(TABLE_VARIABLE);
	struct listener_session session;
	uint64_t fd;
	ssize_t count;

	if (text == NULL || !str_to_u64(str_of(text), INT32_MAX, &fd))
		return;
	unsetenv(TABLE_VARIABLE);
	for (off_t at = 0; (count = pread((int)fd, &session, sizeof session, at)) == (ssize_t)sizeof session; at += count)
		if (session.kind <= LISTENER_GUEST)
			listener_add(listener, &session);
	close((int)fd);
	log_info("goes on with %zu sessions that run", listener->session_count);
}
