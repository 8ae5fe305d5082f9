#include "deliver/clerk.h"
#include "deliver/gauge.h"
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

int main(int argc, char **argv)
{
	static struct daemon daemon;
	struct event_base *base;
	struct writer *writer;
	struct clerk *clerk;
	struct warden *warden;
	struct gauge *gauge;
	struct err err;
	int ringer;

	daemon_start(&daemon, argc, argv, "deliver");
	ringer = ringer_start(&daemon, &err);
	if (ringer < 0)
		daemon_fail(&err);
	base = event_base_new();
	if (base == NULL || event_base_priority_init(base, 3) != 0) {
		err_set(&err, ERR_SYSTEM, "cannot make an event loop");
		daemon_fail(&err);
	}
	if (clerk_start(&clerk, &daemon, base, &err) != 0)
		daemon_fail(&err);
	if (warden_start(&warden, &daemon, &err) != 0)
		daemon_fail(&err);
	if (gauge_start(&gauge, &daemon, base, &err) != 0)
		daemon_fail(&err);
	writer = writer_new(base, &daemon.instance, mailboxes_max(), ringer, clerk, warden, gauge);
	if (ipc_serve(base, &daemon, writer_handle, NULL, writer, &err) != 0 ||
	    deliver_confine(&daemon.instance, &err) != 0)
		daemon_fail(&err);
	daemon_ready(&daemon);
	event_base_dispatch(base);
	writer_free(writer);
	return 0;
}
