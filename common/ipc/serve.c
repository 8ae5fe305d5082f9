#include "common/ipc/loop.h"

#include "common/base/log.h"
#include "common/base/memory.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	REQUESTS_PER_TURN = 64, /* of one peer, before others are looked at */
	WAITING_MAX = 1024,     /* answers a peer may leave unread before it is cut off */
	REST_MS = 100,          /* accepting rests so long where there are no more descriptors */
};

/* An answer that the peer's socket had no room for yet. */
struct waiting_answer {
	struct ipc_message message;
	uint32_t sequence;
	struct waiting_answer *next;
};

struct ipc_server {
	struct event_base *base;
	ipc_handler *handler;
	ipc_gone *gone;
	void *context;
	char caller[48]; /* whom it counts as */
	uid_t uid;
	size_t request_max; /* bytes of fields */
	struct event *acceptable;
};

struct ipc_peer {
	struct ipc_server *server;
	int fd;
	struct event *readable;
	struct event *writable;
	struct waiting_answer *first, **last;
	int waiting_count;
	int open_requests; /* handed out and not answered: the peer structure lives until they are */
	bool closed;
	void *data;
};

const char *ipc_peer_caller(const struct ipc_peer *peer)
{
	return peer->server->caller;
}

void ipc_peer_set_data(struct ipc_peer *peer, void *data)
{
	peer->data = data;
}

void *ipc_peer_data(const struct ipc_peer *peer)
{
	return peer->data;
}

pid_t ipc_peer_pid(const struct ipc_peer *peer)
{
	struct ucred who;
	socklen_t len = sizeof who;

	return getsockopt(peer->fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 ? who.pid : 0;
}

static void peer_free_when_done(struct ipc_peer *peer)
{
	if (!peer->closed || peer->open_requests > 0)
		return;
	memory_free(peer);
}

static void peer_close(struct ipc_peer *peer)
{
	if (peer->closed)
		return;
	peer->closed = true;
	event_free(peer->readable);
	event_free(peer->writable);
	close(peer->fd);
	while (peer->first != NULL) {
		struct waiting_answer *answer = peer->first;

		peer->first = answer->next;
		ipc_message_free(&answer->message);
		memory_free(answer);
	}
	if (peer->server->gone != NULL)
		peer->server->gone(peer, peer->server->context);
	peer_free_when_done(peer);
}

static void peer_writable(evutil_socket_t fd, short what, void *context)
{
	struct ipc_peer *peer = context;

	(void)fd, (void)what;
	while (peer->first != NULL) {
		struct waiting_answer *answer = peer->first;
		struct err err;

		if (ipc_send(peer->fd, &answer->message, answer->sequence, &err) != 0) {
			if (err.sys == EAGAIN)
				event_add(peer->writable, NULL);
			else
				peer_close(peer);
			return;
		}
		peer->first = answer->next;
		if (peer->first == NULL)
			peer->last = &peer->first;
		peer->waiting_count--;
		ipc_message_free(&answer->message);
		memory_free(answer);
	}
}

static void peer_keep_answer(struct ipc_peer *peer, const struct ipc_message *reply, uint32_t sequence)
{
	struct waiting_answer *answer;

	if (peer->waiting_count == WAITING_MAX || reply->fd_count > 0) {
		log_warning("%s does not read its answers: cut off", peer->server->caller);
		peer_close(peer);
		return;
	}
	answer = memory_get(sizeof *answer);
	ipc_message_init(&answer->message);
	buf_add_str(&answer->message.fields, buf_str(&reply->fields));
	answer->sequence = sequence;
	*peer->last = answer;
	peer->last = &answer->next;
	peer->waiting_count++;
	event_add(peer->writable, NULL);
}

static void peer_send(struct ipc_peer *peer, const struct ipc_message *reply, uint32_t sequence)
{
	struct err err;

	if (peer->first == NULL) {
		if (ipc_send(peer->fd, reply, sequence, &err) == 0)
			return;
		if (err.code == ERR_LIMIT) {
			struct ipc_message refusal;

			ipc_message_init(&refusal);
			ipc_reply_error(&refusal, &err);
			peer_send(peer, &refusal, sequence);
			ipc_message_free(&refusal);
			return;
		}
		if (err.sys != EAGAIN) {
			event_active(peer->readable, EV_READ, 0); /* the close is noticed there, not under the caller's feet */
			return;
		}
	}
	peer_keep_answer(peer, reply, sequence);
}

void ipc_no_answer(struct ipc_incoming *incoming)
{
	incoming->peer->open_requests--;
	peer_free_when_done(incoming->peer);
	ipc_message_free(&incoming->message);
	memory_free(incoming);
}

void ipc_answer(struct ipc_incoming *incoming, const struct ipc_message *reply)
{
	if (!incoming->peer->closed)
		peer_send(incoming->peer, reply, incoming->sequence);
	ipc_no_answer(incoming);
}

void ipc_answer_ok(struct ipc_incoming *incoming)
{
	struct ipc_message reply;

	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	ipc_answer(incoming, &reply);
	ipc_message_free(&reply);
}

void ipc_answer_error(struct ipc_incoming *incoming, const struct err *err)
{
	struct ipc_message reply;

	ipc_message_init(&reply);
	ipc_reply_error(&reply, err);
	ipc_answer(incoming, &reply);
	ipc_message_free(&reply);
}

bool ipc_caller_gone(const struct ipc_incoming *incoming)
{
	return incoming->peer->closed;
}

static void peer_readable(evutil_socket_t fd, short what, void *context)
{
	struct ipc_peer *peer = context;
	bool open = true;

	(void)fd, (void)what;
	peer->open_requests++; /* keeps peer alive while handlers run */
	for (int i = 0; open && !peer->closed && i < REQUESTS_PER_TURN; i++) {
		struct ipc_incoming *incoming = memory_get(sizeof *incoming);
		struct err err;
		int result;

		ipc_message_init(&incoming->message);
		incoming->message.fields.limit = peer->server->request_max;
		result = ipc_receive(peer->fd, &incoming->message, &incoming->sequence, 0, &err);
		if (result != 1) {
			open = result == -1 && err.sys == EAGAIN;
			if (result == -1 && !open)
				log_warning("a request from %s is refused: %s", peer->server->caller, err.text);
			ipc_message_free(&incoming->message);
			memory_free(incoming);
			break;
		}
		incoming->caller = peer->server->caller;
		incoming->peer = peer;
		peer->open_requests++;
		peer->server->handler(incoming, peer->server->context);
	}
	peer->open_requests--;
	if (!open)
		peer_close(peer);
	else
		peer_free_when_done(peer);
}

static void server_resume(evutil_socket_t fd, short what, void *context)
{
	struct ipc_server *server = context;

	(void)fd, (void)what;
	event_add(server->acceptable, NULL);
}

/* Who waits to be accepted goes on waiting; without a rest the loop would do nothing but try. */
static void server_rest(struct ipc_server *server)
{
	const struct timeval rest = {0, REST_MS * 1000};

	event_del(server->acceptable);
	if (event_base_once(server->base, -1, EV_TIMEOUT, server_resume, server, &rest) != 0)
		event_add(server->acceptable, NULL);
}

static void server_accept(evutil_socket_t listen_fd, short what, void *context)
{
	struct ipc_server *server = context;

	(void)what;
	for (;;) {
		int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		struct ipc_peer *peer;

		if (fd < 0) {
			if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
				return;
			log_warning("cannot accept a connection of %s: %s", server->caller, strerror(errno));
			server_rest(server);
			return;
		}
		if (!ipc_peer_is(fd, server->uid)) {
			log_error("somebody else than %s connected to its socket: refused", server->caller);
			close(fd);
			continue;
		}
		peer = memory_get(sizeof *peer);
		peer->server = server;
		peer->fd = fd;
		peer->last = &peer->first;
		peer->readable = event_new(server->base, fd, EV_READ | EV_PERSIST, peer_readable, peer);
		peer->writable = event_new(server->base, fd, EV_WRITE, peer_writable, peer);
		event_add(peer->readable, NULL);
	}
}

/*
 * Only who hears no stranger may ask at length (an import, a long list of recipients): a session that was taken over
 * could otherwise fill our memory with requests that wait. brokerd takes what webadmin's sessions bring, within a
 * limit.
 */
static size_t request_max(const char *callee, const char *caller)
{
	static const char *const trusted[] = {"postroom", "configd", "queue-manager", "brokerd"};

	for (size_t i = 0; i < sizeof trusted / sizeof trusted[0]; i++)
		if (strcmp(caller, trusted[i]) == 0)
			return IPC_MESSAGE_MAX;
	return strcmp(callee, "brokerd") == 0 ? IPC_MESSAGE_MAX : IPC_PACKET_MAX;
}

static int serve_socket(struct event_base *base, const struct daemon *daemon, const struct daemon_socket *socket,
                        const struct ipc_server *model, struct err *err)
{
	const char *caller = socket->name + strlen("from-");
	struct ipc_server *server = memory_get(sizeof *server);
	gid_t gid;

	*server = *model;
	str_copy(str_of(program_speaks_for(caller)), server->caller, sizeof server->caller);
	server->request_max = request_max(daemon->name, caller);
	if (instance_user(&daemon->instance, caller, &server->uid, &gid, err) != 0)
		return -1;
	if (evutil_make_socket_nonblocking(socket->fd) != 0)
		return err_system(err, "cannot make the socket of %s non-blocking", caller);
	server->acceptable = event_new(base, socket->fd, EV_READ | EV_PERSIST, server_accept, server);
	event_add(server->acceptable, NULL);
	return 0;
}

int ipc_serve(struct event_base *base, const struct daemon *daemon, ipc_handler *handler, ipc_gone *gone, void *context,
              struct err *err)
{
	struct ipc_server model = {.base = base, .handler = handler, .gone = gone, .context = context};
	int found = 0;

	for (int i = 0; i < daemon->socket_count; i++) {
		if (!str_starts(str_of(daemon->sockets[i].name), STR("from-")))
			continue;
		if (serve_socket(base, daemon, &daemon->sockets[i], &model, err) != 0)
			return -1;
		found++;
	}
	return found > 0 ? 0 : err_set(err, ERR_NOT_FOUND, "was handed no socket to be asked on");
}
