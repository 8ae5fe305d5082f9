/*
 * authd/lockout: failed logins of each account, in a row, and the lock that follows.
 *
 * In memory; who calls keeps a lock on disk too (authd/accounts.h) and puts it back after a start. Attempts while an
 * account is locked are not counted: a lock ends at its time however hard somebody knocks.
 */
#ifndef POSTROOM_AUTHD_LOCKOUT_H
#define POSTROOM_AUTHD_LOCKOUT_H

#include "common/base/str.h"

enum { LOCKOUT_BUCKETS = 1024 };

struct lockout_entry {
	struct lockout_entry *next;
	int64_t uid;
	unsigned failures;
	int64_t until_ms; /* locked until then (io_now_ms), 0: not locked */
};

struct lockout {
	struct lockout_entry *buckets[LOCKOUT_BUCKETS];
};

void lockout_init(struct lockout *lockout);
void lockout_free(struct lockout *lockout);

bool lockout_is_locked(struct lockout *lockout, int64_t uid, int64_t now_ms);

/* One more failure; true where this one locked the account. limit 0 never locks. */
bool lockout_fail(struct lockout *lockout, int64_t uid, int64_t limit, int64_t duration_ms, int64_t now_ms);

/* Lock an account that was locked before the start. */
void lockout_set(struct lockout *lockout, int64_t uid, int64_t until_ms);

/* A right login, a new password, or the account is gone. */
void lockout_clear(struct lockout *lockout, int64_t uid);

#endif
