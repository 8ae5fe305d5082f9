/*
 * lfwd: gives messages to the servers of LAN forwarding (specification 07), and asks them whether a recipient exists.
 *
 * The listener forks a session for each connection of queue-manager, and one for each of the resolver. It reads nothing
 * itself.
 */
#include "common/sending/session.h"
#include "lfwd/route.h"

int main(int argc, char **argv)
{
	static const char *const sockets[] = {"from-queue-manager", NULL};
	static const struct sending sending = {"lfwd", lan_accept, lan_find_route, lan_report_trouble};
	static struct daemon daemon;
	static struct session_parent parent = {.daemon = &daemon, .sending = &sending};
	const struct listen_hooks hooks = {.session = session_run, .context = &parent, .max_sessions = 1};
	struct err err;

	daemon_start(&daemon, argc, argv, "lfwd");
	if (session_prepare(&parent, &err) != 0 || listen_run(&daemon, sockets, &hooks, &err) != 0)
		daemon_fail(&err);
	return 0;
}
