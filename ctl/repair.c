#include "ctl/ctl.h"
#include "ctl/spawn.h"

#include "common/settings/settings.h"
#include "common/store/store.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

enum { WAIT_MS = 30000 }; /* for a mailbox that is in use */

static const struct ctl_command usage = {"repair", "[USER]", NULL, NULL, false};

/* The number of a user, from the settings as published. */
static int find_user(const struct instance *instance, const char *name, int64_t *uid, struct err *err)
{
	struct settings settings;
	struct db_statement query;
	int row = -1;

	if (settings_open(&settings, instance, true, err) != 0)
		return -1;
	if (db_prepare(&settings.objects, &query, "SELECT uid FROM user WHERE name = ?", err) == 0) {
		db_bind_text(&query, 1, str_of(name));
		row = db_step(&query, err);
		if (row == 1)
			*uid = db_number(&query, 0);
		else if (row == 0)
			err_set(err, ERR_NOT_FOUND, "there is no user %s", name);
		db_finalize(&query);
	}
	settings_close(&settings);
	return row == 1 ? 0 : -1;
}

static void print_report(const char *label, const struct mailbox_repair *report)
{
	printf("%s: %lld messages, %lld bytes", label, (long long)report->messages, (long long)report->bytes);
	if (report->index_rebuilt)
		printf(", index rebuilt");
	if (report->taken_in > 0)
		printf(", %lld found without a row", (long long)report->taken_in);
	if (report->renumbered > 0)
		printf(", %lld with a new UID", (long long)report->renumbered);
	if (report->rows_removed > 0)
		printf(", %lld rows without a message removed", (long long)report->rows_removed);
	if (report->files_removed > 0)
		printf(", %lld leftover files removed", (long long)report->files_removed);
	putchar('\n');
}

static int repair_one(const struct instance *instance, int64_t uid, const char *name)
{
	struct mailbox_repair report;
	char label[64];
	struct err err;

	if (name == NULL)
		snprintf(label, sizeof label, "uid %lld", (long long)uid);
	if (mailbox_repair(instance, uid, WAIT_MS, &report, &err) != 0)
		return ctl_refuse("%s: %s", name != NULL ? name : label, err.text);
	print_report(name != NULL ? name : label, &report);
	return CTL_DONE;
}

/* All mailboxes of state/mail/NN. One that fails does not keep the others from being mended. */
static int repair_group(const struct instance *instance, const char *path)
{
	DIR *folder = opendir(path);
	int status = CTL_DONE;
	struct dirent *entry;
	uint64_t uid;

	if (folder == NULL)
		return errno == ENOENT ? CTL_DONE : ctl_refuse("cannot read %s: %s", path, strerror(errno));
	while ((entry = readdir(folder)) != NULL)
		if (str_to_u64(str_of(entry->d_name), INT64_MAX, &uid) && uid > 0 &&
		    repair_one(instance, (int64_t)uid, NULL) != CTL_DONE)
			status = CTL_REFUSED;
	closedir(folder);
	return status;
}

static int repair_all(const struct instance *instance)
{
	char path[INSTANCE_PATH_MAX + 32];
	int status = CTL_DONE;

	for (int group = 0; group < 100; group++) {
		snprintf(path, sizeof path, "%s/mail/%02d", instance->state, group);
		if (repair_group(instance, path) != CTL_DONE)
			status = CTL_REFUSED;
	}
	return status;
}

int ctl_repair(struct ctl *ctl, int argc, char **argv)
{
	const char *name = argc == 2 ? argv[1] : NULL;
	int64_t uid = 0;
	struct err err;

	if (argc > 2 || (name != NULL && name[0] == '-'))
		return ctl_usage(&usage);
	if (name != NULL && find_user(&ctl->instance, name, &uid, &err) != 0)
		return ctl_refuse_err(&err);
	/* What is made must belong to those who use it. */
	if (spawn_become_user(&ctl->instance, program_find("deliver"), &err) != 0)
		return ctl_refuse_err(&err);
	umask(077);
	return name != NULL ? repair_one(&ctl->instance, uid, name) : repair_all(&ctl->instance);
}
