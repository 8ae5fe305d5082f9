#include "ctl/spawn.h"
#include "ctl/users.h"

#include "common/base/io.h"
#include "common/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	FIRST_HANDED_FD = 3,
	HIGH_FD = 450,    /* above all that the supervisor has open */
	NOTICES_MAX = 64, /* looked at in one turn, so that none who sends many keeps us from the rest */
};

/* For daemons alone: the one user that all have here, or the group that all are in. */
static int give_to_daemons(const struct instance *instance, const char *path)
{
	const struct group *group;

	if (!instance->separate_users)
		return chmod(path, 0600);
	group = getgrnam(USERS_GROUP);
	if (group == NULL) {
		errno = ENOENT;
		return -1;
	}
	return chown(path, 0, group->gr_gid) == 0 ? chmod(path, 0660) : -1;
}

int spawn_notify_socket(const struct instance *instance, struct err *err)
{
	struct sockaddr_un address;
	const int on = 1;
	int folder, fd;

	if (instance_socket_address(instance, ".", "notify", &address, &folder, err) != 0)
		return -1;
	unlink(address.sun_path);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
	    give_to_daemons(instance, address.sun_path) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0) {
		err_system(err, "cannot bind %s", address.sun_path);
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	if (folder >= 0)
		close(folder);
	return fd;
}

/* The line "KEY=value" of a notice. */
static struct str notice_value(struct str text, const char *key)
{
	while (text.data != NULL) {
		struct str value = str_cut(&text, '\n'), name = str_cut(&value, '=');

		if (str_equal(name, str_of(key)))
			return value;
	}
	return (struct str){NULL, 0};
}

static void parse_notice(struct str text, struct notice *notice)
{
	if (str_equal(notice_value(text, "READY"), STR("1")))
		notice->kind = NOTICE_READY;
	else if (str_equal(notice_value(text, "FDSTORE"), STR("1")) && notice->fd >= 0)
		notice->kind = NOTICE_KEEP;
	else if (str_equal(notice_value(text, "FDSTOREREMOVE"), STR("1")))
		notice->kind = NOTICE_FORGET;
	else if (notice_value(text, "STATUS").data != NULL)
		notice->kind = NOTICE_STATUS;
	str_copy(notice_value(text, notice->kind == NOTICE_STATUS ? "STATUS" : "FDNAME"), notice->text,
	         sizeof notice->text);
	for (char *c = notice->text; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f) /* it may go to a terminal */
			*c = '?';
}

/* Who sent it, and the descriptor that came with it; more than one are closed. */
static void take_control(struct msghdr *packet, struct notice *notice)
{
	for (struct cmsghdr *part = CMSG_FIRSTHDR(packet); part != NULL; part = CMSG_NXTHDR(packet, part)) {
		struct ucred who;

		if (part->cmsg_level != SOL_SOCKET)
			continue;
		if (part->cmsg_type == SCM_CREDENTIALS) {
			memcpy(&who, CMSG_DATA(part), sizeof who);
			notice->pid = who.pid;
		} else if (part->cmsg_type == SCM_RIGHTS) {
			for (size_t at = 0; CMSG_LEN(at + sizeof(int)) <= part->cmsg_len; at += sizeof(int)) {
				int fd;

				memcpy(&fd, CMSG_DATA(part) + at, sizeof fd);
				if (notice->fd >= 0)
					close(fd);
				else
					notice->fd = fd;
			}
		}
	}
}

bool spawn_read_notice(int notify_fd, struct notice *notice_out)
{
	for (int i = 0; i < NOTICES_MAX; i++) {
		char text[640];
		union {
			char bytes[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(4 * sizeof(int))];
			struct cmsghdr align;
		} control;
		struct iovec part = {text, sizeof text};
		struct msghdr packet = {
		    .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
		ssize_t size = recvmsg(notify_fd, &packet, MSG_CMSG_CLOEXEC);

		if (size < 0)
			return false;
		*notice_out = (struct notice){.fd = -1};
		take_control(&packet, notice_out);
		parse_notice(str_from(text, (size_t)size), notice_out);
		if (notice_out->pid > 0 && notice_out->kind != NOTICE_NONE)
			return true;
		if (notice_out->fd >= 0)
			close(notice_out->fd);
	}
	return false;
}

/* The daemons lie beside the command: bin/postroom, libexec/postroom/<daemon>. */
static int open_program(const char *name, struct err *err)
{
	char self[4096], path[4200];
	ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
	int fd = -1;

	if (len > 0) {
		struct str folder = str_from(self, (size_t)len);

		folder.len = (size_t)str_find_last_char(folder, '/');
		snprintf(path, sizeof path, "%.*s/../libexec/postroom/%s", STR_ARG(folder), name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	if (fd < 0) {
		snprintf(path, sizeof path, "%s/%s", POSTROOM_LIBEXEC, name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	return fd >= 0 ? fd : err_system(err, "cannot open %s", path);
}

/* In the child: move the sockets to 3, 4, ... and say what they are. */
static void hand_down(const struct sockets *sockets, const char *program)
{
	char names[DAEMON_MAX_SOCKETS * (DAEMON_SOCKET_NAME + 1)] = "", number[24];
	size_t used = 0;
	int count = 0;

	for (int i = 0; i < sockets->count; i++) {
		const struct bound_socket *socket = &sockets->list[i];

		if (strcmp(socket->program, program) != 0)
			continue;
		/* first out of the way, so that none is overwritten by another's new place */
		fcntl(socket->fd, F_DUPFD, HIGH_FD + count);
		used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", count > 0 ? ":" : "", socket->name);
		count++;
	}
	for (int i = 0; i < count; i++)
		dup2(HIGH_FD + i, FIRST_HANDED_FD + i);
	close_range((unsigned)(FIRST_HANDED_FD + count), ~0U, CLOSE_RANGE_CLOEXEC);
	snprintf(number, sizeof number, "%d", (int)getpid());
	setenv("LISTEN_PID", number, 1);
	snprintf(number, sizeof number, "%d", count);
	setenv("LISTEN_FDS", number, 1);
	setenv("LISTEN_FDNAMES", names, 1);
}

int spawn_become_user(const struct instance *instance, const struct program *program, struct err *err)
{
	uid_t uid;
	gid_t gid;

	if (instance_user(instance, program->name, &uid, &gid, err) != 0)
		return -1;
	if (!instance->separate_users)
		return 0;
	if (initgroups(program->user, gid) != 0 || setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
		return err_system(err, "cannot become the user %s", program->user);
	return 0;
}

/* Of root's rights a listener keeps one over the change of user and over exec: to bind low ports (capabilities(7)). */
static int become_daemon(const struct instance *instance, const struct program *program, struct err *err)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct kept[2] = {{0}};
	bool keeps = instance->separate_users && program->listens;

	if (keeps && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0)
		return err_system(err, "cannot keep the right to low ports");
	if (spawn_become_user(instance, program, err) != 0)
		return -1;
	if (!keeps)
		return 0;
	kept[0].effective = kept[0].permitted = kept[0].inheritable = 1U << CAP_NET_BIND_SERVICE;
	if (syscall(SYS_capset, &header, kept) != 0 ||
	    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE, 0, 0) != 0)
		return err_system(err, "cannot keep the right to low ports");
	return 0;
}

static void run_program(const struct child *child, const struct instance *instance, const struct sockets *sockets,
                        int program_fd, int log_fd, pid_t supervisor) __attribute__((noreturn));

static void run_program(const struct child *child, const struct instance *instance, const struct sockets *sockets,
                        int program_fd, int log_fd, pid_t supervisor)
{
	char *arguments[] = {(char *)child->program->name, (char *)"-C", (char *)instance->dir, NULL};
	char text[INSTANCE_PATH_MAX + 32];
	int null = open("/dev/null", O_RDWR);
	sigset_t none;
	struct err err;

	if (instance->dir[0] == '\0')
		arguments[1] = NULL;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(log_fd, STDERR_FILENO);
	program_fd = fcntl(program_fd, F_DUPFD_CLOEXEC, HIGH_FD + SOCKETS_MAX);
	snprintf(text, sizeof text, "%d", (int)supervisor);
	setenv("POSTROOM_SUPERVISOR", text, 1);
	setenv("NOTIFY_SOCKET", instance_path(text, sizeof text, instance->run, "notify.sock"), 1);
	hand_down(sockets, child->program->name);
	/* by descriptor, so that the user need not be able to walk to where the program lies */
	if (become_daemon(instance, child->program, &err) == 0) {
		execveat(program_fd, "", arguments, environ, AT_EMPTY_PATH);
		err_system(&err, "cannot run %s", child->program->name);
	}
	log_error("%s", err.text);
	_exit(1);
}

int spawn_daemon(struct child *child, const struct instance *instance, const struct sockets *sockets, int log_fd,
                 struct err *err)
{
	pid_t supervisor = getpid();
	int program_fd = open_program(child->program->name, err);
	pid_t pid;

	if (program_fd < 0)
		return -1;
	pid = fork();
	if (pid == 0)
		run_program(child, instance, sockets, program_fd, log_fd, supervisor);
	close(program_fd);
	if (pid < 0)
		return err_system(err, "cannot start %s", child->program->name);
	child->pid = pid;
	child->ready = false;
	child->started_ms = io_now_ms();
	child->restart_ms = 0;
	return 0;
}
