#include "imapd/indexer.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/store/search.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	LOWEST_PRIORITY = 19,
	DESCRIPTORS_MAX = 1024,
	AGAIN_MS = 5000, /* between two children of a session: mail that comes in a burst is indexed together */
};

/* The child outlives its session, but not the instance: its parent is the session, then the supervisor. */
struct life {
	pid_t parent;
	unsigned changes;
};

static bool goes_on(int64_t done, int64_t all, void *context)
{
	struct life *life = context;
	pid_t parent = getppid();

	(void)done, (void)all;
	if (parent != life->parent) {
		life->parent = parent;
		life->changes++;
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* of the new parent */
	}
	return life->changes < 2;
}

static void be_indexer(const struct search_work *work, pid_t session)
{
	struct life life = {.parent = session};
	int64_t began = io_now_ms();
	struct err err;

	signal(SIGTERM, SIG_DFL);
	/* The session's descriptors hold its connection open, and its locks. */
	if (close_range(STDERR_FILENO + 1, ~0U, 0) != 0)
		for (int fd = STDERR_FILENO + 1; fd < DESCRIPTORS_MAX; fd++)
			close(fd);
	setpriority(PRIO_PROCESS, 0, LOWEST_PRIORITY);
	if (search_update(work, goes_on, &life, &err) != 0) {
		log_warning("cannot index %s: %s", work->path, err.text);
		_exit(1);
	}
	log_debug("indexed %s in %" PRId64 " ms", work->path, io_now_ms() - began);
	_exit(0);
}

/* Children that have ended are taken note of when the next is wanted; the session's end does the rest. */
static void reap(void)
{
	while (waitpid(-1, NULL, WNOHANG) > 0)
		continue;
}

static bool is_behind(struct session *session, const struct search_work *work)
{
	struct search_index *index;
	struct err err;
	bool behind = false;

	if (search_index_open(&index, session->mailbox, &err) != 0)
		return true;
	for (size_t i = 0; i < work->count && !behind; i++)
		behind =
		    search_index_covered(index, work->folders[i].id, work->folders[i].uidvalidity) < work->folders[i].uidnext;
	search_index_close(index);
	return behind;
}

void indexer_wake(struct session *session)
{
	struct search_work work;
	struct err err;
	pid_t own = getpid(), child;

	if (!settings_flag(&session->imapd->settings, SETTING_IMAP_FULL_TEXT_SEARCH) ||
	    io_now_ms() - session->indexed_ms < AGAIN_MS)
		return;
	session->indexed_ms = io_now_ms();
	reap();
	if (search_work_collect(&work, session->mailbox, &err) != 0) {
		if (err.code != STORE_BUSY) /* the next time will do */
			log_warning("cannot see what there is to index, user=%s: %s", session->user, err.text);
		return;
	}
	if (is_behind(session, &work) && !search_is_updating(&work)) {
		child = fork();
		if (child == 0)
			be_indexer(&work, own);
		if (child < 0)
			log_warning("cannot start the indexer, user=%s", session->user);
	}
	search_work_free(&work);
}

void indexer_consider(struct session *session)
{
	if (search_index_exists(session->mailbox))
		indexer_wake(session);
}
