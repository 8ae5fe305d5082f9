/*
 * login: the way to a mailbox at a server, as the settings of the collector have it; for mailbox.c and folders.c.
 */
#ifndef POSTROOM_COLLECTOR_LOGIN_H
#define POSTROOM_COLLECTOR_LOGIN_H

#include "collector/session.h"

/* What is different with POP3 and with IMAP. */
struct mailbox_kind {
	enum collector_setting server, port, encryption, verify, username, authentication;
	unsigned ports[2];                   /* in clear, under TLS */
	const char *required, *if_available; /* words of the setting of encryption */
	struct mail_client *(*client)(struct session *session);
	int (*connect)(struct session *session, const struct mail_client_target *target, struct err *err);
	bool (*offers_tls)(const struct session *session);
	int (*start_tls)(struct session *session, bool verify, struct err *err);
	/* method: the setting's word; login has what it means to SASL, too. */
	int (*log_in)(struct session *session, const char *method, const struct sasl_client_login *login, struct err *err);
};

/* Connect, encrypt, log in; the password is wiped then. -1: why it failed. */
int mailbox_log_in(struct session *session, const struct mailbox_kind *kind, struct err *err);

#endif
