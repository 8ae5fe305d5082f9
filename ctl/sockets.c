#include "ctl/sockets.h"

#include "common/base/io.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BACKLOG = 4096 };

static void keep(struct sockets *sockets, int fd, const char *program, const char *prefix, const char *name)
{
	struct bound_socket *bound = &sockets->list[sockets->count++];

	bound->fd = fd;
	bound->program = program;
	snprintf(bound->name, sizeof bound->name, "%s%s", prefix, name);
}

/* Bind a Unix socket below run/ and give it to owner. */
static int bind_unix(const struct instance *instance, const char *program, const char *name, int type, uid_t owner,
                     mode_t mode, struct err *err)
{
	struct sockaddr_un address;
	int folder, fd;

	if (instance_socket_address(instance, program, name, &address, &folder, err) != 0)
		return -1;
	unlink(address.sun_path);
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || chmod(address.sun_path, mode) != 0 ||
	    (geteuid() == 0 && chown(address.sun_path, owner, 0) != 0) || listen(fd, BACKLOG) != 0) {
		err_system(err, "cannot bind %s", address.sun_path);
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	if (folder >= 0)
		close(folder);
	return fd;
}

static int make_run_folder(const struct instance *instance, const char *program, struct err *err)
{
	char path[INSTANCE_PATH_MAX + 32];

	if (io_make_folder(instance_path(path, sizeof path, instance->run, program), 0755, err) != 0)
		return -1;
	return chmod(path, 0755) == 0 ? 0 : err_system(err, "cannot set the mode of %s", path);
}

int sockets_bind_callers(struct sockets *sockets, const struct instance *instance, const struct program *program,
                         struct err *err)
{
	if (make_run_folder(instance, program->name, err) != 0)
		return -1;
	for (const char *const *caller = program->callers; *caller != NULL; caller++) {
		uid_t uid;
		gid_t gid;
		int fd;

		if (sockets->count == SOCKETS_MAX)
			return err_set(err, ERR_LIMIT, "more than %d sockets", SOCKETS_MAX);
		if (instance_user(instance, *caller, &uid, &gid, err) != 0)
			return -1;
		fd = bind_unix(instance, program->name, *caller, SOCK_SEQPACKET, uid, 0600, err);
		if (fd < 0)
			return -1;
		keep(sockets, fd, program->name, "from-", *caller);
	}
	return 0;
}

static int bind_address(const struct addrinfo *address, struct err *err)
{
	int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const int on = 1;

	if (fd < 0)
		return err_system(err, "cannot make a socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (address->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
	if (bind(fd, address->ai_addr, address->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
		err_system(err, "cannot bind");
		close(fd);
		return -1;
	}
	return fd;
}

/* Bind one service at one address; "" stands for all, of both families. */
static int bind_service(struct sockets *sockets, const struct instance *instance, const struct service *service,
                        const char *host, void (*complain)(const char *, ...) __attribute__((format(printf, 1, 2))))
{
	struct addrinfo wanted = {
	    .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	char port[16];
	int bound = 0, reason;

	snprintf(port, sizeof port, "%u", service->port + instance->port_offset);
	reason = getaddrinfo(host[0] != '\0' ? host : NULL, port, &wanted, &found);
	if (reason != 0) {
		complain("%s cannot listen on \"%s\" port %s: %s", service->name, host, port, gai_strerror(reason));
		return 0;
	}
	for (struct addrinfo *address = found; address != NULL && sockets->count < SOCKETS_MAX;
	     address = address->ai_next) {
		struct err err;
		int fd = bind_address(address, &err);

		if (fd >= 0) {
			keep(sockets, fd, service->program, "", service->name);
			bound++;
		} else if (host[0] != '\0' || (err.sys != EAFNOSUPPORT && err.sys != EADDRNOTAVAIL)) {
			complain("%s cannot listen on %s port %s: %s", service->name,
			         host[0] != '\0'                  ? host
			         : address->ai_family == AF_INET6 ? "[::]"
			                                          : "0.0.0.0",
			         port, err.text);
		}
	}
	freeaddrinfo(found);
	return bound;
}

static int bind_local(struct sockets *sockets, const struct instance *instance, const struct service *service,
                      void (*complain)(const char *, ...) __attribute__((format(printf, 1, 2))))
{
	struct err err;
	int fd = -1;

	if (sockets->count == SOCKETS_MAX)
		err_set(&err, ERR_LIMIT, "more than %d sockets", SOCKETS_MAX);
	else if (make_run_folder(instance, service->program, &err) == 0)
		fd = bind_unix(instance, service->program, service->name, SOCK_STREAM, geteuid(), 0666, &err);
	if (fd < 0) {
		complain("%s", err.text);
		return 0;
	}
	keep(sockets, fd, service->program, "", service->name);
	return 1;
}

int sockets_bind_services(struct sockets *sockets, const struct instance *instance,
                          void (*complain)(const char *format, ...) __attribute__((format(printf, 1, 2))))
{
	int bound = 0;

	for (const struct service *service = services; service->name != NULL; service++) {
		struct str hosts = str_of(instance->bind);

		if (service->port == 0) {
			bind_local(sockets, instance, service, complain);
			continue;
		}
		while (hosts.data != NULL) {
			struct str host = str_trim(str_cut(&hosts, ','));
			char text[INET6_ADDRSTRLEN + 20];

			if (host.len > 1 && host.data[0] == '[' && host.data[host.len - 1] == ']')
				host = str_sub(host, 1, host.len - 2);
			str_copy(host, text, sizeof text);
			bound += bind_service(sockets, instance, service, text, complain);
		}
	}
	return bound;
}
