/*
 * status: a session makes itself known to statusd, and asks it for what is limited across processes.
 *
 * A session opens its channel before its sandbox, says who is connected, and is counted until the channel closes: its
 * end frees all that it holds, however it comes. Beginning never waits. statusd is a help, not a condition: where it is
 * away, or silent for STATUS_PATIENCE_MS, everything is allowed and the listener's own limits are what is left.
 *
 *     struct status status;
 *     struct status_slot fetch = {STATUS_IMAP_FETCH, user, 5, 50, 40000};
 *
 *     status_begin(&status, instance, "imapd", "imap", peer, tls);
 *     ... sandbox_enter ...
 *     status_login(&status, user, uid);
 *     if (status_acquire(&status, &fetch, &err) != 0)
 *         "NO Too many current FETCHes active"
 *     ... status_release(&status, STATUS_IMAP_FETCH) ... status_end(&status);
 *
 * A channel is one descriptor and nothing else: no memory is kept between calls. An administrator ends a session by way
 * of its listener (common/net/listen_answer.h), not by this channel.
 */
#ifndef POSTROOM_STATUS_STATUS_H
#define POSTROOM_STATUS_STATUS_H

#include "common/ipc/ipc.h"

/* Classes of slots: what is counted, for each key and altogether. A session holds one slot of a class at a time. */
#define STATUS_IMAP_LOGIN      "imap-login"      /* key: user */
#define STATUS_IMAP_CONNECTION "imap-connection" /* key: address, as status_address_key gives it */
#define STATUS_IMAP_FETCH      "imap-fetch"      /* key: user */
#define STATUS_IMAP_SEARCH     "imap-search"     /* key: user */

enum {
	STATUS_PATIENCE_MS = 100,    /* for the first answer to a question */
	STATUS_TEXT_MAX = 256,       /* octets of a user, key or class with the NUL */
	STATUS_WAIT_MAX_MS = 600000, /* longest wait for a slot */
	STATUS_RULE_MAX = 2000,      /* octets of what is told of a rule */
};

struct status {
	struct ipc_channel channel; /* fd -1: on its own, everything is allowed */
};

struct status_slot {
	const char *class;
	const char *key; /* whose: a user, an address */
	long limit;      /* for this key at a time; 0: any */
	long total;      /* for all keys of the class; 0: any */
	int wait_ms;     /* how long to wait in the queue; 0: not at all */
};

/*
 * Say that a session begins, in the program of that name (common/daemon/programs.h; it must be a caller of statusd).
 * service: "pop3"; peer: an address as text, or "local"; tls: is the connection under TLS (status_tls says so later).
 * Call in the session's own process, before its sandbox. A failure is logged.
 */
void status_begin(struct status *status, const struct instance *instance, const char *program, const char *service,
                  const char *peer, bool tls);
/* The connection is under TLS now. */
void status_tls(struct status *status);
/* Somebody logged in; a later login takes the place of an earlier one. */
void status_login(struct status *status, const char *user, int64_t uid);
/* How many messages the session took or gave, once, before its end: for connect.log. */
void status_messages(struct status *status, int64_t count);
/* The connection is another process's from now on, which made itself known: closes the channel, as no session's end. */
void status_hand_over(struct status *status);
/* Close the channel, which frees what is held; also where there is none. The end of the process does the same. */
void status_end(struct status *status);

/*
 * Take a slot, waiting in the queue of its class where there is none: first come, first served. Returns 0: go on, and
 * call status_release at the end; or -1, ERR_LIMIT: none became free in time. What stands in for statusd when it does
 * not answer is 0.
 */
int status_acquire(struct status *status, const struct status_slot *slot, struct err *err);
/* Give the slot of that class back; no harm where none is held. */
void status_release(struct status *status, const char *class);

/*
 * What stands for an address among keys: IPv6 as its /64 network, IPv4 as it is; "" for this machine's own addresses
 * and "local", which are not limited. Returns out.
 */
const char *status_address_key(const char *peer, char out[STATUS_TEXT_MAX]);

/*
 * A slice of a pool's bandwidth: so many octets may be moved after so many milliseconds; 0 octets: ask again then. -1:
 * statusd does not say.
 */
int status_bandwidth(struct status *status, int64_t pool, int64_t *octets_out, int64_t *wait_ms_out);

/*
 * Tell of a script's error (common/script), for luaerrors.log, which historyd writes. In the ordinary log where statusd
 * is away. text is cut where it is long.
 */
void status_script_error(struct status *status, const char *script, const char *function, struct str text);

/*
 * Tell what the client of this session did, for policyd: a number of common/policy/event.h, and what it was about (a
 * recipient, a command). Nothing waits; where statusd is away it is forgotten. After what was against us the session is
 * a suspect's.
 */
void status_event(struct status *status, int number, struct str data);

/* Ask for the client's address to be put on the block list; policyd never blocks what is on the never-block list. */
void status_block(struct status *status, int64_t minutes);

/* Tell that a rule ran, for smtprules.log, which historyd writes. text is cut where it is long. */
void status_rule(struct status *status, struct str text);
/*
 * Tell of an attempt that authd does not see or does not refuse itself, for security.log.
 * user: who it was to be, "" where that is not known yet.
 */
#define STATUS_BY_ACCESS_LIST "IP access restriction"
void status_security(struct status *status, const char *user, const char *reason);

#endif
