/*
 * pop3d: serves mailboxes by POP3, after the login. See pop3d.h.
 */
#include "common/net/listen.h"
#include "common/net/listen_answer.h"
#include "pop3d/pop3d.h"

static void refresh(void *context)
{
	struct pop3_service *service = context;

	settings_refresh(&service->settings);
	bell_wire_keep(&service->bell); /* sessions share the connection: in their sandbox they could make none */
}

static int session(int fd, const struct listen_origin *origin, void *context)
{
	return strcmp(origin->name, "from-pop3-login") == 0 ? pop3_session(fd, context) : listen_answer(fd);
}

int main(int argc, char **argv)
{
	static struct pop3_service service;
	static const char *const names[] = {"from-pop3-login", "from-postroom", "from-brokerd", NULL};
	struct listen_hooks hooks = {.refresh = refresh, .session = session, .context = &service};
	struct err err;
	gid_t group;

	daemon_start(&service.daemon, argc, argv, "pop3d");
	hooks.max_sessions = service.daemon.instance.max_sessions;
	if (instance_user(&service.daemon.instance, "pop3-login", &service.login_user, &group, &err) != 0 ||
	    settings_open(&service.settings, &service.daemon.instance, false, &err) != 0 ||
	    sandbox_init(&service.sandbox, SANDBOX_LOCK_OWNER, &err) != 0 || sandbox_prepare(&service.sandbox, &err) != 0)
		daemon_fail(&err);
	bell_wire_init(&service.bell, &service.daemon.instance, "pop3d");
	if (listen_run(&service.daemon, names, &hooks, &err) != 0)
		daemon_fail(&err);
	return 0;
}
