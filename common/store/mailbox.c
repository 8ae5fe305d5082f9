#include "common/store/mailbox.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/store/backup.h"
#include "common/store/marks.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

enum {
	LOG_PAGES_MAX = 512,       /* of 4 kB: about 2 MB of log before it goes back into the index */
	LOG_OPEN_MAX = 256 * 1024, /* octets of log that whoever opens the index first may have to read through */
	LOCK_RING_MS = 50,
	WORKING = 'w',
	LOOK_WAIT_MS = 20000,
	CLOSE_WAIT_MS = 1000,
};

const char *mailbox_path(char *out, size_t size, const struct instance *instance, int64_t uid)
{
	snprintf(out, size, "%s/mail/%02d/%lld", instance->state, (int)(uid % 100), (long long)uid);
	return out;
}

const char *mailbox_file(const struct mailbox *mailbox, const char *name, char *out, size_t size)
{
	snprintf(out, size, "%s/%s", mailbox->path, name);
	return out;
}

int64_t mailbox_uid(const struct mailbox *mailbox)
{
	return mailbox->uid;
}

/* Make a folder and sync the name of it. */
static int make_synced(const char *path, const char *parent, struct err *err)
{
	if (io_make_folder(path, 0700, err) != 0)
		return -1;
	return io_sync_folder(parent, err);
}

int mailbox_make(const struct instance *instance, int64_t uid, struct err *err)
{
	char root[STORE_PATH_MAX], group[STORE_PATH_MAX], path[STORE_PATH_MAX];
	struct stat info;

	if (uid < 1)
		return err_set(err, ERR_SYNTAX, "%lld is not the number of a user", (long long)uid);
	mailbox_path(path, sizeof path, instance, uid);
	/* msg is made last: where it is, all is. */
	snprintf(group, sizeof group, "%s/msg", path);
	if (stat(group, &info) == 0 && S_ISDIR(info.st_mode))
		return 0;
	snprintf(root, sizeof root, "%s/mail", instance->state);
	snprintf(group, sizeof group, "%s/%02d", root, (int)(uid % 100));
	/* `init` makes root; who is confined to it cannot sync the folder above. */
	if (stat(root, &info) != 0 && make_synced(root, instance->state, err) != 0)
		return -1;
	if (make_synced(group, root, err) != 0 || make_synced(path, group, err) != 0)
		return -1;
	snprintf(group, sizeof group, "%s/msg", path);
	return make_synced(group, path, err);
}

int mailbox_open_folder(struct mailbox **mailbox_out, const struct instance *instance, int64_t uid, struct err *err)
{
	struct mailbox *mailbox = memory_get(sizeof *mailbox);

	mailbox->uid = uid;
	mailbox->lock = mailbox->pop3_lock = -1;
	mailbox->bin_keep = BIN_KEEP;
	mailbox_path(mailbox->path, sizeof mailbox->path, instance, uid);
	mailbox->root = open(mailbox->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (mailbox->root < 0) {
		err_system(err, "cannot open %s", mailbox->path);
	} else {
		mailbox->lock = openat(mailbox->root, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (mailbox->lock < 0)
			err_system(err, "cannot open %s/lock", mailbox->path);
	}
	if (mailbox->lock < 0) {
		mailbox_close(mailbox);
		return -1;
	}
	*mailbox_out = mailbox;
	return 0;
}

struct recovery {
	struct mailbox *mailbox;
	struct sweep sweep;
	struct err *err;
	int result;
};

static bool sweep_folder(const struct mailbox_folder *folder, void *context)
{
	struct recovery *recovery = context;

	recovery->result = sweep_new_files(recovery->mailbox, folder->id, &recovery->sweep, recovery->err);
	return recovery->result == 0;
}

/* Finish what a process that died has left: rows of removed messages, files without rows, values reserved. */
static int recover(struct mailbox *mailbox, struct err *err)
{
	struct recovery recovery = {.mailbox = mailbox, .err = err};
	const struct sweep *sweep = &recovery.sweep;

	if (removed_finish(mailbox, err) != 0 || mailbox_folder_each(mailbox, sweep_folder, &recovery, err) != 0 ||
	    recovery.result != 0 || marks_reconcile(mailbox, &recovery.sweep, err) != 0)
		return -1;
	if (sweep->taken_in > 0 && marks_write(mailbox, NULL, err) != 0)
		return -1;
	if (sweep->taken_in > 0 || sweep->files_removed > 0)
		log_warning("mailbox uid=%lld: mended after an unclean stop, messages taken in: %lld, files removed: %lld",
		            (long long)mailbox->uid, (long long)sweep->taken_in, (long long)sweep->files_removed);
	return 0;
}

/* A log that is left long makes each first opening slow, and sessions that only read would never shorten it. */
static void shorten_log(struct mailbox *mailbox)
{
	struct stat info;
	struct err err;

	if (fstatat(mailbox->root, "index.db-wal", &info, AT_SYMLINK_NOFOLLOW) == 0 && info.st_size > LOG_OPEN_MAX &&
	    index_checkpoint(mailbox, &err) != 0 && err.code != ERR_TEMPORARY)
		log_warning("%s", err.text);
}

int mailbox_open(struct mailbox **mailbox_out, const struct instance *instance, int64_t uid, int wait_ms,
                 struct err *err)
{
	struct mailbox *mailbox;

	*mailbox_out = NULL;
	if (mailbox_make(instance, uid, err) != 0 || mailbox_open_folder(&mailbox, instance, uid, err) != 0)
		return -1;
	if (mailbox_take_lock(mailbox, wait_ms, err) != 0 || index_open(mailbox, false, err) != 0 ||
	    recover(mailbox, err) != 0) {
		mailbox_close(mailbox); /* and with its descriptor the lock */
		return -1;
	}
	shorten_log(mailbox);
	mailbox->working = true; /* what was left is mended */
	mailbox_unlock(mailbox);
	*mailbox_out = mailbox;
	return 0;
}

void mailbox_close(struct mailbox *mailbox)
{
	if (mailbox == NULL)
		return;
	if (mailbox->db.handle != NULL) {
		removed_rest(mailbox, CLOSE_WAIT_MS);
		backup_if_due(mailbox);
		index_close(mailbox);
	}
	mailbox_unlock_pop3(mailbox);
	if (mailbox->lock >= 0)
		close(mailbox->lock);
	if (mailbox->root >= 0)
		close(mailbox->root);
	names_free(mailbox);
	memory_free(mailbox);
}

static void wake(int number)
{
	(void)number; /* it ends the waiting call */
}

/*
 * Wait for the lock in the kernel, where waiters stand in a queue: who looks again and again finds it idle too late.
 * The timer goes on ringing, since its first ring may come before the call has begun to wait. 0, or -1 with errno.
 */
static int wait_for_lock(const struct mailbox *mailbox, int64_t end)
{
	const struct itimerval none = {0}, rings = {.it_value = {.tv_usec = LOCK_RING_MS * 1000},
	                                            .it_interval = {.tv_usec = LOCK_RING_MS * 1000}};
	struct sigaction action = {.sa_handler = wake}, before;
	int result, sys;

	sigemptyset(&action.sa_mask);
	sigaction(SIGALRM, &action, &before);
	setitimer(ITIMER_REAL, &rings, NULL);
	do
		result = flock(mailbox->lock, LOCK_EX);
	while (result != 0 && errno == EINTR && io_now_ms() < end);
	sys = errno;
	setitimer(ITIMER_REAL, &none, NULL);
	sigaction(SIGALRM, &before, NULL);
	errno = sys;
	return result;
}

int mailbox_take_lock(const struct mailbox *mailbox, int wait_ms, struct err *err)
{
	int64_t end = io_now_ms() + wait_ms;

	while (flock(mailbox->lock, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_system(err, "cannot lock %s", mailbox->path);
		if (io_now_ms() >= end)
			return err_set(err, STORE_BUSY, "the mailbox is locked");
		if (wait_for_lock(mailbox, end) == 0)
			return 0;
	}
	return 0;
}

/* A lock that stayed would keep all others out for as long as this session lives. */
static void let_go(int lock)
{
	while (flock(lock, LOCK_UN) != 0 && errno == EINTR)
		;
}

/* Is the index that is open the one in place? */
static bool is_current(const struct mailbox *mailbox)
{
	struct stat info;

	return mailbox->db.handle != NULL && fstatat(mailbox->root, "index.db", &info, AT_SYMLINK_NOFOLLOW) == 0 &&
	       info.st_ino == mailbox->index_inode;
}

int mailbox_lock_loose(struct mailbox *mailbox, int wait_ms, struct err *err)
{
	if (mailbox_take_lock(mailbox, wait_ms, err) != 0)
		return -1;
	if (is_current(mailbox))
		return 0;
	if (mailbox->db.handle != NULL)
		index_close(mailbox);
	if (index_open(mailbox, false, err) == 0)
		return 0;
	let_go(mailbox->lock);
	return -1;
}

/*
 * While files and rows are being changed the lock file holds a byte that says so. Who finds it there took the lock from
 * a process that died, and mends at once: otherwise a UID that it was about to use would get a second file.
 */
static int mark_working(struct mailbox *mailbox, struct err *err)
{
	char byte = '-';

	if (pread(mailbox->lock, &byte, 1, 0) == 1 && byte == WORKING) {
		mailbox->log_state = LOG_UNSYNCED; /* its last commit may be */
		if (index_settle(mailbox, err) != 0 || recover(mailbox, err) != 0)
			return -1;
	}
	byte = WORKING;
	if (pwrite(mailbox->lock, &byte, 1, 0) != 1)
		return err_set(err, errno == ENOSPC ? ERR_TEMPORARY : ERR_SYSTEM, "cannot write %s/lock", mailbox->path);
	mailbox->working = true;
	return 0;
}

static void mark_done(struct mailbox *mailbox)
{
	const char byte = '-';

	if (mailbox->working && pwrite(mailbox->lock, &byte, 1, 0) != 1)
		log_warning("cannot write %s/lock: the next one to write mends for nothing", mailbox->path);
	mailbox->working = false;
}

int mailbox_lock(struct mailbox *mailbox, int wait_ms, struct err *err)
{
	if (mailbox_lock_loose(mailbox, wait_ms, err) != 0)
		return -1;
	if (index_settle(mailbox, err) == 0 && mark_working(mailbox, err) == 0)
		return 0;
	let_go(mailbox->lock);
	return -1;
}

int mailbox_look(struct mailbox *mailbox, struct err *err)
{
	if (is_current(mailbox))
		return 0;
	if (mailbox_lock_loose(mailbox, LOOK_WAIT_MS, err) != 0)
		return -1;
	let_go(mailbox->lock);
	return 0;
}

void mailbox_unlock(struct mailbox *mailbox)
{
	struct err err;

	mark_done(mailbox);
	if (mailbox->log_pages >= LOG_PAGES_MAX && index_checkpoint(mailbox, &err) != 0 && err.code != ERR_TEMPORARY)
		log_warning("%s", err.text);
	let_go(mailbox->lock);
}

static int take_pop3_lock(struct mailbox *mailbox, int kind, struct err *err)
{
	int fd = openat(mailbox->root, "pop3.lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return err_system(err, "cannot open %s/pop3.lock", mailbox->path);
	if (flock(fd, kind | LOCK_NB) != 0) {
		int sys = errno;

		close(fd);
		errno = sys;
		return sys == EWOULDBLOCK ? err_set(err, STORE_BUSY, "another session uses the mailbox")
		                          : err_system(err, "cannot lock %s/pop3.lock", mailbox->path);
	}
	mailbox->pop3_lock = fd;
	return 0;
}

int mailbox_lock_pop3(struct mailbox *mailbox, struct err *err)
{
	return take_pop3_lock(mailbox, LOCK_EX, err);
}

int mailbox_share_pop3(struct mailbox *mailbox, struct err *err)
{
	return take_pop3_lock(mailbox, LOCK_SH, err);
}

void mailbox_unlock_pop3(struct mailbox *mailbox)
{
	/* Unlocked by name: a child that inherited the descriptor would keep the lock past the close. */
	if (mailbox->pop3_lock < 0)
		return;
	let_go(mailbox->pop3_lock);
	close(mailbox->pop3_lock);
	mailbox->pop3_lock = -1;
}
