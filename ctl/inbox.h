/*
 * inbox: what `postroom user empty-inbox` and `user copy-inbox` do with a user's whole Inbox; deliver does the work.
 */
#ifndef POSTROOM_CTL_INBOX_H
#define POSTROOM_CTL_INBOX_H

#include "ctl/ctl.h"

#define INBOX_ARGUMENTS "NAME"
int inbox_empty(struct ctl *ctl, int argc, char **argv);
int inbox_copy(struct ctl *ctl, int argc, char **argv);

#endif
