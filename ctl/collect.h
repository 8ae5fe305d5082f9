/*
 * collect: runs of collectors by hand.
 */
#ifndef POSTROOM_CTL_COLLECT_H
#define POSTROOM_CTL_COLLECT_H

#include "ctl/ctl.h"

/* "postroom collector run NAME [--wait]": with --wait the result is printed, and decides the exit status. */
int collect_run(struct ctl *ctl, int argc, char **argv);

/*
 * "postroom collector copy NAME USER [--folder FOLDER] [--dry-run]": all messages of the collector's account, with
 * their folders, flags and dates, into a user's mailbox. One that was interrupted goes on where it was.
 */
int collect_copy(struct ctl *ctl, int argc, char **argv);

#endif
