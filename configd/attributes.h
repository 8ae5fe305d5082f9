/*
 * attributes: what was set of users and groups, and what of it is in force.
 *
 * The catalogue is common/settings/attributes.def. A user's value in force is, in this order: what his primary group
 * has, where the group forces its values; his own; the default. A group that is not enabled forces that alone. Where a
 * group forces nothing, who joins it gets copies of its values, which are his own from then on.
 *
 * What is in force is worked out here alone, by views of config.db that the snapshots are filled from, so that no
 * daemon that reads them knows of groups.
 */
#ifndef POSTROOM_CONFIGD_ATTRIBUTES_H
#define POSTROOM_CONFIGD_ATTRIBUTES_H

#include "configd/import.h"

/*
 * The views, made anew at each start: forced_attribute(uid, key, value), effective_attribute(uid, key, value),
 * effective_user(uid, name, administrator, enabled), and own_user, which has the same columns without the group's part.
 */
int attributes_make_views(struct config *config, struct err *err);

/* Whose attributes: a user's or a group's. */
struct attribute_holder {
	bool is_group;
	int64_t id;
	struct str name;
};

/* Check, store, note. -1: ERR_NOT_FOUND, ERR_SYNTAX, ERR_LIMIT, ERR_DENIED (no attribute of such a holder). */
int attribute_store(struct change *change, const struct attribute_holder *holder, struct str key, struct str value,
                    struct err *err);
/* Nothing happens where it was not set. */
int attribute_remove(struct change *change, const struct attribute_holder *holder, struct str key, struct err *err);
/* Forget all, without a note: the holder is deleted. */
int attributes_drop(struct change *change, const struct attribute_holder *holder, struct err *err);

/* Give a user who joins it the values of a group, where it does not force them. */
int attributes_hand_out(struct change *change, const struct group *group, const struct user *user, struct err *err);

int op_attribute_get(struct change *change, struct err *err);
int op_attribute_set(struct change *change, struct err *err);
int op_attribute_unset(struct change *change, struct err *err);

/*
 * own.c: what a user changes himself, for the daemons that know who he is. -1: ERR_DENIED: he may not, or may not use
 * that value.
 */
int op_own_set(struct change *change, struct err *err);
int op_own_password(struct change *change, struct err *err);

/* attributes_text.c: both but administrator and enabled of users, which stand with the user. */
int attributes_export(struct change *change, struct buf *out, struct err *err);
/* After users and groups: what is stored becomes what the text has. */
int attributes_import(struct change *change, const struct text *text, struct err *err);

#endif
