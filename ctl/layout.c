#include "ctl/layout.h"

#include "ctl/users.h"

#include "common/base/io.h"
#include "common/daemon/logs.h"
#include "common/daemon/programs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SCRIPTS_MODE = 02775 };

static int find_group(const char *name, gid_t *gid, const struct instance *instance, struct err *err)
{
	const struct group *group;
	uid_t uid;

	if (program_find(name) != NULL)
		return instance_user(instance, name, &uid, gid, err);
	group = getgrnam(name);
	if (group == NULL)
		return err_set(err, ERR_NOT_FOUND, "there is no group %s", name);
	*gid = group->gr_gid;
	return 0;
}

int layout_give(const struct instance *instance, const char *path, struct layout_owner owner, mode_t mode,
                struct err *err)
{
	uid_t uid = 0;
	gid_t gid = 0;

	if (instance->separate_users) {
		if (owner.program != NULL && instance_user(instance, owner.program, &uid, &gid, err) != 0)
			return -1;
		if (owner.group != NULL && find_group(owner.group, &gid, instance, err) != 0)
			return -1;
		if (chown(path, uid, gid) != 0)
			return err_system(err, "cannot give %s to its user", path);
	}
	return chmod(path, mode) == 0 ? 0 : err_system(err, "cannot set the mode of %s", path);
}

/* complete: one that exists stays as it is. */
static int make_folder(const struct instance *instance, const char *path, struct layout_owner owner, mode_t mode,
                       bool complete, struct err *err)
{
	struct stat info;

	if (complete && lstat(path, &info) == 0)
		return 0;
	if (io_make_folder(path, 0700, err) != 0)
		return -1;
	return layout_give(instance, path, owner, mode, err);
}

static int make_drop(const struct instance *instance, const struct program *program, struct err *err)
{
	const struct layout_owner owner = {program->name, "queue-manager"};
	const char *const names[] = {"", "/tmp", "/new"};
	char path[INSTANCE_PATH_MAX + 64];

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		snprintf(path, sizeof path, "%s/%s%s", instance->spool, program->drop, names[i]);
		if (make_folder(instance, path, owner, 02770, false, err) != 0)
			return -1;
	}
	return 0;
}

static int make_spool(const struct instance *instance, struct err *err)
{
	static const char *const names[] = {"active", "corrupt"};
	const struct layout_owner owner = {"queue-manager", NULL};
	char path[INSTANCE_PATH_MAX + 64];

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (make_folder(instance, instance_path(path, sizeof path, instance->spool, names[i]), owner, 0700, false,
		                err) != 0)
			return -1;
	for (const struct program *program = programs; program->name != NULL; program++)
		if (program->drop != NULL && make_drop(instance, program, err) != 0)
			return -1;
	return 0;
}

/* configd renames what it takes over, also in folders of users that were made since the start before. */
static int open_scripts(const struct instance *instance, struct err *err)
{
	const struct layout_owner owner = {NULL, "configd"};
	char path[INSTANCE_PATH_MAX + 64], below[2 * INSTANCE_PATH_MAX + 128];
	struct dirent *entry;
	DIR *folder = opendir(instance_path(path, sizeof path, instance->etc, "scripts"));
	int result;

	if (folder == NULL)
		return err_system(err, "cannot read %s", path);
	result = layout_give(instance, path, owner, SCRIPTS_MODE, err);
	while (result == 0 && (entry = readdir(folder)) != NULL) {
		struct stat info;

		snprintf(below, sizeof below, "%s/%s", path, entry->d_name);
		if (entry->d_name[0] != '.' && lstat(below, &info) == 0 && S_ISDIR(info.st_mode))
			result = layout_give(instance, below, owner, SCRIPTS_MODE, err);
	}
	closedir(folder);
	return result;
}

/* The folders that stand in folders of root's. */
static int make_folders(const struct instance *instance, bool complete, struct err *err)
{
	const struct {
		const char *parent, *name; /* "": the parent itself */
		struct layout_owner owner;
		mode_t mode;
	} folders[] = {
	    {instance->etc, "", {NULL, NULL}, 0755},
	    {instance->etc, "/keys", {NULL, NULL}, 0711},
	    {instance->etc, "/scripts", {NULL, "configd"}, SCRIPTS_MODE},
	    {instance->etc, "/dkim", {NULL, "signer"}, 0750},
	    {instance->etc, "/tls", {NULL, USERS_TLS_GROUP}, 0751}, /* configd sees whether there is a certificate */
	    {instance->state, "", {NULL, NULL}, 0755},
	    {instance->state, "/config", {"configd", NULL}, 0700},
	    {instance->state, "/settings", {"configd", USERS_GROUP}, 02750},
	    {instance->state, "/auth", {"authd", NULL}, 0700},
	    {instance->state, "/queue", {"queue-manager", NULL}, 0700},
	    {instance->state, "/history", {"historyd", NULL}, 0700},
	    {instance->state, "/policy", {"policyd", NULL}, 0711}, /* listeners map a file of it */
	    {instance->state, "/notices", {"noticed", NULL}, 0700},
	    {instance->state, "/lists", {"listd", NULL}, 0700},
	    {instance->state, "/fetch", {"fetchd", NULL}, 0700},
	    {instance->state, "/lan", {"lfwd", NULL}, 0700},
	    {instance->state, "/web", {"webadmin", NULL}, 0700},
	    {instance->state, "/collect", {"collector", NULL}, 0700},
	    {instance->state, "/schedule", {"scheduler", NULL}, 0700},
	    {instance->state, "/mail", {"deliver", NULL}, 0700},
	    {instance->spool, "", {"queue-manager", NULL}, 0711},
	    {instance->log, "", {NULL, NULL}, 0755},
	    {instance->log, "/policy", {"policyd", NULL}, 0750},
	    {instance->log, "/old", {"historyd", NULL}, 0750},
	    {instance->log, "/summaries", {"historyd", NULL}, 0750},
	    {instance->run, "", {NULL, NULL}, 0755},
	};
	char path[INSTANCE_PATH_MAX + 64];

	for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
		snprintf(path, sizeof path, "%s%s", folders[i].parent, folders[i].name);
		if (make_folder(instance, path, folders[i].owner, folders[i].mode, complete, err) != 0)
			return -1;
	}
	return 0;
}

/* The log writer's, who begins as root; historyd may read it. */
static int make_main_log(const struct instance *instance, struct err *err)
{
	char path[INSTANCE_PATH_MAX + 64];
	int fd = open(instance_path(path, sizeof path, instance->log, "postroom.log"),
	              O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640);

	if (fd < 0)
		return err_system(err, "cannot make %s", path);
	close(fd);
	return layout_give(instance, path, (struct layout_owner){NULL, "historyd"}, 0640, err);
}

static int make_log(const struct instance *instance, const char *path, struct err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);

	if (fd < 0)
		return errno == EEXIST ? 0 : err_system(err, "cannot make %s", path);
	close(fd);
	return layout_give(instance, path, (struct layout_owner){"historyd", NULL}, 0640, err);
}

/* historyd writes the others, in a folder where it cannot make files. */
static int make_logs(const struct instance *instance, struct err *err)
{
	char path[INSTANCE_PATH_MAX + 64];

	if (make_main_log(instance, err) != 0)
		return -1;
	for (int i = 0; i < 2 * LOG_KINDS; i++) {
		snprintf(path, sizeof path, "%s/%s.%s", instance->log, log_names[i / 2], i % 2 == 0 ? "log" : "lbk");
		if (make_log(instance, path, err) != 0)
			return -1;
	}
	for (int day = 0; day < 7; day++) {
		snprintf(path, sizeof path, "%s/%s", instance->log, log_week[day]);
		if (make_log(instance, path, err) != 0)
			return -1;
	}
	return 0;
}

int layout_make(const struct instance *instance, struct err *err)
{
	return make_folders(instance, false, err) != 0 || make_spool(instance, err) != 0 || make_logs(instance, err) != 0
	           ? -1
	           : 0;
}

int layout_complete(const struct instance *instance, struct err *err)
{
	mode_t mask = umask(022);
	int result = instance->separate_users && geteuid() == 0 ? users_make(err) : 0;

	if (result == 0 && (make_folders(instance, true, err) != 0 || open_scripts(instance, err) != 0 ||
	                    make_spool(instance, err) != 0 || make_logs(instance, err) != 0))
		result = -1;
	umask(mask);
	return result;
}
