/*
 * lfwd: gives messages to the servers of LAN forwarding (specification 07), and asks them whether a recipient exists.
 *
 * The listener forks a session for each connection of queue-manager, and one for each of the resolver. It reads nothing
 * itself but settings.
 */
#include "common/sending/session.h"
#include "lfwd/route.h"
#include "lfwd/verify.h"

struct lfwd {
	struct session_parent sending;
	struct verify_parent verifying;
};

static void refresh(void *context)
{
	struct lfwd *lfwd = context;

	session_refresh(&lfwd->sending);
}

static int run_session(int fd, const struct listen_origin *origin, void *context)
{
	struct lfwd *lfwd = context;

	if (str_equal(str_of(origin->name), STR("from-resolver")))
		return verify_run(fd, &lfwd->verifying);
	return session_run(fd, origin, &lfwd->sending);
}

int main(int argc, char **argv)
{
	static const char *const sockets[] = {"from-queue-manager", "from-resolver", NULL};
	static const struct sending sending = {
	    .program = "lfwd", .accept = lan_accept, .find_route = lan_find_route, .report_trouble = lan_report_trouble};
	static struct daemon daemon;
	static struct lfwd lfwd = {.sending = {.daemon = &daemon, .sending = &sending}, .verifying = {.daemon = &daemon}};
	const struct listen_hooks hooks = {.refresh = refresh, .session = run_session, .context = &lfwd, .max_sessions = 1};
	struct err err;

	daemon_start(&daemon, argc, argv, "lfwd");
	if (session_prepare(&lfwd.sending, &err) != 0 || verify_prepare(&lfwd.verifying, &err) != 0 ||
	    listen_run(&daemon, sockets, &hooks, &err) != 0)
		daemon_fail(&err);
	return 0;
}
