#include "common/net/bell.h"

#include "common/net/bell_packet.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

static void say(int line, enum bell_kind kind, int64_t mailbox, int flags)
{
	const struct bell_packet packet = {.kind = kind, .mailbox = mailbox};

	if (line >= 0)
		send(line, &packet, sizeof packet, flags | MSG_NOSIGNAL);
}

void bell_claim(int line, int64_t mailbox)
{
	say(line, BELL_CLAIM, mailbox, 0);
}

void bell_ring(int line)
{
	/* where the line is full, rings of this session wait in it already */
	say(line, BELL_RING, 0, MSG_DONTWAIT);
}

void bell_ring_at(int line, int64_t mailbox)
{
	/* those that wait may be for others; the listener is never long */
	say(line, BELL_RING, mailbox, 0);
}

int bell_fork(int line, int fd, struct err *err)
{
	struct bell_packet packet = {.kind = BELL_FORK};
	struct iovec part = {&packet, sizeof packet};
	union {
		char bytes[CMSG_SPACE(sizeof fd)];
		struct cmsghdr align;
	} control = {0};
	struct msghdr message = {
	    .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(header), &fd, sizeof fd);
	if (line < 0 || sendmsg(line, &message, MSG_NOSIGNAL) != sizeof packet)
		return err_system(err, "cannot ask the listener for a session");
	return 0;
}

int bell_take(int line)
{
	struct bell_packet packet;
	ssize_t count;
	int rung = 0;

	if (line < 0)
		return -1;
	while ((count = recv(line, &packet, sizeof packet, MSG_DONTWAIT)) > 0)
		rung = 1;
	return rung == 0 && (count == 0 || (errno != EAGAIN && errno != EINTR)) ? -1 : rung;
}
