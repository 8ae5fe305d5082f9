#include "smtpd/handed.h"

#include "common/addr/cidr.h"
#include "common/base/log.h"

#include <unistd.h>

enum { REQUEST_MS = 10000 }; /* of the collector; a browser's connection may have nothing to send for long */

/* The first service that is for servers, or for mail programs. */
static int find_service(struct smtpd *smtpd, bool is_submission, struct listen_origin *origin, struct err *err)
{
	static char label[STATUS_TEXT_MAX];
	const struct services *services = &smtpd->settings.services;

	for (size_t i = 0; i < services->count; i++) {
		const struct service *service = &services->list[i];

		if (!service->enabled || strcmp(service->type, "smtp") != 0)
			continue;
		settings_use_service(&smtpd->settings, service->id);
		if (settings_flag(&smtpd->settings, SETTING_SMTP_SUBMISSION) != is_submission)
			continue;
		str_copy(str_of(service->label), label, sizeof label); /* the settings may be read anew in the session */
		*origin = (struct listen_origin){service->id, label};
		return 0;
	}
	return err_set(err, ERR_NOT_FOUND, "no SMTP service for %s is enabled",
	               is_submission ? "mail programs" : "other servers");
}

/* Who logged in elsewhere, with the right to relay that authd gives for it. */
static int redeem(struct session *session, struct str ticket, struct err *err)
{
	struct ipc_channel authd;
	struct ipc_message request, reply;
	int result;

	if (ipc_connect(&authd, &session->smtpd->daemon->instance, "authd", "smtpd", err) != 0)
		return -1;
	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "redeem");
	ipc_add(&request, "ticket", ticket);
	ipc_add_text(&request, "service", "web");
	ipc_add_text(&request, "label", session->service);
	ipc_add_text(&request, "peer", session->peer);
	result = ipc_call(&authd, &request, &reply, IPC_TIMEOUT_MS, err);
	if (result == 0 && !(ipc_get_text(&reply, "user", session->user, sizeof session->user) &&
	                     ipc_get_number(&reply, "uid", 1, INT64_MAX, &session->uid) &&
	                     ipc_get_text(&reply, "token", session->login_token, sizeof session->login_token)))
		result = err_set(err, ERR_PROTOCOL, "authd redeemed a ticket without saying whose it is");
	ipc_close(&authd);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return result;
}

static int serve(struct session *session, struct smtpd *smtpd, struct ipc_message *request, bool is_submission,
                 struct err *err)
{
	struct listen_origin origin;
	struct cidr address;
	char peer[64];
	int fd;

	if (!ipc_is(request, is_submission ? "submit" : "turn"))
		return err_set(err, ERR_PROTOCOL, "only connections are taken here");
	if (find_service(smtpd, is_submission, &origin, err) != 0)
		return -1;
	fd = ipc_take_fd(request, 0);
	if (fd < 0)
		return err_set(err, ERR_PROTOCOL, "the connection is missing");
	if (!ipc_get_text(request, "peer", peer, sizeof peer) || cidr_parse(str_of(peer), &address, NULL, NULL) != 0) {
		close(fd);
		return err_set(err, ERR_PROTOCOL, "the address of the other side is missing");
	}
	session_prepare_handed(session, smtpd, fd, &origin, peer);
	if (is_submission)
		relay_prepare_handed(session, &address);
	if (is_submission && redeem(session, ipc_get(request, "ticket"), err) != 0) {
		conn_close(&session->conn);
		return -1;
	}
	log_info("a connection was handed over, service=%s client=%s user=%s", session->service, session->peer,
	         session->user);
	return session_run(session) == 0 ? 0 : err_set(err, ERR_SYSTEM, "the session could not begin");
}

static bool is_allowed(const struct smtpd *smtpd, const char *caller, int channel)
{
	struct err err;
	uid_t uid;
	gid_t gid;

	if (instance_user(&smtpd->daemon->instance, caller, &uid, &gid, &err) == 0)
		return ipc_peer_is(channel, uid);
	log_error("%s", err.text);
	return false;
}

int handed_run(struct session *session, struct smtpd *smtpd, const char *socket, int channel)
{
	bool is_submission = strcmp(socket, HANDED_BY_WEBADMIN) == 0;
	struct ipc_message request, reply;
	struct err err = {0};
	uint32_t sequence;

	if (!is_allowed(smtpd, is_submission ? "webadmin" : "collector", channel))
		return 1;
	ipc_message_init(&request);
	ipc_message_init(&reply);
	if (ipc_receive(channel, &request, &sequence, is_submission ? -1 : REQUEST_MS, &err) != 1)
		return 0;
	if (serve(session, smtpd, &request, is_submission, &err) == 0) {
		ipc_reply_ok(&reply);
		ipc_add_number(&reply, "messages", session->queued);
	} else {
		log_warning("a connection that was handed over is not served: %s", err.text);
		ipc_reply_error(&reply, &err);
	}
	return ipc_send(channel, &reply, sequence, &err) == 0 ? 0 : 1;
}
