/* bell: from other programs. */
#include "common/net/bell.h"

#include "common/base/io.h"
#include "common/base/log.h"

#include <poll.h>
#include <unistd.h>

enum { RETRY_MS = 1000 };

void bell_wire_init(struct bell_wire *wire, const struct instance *instance, const char *caller)
{
	*wire = (struct bell_wire){.instance = instance, .caller = caller, .channel.fd = -1};
}

/* imapd says nothing on it: what comes is its end. */
static bool is_dead(const struct bell_wire *wire)
{
	struct pollfd wait = {.fd = wire->channel.fd, .events = POLLIN};

	return poll(&wait, 1, 0) > 0;
}

void bell_wire_keep(struct bell_wire *wire)
{
	int64_t now = io_now_ms();
	struct err err;

	if (wire->channel.fd >= 0 && is_dead(wire))
		ipc_close(&wire->channel);
	if (wire->channel.fd >= 0 || (wire->failed_ms != 0 && now < wire->failed_ms + RETRY_MS))
		return;
	wire->failed_ms = 0;
	if (ipc_connect_now(&wire->channel, wire->instance, "imapd", wire->caller, &err) == 0)
		return;
	wire->failed_ms = now;
	log_debug("no IMAP session hears of changes now: %s", err.text);
}

void bell_wire_ring(struct bell_wire *wire, const int64_t *mailboxes, size_t count)
{
	struct ipc_message message;
	struct err err;

	if (wire->channel.fd < 0 || count == 0)
		return;
	ipc_message_init(&message);
	ipc_request(&message, "changed");
	for (size_t i = 0; i < count; i++)
		ipc_add_number(&message, "uid", mailboxes[i]);
	if (ipc_send(wire->channel.fd, &message, 0, &err) != 0)
		log_debug("IMAP sessions do not hear of a change: %s", err.text);
	ipc_message_free(&message);
}

void bell_wire_close(struct bell_wire *wire)
{
	ipc_close(&wire->channel);
}

static void pass_on(const struct ipc_message *message, int line)
{
	struct str key, value;
	size_t position = 0;
	uint64_t mailbox;

	while (ipc_next(message, &position, &key, &value))
		if (str_equal(key, STR("uid")) && str_to_u64(value, INT64_MAX, &mailbox))
			bell_ring_at(line, (int64_t)mailbox);
}

int bell_answer(int fd, int line)
{
	struct ipc_message message;
	uint32_t sequence;
	struct err err;
	int got;

	if (!ipc_peer_is(fd, geteuid())) {
		log_error("a connection from somebody who does not write mailboxes");
		return 1;
	}
	bell_claim(line, BELL_ANY);
	ipc_message_init(&message);
	while ((got = ipc_receive(fd, &message, &sequence, -1, &err)) > 0)
		if (ipc_is(&message, "changed"))
			pass_on(&message, line);
	if (got < 0)
		log_warning("changes are not heard of: %s", err.text);
	ipc_message_free(&message);
	close(fd);
	return got < 0 ? 1 : 0;
}
