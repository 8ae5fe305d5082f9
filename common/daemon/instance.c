#include "common/daemon/instance.h"

#include "common/base/conf.h"
#include "common/daemon/programs.h"

#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

const char *instance_path(char *out, size_t size, const char *folder, const char *name)
{
	snprintf(out, size, "%s/%s", folder, name);
	return out;
}

/* DIR made absolute without asking whether it exists: `init` makes it. */
static int absolute_path(const char *dir, char *out, struct err *err)
{
	char here[INSTANCE_PATH_MAX];
	struct str given = str_of(dir);
	int len;

	while (given.len > 1 && given.data[given.len - 1] == '/')
		given.len--;
	if (given.len == 0)
		return err_set(err, ERR_SYNTAX, "the folder after -C is empty");
	if (given.data[0] == '/') {
		len = snprintf(out, INSTANCE_PATH_MAX, "%.*s", STR_ARG(given));
	} else {
		if (getcwd(here, sizeof here) == NULL)
			return err_system(err, "cannot tell the current folder");
		len = snprintf(out, INSTANCE_PATH_MAX, "%s/%.*s", here, STR_ARG(given));
	}
	if (len < 0 || len > INSTANCE_PATH_MAX - 60) /* room for the folders below */
		return err_set(err, ERR_LIMIT, "the path of the instance has more than %d bytes: %s", INSTANCE_PATH_MAX - 60,
		               dir);
	return 0;
}

int instance_locate(struct instance *instance, const char *dir, struct err *err)
{
	*instance = (struct instance){.max_sessions = 4000};
	if (dir == NULL) {
		snprintf(instance->etc, sizeof instance->etc, "/etc/postroom");
		snprintf(instance->state, sizeof instance->state, "/var/lib/postroom");
		snprintf(instance->spool, sizeof instance->spool, "/var/lib/postroom/spool");
		snprintf(instance->log, sizeof instance->log, "/var/log/postroom");
		snprintf(instance->run, sizeof instance->run, "/run/postroom");
		return 0;
	}
	if (absolute_path(dir, instance->dir, err) != 0)
		return -1;
	instance_path(instance->etc, sizeof instance->etc, instance->dir, "etc");
	instance_path(instance->state, sizeof instance->state, instance->dir, "state");
	instance_path(instance->spool, sizeof instance->spool, instance->dir, "spool");
	instance_path(instance->log, sizeof instance->log, instance->dir, "log");
	instance_path(instance->run, sizeof instance->run, instance->dir, "run");
	return 0;
}

static int read_log(struct instance *instance, struct conf *conf, struct err *err)
{
	static const char *const words[] = {"file", "syslog", "both"};
	const char *target = conf_get(conf, "log", "target", words[INSTANCE_LOG_FILE]);

	for (int i = INSTANCE_LOG_FILE; i <= INSTANCE_LOG_BOTH; i++) {
		if (strcmp(target, words[i]) != 0)
			continue;
		instance->log_target = (enum instance_log)i;
		if (!str_copy(str_of(conf_get(conf, "log", "syslog", "")), instance->syslog, sizeof instance->syslog))
			return err_set(err, ERR_LIMIT, "postroom.conf: the value of [log] syslog is too long");
		return 0;
	}
	return err_set(err, ERR_SYNTAX, "postroom.conf: the target in [log] is file, syslog or both, not \"%s\"", target);
}

int instance_open(struct instance *instance, const char *dir, struct err *err)
{
	char path[INSTANCE_PATH_MAX + 32];
	struct conf conf;
	long port_offset = 0;
	int result = 0;

	if (instance_locate(instance, dir, err) != 0)
		return -1;
	if (conf_read(&conf, instance_path(path, sizeof path, instance->etc, "postroom.conf"), err) != 0)
		return -1;
	if (conf_get_number(&conf, "server", "port-offset", 0, 60000, &port_offset, err) != 0 ||
	    conf_get_number(&conf, "limits", "sessions", 10, 100000, &instance->max_sessions, err) != 0 ||
	    conf_get_number(&conf, "limits", "users", 0, 1000000, &instance->user_limit, err) != 0 ||
	    read_log(instance, &conf, err) != 0)
		result = -1;
	instance->port_offset = (unsigned)port_offset;
	if (!str_copy(str_of(conf_get(&conf, "server", "bind", "")), instance->bind, sizeof instance->bind) && result == 0)
		result = err_set(err, ERR_LIMIT, "postroom.conf: the list of addresses in bind is too long");
	instance->separate_users = strcmp(conf_get(&conf, "server", "separate-users", "yes"), "yes") == 0;
	conf_report_unknown(&conf);
	conf_free(&conf);
	return result;
}

int instance_socket_address(const struct instance *instance, const char *callee, const char *caller,
                            struct sockaddr_un *address, int *folder, struct err *err)
{
	char path[INSTANCE_PATH_MAX + 96];
	int len = snprintf(path, sizeof path, "%s/%s/%s.sock", instance->run, callee, caller);

	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	*folder = -1;
	if ((size_t)len < sizeof address->sun_path) {
		str_copy(str_of(path), address->sun_path, sizeof address->sun_path);
		return 0;
	}
	*folder = open(instance->run, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*folder < 0)
		return err_system(err, "cannot open %s", instance->run);
	snprintf(address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d/%s/%s.sock", *folder, callee, caller);
	return 0;
}

int instance_user(const struct instance *instance, const char *program, uid_t *uid, gid_t *gid, struct err *err)
{
	const struct program *entry = program_find(program);
	const struct passwd *user;

	/* the command line runs as whoever may administer: root, or the owner of a single-user instance */
	if (!instance->separate_users || entry == NULL) {
		*uid = instance->separate_users ? 0 : geteuid();
		*gid = instance->separate_users ? 0 : getegid();
		return 0;
	}
	user = getpwnam(entry->user);
	if (user == NULL)
		return err_set(err, ERR_NOT_FOUND, "there is no user %s; \"postroom init\" makes it", entry->user);
	*uid = user->pw_uid;
	*gid = user->pw_gid;
	return 0;
}
