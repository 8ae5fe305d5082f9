#include "common/policy/gate.h"

#include "common/base/log.h"
#include "common/ipc/ipc.h"
#include "common/policy/event.h"

#include <sys/socket.h>

void gate_refresh(struct known *known, const struct instance *instance)
{
	struct err err;

	if (known->file == NULL && known_open(known, instance, &err) != 0)
		log_debug("everybody is looked at by policyd: %s", err.text);
}

/* -1: policyd does not say. */
static int ask(const struct instance *instance, const char *program, const char *peer, bool *blocked, struct err *err)
{
	struct ipc_message request, answer;
	struct ipc_channel channel;
	int64_t number = 0;
	int result;

	if (ipc_connect_now(&channel, instance, "policyd", program, err) != 0)
		return -1;
	ipc_message_init(&request);
	ipc_message_init(&answer);
	ipc_request(&request, "connect");
	ipc_add_text(&request, "peer", peer);
	result = ipc_call(&channel, &request, &answer, GATE_PATIENCE_MS, err);
	if (result == 0)
		ipc_get_number(&answer, "blocked", 0, 1, &number);
	*blocked = number == 1;
	ipc_message_free(&request);
	ipc_message_free(&answer);
	ipc_close(&channel);
	return result;
}

bool gate_turns_away(const struct known *known, int fd, const char *line)
{
	struct sockaddr_storage peer;
	socklen_t size = sizeof peer;
	struct cidr client;

	if (getpeername(fd, (struct sockaddr *)&peer, &size) != 0 || !cidr_from_sockaddr(&peer, &client) ||
	    !known_is_blocked(known, &client))
		return false;
	if (line != NULL)
		send(fd, line, strlen(line), MSG_DONTWAIT | MSG_NOSIGNAL);
	return true;
}

bool gate_was_shut(const struct known *known, const char *peer)
{
	struct cidr client;

	return cidr_parse(str_of(peer), &client, NULL, NULL) == 0 && known_is_blocked(known, &client);
}

bool gate_is_shut(const struct known *known, const struct instance *instance, const char *program, const char *peer)
{
	bool blocked = false;
	struct err err;

	if (!known_has(known, peer))
		return false;
	if (ask(instance, program, peer, &blocked, &err) != 0)
		log_warning("a client is let in unseen, client=%s: %s", peer, err.text);
	if (blocked)
		log_info("connection refused, client=%s reason=blocked", peer);
	else
		policy_suspect();
	return blocked;
}
