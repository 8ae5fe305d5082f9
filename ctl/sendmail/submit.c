#include "ctl/sendmail/sendmail.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

enum { REPLY_LINE_MAX = 4096, TIMEOUT_MS = 300000 };

static int connect_local(const struct instance *instance)
{
	struct sockaddr_un address;
	struct err err = {0};
	int folder = -1, fd = -1;

	if (instance_socket_address(instance, "smtpd", "local", &address, &folder, &err) == 0) {
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
			err_system(&err, "cannot reach the mail server at %s", address.sun_path);
			if (fd >= 0)
				close(fd);
			fd = -1;
		}
	}
	if (folder >= 0)
		close(folder);
	if (fd < 0)
		fprintf(stderr, "sendmail: %s\n", err.text);
	return fd;
}

/*
 * Read a reply; its last line stays in text. Returns the code, 0 where the connection broke. learns, where it is not
 * NULL, gets the default domain, which the answer to EHLO names.
 */
static unsigned read_reply(struct conn *conn, char *text, size_t size, struct submission *learns)
{
	for (;;) {
		struct str line;
		uint64_t code;
		struct err err;

		if (conn_read_line(conn, REPLY_LINE_MAX, false, &line, &err) != 0) {
			snprintf(text, size, "%s", err.text);
			return 0;
		}
		str_copy(line, text, size);
		if (learns != NULL && str_starts(str_skip(line, 4), STR("XDOMAIN ")))
			learns->domain = arena_copy(&learns->arena, str_trim(str_skip(line, 12)));
		if (line.len >= 3 && str_to_u64(str_sub(line, 0, 3), 599, &code) && (line.len == 3 || line.data[3] != '-'))
			return (unsigned)code;
	}
}

static int status_of(unsigned code, const char *what, const char *text)
{
	if (code >= 200 && code < 400)
		return EX_OK;
	fprintf(stderr, "sendmail: %s: %s\n", what, text);
	return code >= 500 ? EX_DATAERR : EX_TEMPFAIL;
}

static int command(struct conn *conn, const char *what)
{
	char text[REPLY_LINE_MAX];

	return status_of(read_reply(conn, text, sizeof text, NULL), what, text);
}

static int send_envelope(struct conn *conn, const struct submission *submission, const struct options *options)
{
	int status;

	conn_printf(conn, "MAIL FROM:<%.*s> BODY=8BITMIME", STR_ARG(submission->from));
	if (options->ret != NULL)
		conn_printf(conn, " RET=%s", options->ret);
	if (options->envid != NULL)
		conn_printf(conn, " ENVID=%s", options->envid);
	conn_printf(conn, "\r\n");
	status = command(conn, "sender");
	for (size_t i = 0; i < submission->recipient_count && status == EX_OK; i++) {
		char what[400];

		snprintf(what, sizeof what, "%.*s", STR_ARG(submission->recipients[i]));
		conn_printf(conn, "RCPT TO:<%s>", what);
		if (options->notify != NULL)
			conn_printf(conn, " NOTIFY=%s", options->notify);
		conn_printf(conn, "\r\n");
		status = command(conn, what);
	}
	return status;
}

/* Lines with CRLF, leading dots doubled, the final dot. */
static void send_content(struct conn *conn, struct str rest)
{
	while (rest.len > 0) {
		struct str line = str_cut(&rest, '\n');

		if (line.len > 0 && line.data[line.len - 1] == '\r')
			line.len--;
		if (line.len > 0 && line.data[0] == '.')
			conn_write(conn, STR("."));
		conn_write(conn, line);
		conn_write(conn, STR("\r\n"));
	}
	conn_write(conn, STR(".\r\n"));
}

int session_open(const struct instance *instance, struct conn *conn, struct submission *submission)
{
	char text[REPLY_LINE_MAX];
	int fd = connect_local(instance), status;

	if (fd < 0)
		return EX_TEMPFAIL;
	conn_init(conn, fd, TIMEOUT_MS);
	status = command(conn, "greeting");
	if (status == EX_OK) {
		conn_printf(conn, "EHLO localhost\r\n");
		status = status_of(read_reply(conn, text, sizeof text, submission), "EHLO", text);
	}
	if (status != EX_OK)
		conn_close(conn);
	return status;
}

int session_send(struct conn *conn, const struct submission *submission, const struct options *options)
{
	int status = send_envelope(conn, submission, options);

	if (status == EX_OK) {
		conn_printf(conn, "DATA\r\n");
		status = command(conn, "DATA");
	}
	if (status == EX_OK) {
		send_content(conn, buf_str(&submission->message));
		status = command(conn, "message");
	}
	conn_printf(conn, "QUIT\r\n");
	conn_flush(conn, NULL);
	return status;
}

/* Copy what is there from one descriptor to the other; false at the end. */
static bool copy_some(int from, int to)
{
	char part[16384];
	ssize_t count = read(from, part, sizeof part);

	for (ssize_t done = 0; done < count;) {
		ssize_t written = write(to, part + done, (size_t)(count - done));

		if (written < 0 && errno != EINTR)
			return false;
		done += written > 0 ? written : 0;
	}
	return count > 0 || (count < 0 && errno == EINTR);
}

int relay_session(const struct instance *instance)
{
	int fd = connect_local(instance);
	struct pollfd ends[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = fd, .events = POLLIN}};

	if (fd < 0) {
		printf("421 4.3.0 The mail server does not answer\r\n");
		return EX_TEMPFAIL;
	}
	while (poll(ends, 2, -1) >= 0 || errno == EINTR) {
		if (ends[1].revents != 0 && !copy_some(fd, STDOUT_FILENO))
			break;
		if (ends[0].revents != 0 && !copy_some(STDIN_FILENO, fd)) {
			shutdown(fd, SHUT_WR);
			ends[0].fd = -1;
			ends[0].revents = 0;
		}
	}
	close(fd);
	return EX_OK;
}
