/*
 * policy/event: what clients do that policyd keeps account of (specification 05, SMTP IDS/IPS).
 *
 * A session tells statusd (common/status/status.h, status_event), and statusd tells policyd. Numbers and texts stand in
 * ids.log and in the listings.
 */
#ifndef POSTROOM_POLICY_EVENT_H
#define POSTROOM_POLICY_EVENT_H

#include "common/base/buf.h"

enum policy_event {
	POLICY_BAD_LOGIN,
	POLICY_RELAY_DENIED,
	POLICY_RELAY_ALLOWED,
	POLICY_BAD_RECIPIENT,
	POLICY_GOOD_RECIPIENT,
	POLICY_SPAM,
	POLICY_VIRUS,
	POLICY_RULE,
	POLICY_DNSBL,
	POLICY_SYNTAX,
	POLICY_TOO_BIG,
	POLICY_ATTACHMENT,
	POLICY_PARTIAL,
	POLICY_SPF,
	POLICY_EVENTS,       /* how many clients can cause */
	POLICY_BLOCKED = 900 /* policyd's own: the address was put on the block list */
};

enum {
	POLICY_DATA_MAX = 500,  /* octets of what an event was about */
	POLICY_LINE_MAX = 4000, /* octets of a line, with data made visible */
};

/* "Bad local recipient"; NULL where there is no such event. */
const char *policy_event_text(int64_t number);

/*
 * This process gets what others leave of the processor from now on, since its client did something, or something is
 * held against it: many attackers must not keep a good client from its work until they are blocked.
 */
void policy_suspect(void);

/* An event on its way: one line, fields separated by TAB. Texts hold no control characters. */
struct policy_record {
	int64_t time; /* milliseconds since 1970 */
	struct str peer, service;
	int64_t number;
	struct str data;
};
void policy_record_format(const struct policy_record *record, struct buf *line);
/* Views into line. False: it is none. */
bool policy_record_parse(struct str line, struct policy_record *record);

#endif
