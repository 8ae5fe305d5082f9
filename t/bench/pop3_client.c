/*
 * A POP3 client that does nothing but measure: pop3_client PORT USER PASSWORD COMMAND [WINDOW]
 *
 * Logs in, then sends COMMAND ("RETR", "TOP", "NOOP", "LIST", "UIDL") for each message (once for LIST and UIDL), with
 * WINDOW commands under way at a time (default 1), and quits. Prints seconds of the login, seconds of the commands,
 * their number, and octets read meanwhile.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int fd;
static char buffer[1 << 20];
static size_t from, until;
static unsigned long long octets;

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void fail(const char *what)
{
	fprintf(stderr, "pop3_client: %s\n", what);
	exit(1);
}

static void fill(void)
{
	ssize_t count;

	if (from > 0) {
		memmove(buffer, buffer + from, until - from);
		until -= from;
		from = 0;
	}
	if (until == sizeof buffer)
		fail("an answer is too long");
	count = read(fd, buffer + until, sizeof buffer - until);
	if (count <= 0)
		fail("the connection ended");
	until += (size_t)count;
	octets += (unsigned long long)count;
}

/* Read one line; only a "+OK" will do. */
static void read_status(void)
{
	char *end;

	while ((end = memchr(buffer + from, '\n', until - from)) == NULL)
		fill();
	if (buffer[from] != '+')
		fail("not +OK");
	from = (size_t)(end - buffer) + 1;
}

/* Read up to and with the line of one dot; the status line before it is gone already, its CRLF is still there. */
static void read_rest(void)
{
	size_t searched = from;

	for (;;) {
		char *end = memmem(buffer + searched, until - searched, "\r\n.\r\n", 5);

		if (end != NULL) {
			from = (size_t)(end - buffer) + 5;
			return;
		}
		/* what was looked through is not needed any more */
		if (until - from > 4)
			from = until - 4;
		fill();
		searched = from;
	}
}

static void read_answer(bool is_listing)
{
	read_status();
	if (!is_listing)
		return;
	from -= 2; /* a body may be empty: the dot line then follows the status line's end */
	read_rest();
}

static void say(const char *text, size_t len)
{
	if (write(fd, text, len) != (ssize_t)len)
		fail("cannot write");
}

static size_t put_command(char *out, const char *verb, long number)
{
	if (strcmp(verb, "RETR") == 0)
		return (size_t)sprintf(out, "RETR %ld\r\n", number);
	if (strcmp(verb, "TOP") == 0)
		return (size_t)sprintf(out, "TOP %ld 0\r\n", number);
	return (size_t)sprintf(out, "%s\r\n", verb);
}

static void run(const char *verb, long count, long window)
{
	bool is_listing = strcmp(verb, "NOOP") != 0;
	char *out = malloc((size_t)window * 32);
	long sent = 0;

	for (long done = 0; done < count; done++) {
		if (sent - done <= window / 2 && sent < count) {
			size_t len = 0;

			while (sent < count && sent - done < window)
				len += put_command(out + len, verb, ++sent);
			say(out, len);
		}
		read_answer(is_listing);
	}
	free(out);
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	char line[512];
	long count = 0;
	double begin, logged_in, end;
	int on = 1;

	if (argc < 5)
		fail("usage: PORT USER PASSWORD COMMAND [WINDOW]");
	address.sin_port = htons((uint16_t)atoi(argv[1]));
	begin = now();
	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
		fail("cannot connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	read_status();
	say(line, (size_t)snprintf(line, sizeof line, "USER %s\r\n", argv[2]));
	read_status();
	say(line, (size_t)snprintf(line, sizeof line, "PASS %s\r\n", argv[3]));
	read_status();
	say("STAT\r\n", 6);
	while (memchr(buffer + from, '\n', until - from) == NULL)
		fill();
	sscanf(buffer + from, "+OK %ld", &count);
	read_status();
	logged_in = now();
	octets = 0;
	if (strcmp(argv[4], "LIST") == 0 || strcmp(argv[4], "UIDL") == 0)
		count = 1;
	run(argv[4], count, argc > 5 ? atol(argv[5]) : 1);
	end = now();
	say("QUIT\r\n", 6);
	read_status();
	printf("%.6f %.6f %ld %llu\n", logged_in - begin, end - logged_in, count, octets);
	return 0;
}
