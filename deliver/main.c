#include "deliver/clerk.h"
#include "deliver/gauge.h"
#include "deliver/inbox.h"
#include "deliver/remover.h"
#include "deliver/warden.h"

#include <sys/resource.h>

enum {
	FILES_WANTED = 8192,
	FILES_EACH = 6,           /* descriptors of an open mailbox, with the folder that its messages go to */
	FILES_OF_REQUESTS = 4096, /* one for each that waits, one for each file of a batch */
	MAILBOXES_MAX = 200,
	MAILBOXES_MIN = 8,
};

/* How many mailboxes may be open at a time, with the descriptors we may have. */
static size_t mailboxes_max(void)
{
	struct rlimit limit;
	int64_t files, count;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return MAILBOXES_MIN;
	if (limit.rlim_cur < FILES_WANTED) {
		limit.rlim_cur = limit.rlim_max < FILES_WANTED ? limit.rlim_max : FILES_WANTED;
		setrlimit(RLIMIT_NOFILE, &limit);
		getrlimit(RLIMIT_NOFILE, &limit);
	}
	files = limit.rlim_cur < FILES_WANTED ? (int64_t)limit.rlim_cur : FILES_WANTED;
	count = (files - FILES_OF_REQUESTS) / FILES_EACH;
	if (count < MAILBOXES_MIN)
		return MAILBOXES_MIN;
	return count < MAILBOXES_MAX ? (size_t)count : MAILBOXES_MAX;
}

/* Those beside the writer, each a process of its own. */
static int start_beside(struct beside *beside, const struct daemon *daemon, struct event_base *base, struct err *err)
{
	static struct settings settings;

	if (settings_open(&settings, &daemon->instance, true, err) != 0 ||
	    clerk_start(&beside->clerk, daemon, base, err) != 0 || warden_start(&beside->warden, daemon, err) != 0 ||
	    gauge_start(&beside->gauge, daemon, base, err) != 0 ||
	    inbox_start(&beside->inbox, beside->ringer, daemon, base, err) != 0)
		return -1;
	beside->settings = &settings;
	return remover_start(&beside->remover, daemon, base, err);
}

int main(int argc, char **argv)
{
	static struct daemon daemon;
	struct beside beside = {0};
	struct event_base *base;
	struct writer *writer;
	struct err err;

	daemon_start(&daemon, argc, argv, "deliver");
	beside.ringer = ringer_start(&daemon, &err);
	if (beside.ringer < 0)
		daemon_fail(&err);
	base = event_base_new();
	if (base == NULL || event_base_priority_init(base, 3) != 0) {
		err_set(&err, ERR_SYSTEM, "cannot make an event loop");
		daemon_fail(&err);
	}
	if (start_beside(&beside, &daemon, base, &err) != 0)
		daemon_fail(&err);
	writer = writer_new(base, &daemon.instance, mailboxes_max(), &beside);
	if (ipc_serve(base, &daemon, writer_handle, NULL, writer, &err) != 0 ||
	    deliver_confine(&daemon.instance, &err) != 0)
		daemon_fail(&err);
	daemon_ready(&daemon);
	event_base_dispatch(base);
	writer_free(writer);
	return 0;
}
