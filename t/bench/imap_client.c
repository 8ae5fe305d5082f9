/*
 * IMAP clients that do nothing but measure, many in one process:
 *
 *   imap_client PORT USER PASSWORD time COMMAND...            milliseconds of each command, one after the other
 *   imap_client PORT USER PASSWORD idle SESSIONS              log in, SELECT INBOX, IDLE; say "ready", end with
 * standard input imap_client PORT USER PASSWORD CASE CLIENTS COUNT SEED FOLDER [OTHER]
 *
 * CASE is login (connect, LOGIN, SELECT, LOGOUT), append, fetch, headers, store, search, copy, expunge, or mix: all but
 * login at random. COUNT operations altogether, each client with one under way, choices by SEED; prints their number,
 * the seconds, how many were answered NO, and octets read.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { INPUT_SIZE = 16384, OUTPUT_SIZE = 8192, MESSAGE_SIZE = 4096, PAGE = 50 };

enum operation { LOGIN, APPEND, FETCH, HEADERS, STORE, SEARCH, COPY, EXPUNGE, MIX, OPERATIONS };
static const char *const NAMES[OPERATIONS] = {"login",  "append", "fetch",   "headers", "store",
                                              "search", "copy",   "expunge", "mix"};

struct client {
	int fd;
	char input[INPUT_SIZE];
	size_t used;
	size_t skip;      /* octets of a literal still to come */
	bool in_response; /* what follows a literal belongs to the response before */
	unsigned awaited; /* tagged responses */
	unsigned tag;
	long exists;
	bool is_working; /* the operation under way is one to count */
	bool continued;  /* "+" came */
};

static struct {
	uint16_t port;
	const char *user, *password, *folder, *other;
	enum operation operation;
	long count, begun, done, refused;
	unsigned long long octets;
	uint64_t random;
} run;

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void fail(const char *what, const char *detail)
{
	fprintf(stderr, "imap_client: %s: %.200s\n", what, detail);
	exit(1);
}

/* splitmix64 */
static uint64_t draw(uint64_t below)
{
	uint64_t z = run.random += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (z ^ (z >> 31)) % below;
}

static void say(struct client *c, const char *text, size_t len, unsigned commands)
{
	c->awaited += commands;
	while (len > 0) {
		ssize_t count = write(c->fd, text, len);

		if (count < 0)
			fail("cannot write", strerror(errno));
		text += count;
		len -= (size_t)count;
	}
}

static void command(struct client *c, const char *text)
{
	char line[1024];

	say(c, line, (size_t)snprintf(line, sizeof line, "t%u %s\r\n", ++c->tag, text), 1);
}

/* A line of a response that came whole. */
static void take_line(struct client *c, const char *line)
{
	long number;
	char word[16];

	if (line[0] == '+') {
		c->continued = true;
	} else if (line[0] == '*') {
		if (sscanf(line, "* %ld %15s", &number, word) == 2) {
			if (strcmp(word, "EXISTS") == 0)
				c->exists = number;
			else if (strcmp(word, "EXPUNGE") == 0)
				c->exists--;
		}
	} else if (line[0] == 't' && c->awaited > 0) {
		const char *status = strchr(line, ' ');

		c->awaited--;
		if (status == NULL || strncmp(status, " BAD", 4) == 0)
			fail("refused", line);
		if (strncmp(status, " NO", 3) == 0)
			run.refused++;
	} else {
		fail("not a response", line);
	}
}

/* Take what is in the input: whole lines; literals are passed over. */
static void digest(struct client *c)
{
	size_t at = 0;

	for (;;) {
		size_t skipped = c->skip < c->used - at ? c->skip : c->used - at;
		char *end, *open;
		bool goes_on;

		at += skipped;
		c->skip -= skipped;
		end = memchr(c->input + at, '\n', c->used - at);
		if (c->skip > 0 || end == NULL)
			break;
		*end = '\0';
		if (end > c->input + at && end[-1] == '\r')
			end[-1] = '\0';
		open = strrchr(c->input + at, '{');
		goes_on = open != NULL && end - open >= 3 && end[-2] == '}' && c->input[at] != 't';
		if (goes_on)
			c->skip = strtoul(open + 1, NULL, 10);
		if (!c->in_response)
			take_line(c, c->input + at);
		c->in_response = goes_on;
		at = (size_t)(end - c->input) + 1;
	}
	memmove(c->input, c->input + at, c->used - at);
	c->used -= at;
	/* the inside of a long line says nothing that is looked at */
	if (c->used == sizeof c->input)
		c->used = sizeof c->input / 2;
}

static void fill(struct client *c)
{
	ssize_t count = read(c->fd, c->input + c->used, sizeof c->input - c->used);

	if (count <= 0)
		fail("the connection ended", count < 0 ? strerror(errno) : "end of file");
	c->used += (size_t)count;
	run.octets += (unsigned long long)count;
	digest(c);
}

static void settle(struct client *c)
{
	while (c->awaited > 0)
		fill(c);
}

static void connect_client(struct client *c)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	char line[512];
	int on = 1;

	address.sin_port = htons(run.port);
	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof address) != 0)
		fail("cannot connect", strerror(errno));
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	c->used = c->skip = 0;
	c->in_response = false;
	snprintf(line, sizeof line, "LOGIN %s %s", run.user, run.password);
	command(c, line);
}

static void select_folder(struct client *c, const char *folder)
{
	char line[512];

	snprintf(line, sizeof line, "SELECT %s", folder);
	command(c, line);
}

static void append(struct client *c)
{
	static const char ALPHABET[] = "abcdefghijklmnopqrstuvwxyz ";
	char out[OUTPUT_SIZE];
	char text[MESSAGE_SIZE + 1];
	size_t len =
	    (size_t)snprintf(text, sizeof text,
	                     "From: user%d@example.test\r\nTo: anna@example.test\r\nSubject: word%d and word%d\r\n"
	                     "Date: Fri, 21 Nov 2025 12:00:00 +0000\r\nMessage-ID: <%016llx@bench.test>\r\n\r\n",
	                     (int)draw(100), (int)draw(1000), (int)draw(1000), (unsigned long long)draw(UINT64_MAX));
	size_t head;

	for (unsigned column = 0; len < MESSAGE_SIZE - 2; len++, column++) {
		if (column >= 70 && len < MESSAGE_SIZE - 4) {
			text[len++] = '\r';
			text[len] = '\n';
			column = 0;
		} else {
			text[len] = ALPHABET[draw(sizeof ALPHABET - 1)];
		}
	}
	text[len++] = '\r';
	text[len++] = '\n';
	head = (size_t)snprintf(out, sizeof out, "t%u APPEND %s {%zu+}\r\n", ++c->tag, run.other, len);
	memcpy(out + head, text, len);
	out[head + len] = '\r';
	out[head + len + 1] = '\n';
	say(c, out, head + len + 2, 1);
}

static void search(struct client *c)
{
	char line[128];

	switch (draw(5)) {
	case 0:
		snprintf(line, sizeof line, "SEARCH FROM user%d@", (int)draw(100));
		break;
	case 1:
		snprintf(line, sizeof line, "SEARCH SUBJECT word%d", (int)draw(1000));
		break;
	case 2:
		snprintf(line, sizeof line, "SEARCH FLAGGED UNSEEN");
		break;
	case 3:
		snprintf(line, sizeof line, "UID SEARCH SINCE 1-Jan-2024 LARGER %d", (int)draw(5000));
		break;
	default:
		snprintf(line, sizeof line, "UID SEARCH OR ANSWERED NOT SEEN");
		break;
	}
	command(c, line);
}

static void begin_on_message(struct client *c, enum operation operation)
{
	static const char *const FLAGS[] = {"\\Seen", "\\Flagged", "\\Answered", "$Forwarded"};
	long number = 1 + (long)draw((uint64_t)c->exists);
	char line[512];

	if (operation == FETCH) {
		snprintf(line, sizeof line, "FETCH %ld BODY.PEEK[]", number);
	} else if (operation == HEADERS) {
		number = c->exists > PAGE ? 1 + (long)draw((uint64_t)(c->exists - PAGE)) : 1;
		snprintf(line, sizeof line,
		         "FETCH %ld:%ld (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODY.PEEK[HEADER.FIELDS (From To Cc "
		         "Subject Date "
		         "Message-ID References)])",
		         number, c->exists > PAGE ? number + PAGE - 1 : c->exists);
	} else if (operation == STORE) {
		snprintf(line, sizeof line, "STORE %ld %cFLAGS (%s)", number, draw(3) == 0 ? '-' : '+', FLAGS[draw(4)]);
	} else if (operation == COPY) {
		snprintf(line, sizeof line, "COPY %ld %s", number, run.other);
	} else {
		snprintf(line, sizeof line, "STORE %ld +FLAGS.SILENT (\\Deleted)\r\nt%u EXPUNGE", number, c->tag + 2);
	}
	command(c, line);
	if (operation == EXPUNGE) {
		c->tag++;
		c->awaited++;
	}
}

static void begin(struct client *c)
{
	static const enum operation MIXED[] = {APPEND, FETCH, FETCH,  FETCH, HEADERS, HEADERS,
	                                       STORE,  STORE, SEARCH, COPY,  EXPUNGE};
	enum operation operation = run.operation == MIX ? MIXED[draw(sizeof MIXED / sizeof *MIXED)] : run.operation;

	run.begun++;
	c->is_working = true;
	if (operation == LOGIN) {
		connect_client(c);
		select_folder(c, run.folder);
		command(c, "LOGOUT");
	} else if (operation == APPEND) {
		append(c);
	} else if (operation == SEARCH) {
		search(c);
	} else if (c->exists > 0) {
		begin_on_message(c, operation);
	} else {
		command(c, "NOOP");
	}
}

/* One operation for each client is under way until all are done. */
static void work(struct client *clients, size_t count)
{
	struct pollfd *polled = calloc(count, sizeof *polled);
	double start = now();

	while (run.done < run.count) {
		for (size_t i = 0; i < count; i++) {
			struct client *c = &clients[i];

			if (c->is_working && c->awaited == 0) {
				c->is_working = false;
				run.done++;
				if (run.operation == LOGIN)
					close(c->fd);
			}
			if (!c->is_working && run.begun < run.count)
				begin(c);
			polled[i] = (struct pollfd){.fd = c->is_working ? c->fd : -1, .events = POLLIN};
		}
		if (run.done < run.count && poll(polled, count, 60000) <= 0)
			fail("no answer", "within 60 s");
		for (size_t i = 0; i < count; i++) {
			if (polled[i].fd >= 0 && polled[i].revents != 0)
				fill(&clients[i]);
		}
	}
	printf("%ld %.6f %ld %llu\n", run.done, now() - start, run.refused, run.octets);
	free(polled);
}

static void open_session(struct client *c)
{
	connect_client(c);
	settle(c);
	select_folder(c, run.folder);
	settle(c);
	if (run.refused > 0)
		fail("refused", "LOGIN or SELECT");
}

static void hold(size_t count)
{
	struct client *clients = calloc(count, sizeof *clients);
	char byte;

	for (size_t i = 0; i < count; i++) {
		open_session(&clients[i]);
		command(&clients[i], "IDLE");
		while (!clients[i].continued)
			fill(&clients[i]);
	}
	printf("ready\n");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0) {
	}
	free(clients);
}

static void time_commands(char **commands, int count)
{
	static struct client client;

	connect_client(&client);
	settle(&client);
	for (int i = 0; i < count; i++) {
		double start = now();

		command(&client, commands[i]);
		settle(&client);
		printf("%.3f\n", 1000 * (now() - start));
		if (run.refused > 0)
			fail("refused", commands[i]);
	}
}

int main(int argc, char **argv)
{
	struct rlimit files;
	struct client *clients;
	long count;

	if (argc < 6)
		fail("usage", "PORT USER PASSWORD time COMMAND... | idle SESSIONS | CASE CLIENTS COUNT SEED FOLDER [OTHER]");
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	run.port = (uint16_t)atoi(argv[1]);
	run.user = argv[2];
	run.password = argv[3];
	run.folder = "INBOX";
	count = atol(argv[5]);
	if (strcmp(argv[4], "time") == 0) {
		time_commands(argv + 5, argc - 5);
		return 0;
	}
	if (strcmp(argv[4], "idle") == 0) {
		hold((size_t)count);
		return 0;
	}
	while (run.operation < OPERATIONS && strcmp(argv[4], NAMES[run.operation]) != 0)
		run.operation++;
	if (run.operation == OPERATIONS || argc < 9)
		fail("no such case, or too few words", argv[4]);
	run.count = atol(argv[6]);
	run.random = strtoull(argv[7], NULL, 10);
	run.folder = argv[8];
	run.other = argc > 9 ? argv[9] : argv[8];
	clients = calloc((size_t)count, sizeof *clients);
	for (long i = 0; i < count && run.operation != LOGIN; i++)
		open_session(&clients[i]);
	work(clients, (size_t)count);
	free(clients);
	return 0;
}
