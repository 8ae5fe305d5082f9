/*
 * sender: gives messages to other servers, by a smarthost or by MX.
 *
 * The listener forks a session for each connection of queue-manager. It reads nothing itself
 * but settings.
 */
#include "common/sending/session.h"
#include "sender/program.h"
#include "sender/route.h"
#include "sender/scripts.h"
#include "sender/talk.h"
#include "sender/tls_results.h"

static void refresh(void *parent)
{
	session_refresh(parent);
}

int main(int argc, char **argv)
{
	static const char *const sockets[] = {"from-queue-manager", NULL};
	static const struct sending sending = {.program = "sender",
	                                       .by_mx = true,
	                                       .connects_from = true,
	                                       .logs = talk_is_logged,
	                                       .allow = scripts_allow,
	                                       .connect = scripts_connect,
	                                       .answer = scripts_answer,
	                                       .uses_filter = program_is_set,
	                                       .begin = program_begin,
	                                       .prepare = scripts_prepare,
	                                       .connected = scripts_connected,
	                                       .tell_tls = tls_results_tell,
	                                       .accept = sender_accept,
	                                       .find_route = sender_find_route,
	                                       .report_trouble = sender_report_trouble};
	static struct daemon daemon;
	static struct session_parent parent = {.daemon = &daemon, .sending = &sending};
	const struct listen_hooks hooks = {
	    .refresh = refresh, .session = session_run, .context = &parent, .max_sessions = 1};
	struct err err;

	daemon_start(&daemon, argc, argv, "sender");
	if (session_prepare(&parent, &err) != 0 || listen_run(&daemon, sockets, &hooks, &err) != 0)
		daemon_fail(&err);
	return 0;
}
