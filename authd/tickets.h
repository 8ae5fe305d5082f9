/*
 * authd/tickets: what a login hands to the session that serves it (design, "Tickets").
 *
 * 128 random bits, good once and for TICKET_LIFETIME_MS on the monotonic clock, for the redeemer and service it was
 * made for alone. Kept in memory only.
 */
#ifndef POSTROOM_AUTHD_TICKETS_H
#define POSTROOM_AUTHD_TICKETS_H

#include "common/base/err.h"
#include "common/base/str.h"

#include <sys/queue.h>

enum {
	TICKET_LEN = 32, /* hexadecimal digits */
	TICKET_LIFETIME_MS = 10000,
	TICKETS_MAX = 50000,
	TICKET_BUCKETS = 4096,
	TICKET_USER_MAX = 256,
};

/* What a ticket opens: a user's mailbox, for himself or for a guest with whom he shares some of it. */
struct ticket_right {
	int64_t uid;
	char user[TICKET_USER_MAX];
	int64_t grantee; /* the guest's uid; 0: for the user himself */
	char grantee_user[TICKET_USER_MAX];
};

struct ticket {
	TAILQ_ENTRY(ticket) by_age;
	LIST_ENTRY(ticket) bucket;
	char text[TICKET_LEN + 1];
	int64_t expires_ms;
	char redeemer[16];
	char service[16];
	struct ticket_right right;
};

TAILQ_HEAD(ticket_list, ticket);
LIST_HEAD(ticket_bucket, ticket);

struct tickets {
	struct ticket_list by_age; /* the oldest first */
	struct ticket_bucket buckets[TICKET_BUCKETS];
	unsigned count;
};

void tickets_init(struct tickets *tickets);
void tickets_free(struct tickets *tickets);

/* Make one; text_out: TICKET_LEN + 1 bytes. now_ms: io_now_ms(). -1: ERR_TEMPORARY, where TICKETS_MAX wait. */
int tickets_issue(struct tickets *tickets, const char *redeemer, struct str service, const struct ticket_right *right,
                  int64_t now_ms, char *text_out, struct err *err);

/*
 * Redeem one: it is gone after this, also where redeemer or service is another than it was made for.
 * -1: ERR_DENIED, one text for every reason.
 */
int tickets_redeem(struct tickets *tickets, const char *redeemer, struct str service, struct str text, int64_t now_ms,
                   struct ticket_right *right_out, struct err *err);

#endif
