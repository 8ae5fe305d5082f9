/*
 * imapd: serves mailboxes by IMAP, after the login. See imapd.h.
 */
#include "common/mime/text.h"
#include "common/net/listen.h"
#include "imapd/imapd.h"

static void refresh(void *context)
{
	struct imapd *imapd = context;

	settings_refresh(&imapd->settings);
}

int main(int argc, char **argv)
{
	static struct imapd imapd;
	static const char *const names[] = {"from-imap-login", "from-deliver", "from-pop3d", "from-webadmin",
	                                    "from-postroom",   "from-brokerd", NULL};
	struct listen_hooks hooks = {.refresh = refresh, .session = imap_session, .context = &imapd, .bells = true};
	struct err err;
	gid_t group;

	daemon_start(&imapd.daemon, argc, argv, "imapd");
	hooks.max_sessions = imapd.daemon.instance.max_sessions;
	if (instance_user(&imapd.daemon.instance, "imap-login", &imapd.login_user, &group, &err) != 0 ||
	    instance_user(&imapd.daemon.instance, "webadmin", &imapd.web_user, &group, &err) != 0 ||
	    settings_open(&imapd.settings, &imapd.daemon.instance, false, &err) != 0 ||
	    sandbox_init(&imapd.sandbox, SANDBOX_LOCK_OWNER | SANDBOX_FORK, &err) != 0 ||
	    sandbox_prepare(&imapd.sandbox, &err) != 0)
		daemon_fail(&err);
	mime_charset_preload(); /* sessions cannot read the modules of charsets */
	if (listen_run(&imapd.daemon, names, &hooks, &err) != 0)
		daemon_fail(&err);
	return 0;
}
