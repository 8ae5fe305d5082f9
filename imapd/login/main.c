/*
 * imap-login: listens for IMAP, before the login. See login.h.
 */
#include "common/base/log.h"
#include "common/net/listen.h"
#include "common/net/listen_answer.h"
#include "imapd/login/login.h"

static void refresh(void *context)
{
	struct login_service *service = context;

	settings_refresh(&service->settings);
	tls_server_refresh(&service->tls);
	gate_refresh(&service->known, &service->daemon.instance);
}

static int session(int fd, const char *name, void *context)
{
	return service_find(name) != NULL ? login_session(fd, name, context) : listen_answer(fd);
}

int main(int argc, char **argv)
{
	static struct login_service service;
	static const char *const names[] = {"imap", "imaps", "from-postroom", NULL};
	struct listen_hooks hooks = {.refresh = refresh, .session = session, .refuse = login_refuse, .context = &service};
	char folder[sizeof service.tls.folder];
	struct err err;

	daemon_start(&service.daemon, argc, argv, "imap-login");
	hooks.max_sessions = service.daemon.instance.max_sessions;
	instance_path(folder, sizeof folder, service.daemon.instance.etc, "tls");
	if (settings_open(&service.settings, &service.daemon.instance, false, &err) != 0 ||
	    tls_server_open(&service.tls, folder, &err) != 0 || sandbox_init(&service.sandbox, 0, &err) != 0 ||
	    sandbox_prepare(&service.sandbox, &err) != 0)
		daemon_fail(&err);
	daemon_ready(&service.daemon);
	if (listen_run(&service.daemon, names, &hooks, &err) != 0)
		daemon_fail(&err);
	return 0;
}
