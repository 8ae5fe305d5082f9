#include "common/daemon/syslog.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const char LOCAL_SOCKET[] = "/dev/log";

/* Is somebody there? The socket that lines go by is not connected: who restarts makes a new one of that name. */
static int try_local(const struct sockaddr_un *address, struct err *err)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), result = 0;

	if (fd < 0 || connect(fd, (const struct sockaddr *)address, sizeof *address) != 0)
		result = err_system(err, "cannot reach syslog at %s", address->sun_path);
	if (fd >= 0)
		close(fd);
	return result;
}

static int open_local(struct syslog *syslog, const char *path, struct err *err)
{
	syslog->local = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (!str_copy(str_of(path), syslog->local.sun_path, sizeof syslog->local.sun_path))
		return err_set(err, ERR_LIMIT, "postroom.conf: the path in [log] syslog is too long");
	if (try_local(&syslog->local, err) != 0)
		return -1;
	syslog->is_unix = true;
	syslog->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return syslog->fd >= 0 ? 0 : err_system(err, "cannot make a socket for syslog");
}

/* ADDRESS or ADDRESS:PORT, an IPv6 address with a port in brackets. */
static int open_remote(struct syslog *syslog, const char *text, struct err *err)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	struct str rest = str_of(text), host = rest;
	char address[64];
	uint64_t port = 514;
	bool is_v4;

	if (str_starts(rest, STR("["))) {
		rest = str_skip(rest, 1);
		host = str_cut(&rest, ']');
		rest = str_starts(rest, STR(":")) ? str_skip(rest, 1) : STR("514");
	} else if (str_count_char(rest, ':') == 1) {
		host = str_cut(&rest, ':');
	} else {
		rest = STR("514");
	}
	if (!str_copy(host, address, sizeof address) || !str_to_u64(rest, 65535, &port) || port == 0 ||
	    (inet_pton(AF_INET, address, &v4.sin_addr) != 1 && inet_pton(AF_INET6, address, &v6.sin6_addr) != 1))
		return err_set(err, ERR_SYNTAX, "postroom.conf: syslog wants a path, ADDRESS or ADDRESS:PORT, not \"%s\"",
		               text);
	is_v4 = inet_pton(AF_INET, address, &v4.sin_addr) == 1;
	v4.sin_port = v6.sin6_port = htons((uint16_t)port);
	syslog->fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (syslog->fd < 0 || connect(syslog->fd, is_v4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6,
	                              is_v4 ? sizeof v4 : sizeof v6) != 0)
		return err_system(err, "cannot reach syslog at %s", text);
	return 0;
}

int syslog_open(struct syslog *syslog, const struct instance *instance, struct err *err)
{
	const char *where = instance->syslog[0] != '\0' ? instance->syslog : LOCAL_SOCKET;
	int result;

	*syslog = (struct syslog){.fd = -1, .instead_of_files = instance->log_target == INSTANCE_LOG_SYSLOG};
	if (instance->log_target == INSTANCE_LOG_FILE)
		return 0;
	if (gethostname(syslog->host, sizeof syslog->host) != 0)
		syslog->host[0] = '\0';
	syslog->host[sizeof syslog->host - 1] = '\0';
	result = where[0] == '/' ? open_local(syslog, where, err) : open_remote(syslog, where, err);
	if (result != 0 && syslog->fd >= 0)
		close(syslog->fd);
	if (result != 0) {
		syslog->fd = -1;
		syslog->instead_of_files = false; /* better there than nowhere */
	}
	return result;
}

/* A datagram that found nobody makes the next one fail in its place: that is sent again. */
static void send_datagram(const struct syslog *syslog, const char *text, size_t len)
{
	const struct sockaddr *to = syslog->is_unix ? (const struct sockaddr *)&syslog->local : NULL;
	socklen_t to_len = syslog->is_unix ? sizeof syslog->local : 0;
	ssize_t sent = sendto(syslog->fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL, to, to_len);

	if (sent < 0 && errno == ECONNREFUSED && !syslog->is_unix)
		(void)!sendto(syslog->fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL, NULL, 0);
}

void syslog_send(const struct syslog *syslog, const char *name, int severity, struct str line)
{
	char text[SYSLOG_LINE_MAX + 512], date[64];
	time_t now = time(NULL);
	struct tm broken;
	const char *dash = name[0] != '\0' ? "-" : "";
	int priority = SYSLOG_FACILITY * 8 + severity, len;

	if (syslog->fd < 0)
		return;
	line = str_sub(line, 0, SYSLOG_LINE_MAX);
	if (syslog->is_unix) {
		localtime_r(&now, &broken);
		strftime(date, sizeof date, "%b %e %H:%M:%S", &broken);
		len = snprintf(text, sizeof text, "<%d>%s postroom%s%s: %.*s", priority, date, dash, name, STR_ARG(line));
	} else {
		gmtime_r(&now, &broken);
		strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &broken);
		len = snprintf(text, sizeof text, "<%d>1 %s %s postroom%s%s - - - %.*s", priority, date,
		               syslog->host[0] != '\0' ? syslog->host : "-", dash, name, STR_ARG(line));
	}
	send_datagram(syslog, text, (size_t)len);
}
