/*
 * store/discard: a mailbox goes for good, with all that is in it, because its user is gone.
 *
 * First the folder gets another name, mail/NN/UID.gone, under the mailbox's lock: nobody finds a half mailbox, and who
 * still has it open finds nothing more. Then what is below is unlinked. A crash between any two steps leaves what the
 * next call takes away. Nothing is followed: no symbolic link, no name but those of the user's number.
 */
#ifndef POSTROOM_STORE_DISCARD_H
#define POSTROOM_STORE_DISCARD_H

#include "common/store/store.h"

/*
 * Remove a user's mailbox; synced. found_out: there was something to remove. wait_ms: for the lock. -1: STORE_BUSY,
 * ERR_SYNTAX (a uid below 1), ERR_SYSTEM; the rest is removed when it is called again.
 */
int mailbox_discard(const struct instance *instance, int64_t uid, int wait_ms, bool *found_out, struct err *err);

#endif
