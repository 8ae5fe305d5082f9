/*
 * own: what users change themselves, and within which rights (attributes change.*).
 *
 * own.c has attributes and passwords, own_items.c their items: message rules, autoresponders, prune rules. Who a user
 * is the daemon that asks has seen to; what he may is looked at here alone.
 */
#ifndef POSTROOM_CONFIGD_OWN_H
#define POSTROOM_CONFIGD_OWN_H

#include "common/items/item.h"
#include "common/settings/attributes.h"
#include "configd/configd.h"

/* Does the administrator allow it? -1: ERR_DENIED, or the database fails. */
int own_check_right(struct change *change, int64_t uid, enum attribute right, struct err *err);
/* May mail of his be passed on to these (names and addresses, separated by commas or blanks)? -1: the same. */
int own_check_targets(struct change *change, int64_t uid, struct str list, struct err *err);
/*
 * May he make his list of a kind this one, which was checked as any (items_check)? What he leaves as it is he may keep.
 * -1: the same.
 */
int own_check_items(struct change *change, enum item_kind kind, int64_t uid, const struct items *items,
                    struct err *err);

#endif
