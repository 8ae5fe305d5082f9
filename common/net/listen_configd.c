/* listen: what configd asks: may this be bound, and has the change been followed? Answered in a process of its own. */
#include "common/base/log.h"
#include "common/ipc/ipc.h"
#include "common/net/listener.h"

#include <errno.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

enum { FOLLOW_PATIENCE_MS = 5000, PAUSE_MS = 2 };

static bool meets_binding(const struct instance *instance, const struct service_binding *binding,
                          const struct endpoint *endpoint)
{
	struct endpoint endpoints[ENDPOINTS_MAX];
	size_t count;

	if (endpoints_of(instance, binding->address, binding->port, endpoints, &count, NULL) != 0)
		return false;
	for (size_t i = 0; i < count; i++)
		if (endpoint_meets(&endpoints[i], endpoint))
			return true;
	return false;
}

/* Is it a service of this instance that is in the way? configd knows what becomes of those. */
static bool is_own(const struct listener *listener, const struct endpoint *endpoint)
{
	const struct services *services = &listener->hooks->settings->services;

	for (size_t i = 0; i < services->count; i++)
		for (size_t j = 0; services->list[i].enabled && j < services->list[i].binding_count; j++)
			if (meets_binding(&listener->daemon->instance, &services->list[i].bindings[j], endpoint))
				return true;
	return false;
}

static int try_endpoint(const struct listener *listener, const struct endpoint *endpoint, struct err *err)
{
	char text[ENDPOINT_TEXT];
	int fd = endpoint_bind(endpoint, err);

	if (fd >= 0) {
		close(fd);
		return 0;
	}
	if (!endpoint->is_wanted && (err->sys == EAFNOSUPPORT || err->sys == EADDRNOTAVAIL))
		return 0;
	if (err->sys != EADDRINUSE)
		return -1;
	if (is_own(listener, endpoint))
		return 0;
	return err_set(err, ERR_EXISTS, "%s is in use by another program", endpoint_text(endpoint, text));
}

static int can_bind(const struct listener *listener, const struct ipc_message *request, struct err *err)
{
	struct endpoint endpoints[ENDPOINTS_MAX];
	char address[64];
	int64_t port;
	size_t count;

	if (!ipc_get_text(request, "address", address, sizeof address) ||
	    !ipc_get_number(request, "port", 1, UINT16_MAX, &port))
		return err_set(err, ERR_SYNTAX, "can-bind needs address and port");
	if (endpoints_of(&listener->daemon->instance, address, (unsigned)port, endpoints, &count, err) != 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (try_endpoint(listener, &endpoints[i], err) != 0)
			return -1;
	return 0;
}

static int follow(const struct listener *listener, const struct ipc_message *request, struct err *err)
{
	int64_t generation;

	if (!ipc_get_number(request, "generation", 0, INT64_MAX, &generation))
		return err_set(err, ERR_SYNTAX, "follow needs a generation");
	kill(listener->pid, SIGHUP);
	for (int waited = 0; waited < FOLLOW_PATIENCE_MS; waited += PAUSE_MS) {
		if (*listener->followed >= (uint64_t)generation)
			return 0;
		nanosleep(&(struct timespec){0, PAUSE_MS * 1000000}, NULL);
	}
	return err_set(err, ERR_TIMEOUT, "%s has not followed the change yet", listener->daemon->name);
}

int listener_answer_configd(const struct listener *listener, int fd)
{
	struct ipc_message request, reply;
	uint32_t sequence;
	struct err err;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	while (ipc_receive(fd, &request, &sequence, IPC_TIMEOUT_MS, &err) > 0) {
		int result;

		if (ipc_is(&request, "can-bind"))
			result = can_bind(listener, &request, &err);
		else if (ipc_is(&request, "follow"))
			result = follow(listener, &request, &err);
		else
			result = err_set(&err, ERR_NOT_FOUND, "configd asks a listener \"can-bind\" and \"follow\" only");
		ipc_reply_ok(&reply);
		if (result != 0)
			ipc_reply_error(&reply, &err);
		if (ipc_send(fd, &reply, sequence, &err) != 0)
			break;
	}
	ipc_message_free(&request);
	ipc_message_free(&reply);
	close(fd);
	return 0;
}
