#include "policyd/idslog.h"

#include "common/base/log.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

int idslog_start(struct idslog *idslog, const struct daemon *daemon, struct err *err)
{
	int pair[2];
	pid_t pid;

	*idslog = (struct idslog){.fd = -1};
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return err_system(err, "cannot make a pair of sockets");
	pid = fork();
	if (pid == 0) {
		/* it ends by its socket, after the last record; a signal to the group must not be faster */
		signal(SIGTERM, SIG_IGN);
		signal(SIGINT, SIG_IGN);
		close(pair[0]);
		for (int i = 0; i < daemon->socket_count; i++)
			close(daemon->sockets[i].fd);
		idslog_write(&daemon->instance, pair[1]);
	}
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return err_system(err, "cannot fork the writer of ids.log");
	}
	idslog->fd = pair[0];
	return 0;
}

void idslog_add(struct idslog *idslog, const struct policy_record *record)
{
	struct buf line;

	if (idslog->fd < 0)
		return;
	buf_init(&line, POLICY_LINE_MAX);
	policy_record_format(record, &line);
	if (send(idslog->fd, line.data, line.len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
		if (idslog->lost > 0)
			log_warning("%u events are missing in ids.log, whose writer was busy", idslog->lost);
		idslog->lost = 0;
	} else if (errno == EAGAIN) {
		idslog->lost++;
	} else {
		log_error("the writer of ids.log is gone; a restart of policyd brings it back");
		close(idslog->fd);
		idslog->fd = -1;
	}
	buf_free(&line);
}
