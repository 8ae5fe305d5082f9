#include "ctl/mail.h"

#include "common/base/io.h"
#include "common/settings/settings.h"
#include "common/store/bin.h"
#include "ctl/spawn.h"

#include <dirent.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { PROGRESS_MS = 200 };

int mail_find_user(const struct instance *instance, const char *name, int64_t *uid, struct err *err)
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

/* All mailboxes of state/mail/NN. */
static int each_of_group(struct ctl *ctl, const char *path, mail_visit *visit, void *context)
{
	DIR *folder = opendir(path);
	int status = CTL_DONE;
	struct dirent *entry;
	uint64_t uid;
	char name[64];

	if (folder == NULL)
		return errno == ENOENT ? CTL_DONE : ctl_refuse("cannot read %s: %s", path, strerror(errno));
	while ((entry = readdir(folder)) != NULL) {
		if (!str_to_u64(str_of(entry->d_name), INT64_MAX, &uid) || uid == 0)
			continue;
		snprintf(name, sizeof name, "uid %lld", (long long)uid);
		if (visit(ctl, (int64_t)uid, name, context) != CTL_DONE)
			status = CTL_REFUSED;
	}
	closedir(folder);
	return status;
}

int mail_each(struct ctl *ctl, mail_visit *visit, void *context)
{
	char path[INSTANCE_PATH_MAX + 32];
	int status = CTL_DONE;

	for (int group = 0; group < 100; group++) {
		snprintf(path, sizeof path, "%s/mail/%02d", ctl->instance.state, group);
		if (each_of_group(ctl, path, visit, context) != CTL_DONE)
			status = CTL_REFUSED;
	}
	return status;
}

/* Of all that root may, to read files and folders stays. */
static int keep_reading(struct err *err)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[2] = {
	    {.effective = 1U << CAP_DAC_READ_SEARCH, .permitted = 1U << CAP_DAC_READ_SEARCH}};

	if (syscall(SYS_capset, &header, sets) != 0)
		return err_system(err, "cannot keep the right to read");
	return 0;
}

int mail_become(struct ctl *ctl, bool read_all)
{
	bool keep = read_all && ctl->instance.separate_users && geteuid() == 0;
	struct err err;

	if (keep)
		prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
	if (spawn_become_user(&ctl->instance, program_find("deliver"), &err) != 0 || (keep && keep_reading(&err) != 0))
		return ctl_refuse_err(&err);
	umask(077);
	return CTL_DONE;
}

int mail_open_uid(struct ctl *ctl, int64_t uid, struct mailbox **mailbox_out)
{
	struct err err;

	return mailbox_open(mailbox_out, &ctl->instance, uid, MAIL_WAIT_MS, &err) == 0 ? CTL_DONE : ctl_refuse_err(&err);
}

/* What is older than the setting says is gone, as for every session. */
static int apply_bin(struct mailbox *mailbox, int64_t keep, struct err *err)
{
	struct mailbox_bin purged;
	int64_t now = (int64_t)time(NULL);

	mailbox_set_bin(mailbox, keep);
	return mailbox_bin_purge(mailbox, keep > 0 ? now - keep : INT64_MAX, MAIL_WAIT_MS, &purged, err);
}

int mail_open(struct ctl *ctl, const char *name, bool read_all, struct mailbox **mailbox_out)
{
	struct settings settings;
	int64_t uid, keep;
	struct err err;
	int status;

	if (mail_find_user(&ctl->instance, name, &uid, &err) != 0 ||
	    settings_open(&settings, &ctl->instance, false, &err) != 0)
		return ctl_refuse_err(&err);
	keep = settings_number(&settings, SETTING_MAILBOX_RECYCLE) * 3600;
	settings_close(&settings);
	status = mail_become(ctl, read_all);
	if (status == CTL_DONE)
		status = mail_open_uid(ctl, uid, mailbox_out);
	if (status != CTL_DONE)
		return status;
	if (apply_bin(*mailbox_out, keep, &err) == 0)
		return CTL_DONE;
	mailbox_close(*mailbox_out);
	return ctl_refuse_err(&err);
}

void mail_progress(const char *what, int64_t done, bool end)
{
	static int64_t last;
	int64_t now = io_now_ms();

	if (!isatty(STDERR_FILENO) || (!end && now - last < PROGRESS_MS))
		return;
	last = now;
	fprintf(stderr, "\r%s: %lld%s", what, (long long)done, end ? "\n" : "");
	fflush(stderr);
}
