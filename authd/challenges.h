/*
 * authd/challenges: passwords kept for challenge logins (CRAM-MD5, APOP), where the administrator has them on
 * (login.challenge-methods).
 *
 * These methods check a proof that only the password itself can check. So a copy of it is kept, encrypted like the
 * passwords of senders (authd/secrets.h) under "challenge/<uid>": made when a password is set, and when somebody logs
 * in by it. When the setting goes off all copies are deleted; a password that changes or goes takes its copy with it.
 */
#ifndef POSTROOM_AUTHD_CHALLENGES_H
#define POSTROOM_AUTHD_CHALLENGES_H

#include "common/base/buf.h"
#include "common/base/err.h"

#include <stdint.h>

struct authd;

/* Delete all copies where the setting is off. Called when settings may have changed. */
void challenges_follow(struct authd *authd);

/* Keep the password of an account where the setting is on, and it is not kept yet. Failures are logged. */
void challenges_keep(struct authd *authd, int64_t uid, struct str password);

/* Before a password changes or goes. -1: it may be there still, and the change must not be. */
int challenges_drop(struct authd *authd, int64_t uid, struct err *err);

/* Add the password to it. 1: it was kept; 0: it was not; -1: the database cannot say. */
int challenges_get(struct authd *authd, int64_t uid, struct buf *password, struct err *err);

#endif
