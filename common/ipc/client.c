#include "common/ipc/loop.h"

#include "common/base/log.h"
#include "common/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* A question on its way: waiting to be sent, then waiting for its answer. */
struct call {
	struct ipc_client *client;
	struct ipc_message request; /* empty once sent */
	uint32_t sequence;
	bool sent;
	struct event *timer; /* its limit; also used to report failures outside the caller's stack */
	struct err failure;
	ipc_callback *callback;
	void *context;
	struct call *next, **link;
};

struct ipc_client {
	struct event_base *base;
	struct instance instance;
	char callee[32];
	char caller[32];
	struct ipc_channel channel;
	struct event *readable;
	struct event *writable;
	struct call *first, **last; /* in the order of asking */
};

static void call_unlink(struct call *call)
{
	*call->link = call->next;
	if (call->next != NULL)
		call->next->link = call->link;
	else
		call->client->last = call->link;
}

static void call_free(struct call *call)
{
	call_unlink(call);
	event_free(call->timer);
	ipc_message_free(&call->request);
	memory_free(call);
}

static void client_disconnect(struct ipc_client *client)
{
	if (client->channel.fd < 0)
		return;
	event_free(client->readable);
	event_free(client->writable);
	ipc_close(&client->channel);
}

/* The channel broke: every call fails, each from its own timer event. */
static void client_fail(struct ipc_client *client, const struct err *err)
{
	client_disconnect(client);
	for (struct call *call = client->first; call != NULL; call = call->next) {
		call->failure = *err;
		event_active(call->timer, EV_TIMEOUT, 0);
	}
}

static void call_timer(evutil_socket_t fd, short what, void *context)
{
	struct call *call = context;
	ipc_callback *callback = call->callback;
	void *callback_context = call->context;
	struct err err = call->failure;

	(void)fd, (void)what;
	if (err.code == ERR_NONE)
		err_set(&err, ERR_TIMEOUT, "%s did not answer in time", call->client->callee);
	call_free(call);
	callback(NULL, &err, callback_context);
}

static struct call *client_find(struct ipc_client *client, uint32_t sequence)
{
	for (struct call *call = client->first; call != NULL; call = call->next)
		if (call->sent && call->sequence == sequence)
			return call;
	return NULL;
}

static void client_answered(struct ipc_client *client, struct ipc_message *reply, uint32_t sequence)
{
	struct call *call = client_find(client, sequence);
	struct str status = ipc_get(reply, "status");
	struct err err = {0};

	if (call == NULL) /* an answer that came after its time limit */
		return;
	if (!str_equal(status, STR("ok"))) {
		struct str text = ipc_get(reply, "text");

		err_set(&err, ipc_status_code(status), "%.*s", STR_ARG(text.data != NULL ? text : STR("no reason given")));
	}
	{
		ipc_callback *callback = call->callback;
		void *context = call->context;

		call_free(call);
		callback(reply, &err, context);
	}
}

static void client_readable(evutil_socket_t fd, short what, void *context)
{
	struct ipc_client *client = context;
	struct ipc_message reply;

	(void)what;
	ipc_message_init(&reply);
	for (int i = 0; i < 64; i++) {
		uint32_t sequence;
		struct err err = {0};
		int result = ipc_receive(fd, &reply, &sequence, 0, &err);

		if (result == 1) {
			client_answered(client, &reply, sequence);
			if (client->channel.fd != fd)
				break;
			continue;
		}
		if (result == 0)
			err_set(&err, ERR_CLOSED, "%s went away", client->callee);
		if (result == 0 || err.sys != EAGAIN)
			client_fail(client, &err);
		break;
	}
	ipc_message_free(&reply);
}

/* Send what waits, as far as the socket takes it. */
static void client_send(struct ipc_client *client)
{
	for (struct call *call = client->first; call != NULL; call = call->next) {
		struct err err = {0};

		if (call->sent)
			continue;
		call->sequence = ++client->channel.sequence;
		if (ipc_send(client->channel.fd, &call->request, call->sequence, &err) != 0) {
			if (err.sys == EAGAIN) {
				event_add(client->writable, NULL);
				return;
			}
			if (err.code != ERR_LIMIT) {
				client_fail(client, &err);
				return;
			}
			call->failure = err; /* this one question is too large; the channel is fine */
			event_active(call->timer, EV_TIMEOUT, 0);
		}
		call->sent = true;
		ipc_message_reset(&call->request);
	}
}

static void client_writable(evutil_socket_t fd, short what, void *context)
{
	(void)fd, (void)what;
	client_send(context);
}

static int client_connect(struct ipc_client *client, struct err *err)
{
	if (client->channel.fd >= 0)
		return 0;
	if (ipc_connect(&client->channel, &client->instance, client->callee, client->caller, err) != 0)
		return -1;
	evutil_make_socket_nonblocking(client->channel.fd);
	client->readable = event_new(client->base, client->channel.fd, EV_READ | EV_PERSIST, client_readable, client);
	client->writable = event_new(client->base, client->channel.fd, EV_WRITE, client_writable, client);
	event_add(client->readable, NULL);
	return 0;
}

struct ipc_client *ipc_client_new(struct event_base *base, const struct instance *instance, const char *callee,
                                  const char *caller)
{
	struct ipc_client *client = memory_get(sizeof *client);

	client->base = base;
	client->instance = *instance;
	client->channel.fd = -1;
	client->last = &client->first;
	str_copy(str_of(callee), client->callee, sizeof client->callee);
	str_copy(str_of(caller), client->caller, sizeof client->caller);
	return client;
}

void ipc_client_hang_up(struct ipc_client *client)
{
	client_disconnect(client);
}

void ipc_client_free(struct ipc_client *client)
{
	if (client == NULL)
		return;
	while (client->first != NULL)
		call_free(client->first);
	client_disconnect(client);
	memory_free(client);
}

static void copy_request(struct ipc_message *copy, const struct ipc_message *request)
{
	ipc_message_init(copy);
	buf_add_str(&copy->fields, buf_str(&request->fields));
	copy->fields.overflow = request->fields.overflow;
	copy->fds_owned = true;
	for (int i = 0; i < request->fd_count; i++) {
		int fd = fcntl(request->fds[i], F_DUPFD_CLOEXEC, 0);

		if (fd < 0)
			copy->fields.overflow = true;
		else
			ipc_add_fd(copy, fd);
	}
}

void ipc_client_call(struct ipc_client *client, const struct ipc_message *request, int timeout_ms,
                     ipc_callback *callback, void *context)
{
	struct call *call = memory_get(sizeof *call);
	struct timeval limit = {timeout_ms / 1000, timeout_ms % 1000 * 1000};

	call->client = client;
	call->callback = callback;
	call->context = context;
	call->timer = evtimer_new(client->base, call_timer, call);
	call->link = client->last;
	*client->last = call;
	client->last = &call->next;
	copy_request(&call->request, request);
	evtimer_add(call->timer, &limit);
	if (client_connect(client, &call->failure) != 0)
		event_active(call->timer, EV_TIMEOUT, 0);
	else
		client_send(client);
}
