/*
 * list_posts: what listd is asked of a list's messages and of the source of its members.
 */
#ifndef POSTROOM_CTL_LIST_POSTS_H
#define POSTROOM_CTL_LIST_POSTS_H

#include "ctl/ctl.h"

/* list test NAME: what a database list's source gives now. */
int list_posts_test(struct ctl *ctl, int argc, char **argv);
/* list message NUMBER: a message that waits or is kept, as members get it. */
int list_posts_message(struct ctl *ctl, int argc, char **argv);
/* list digest NAME: make its digest now. */
int list_posts_digest(struct ctl *ctl, int argc, char **argv);

#endif
