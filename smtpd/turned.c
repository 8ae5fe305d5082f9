#include "smtpd/turned.h"

#include "common/addr/cidr.h"
#include "common/base/log.h"

#include <unistd.h>

enum { REQUEST_MS = 10000 };

static bool is_allowed(const struct smtpd *smtpd, int channel)
{
	struct err err;
	uid_t uid;
	gid_t gid;

	if (instance_user(&smtpd->daemon->instance, "collector", &uid, &gid, &err) == 0)
		return ipc_peer_is(channel, uid);
	log_error("%s", err.text);
	return false;
}

/* The first service for servers, not that for mail programs. */
static int find_service(struct smtpd *smtpd, struct listen_origin *origin, struct err *err)
{
	const struct services *services = &smtpd->settings.services;

	for (size_t i = 0; i < services->count; i++) {
		const struct service *service = &services->list[i];

		if (!service->enabled || strcmp(service->type, "smtp") != 0)
			continue;
		settings_use_service(&smtpd->settings, service->id);
		if (settings_flag(&smtpd->settings, SETTING_SMTP_SUBMISSION))
			continue;
		*origin = (struct listen_origin){service->id, service->label};
		return 0;
	}
	return err_set(err, ERR_NOT_FOUND, "no SMTP service for other servers is enabled");
}

static int serve(struct session *session, struct smtpd *smtpd, struct ipc_message *request, struct err *err)
{
	struct listen_origin origin;
	struct cidr address;
	char peer[64];
	int64_t tls;
	int fd;

	if (!ipc_is(request, "turn"))
		return err_set(err, ERR_PROTOCOL, "only connections are taken here");
	if (find_service(smtpd, &origin, err) != 0)
		return -1;
	fd = ipc_take_fd(request, 0);
	if (fd < 0)
		return err_set(err, ERR_PROTOCOL, "the connection is missing");
	if (!ipc_get_text(request, "peer", peer, sizeof peer) || cidr_parse(str_of(peer), &address, NULL, NULL) != 0) {
		close(fd);
		return err_set(err, ERR_PROTOCOL, "the address of the other side is missing");
	}
	session_prepare_turned(session, smtpd, fd, &origin, peer);
	log_info("a server that was asked for mail sends it, client=%s tls=%d", session->peer,
	         ipc_get_number(request, "tls", 0, 1, &tls) && tls == 1);
	return session_run(session) == 0 ? 0 : err_set(err, ERR_SYSTEM, "the session could not begin");
}

int turned_run(struct session *session, struct smtpd *smtpd, int channel)
{
	struct ipc_message request, reply;
	struct err err = {0};
	uint32_t sequence;

	if (!is_allowed(smtpd, channel))
		return 1;
	ipc_message_init(&request);
	ipc_message_init(&reply);
	if (ipc_receive(channel, &request, &sequence, REQUEST_MS, &err) != 1)
		return 1;
	if (serve(session, smtpd, &request, &err) == 0) {
		ipc_reply_ok(&reply);
		ipc_add_number(&reply, "messages", session->queued);
	} else {
		ipc_reply_error(&reply, &err);
	}
	return ipc_send(channel, &reply, sequence, &err) == 0 ? 0 : 1;
}
