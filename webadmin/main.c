/*
 * webadmin: listens for HTTP and HTTPS. See webadmin.h.
 */
#include "webadmin/api/openapi.h"
#include "webadmin/pace.h"
#include "webadmin/webadmin.h"

#include "common/base/log.h"
#include "common/net/listen_answer.h"
#include "common/net/tls_settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void refresh(void *context)
{
	struct webadmin *webadmin = context;

	settings_refresh(&webadmin->settings);
	access_refresh(&webadmin->access);
	tls_settings_refresh(&webadmin->tls, &webadmin->settings);
	gate_refresh(&webadmin->known, &webadmin->daemon.instance);
}

/* What can be said in clear: not where the client may be about to speak TLS. */
static bool is_clear(const struct webadmin *webadmin, int64_t service)
{
	const struct service *found = settings_service(&webadmin->settings, service);

	return found != NULL && found->encryption == SERVICE_CLEAR;
}

static void limits(int fd, const struct listen_origin *origin, struct listen_limits *limits_out, void *context)
{
	struct webadmin *webadmin = context;

	(void)fd;
	if (origin->service == 0)
		return;
	settings_use_service(&webadmin->settings, origin->service);
	*limits_out = (struct listen_limits){
	    .counts = true,
	    .max_sessions = settings_number(&webadmin->settings, SETTING_WEB_CONNECTIONS),
	    .max_per_address = settings_number(&webadmin->settings, SETTING_WEB_PER_ADDRESS),
	};
}

static bool turns_away(int fd, const struct listen_origin *origin, void *context)
{
	const struct webadmin *webadmin = context;

	return gate_turns_away(
	    &webadmin->known, fd,
	    is_clear(webadmin, origin->service)
	        ? "HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Type: text/plain\r\n\r\n" GATE_TEXT "\r\n"
	        : NULL);
}

/* What follows is this service's: its settings, and what its access list says of the client. */
static void prepare(int fd, const struct listen_origin *origin, void *context)
{
	struct webadmin *webadmin = context;

	settings_use_service(&webadmin->settings, origin->service);
	access_decide_peer(&webadmin->access, origin->service, fd, &webadmin->decision);
}

static int session(int fd, const struct listen_origin *origin, void *context)
{
	return origin->service != 0 ? session_run(context, fd, origin) : listen_answer(fd);
}

static void refuse(int fd, const struct listen_origin *origin, bool per_address, void *context)
{
	static const char text[] = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 10\r\n"
	                           "Content-Type: text/plain\r\n\r\nToo many connections - try later\r\n";

	(void)per_address;
	if (is_clear(context, origin->service))
		send(fd, text, sizeof text - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* The pages lie beside the program: libexec/postroom/webadmin, share/postroom/web. */
static int find_pages(char *path, size_t size)
{
	char program[1024];
	ssize_t len = readlink("/proc/self/exe", program, sizeof program);
	struct str folder = str_from(program, len > 0 ? (size_t)len : 0);

	folder = str_sub(folder, 0, (size_t)(str_find_last_char(folder, '/') > 0 ? str_find_last_char(folder, '/') : 0));
	snprintf(path, size, "%.*s/../../share/postroom/web", STR_ARG(folder));
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* What who parses HTTP may touch: the pages and published settings to read, files without a name for what is sent. */
static int prepare_sandbox(struct webadmin *webadmin, struct err *err)
{
	const struct instance *instance = &webadmin->daemon.instance;
	char settings[INSTANCE_PATH_MAX + 128], scratch[INSTANCE_PATH_MAX + 128], pages[1100];
	struct sandbox *sandbox = &webadmin->sandbox;

	instance_path(settings, sizeof settings, instance->state, "settings");
	instance_path(scratch, sizeof scratch, instance->state, "web");
	webadmin->scratch = open(scratch, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (webadmin->scratch < 0)
		return err_system(err, "cannot open %s", scratch);
	webadmin->pages = find_pages(pages, sizeof pages);
	if (webadmin->pages < 0)
		log_warning("there are no pages at %s: the API alone is served", pages);
	if (sandbox_init(sandbox, 0, err) != 0 || sandbox_allow(sandbox, settings, SANDBOX_READ, err) != 0 ||
	    (webadmin->pages >= 0 && sandbox_allow(sandbox, pages, SANDBOX_READ, err) != 0) ||
	    sandbox_allow(sandbox, scratch, SANDBOX_WRITE, err) != 0 || sandbox_prepare(sandbox, err) != 0)
		return -1;
	return sandbox_init(&webadmin->carrier_sandbox, 0, err) != 0 ? -1
	                                                             : sandbox_prepare(&webadmin->carrier_sandbox, err);
}

int main(int argc, char **argv)
{
	static struct webadmin webadmin;
	static const char *const names[] = {"from-configd", "from-postroom", "from-brokerd", NULL};
	struct listen_hooks hooks = {.refresh = refresh,
	                             .turns_away = turns_away,
	                             .limits = limits,
	                             .prepare = prepare,
	                             .session = session,
	                             .refuse = refuse,
	                             .context = &webadmin,
	                             .settings = &webadmin.settings};
	struct err err;

	if (argc == 2 && strcmp(argv[1], "--openapi") == 0)
		return openapi_print() == 0 ? 0 : 1; /* for doc/openapi.json (make manual) */
	daemon_start(&webadmin.daemon, argc, argv, "webadmin");
	hooks.max_sessions = webadmin.daemon.instance.max_sessions;
	webadmin.pace = pace_new(&err);
	if (webadmin.pace == NULL || settings_open(&webadmin.settings, &webadmin.daemon.instance, false, &err) != 0 ||
	    access_open(&webadmin.access, &webadmin.settings, &err) != 0 ||
	    tls_settings_open(&webadmin.tls, &webadmin.settings, &err) != 0 || prepare_sandbox(&webadmin, &err) != 0)
		daemon_fail(&err);
	tzset(); /* sessions cannot read the time zone's file */
	if (listen_run(&webadmin.daemon, names, &hooks, &err) != 0)
		daemon_fail(&err);
	return 0;
}
