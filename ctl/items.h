/*
 * items: the lists of a user or of the server (common/items/item.h): add, set, show, list, move, delete, for each kind.
 */
#ifndef POSTROOM_CTL_ITEMS_H
#define POSTROOM_CTL_ITEMS_H

#include "ctl/ctl.h"

#include <jansson.h>

/* Is `postroom argv[0] argv[1]` the beginning of a command for a list, such as "user rule"? */
bool items_are_meant(int argc, char **argv);
/* Run that command. */
int items_run(struct ctl *ctl, int argc, char **argv);
/* An item of a list (user NULL: the server's) by its place or name; the reason is printed where there is none, and
 * *item_out is NULL; else it is to be released. */
int items_find(struct ctl *ctl, const char *kind, const char *user, const char *wanted, json_t **item_out);
/* The number of an item that never changes, by its place or name in a user's list; the reason is printed. */
int items_find_id(struct ctl *ctl, const char *kind, const char *user, const char *wanted, int64_t *id_out);

#endif
