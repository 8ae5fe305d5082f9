/* listen: the sockets of network services, as the settings want them. */
#include "common/base/io.h"
#include "common/base/log.h"
#include "common/net/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { RETRY_MS = 5000 };

/* Descriptors of sockets that this process bound itself, separated by commas, over an execution. */
static const char BOUND_VARIABLE[] = "POSTROOM_BOUND_FDS";

/* Under which name sockets are kept for the next process. */
static const char KEPT[] = "listen-";

static const char *kept_name(const struct endpoint *endpoint, char out[DAEMON_SOCKET_NAME])
{
	char word[ENDPOINT_TEXT];

	snprintf(out, DAEMON_SOCKET_NAME, "%s%s", KEPT, endpoint_word(endpoint, word));
	return out;
}

static struct listener_place *add_place(struct listener *listener, int fd, const char *name)
{
	nfds_t index = listener->wait_count;
	struct listener_place *place;
	int on = 1;

	if (index == LISTENER_SOCKETS + LISTENER_SOCKETS_MAX) {
		log_error("more than %d sockets to listen on: one of %s is not served", LISTENER_SOCKETS_MAX, name);
		return NULL;
	}
	place = &listener->places[index];
	*place = (struct listener_place){.origin.name = place->name};
	str_copy(str_of(name), place->name, sizeof place->name);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	/* Connections inherit it: answers are collected and leave together (no effect on local sockets). */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	listener->waits[index] = (struct pollfd){.fd = fd, .events = POLLIN};
	listener->wait_count++;
	return place;
}

/* For good, whoever else holds the socket: it accepts nothing any more, and its port is free. */
static void close_place(struct listener *listener, nfds_t index)
{
	nfds_t last = --listener->wait_count;
	struct listener_place *place = &listener->places[index];
	char text[ENDPOINT_TEXT], name[DAEMON_SOCKET_NAME];

	log_info("%s listens on %s no more", place->name, endpoint_text(&place->endpoint, text));
	shutdown(listener->waits[index].fd, SHUT_RDWR);
	if (!place->is_handed)
		close(listener->waits[index].fd);
	daemon_forget_socket(listener->daemon, kept_name(&place->endpoint, name));
	listener->waits[index] = listener->waits[last];
	*place = listener->places[last];
	place->origin.name = place->name;
}

static bool is_named(const char *const *names, const char *name)
{
	while (*names != NULL && strcmp(*names, name) != 0)
		names++;
	return *names != NULL;
}

static bool is_listening(int fd)
{
	socklen_t size = sizeof(int);
	int is;

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is, &size) == 0 && is != 0;
}

static bool is_ours(const struct listener *listener, const struct service *service)
{
	return strcmp(service_type_find(str_of(service->type))->program, listener->daemon->name) == 0;
}

/* The service of ours with that label; NULL: none. */
static const struct service *find_labelled(const struct listener *listener, const char *label)
{
	const struct services *services = &listener->hooks->settings->services;

	for (size_t i = 0; i < services->count; i++)
		if (is_ours(listener, &services->list[i]) && strcmp(services->list[i].label, label) == 0)
			return &services->list[i];
	return NULL;
}

static void take_network_socket(struct listener *listener, int fd, const char *name, bool is_handed)
{
	bool is_kept = str_starts(str_of(name), str_of(KEPT));
	const struct service *service = is_kept ? NULL : find_labelled(listener, name);
	struct listener_place *place;
	struct endpoint endpoint;

	if (!endpoint_of_socket(fd, &endpoint) || (!is_kept && service == NULL)) {
		log_warning("the socket %s, which was handed down, is of no use here", name);
		return;
	}
	if (!is_listening(fd)) { /* it was shut down */
		daemon_forget_socket(listener->daemon, name);
		return;
	}
	place = add_place(listener, fd, name);
	if (place == NULL)
		return;
	place->endpoint = endpoint;
	place->origin.service = service != NULL ? service->id : 0;
	place->is_handed = is_handed;
	place->is_fixed = !is_kept;
}

static void take_bound(struct listener *listener)
{
	struct str rest = str_of(getenv(BOUND_VARIABLE));
	uint64_t fd;

	while (rest.data != NULL)
		if (str_to_u64(str_cut(&rest, ','), INT32_MAX, &fd) && fcntl((int)fd, F_SETFD, FD_CLOEXEC) == 0)
			take_network_socket(listener, (int)fd, KEPT, false);
	unsetenv(BOUND_VARIABLE);
}

int listener_take_sockets(struct listener *listener, const char *const *names, struct err *err)
{
	bool serves_network = listener->hooks->settings != NULL;

	for (int i = 0; i < listener->daemon->socket_count; i++) {
		const struct daemon_socket *socket = &listener->daemon->sockets[i];

		if (is_named(names, socket->name))
			add_place(listener, socket->fd, socket->name);
		else if (serves_network)
			take_network_socket(listener, socket->fd, socket->name, true);
	}
	if (serves_network)
		take_bound(listener);
	if (!serves_network && listener->wait_count == LISTENER_SOCKETS)
		return err_set(err, ERR_NOT_FOUND, "no socket to listen on was handed over");
	return 0;
}

void listener_hand_bound_on(const struct listener *listener)
{
	struct buf list;

	buf_init(&list, 16 * LISTENER_SOCKETS_MAX);
	for (nfds_t i = LISTENER_SOCKETS; i < listener->wait_count; i++) {
		const struct listener_place *place = &listener->places[i];

		if (place->origin.service != 0 && !place->is_handed && fcntl(listener->waits[i].fd, F_SETFD, 0) == 0)
			buf_printf(&list, "%s%d", list.len != 0 ? "," : "", listener->waits[i].fd);
	}
	if (list.len != 0)
		setenv(BOUND_VARIABLE, buf_text(&list), 1);
	buf_free(&list);
}

void listener_leave_sockets(const struct listener *listener)
{
	for (int i = 0; i < listener->daemon->socket_count; i++)
		close(listener->daemon->sockets[i].fd);
	for (nfds_t i = LISTENER_SOCKETS; i < listener->wait_count; i++)
		if (listener->places[i].origin.service != 0 && !listener->places[i].is_handed)
			close(listener->waits[i].fd);
}

/* One thing that the settings want. */
struct wish {
	const struct service *service;
	struct endpoint endpoint;
	bool is_met;
};

struct wishes {
	struct wish list[LISTENER_SOCKETS_MAX];
	size_t count;
	size_t impossible; /* bindings that are no place here: the addresses of postroom.conf are none */
	bool tell;         /* what cannot be done: the settings are others than before */
};

static void complain(const struct listener *listener, const struct service *service, const struct err *err)
{
	char text[512];

	snprintf(text, sizeof text, "%s %s", service->label, err->text);
	log_error("%s", text);
	daemon_tell(listener->daemon, text);
}

static void wish_for(const struct listener *listener, const struct service *service, struct wishes *wishes)
{
	struct endpoint endpoints[ENDPOINTS_MAX];
	struct err err;
	size_t count;

	for (size_t i = 0; i < service->binding_count; i++) {
		const struct service_binding *binding = &service->bindings[i];

		if (endpoints_of(&listener->daemon->instance, binding->address, binding->port, endpoints, &count, &err) != 0) {
			wishes->impossible++;
			if (wishes->tell)
				complain(listener, service, &err);
			continue;
		}
		for (size_t j = 0; j < count && wishes->count < LISTENER_SOCKETS_MAX; j++)
			wishes->list[wishes->count++] = (struct wish){service, endpoints[j], false};
	}
}

static void collect(const struct listener *listener, struct wishes *wishes)
{
	const struct services *services = &listener->hooks->settings->services;

	wishes->count = wishes->impossible = 0;
	wishes->tell = listener->generation != listener->hooks->settings->generation;
	for (size_t i = 0; i < services->count; i++)
		if (services->list[i].enabled && is_ours(listener, &services->list[i]))
			wish_for(listener, &services->list[i], wishes);
}

/* The place is as the service is now. */
static void name_place(struct listener_place *place, const struct service *service)
{
	place->origin.service = service->id;
	str_copy(str_of(service->label), place->name, sizeof place->name);
}

/* Is the socket wanted still? */
static bool keep_place(const struct listener *listener, struct listener_place *place, struct wishes *wishes)
{
	const struct service *service;

	if (place->is_fixed) {
		service = settings_service(listener->hooks->settings, place->origin.service);
		if (service == NULL || !service->enabled)
			return false;
		name_place(place, service);
		return true;
	}
	for (size_t i = 0; i < wishes->count; i++)
		if (!wishes->list[i].is_met && endpoint_equals(&wishes->list[i].endpoint, &place->endpoint)) {
			wishes->list[i].is_met = true;
			name_place(place, wishes->list[i].service);
			return true;
		}
	return false;
}

static bool is_network(const struct listener_place *place)
{
	return place->endpoint.len != 0;
}

/* The family may be missing on this machine where the binding is for all addresses of both. */
static bool is_no_matter(const struct wish *wish, const struct err *err)
{
	return !wish->endpoint.is_wanted && (err->sys == EAFNOSUPPORT || err->sys == EADDRNOTAVAIL);
}

static void fulfil(struct listener *listener, const struct wish *wish, bool tell)
{
	char text[ENDPOINT_TEXT], name[DAEMON_SOCKET_NAME];
	struct listener_place *place;
	struct err err;
	int fd = endpoint_listen(&wish->endpoint, &err);

	if (fd < 0 && is_no_matter(wish, &err))
		return;
	if (fd < 0) {
		listener->missing++;
		if (tell)
			complain(listener, wish->service, &err);
		return;
	}
	place = add_place(listener, fd, wish->service->label);
	if (place == NULL) {
		close(fd);
		return;
	}
	place->endpoint = wish->endpoint;
	name_place(place, wish->service);
	daemon_keep_socket(listener->daemon, fd, kept_name(&place->endpoint, name));
	log_info("%s listens on %s", place->name, endpoint_text(&place->endpoint, text));
}

void listener_follow(struct listener *listener)
{
	static struct wishes wishes;

	collect(listener, &wishes);
	for (nfds_t i = LISTENER_SOCKETS; i < listener->wait_count;)
		if (!is_network(&listener->places[i]) || keep_place(listener, &listener->places[i], &wishes))
			i++;
		else
			close_place(listener, i);
	listener->missing = wishes.impossible;
	for (size_t i = 0; i < wishes.count; i++)
		if (!wishes.list[i].is_met)
			fulfil(listener, &wishes.list[i], wishes.tell);
	listener->retry_ms = io_now_ms() + RETRY_MS;
	listener->generation = listener->hooks->settings->generation;
	*listener->followed = listener->generation;
}
