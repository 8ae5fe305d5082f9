#include "ctl/sockets.h"

#include "common/base/io.h"

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

static int bind_one(struct sockets *sockets, const struct instance *instance, const struct program *program,
                    const char *name, int type, uid_t owner, struct err *err)
{
	bool is_local = type == SOCK_STREAM;
	int fd;

	if (sockets->count == SOCKETS_MAX)
		return err_set(err, ERR_LIMIT, "more than %d sockets", SOCKETS_MAX);
	fd = bind_unix(instance, program->name, name, type, owner, is_local ? 0666 : 0600, err);
	if (fd < 0)
		return -1;
	keep(sockets, fd, program->name, is_local ? "" : "from-", name);
	return 0;
}

int sockets_bind(struct sockets *sockets, const struct instance *instance, const struct program *program,
                 struct err *err)
{
	if (make_run_folder(instance, program->name, err) != 0)
		return -1;
	for (const char *const *caller = program->callers; *caller != NULL; caller++) {
		uid_t uid;
		gid_t gid;

		if (instance_user(instance, *caller, &uid, &gid, err) != 0 ||
		    bind_one(sockets, instance, program, *caller, SOCK_SEQPACKET, uid, err) != 0)
			return -1;
	}
	return program->local != NULL ? bind_one(sockets, instance, program, program->local, SOCK_STREAM, geteuid(), err)
	                              : 0;
}

void sockets_forget(struct sockets *sockets, const char *program, const char *name)
{
	for (int i = 0; i < sockets->count;) {
		struct bound_socket *bound = &sockets->list[i];

		if (bound->is_kept && strcmp(bound->program, program) == 0 && strcmp(bound->name, name) == 0) {
			close(bound->fd);
			*bound = sockets->list[--sockets->count];
		} else {
			i++;
		}
	}
}

int sockets_keep(struct sockets *sockets, int fd, const char *program, const char *name, struct err *err)
{
	int type = 0, of_program = 0;
	socklen_t size = sizeof type;

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &type, &size) != 0 || type == 0)
		return err_set(err, ERR_SYNTAX, "%s gave no listening socket to be kept", program);
	sockets_forget(sockets, program, name);
	for (int i = 0; i < sockets->count; i++)
		of_program += strcmp(sockets->list[i].program, program) == 0;
	if (sockets->count == SOCKETS_MAX || of_program == DAEMON_MAX_SOCKETS)
		return err_set(err, ERR_LIMIT, "%s gave more sockets to be kept than there is room for", program);
	keep(sockets, fd, program, "", name);
	sockets->list[sockets->count - 1].is_kept = true;
	return 0;
}
