#include "lfwd/ask.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/minger/minger.h"

#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { CONNECT_MS = 4000 };

static struct smtp_client client; /* that the alarm is about */

/* The server had its time: what waits for it gets the end of the connection. */
static void on_alarm(int number)
{
	(void)number;
	if (client.conn.fd >= 0)
		shutdown(client.conn.fd, SHUT_RDWR);
}

static void alarm_in(int ms)
{
	struct itimerval time = {.it_value = {ms / 1000, ms % 1000 * 1000}};
	struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &time, NULL);
}

/* RFC 5321 4.2.1: 5xx to RCPT says that there is no such recipient; anything else says nothing about him. */
static enum verdict talk(const char *host, const char *address, unsigned port, struct str recipient, struct err *err)
{
	bool refused;

	if (smtp_client_connect(&client, host, address, port, NULL, false, err) != 0 ||
	    smtp_client_hello(&client, err) != 0)
		return VERDICT_NONE;
	if (smtp_client_probe(&client, recipient, &refused, err) == 0)
		return VERDICT_KNOWN;
	return refused && smtp_reply_class(&client.reply) == 5 ? VERDICT_UNKNOWN : VERDICT_NONE;
}

static size_t find_addresses(struct route_sources *sources, const struct server *server, struct arena *arena,
                             struct str addresses[ROUTE_ADDRESSES_MAX])
{
	const struct route_host host = {.name = server->host, .port = server->port, .is_address = server->is_address};
	struct err err;
	bool secure;
	size_t count = route_addresses(sources, &host, arena, addresses, &secure, &err);

	if (count == 0)
		log_info("LAN verification at %.*s: %s", STR_ARG(server->host), err.text);
	return count;
}

enum verdict ask_by_smtp(struct route_sources *sources, const struct server *server, struct str address, int limit_ms)
{
	const struct smtp_timeouts timeouts = {.connect_ms = CONNECT_MS, .data_end_ms = CONNECT_MS};
	const char *helo = settings_text(sources->settings, SETTING_SENDER_HELO);
	struct str addresses[ROUTE_ADDRESSES_MAX];
	enum verdict verdict = VERDICT_NONE;
	struct arena arena;
	struct err err = {0};

	arena_init(&arena);
	smtp_client_init(&client, helo[0] != '\0' ? helo : settings_host_name(sources->settings), timeouts);
	if (find_addresses(sources, server, &arena, addresses) != 0) {
		alarm_in(limit_ms);
		verdict = talk(arena_text(&arena, server->host), arena_text(&arena, addresses[0]), server->port, address, &err);
		smtp_client_close(&client);
		alarm_in(0);
		if (err.code != ERR_NONE)
			log_info("LAN verification of <%.*s> at %.*s: %s", STR_ARG(address), STR_ARG(server_key(server, &arena)),
			         err.text);
	}
	smtp_reply_free(&client.reply);
	arena_free(&arena);
	return verdict;
}

static int udp_connect(const char *address, unsigned port)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICHOST}, *found;
	char service[8];
	int fd;

	snprintf(service, sizeof service, "%u", port);
	if (getaddrinfo(address, service, &hints, &found) != 0)
		return -1;
	fd = socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen) != 0) {
		close(fd);
		fd = -1;
	}
	freeaddrinfo(found);
	return fd;
}

static enum verdict read_answer(int fd, struct str address, int64_t until)
{
	char packet[MINGER_PACKET_MAX + 1];
	enum minger_status status;
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	ssize_t count;

	while (io_now_ms() < until && poll(&wait, 1, (int)(until - io_now_ms())) == 1) {
		count = recv(fd, packet, sizeof packet, 0);
		if (count < 0)
			return VERDICT_NONE; /* nobody listens there */
		if (minger_answer_parse(str_from(packet, (size_t)count), address, &status, NULL) != 0)
			continue;
		if (status == MINGER_VALID)
			return VERDICT_KNOWN;
		return status == MINGER_UNKNOWN || status == MINGER_INACTIVE ? VERDICT_UNKNOWN : VERDICT_NONE;
	}
	return VERDICT_NONE;
}

/* A datagram may get lost: it is sent again after a third of the time. */
enum verdict ask_by_minger(struct route_sources *sources, const struct server *server, struct str secret,
                           struct str address, int limit_ms)
{
	unsigned port = (unsigned)settings_number(sources->settings, SETTING_LAN_MINGER_PORT);
	enum verdict verdict = VERDICT_NONE;
	struct str addresses[ROUTE_ADDRESSES_MAX];
	struct arena arena;
	struct buf packet;
	int fd = -1;

	arena_init(&arena);
	buf_init(&packet, MINGER_PACKET_MAX);
	if (minger_query_format(address, secret, &packet, NULL) == 0 &&
	    find_addresses(sources, server, &arena, addresses) != 0)
		fd = udp_connect(arena_text(&arena, addresses[0]), port);
	for (int i = 0; i < 3 && fd >= 0 && verdict == VERDICT_NONE; i++) {
		if (send(fd, packet.data, packet.len, MSG_NOSIGNAL) < 0)
			break;
		verdict = read_answer(fd, address, io_now_ms() + limit_ms / 3);
	}
	if (fd >= 0)
		close(fd);
	buf_free(&packet);
	arena_free(&arena);
	return verdict;
}
