/*
 * collect: runs of collectors by hand.
 */
#ifndef POSTROOM_CTL_COLLECT_H
#define POSTROOM_CTL_COLLECT_H

#include "ctl/ctl.h"

/* "postroom collector run NAME [--wait]": with --wait the result is printed, and decides the exit status. */
int collect_run(struct ctl *ctl, int argc, char **argv);

#endif
