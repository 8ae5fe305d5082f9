/*
 * authd/lockout: failed logins of an account from an address, in a row, and the lock that follows.
 *
 * A lock holds for that address alone, so nobody can lock somebody else out (specification 07, security settings). An
 * IPv6 address counts as its /64 network. In memory only: a restart ends all locks. Attempts while it is locked are not
 * counted: a lock ends at its time however hard somebody knocks; failures that did not lead to one are forgotten when
 * the last is as old as a lock gets.
 */
#ifndef POSTROOM_AUTHD_LOCKOUT_H
#define POSTROOM_AUTHD_LOCKOUT_H

#include "common/base/str.h"

enum {
	LOCKOUT_BUCKETS = 1024,
	LOCKOUT_CLIENT_MAX = 64, /* octets of an address, with the NUL */
	LOCKOUT_ENTRIES_MAX = 200000,
};

struct lockout_entry {
	struct lockout_entry *next;
	int64_t uid;
	char client[LOCKOUT_CLIENT_MAX];
	unsigned failures;
	bool locked;
	int64_t until_ms; /* locked, or remembered, until then (io_now_ms) */
};

struct lockout {
	struct lockout_entry *buckets[LOCKOUT_BUCKETS]; /* by uid */
	size_t count;
};

void lockout_init(struct lockout *lockout);
void lockout_free(struct lockout *lockout);

/* client: an address as text, or another name for where somebody comes from. */
bool lockout_is_locked(const struct lockout *lockout, int64_t uid, const char *client, int64_t now_ms);

/* One more failure; true where this one locked the account. limit 0 never locks. */
bool lockout_fail(struct lockout *lockout, int64_t uid, const char *client, int64_t limit, int64_t duration_ms,
                  int64_t now_ms);

/* A right login from there. */
void lockout_clear(struct lockout *lockout, int64_t uid, const char *client);
/* A new password, the account is gone, or the administrator wants it: from everywhere. Returns how many locks ended. */
size_t lockout_clear_all(struct lockout *lockout, int64_t uid, int64_t now_ms);

/* Call visit for each lock of an account that holds. */
void lockout_each(const struct lockout *lockout, int64_t uid, int64_t now_ms,
                  void (*visit)(const struct lockout_entry *entry, void *context), void *context);

#endif
