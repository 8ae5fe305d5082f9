/*
 * smtpd: listens for SMTP and submission. See smtpd.h.
 */
#include "common/net/listen.h"
#include "common/net/listen_answer.h"
#include "common/net/tls_settings.h"
#include "common/policy/mailbox_quota.h"
#include "smtpd/handed.h"
#include "smtpd/load.h"
#include "smtpd/smtpd.h"

#include <stdio.h>
#include <sys/socket.h>
#include <time.h>

struct server {
	struct daemon daemon;
	struct smtpd smtpd;
	struct session session; /* the next to be forked */
	struct listen_hooks hooks;
};

/* Where that cannot be said there may be some. */
static void look_for_quotas(struct smtpd *smtpd)
{
	struct err err;

	smtpd->has_send_quotas = attributes_in_use(&smtpd->settings, "send-quota.", &err) != 0;
	smtpd->has_mailbox_quotas = mailbox_quota_in_use(&smtpd->settings, &err) != 0;
}

static void refresh(void *context)
{
	struct server *server = context;
	struct smtpd *smtpd = &server->smtpd;

	if (settings_refresh(&smtpd->settings))
		look_for_quotas(smtpd);
	access_refresh(&smtpd->access);
	smtpd_rules_refresh(&smtpd->rules, &smtpd->settings);
	tls_settings_refresh(&smtpd->tls, &smtpd->settings);
	gate_refresh(&smtpd->known, &smtpd->daemon->instance);
	auth_learn_mechanisms(smtpd);
}

static void limits(int fd, const struct listen_origin *origin, struct listen_limits *limits_out, void *context)
{
	struct server *server = context;

	load_limits(&server->smtpd, fd, origin, limits_out);
}

static bool turns_away(int fd, const struct listen_origin *origin, void *context)
{
	const struct server *server = context;
	const struct service *service = settings_service(&server->smtpd.settings, origin->service);
	bool under_tls = service != NULL && service->encryption == SERVICE_TLS;

	return gate_turns_away(&server->smtpd.known, fd, under_tls ? NULL : "421 4.7.0 " GATE_SMTP_TEXT "\r\n");
}

static void prepare(int fd, const struct listen_origin *origin, void *context)
{
	struct server *server = context;

	session_prepare(&server->session, &server->smtpd, fd, origin);
}

static int run_session(int fd, const struct listen_origin *origin, void *context)
{
	struct server *server = context;
	bool is_mail = origin->service != 0 || strcmp(origin->name, SMTP_LOCAL) == 0;

	if (strcmp(origin->name, HANDED_BY_COLLECTOR) == 0 || strcmp(origin->name, HANDED_BY_WEBADMIN) == 0)
		return handed_run(&server->session, &server->smtpd, origin->name, fd);
	return is_mail ? session_run(&server->session) : listen_answer(fd);
}

static void refuse(int fd, const struct listen_origin *origin, bool per_address, void *context)
{
	const struct server *server = context;
	const struct service *service = settings_service(&server->smtpd.settings, origin->service);
	char line[128];
	int len;

	if (service != NULL && service->encryption == SERVICE_TLS)
		return; /* nothing can be said in clear there, and a handshake would be waiting */
	len = snprintf(line, sizeof line, "421 4.3.2 %sToo many connections%s - try later\r\n",
	               settings_flag(&server->smtpd.settings, SETTING_ANONYMISE) ? "" : "Postroom ",
	               per_address ? " from your IP address" : "");
	send(fd, line, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* What sessions may touch: new files in the drop, published settings to read. */
static int prepare_sandbox(struct smtpd *smtpd, struct err *err)
{
	const struct instance *instance = &smtpd->daemon->instance;
	char settings[INSTANCE_PATH_MAX + 128], made[INSTANCE_PATH_MAX + 128], tmp[INSTANCE_PATH_MAX + 128];

	instance_path(settings, sizeof settings, instance->state, "settings");
	instance_path(made, sizeof made, instance->spool, "smtpd/new");
	instance_path(tmp, sizeof tmp, instance->spool, "smtpd/tmp");
	if (sandbox_init(&smtpd->sandbox, 0, err) != 0 ||
	    sandbox_allow(&smtpd->sandbox, settings, SANDBOX_READ, err) != 0 ||
	    sandbox_allow(&smtpd->sandbox, made, SANDBOX_ADD, err) != 0 ||
	    sandbox_allow(&smtpd->sandbox, tmp, SANDBOX_WRITE, err) != 0 ||
	    script_allow(&smtpd->sandbox, instance, err) != 0)
		return -1;
	return sandbox_prepare(&smtpd->sandbox, err);
}

static int open_all(struct smtpd *smtpd, struct err *err)
{
	const struct instance *instance = &smtpd->daemon->instance;
	if (settings_open(&smtpd->settings, instance, false, err) != 0 ||
	    access_open(&smtpd->access, &smtpd->settings, err) != 0 ||
	    tls_settings_open(&smtpd->tls, &smtpd->settings, err) != 0 ||
	    spool_drop_open(&smtpd->drop, instance, "smtpd", err) != 0 ||
	    token_key_load(&smtpd->key, instance, "smtpd", err) != 0)
		return -1;
	look_for_quotas(smtpd);
	return prepare_sandbox(smtpd, err);
}

int main(int argc, char **argv)
{
	static const char *const names[] = {
	    SMTP_LOCAL, "from-configd", "from-postroom", "from-brokerd", HANDED_BY_COLLECTOR, HANDED_BY_WEBADMIN, NULL};
	static struct server server;
	struct listen_hooks *hooks = &server.hooks;
	struct err err;

	daemon_start(&server.daemon, argc, argv, "smtpd");
	server.smtpd.daemon = &server.daemon;
	if (open_all(&server.smtpd, &err) != 0)
		daemon_fail(&err);
	tzset(); /* sessions cannot read the time zone's file */
	*hooks = (struct listen_hooks){.refresh = refresh,
	                               .turns_away = turns_away,
	                               .limits = limits,
	                               .prepare = prepare,
	                               .session = run_session,
	                               .refuse = refuse,
	                               .context = &server,
	                               .settings = &server.smtpd.settings};
	hooks->max_sessions = server.daemon.instance.max_sessions;
	if (listen_run(&server.daemon, names, hooks, &err) != 0)
		daemon_fail(&err);
	return 0;
}
