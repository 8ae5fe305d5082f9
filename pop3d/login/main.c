/*
 * pop3-login: listens for POP3, before the login. See login.h.
 */
#include "common/base/log.h"
#include "common/net/listen.h"
#include "common/net/listen_answer.h"
#include "common/net/tls_settings.h"
#include "pop3d/login/login.h"

static void refresh(void *context)
{
	struct login_service *service = context;

	settings_refresh(&service->settings);
	access_refresh(&service->access);
	tls_settings_refresh(&service->tls, &service->settings);
	gate_refresh(&service->known, &service->daemon.instance);
}

static int session(int fd, const struct listen_origin *origin, void *context)
{
	return origin->service != 0 ? login_session(fd, origin, context) : listen_answer(fd);
}

static bool turns_away(int fd, const struct listen_origin *origin, void *context)
{
	const struct login_service *service = context;
	const struct service *found = settings_service(&service->settings, origin->service);
	bool under_tls = found != NULL && found->encryption == SERVICE_TLS;

	return gate_turns_away(&service->known, fd, under_tls ? NULL : "-ERR " GATE_TEXT "\r\n");
}

/* What follows is this service's: its settings, and what its access list says of the client. */
static void prepare(int fd, const struct listen_origin *origin, void *context)
{
	struct login_service *service = context;

	settings_use_service(&service->settings, origin->service);
	access_decide_peer(&service->access, origin->service, fd, &service->decision);
}

int main(int argc, char **argv)
{
	static struct login_service service;
	static const char *const names[] = {"from-configd", "from-postroom", "from-brokerd", NULL};
	struct listen_hooks hooks = {.refresh = refresh,
	                             .turns_away = turns_away,
	                             .prepare = prepare,
	                             .session = session,
	                             .refuse = login_refuse,
	                             .context = &service,
	                             .settings = &service.settings};
	struct err err;

	daemon_start(&service.daemon, argc, argv, "pop3-login");
	hooks.max_sessions = service.daemon.instance.max_sessions;
	if (settings_open(&service.settings, &service.daemon.instance, false, &err) != 0 ||
	    access_open(&service.access, &service.settings, &err) != 0 ||
	    tls_settings_open(&service.tls, &service.settings, &err) != 0 || sandbox_init(&service.sandbox, 0, &err) != 0 ||
	    sandbox_prepare(&service.sandbox, &err) != 0)
		daemon_fail(&err);
	if (listen_run(&service.daemon, names, &hooks, &err) != 0)
		daemon_fail(&err);
	return 0;
}
