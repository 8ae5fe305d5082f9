#include "common/store/discard.h"

#include "common/base/tree.h"
#include "common/store/mailbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { NAME_SIZE = 32 };

/* Under the lock, so that nobody is writing; its holder may go on with files that have no name, and lose them. */
static int put_aside(const struct instance *instance, int64_t uid, int group, const char *name, const char *gone,
                     int wait_ms, bool *found, struct err *err)
{
	struct mailbox *mailbox;
	int result;

	if (faccessat(group, name, F_OK, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? 0 : err_system(err, "cannot look for the mailbox uid=%lld", (long long)uid);
	if (mailbox_open_folder(&mailbox, instance, uid, err) != 0)
		return -1;
	result = mailbox_take_lock(mailbox, wait_ms, err);
	if (result == 0 && (renameat(group, name, group, gone) != 0 || fsync(group) != 0))
		result = err_system(err, "cannot put the mailbox uid=%lld aside", (long long)uid);
	*found |= result == 0;
	mailbox_close(mailbox);
	return result;
}

/* What an earlier call has left goes first, so that its name is free. */
static int discard(const struct instance *instance, int64_t uid, int group, int wait_ms, bool *found, struct err *err)
{
	char name[NAME_SIZE], gone[NAME_SIZE];
	int left;

	snprintf(name, sizeof name, "%lld", (long long)uid);
	snprintf(gone, sizeof gone, "%lld.gone", (long long)uid);
	left = tree_remove(group, gone, err);
	*found = left == 1;
	if (left < 0 || put_aside(instance, uid, group, name, gone, wait_ms, found, err) != 0)
		return -1;
	if (!*found)
		return 0;
	if (tree_remove(group, gone, err) < 0)
		return -1;
	return fsync(group) == 0 ? 0 : err_system(err, "cannot sync the removal of the mailbox uid=%lld", (long long)uid);
}

int mailbox_discard(const struct instance *instance, int64_t uid, int wait_ms, bool *found_out, struct err *err)
{
	char path[STORE_PATH_MAX];
	int group, result;

	*found_out = false;
	if (uid < 1)
		return err_set(err, ERR_SYNTAX, "%lld is not the number of a user", (long long)uid);
	mailbox_path(path, sizeof path, instance, uid);
	*strrchr(path, '/') = '\0';
	group = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (group < 0)
		return errno == ENOENT ? 0 : err_system(err, "cannot open %s", path);
	result = discard(instance, uid, group, wait_ms, found_out, err);
	close(group);
	return result;
}
