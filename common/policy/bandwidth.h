/*
 * bandwidth: how fast a connection may be, for a session (specification 05, "Bandwidth throttling").
 *
 * The service's setting says it, or GetBandwidth of bandwidth.lua, which is asked at the begin and after the login:
 * octets in a second for this connection, or a pool, which statusd shares out among all sessions. Where that is away,
 * the service's own limit holds. The session waits where it reads or writes (conn->throttle); one without a limit is
 * not touched at all. Under TLS it is the session behind the login process that waits: the bytes are the same.
 */
#ifndef POSTROOM_POLICY_BANDWIDTH_H
#define POSTROOM_POLICY_BANDWIDTH_H

#include "common/net/conn.h"
#include "common/script/script.h"
#include "common/settings/settings.h"

#define BANDWIDTH_SCRIPT "bandwidth"

struct bandwidth_user {
	const char *name; /* NULL: nobody has logged in */
	int64_t uid;
};

struct bandwidth {
	struct conn *conn;
	struct status *status;
	const struct settings *settings;
	struct script script;
	int64_t usual;      /* as the service's setting has it: 0, octets in a second, -pool */
	int64_t limit;      /* in force */
	int64_t credit;     /* octets of a pool's slice that may still pass */
	int64_t free_at_ms; /* of a limit of its own: when the next octets may pass */
	const char *type;   /* "SMTP" */
};

/*
 * Begin: setting is the service's (smtp.bandwidth ...), type its name for the script. Within the sandbox, which must
 * allow scripts (script_allow); all must stay as long as the connection. user may be NULL.
 */
void bandwidth_begin(struct bandwidth *bandwidth, struct conn *conn, struct status *status,
                     const struct settings *settings, enum setting setting, const struct bandwidth_user *user);
/* Somebody logged in: the script may think otherwise now. */
void bandwidth_login(struct bandwidth *bandwidth, const struct bandwidth_user *user);

#endif
