/*
 * runs: the processes of sessions, one a collector at a time, collect.sessions altogether.
 *
 * A session of a collector with imap.idle stays when it has collected, and rests until there is more, or somebody asks
 * for a run; it begins anew when settings have changed.
 *
 * Who asks for a collector that is at work already hears of that run's end. A session that says nothing for long, or
 * goes on for too long, is killed: its conversation has limits of its own (common/net/mail_client.h), so that is a
 * defect.
 */
#ifndef POSTROOM_COLLECTOR_RUNS_H
#define POSTROOM_COLLECTOR_RUNS_H

#include "collector/dialogue.h"

struct runs *runs_new(struct collectord *collectord);
/* Sessions that run are killed, and nobody is told. */
void runs_free(struct runs *runs);

/* The end of a run. */
typedef void runs_done(const struct run_result *result, void *context);
/*
 * Run a collector. connection: that it is run for, 0: none. done is called once, later; NULL: nobody waits. -1:
 * ERR_NOT_FOUND, ERR_DENIED (it is not enabled), ERR_TEMPORARY; done is not called then.
 */
int runs_start(struct runs *runs, int64_t collector, int64_t connection, runs_done *done, void *context,
               struct err *err);
/*
 * Copy the account of a collector, enabled or not, to who listens on storer (copy.h), which is taken over. -1:
 * ERR_NOT_FOUND, ERR_EXISTS (it is at work); storer is the caller's then.
 */
int runs_copy(struct runs *runs, int64_t collector, int storer, runs_done *done, void *context, struct err *err);
/* The sessions that rest end: nothing is to be collected but by hand. */
void runs_end_resting(struct runs *runs);
/* Is it at work, or waiting for its turn? */
bool runs_is_active(const struct runs *runs, int64_t collector);

#endif
