/* bell: the listener's side. */
#include "common/net/bell.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/net/bell_packet.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	FIRST_FD = 256, /* lines are kept from here on, so that a session can close all of them at once */
	BUCKETS = 1024,
	EVENTS = 64, /* lines that have their turn before the listener looks at other things */
	PACKETS = 8, /* of one line at a time */
};

static const int64_t UNCLAIMED = -1;

/* Holds the number of a descriptor with the lines, over an execution. */
static const char LINES_VARIABLE[] = "POSTROOM_BELL_FD";

struct bell_line {
	int fd;
	int64_t mailbox;         /* claimed; UNCLAIMED, BELL_ANY */
	pid_t process;           /* whose it is; 0: not known */
	struct bell_line **from; /* what points here: a bucket of the mailbox, or the list of those in none */
	struct bell_line *next;
};

struct bell_hub {
	int epoll;
	struct bell_line *buckets[BUCKETS]; /* who claimed a mailbox */
	struct bell_line *others;
	struct bell_line *latest; /* added last; NULL: it is gone */
	void (*fork_session)(int fd, pid_t parent, void *context);
	void *context;
};

/* As it stands in the memory file. */
struct handed_line {
	int64_t fd, mailbox, process;
};

struct bell_hub *bell_hub_new(void (*fork_session)(int fd, pid_t parent, void *context), void *context, struct err *err)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct bell_hub *hub;

	if (epoll < 0) {
		err_system(err, "cannot make an epoll instance");
		return NULL;
	}
	hub = memory_get(sizeof *hub);
	hub->epoll = epoll;
	hub->fork_session = fork_session;
	hub->context = context;
	return hub;
}

int bell_hub_fd(const struct bell_hub *hub)
{
	return hub->epoll;
}

static struct bell_line **bucket_of(struct bell_hub *hub, int64_t mailbox)
{
	return mailbox > 0 ? &hub->buckets[(uint64_t)mailbox % BUCKETS] : &hub->others;
}

static void enlist(struct bell_hub *hub, struct bell_line *line)
{
	struct bell_line **bucket = bucket_of(hub, line->mailbox);

	line->from = bucket;
	line->next = *bucket;
	if (line->next != NULL)
		line->next->from = &line->next;
	*bucket = line;
}

static void unlist(struct bell_line *line)
{
	*line->from = line->next;
	if (line->next != NULL)
		line->next->from = line->from;
}

static void hang_up(struct bell_hub *hub, struct bell_line *line)
{
	unlist(line);
	if (hub->latest == line)
		hub->latest = NULL;
	/* closing does not do that while a session just forked holds the same file, until it leaves the hub */
	epoll_ctl(hub->epoll, EPOLL_CTL_DEL, line->fd, NULL);
	close(line->fd);
	memory_free(line);
}

static int connect_line(struct bell_hub *hub, int fd, int64_t mailbox, struct err *err)
{
	struct bell_line *line = memory_get(sizeof *line);
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = line};

	line->fd = fd;
	line->mailbox = mailbox;
	if (epoll_ctl(hub->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
		memory_free(line);
		return err_system(err, "cannot watch a line of the bell");
	}
	enlist(hub, line);
	hub->latest = line;
	return 0;
}

void bell_hub_set_process(struct bell_hub *hub, pid_t process)
{
	if (hub->latest != NULL)
		hub->latest->process = process;
}

int bell_hub_add(struct bell_hub *hub, struct err *err)
{
	int pair[2], fd;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return err_system(err, "cannot make a line of the bell");
	fd = fcntl(pair[0], F_DUPFD_CLOEXEC, FIRST_FD);
	if (fd < 0)
		err_system(err, "cannot keep a line of the bell");
	close(pair[0]);
	if (fd >= 0 && connect_line(hub, fd, UNCLAIMED, err) == 0)
		return pair[1];
	if (fd >= 0)
		close(fd);
	close(pair[1]);
	return -1;
}

/* One that has a ring unread needs no other: it will look, and see this change too. */
static void ring_line(const struct bell_line *line)
{
	const struct bell_packet packet = {.kind = BELL_RING};
	int unread = 0;

	if (ioctl(line->fd, SIOCOUTQ, &unread) != 0 || unread == 0)
		send(line->fd, &packet, sizeof packet, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void ring(struct bell_hub *hub, const struct bell_line *from, int64_t mailbox)
{
	if (mailbox <= 0)
		return;
	for (const struct bell_line *line = *bucket_of(hub, mailbox); line != NULL; line = line->next)
		if (line->mailbox == mailbox && line != from)
			ring_line(line);
}

/* False: it makes no sense, the line is closed. fd: what came with it, or -1. */
static bool take_packet(struct bell_hub *hub, struct bell_line *line, const struct bell_packet *packet, int fd)
{
	if ((packet->kind == BELL_FORK) != (fd >= 0))
		return false;
	switch (packet->kind) {
	case BELL_CLAIM:
		if (line->mailbox != UNCLAIMED || packet->mailbox < 0)
			return false;
		unlist(line);
		line->mailbox = packet->mailbox;
		enlist(hub, line);
		/* Lines have their turns in no order of time: a ring that was sent after this claim may have been passed on
		 * before it. */
		if (line->mailbox > 0)
			ring_line(line);
		return true;
	case BELL_RING:
		ring(hub, line, line->mailbox == BELL_ANY ? packet->mailbox : line->mailbox);
		return true;
	case BELL_FORK:
		if (line->mailbox <= 0 || fd < 0) /* only who serves a mailbox */
			return false;
		hub->fork_session(fd, line->process, hub->context);
		return true;
	default:
		return false;
	}
}

/* One packet, and the descriptor that came with it, or -1. Returns its own length, also where that is longer. */
static ssize_t receive(int line, struct bell_packet *packet, int *fd)
{
	struct iovec part = {packet, sizeof *packet};
	union {
		char bytes[CMSG_SPACE(sizeof *fd)];
		struct cmsghdr align;
	} control;
	/* room for one: the kernel closes what does not fit in, and the padding would hold a second */
	struct msghdr message = {
	    .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = CMSG_LEN(sizeof *fd)};
	ssize_t count = recvmsg(line, &message, MSG_DONTWAIT | MSG_TRUNC | MSG_CMSG_CLOEXEC);
	const struct cmsghdr *header = count > 0 ? CMSG_FIRSTHDR(&message) : NULL;

	*fd = -1;
	if (header != NULL && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(header), sizeof *fd);
	return count;
}

static void take_packets(struct bell_hub *hub, struct bell_line *line)
{
	struct bell_packet packet = {0};
	int fd;

	for (int i = 0; i < PACKETS; i++) {
		ssize_t count = receive(line->fd, &packet, &fd);

		if (count < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (count > 0 && (count != sizeof packet || !take_packet(hub, line, &packet, fd))) {
			log_warning("a session said nonsense to its listener");
			count = 0;
		}
		if (fd >= 0)
			close(fd);
		if (count <= 0) {
			hang_up(hub, line);
			return;
		}
	}
}

void bell_hub_turn(struct bell_hub *hub)
{
	struct epoll_event events[EVENTS];
	int count = epoll_wait(hub->epoll, events, EVENTS, 0);

	/* Each line once: it is gone after its own turn at the earliest. */
	for (int i = 0; i < count; i++)
		take_packets(hub, events[i].data.ptr);
}

void bell_hub_leave(struct bell_hub *hub)
{
	close(hub->epoll);
	if (close_range(FIRST_FD, ~0U, 0) == 0)
		return;
	for (size_t i = 0; i <= BUCKETS; i++)
		for (struct bell_line *line = i < BUCKETS ? hub->buckets[i] : hub->others; line != NULL; line = line->next)
			close(line->fd);
}

static int write_lines(int fd, struct bell_line *const *list, struct err *err)
{
	for (const struct bell_line *line = *list; line != NULL; line = line->next) {
		const struct handed_line handed = {.fd = line->fd, .mailbox = line->mailbox, .process = line->process};

		if (fcntl(line->fd, F_SETFD, 0) != 0)
			return err_system(err, "cannot hand a line of the bell on");
		if (io_write_all(fd, &handed, sizeof handed, err) != 0)
			return -1;
	}
	return 0;
}

int bell_hub_hand_on(struct bell_hub *hub, struct err *err)
{
	int fd = memfd_create("bell", 0);
	char number[16];

	if (fd < 0)
		return err_system(err, "cannot keep the lines of the bell");
	for (size_t i = 0; i <= BUCKETS; i++) {
		if (write_lines(fd, i < BUCKETS ? &hub->buckets[i] : &hub->others, err) != 0) {
			close(fd);
			return -1;
		}
	}
	snprintf(number, sizeof number, "%d", fd);
	setenv(LINES_VARIABLE, number, 1);
	return 0;
}

void bell_hub_take_over(struct bell_hub *hub)
{
	const char *text = getenv(LINES_VARIABLE);
	struct handed_line handed;
	struct err err;
	uint64_t fd;

	if (text == NULL || !str_to_u64(str_of(text), INT32_MAX, &fd))
		return;
	unsetenv(LINES_VARIABLE);
	for (off_t at = 0; pread((int)fd, &handed, sizeof handed, at) == (ssize_t)sizeof handed; at += sizeof handed) {
		int line = (int)handed.fd;

		if (fcntl(line, F_SETFD, FD_CLOEXEC) != 0)
			continue;
		if (connect_line(hub, line, handed.mailbox, &err) != 0) {
			log_error("%s", err.text);
			close(line);
			continue;
		}
		bell_hub_set_process(hub, (pid_t)handed.process);
	}
	close((int)fd);
}

void bell_hub_free(struct bell_hub *hub)
{
	if (hub == NULL)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		while (hub->buckets[i] != NULL)
			hang_up(hub, hub->buckets[i]);
	while (hub->others != NULL)
		hang_up(hub, hub->others);
	close(hub->epoll);
	memory_free(hub);
}
