/*
 * smtpd/relay: who may send where (specification 05, "Relay decision").
 *
 * In the listener, by the address alone: the access list is asked, and the token is made that a client has a right to
 * without a login. In the session: each recipient is judged by the steps of the specification. What is refused here
 * could not be sent in spite of it by a session that was taken over, but for what smtp.relay-check = sender is worth:
 * where a login is needed the token is authd's.
 */
#ifndef POSTROOM_SMTPD_RELAY_H
#define POSTROOM_SMTPD_RELAY_H

#include "common/ipc/ipc.h"
#include "common/policy/access.h"

struct session;

/* What decides (setting smtp.relay-check). */
enum relay_check { RELAY_BY_NONE, RELAY_BY_INTERFACE, RELAY_BY_SENDER, RELAY_BY_ADDRESS };

/* What is known of a connection before anything is said. */
struct relay {
	enum relay_check check;
	struct access_decision decision;
	bool from_lan;   /* it came by one of smtp.lan-interfaces; looked at with RELAY_BY_INTERFACE alone */
	bool may_verify; /* VRFY and EXPN are on, and their own list allows its address */
};

/* In the listener: find that out about the connection fd, and make the session's token. */
void relay_prepare(struct session *session, int fd);

/* The same where another daemon brought the connection of a user, whose client has this address. */
void relay_prepare_handed(struct session *session, const struct cidr *address);

/* May the client stay? With RELAY_BY_ADDRESS everybody may, whatever the list says. */
bool relay_may_connect(const struct session *session);
/* May a user log in here? With RELAY_BY_ADDRESS everybody may; a list of users then counts for sending elsewhere. */
bool relay_may_log_in(const struct session *session, int64_t uid);

/*
 * Where the resolver says that an address leads, for this client: who may send elsewhere is one of ours, and reaches
 * groups and lists that strangers do not. Undecided where it does not answer, or with something new.
 */
enum recipient_kind { RECIPIENT_LOCAL, RECIPIENT_REMOTE, RECIPIENT_UNKNOWN, RECIPIENT_UNDECIDED };
enum recipient_kind relay_resolve(struct session *session, struct str address);
/* The same with all targets (doc/ipc.md), also those of lists, where expand says so; answer is initialised. */
enum recipient_kind relay_ask(struct session *session, struct str address, bool expand, struct ipc_message *answer);

/* May mail go to a local recipient? To one elsewhere? Where not, the refusal is answered. */
bool relay_permits_local(struct session *session);
bool relay_permits_remote(struct session *session);

#endif
