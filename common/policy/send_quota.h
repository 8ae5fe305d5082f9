/*
 * send_quota: how much a user may send within a period (specification 07, sending quotas).
 *
 * Eight measures, four of all that is sent and the same of what goes elsewhere; the attributes send-quota.* of a user
 * limit each, or none. The period is the last hours, rolling, or the present day, week or month by the clock here. What
 * was sent is counted by policyd; this room works limits out and compares.
 */
#ifndef POSTROOM_POLICY_SEND_QUOTA_H
#define POSTROOM_POLICY_SEND_QUOTA_H

#include "common/settings/attributes.h"

enum send_measure {
	SEND_MESSAGES,
	SEND_RECIPIENTS,
	SEND_OCTETS,
	SEND_OCTETS_RECIPIENTS, /* octets of each message times its recipients */
	SEND_REMOTE_MESSAGES,   /* with a recipient elsewhere */
	SEND_REMOTE_RECIPIENTS,
	SEND_REMOTE_OCTETS,
	SEND_REMOTE_OCTETS_RECIPIENTS,
	SEND_MEASURES,
	SEND_NOTHING = SEND_MEASURES,
};

/* "messages", "remote-octets" ...: the key of its attribute behind "send-quota." */
const char *send_measure_word(enum send_measure measure);
/* SEND_NOTHING: there is none of that name. */
enum send_measure send_measure_find(struct str word);

struct send_amounts {
	int64_t of[SEND_MEASURES];
};

/* Of one message. */
struct send_amounts send_amounts_of(int64_t octets, int64_t recipients, int64_t remote);

struct send_quota {
	struct send_amounts limit; /* 0: none */
	bool is_limited;           /* by any of them */
	int64_t since;             /* the period's begin, milliseconds since 1970 */
};

/* The quota of a user at a time, with the tolerated percentage extra on top of each limit. */
void send_quota_read(const struct attributes *attributes, int64_t extra, int64_t now, struct send_quota *quota_out);

/* The first measure by which `more` would go beyond the quota; SEND_NOTHING: none. */
enum send_measure send_quota_exceeded(const struct send_quota *quota, const struct send_amounts *used,
                                      const struct send_amounts *more);

#endif
