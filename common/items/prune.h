/*
 * prune: rules that remove old mail of a user, or of all users. All that a rule says must hold for a message; one rule
 * is enough.
 */
#ifndef POSTROOM_ITEMS_PRUNE_H
#define POSTROOM_ITEMS_PRUNE_H

#include "common/items/item.h"

enum { PRUNE_RULES_MAX = 100, PRUNE_DAYS_MAX = 36500, PRUNE_DAYS = 365 };

enum prune_want { PRUNE_EITHER, PRUNE_YES, PRUNE_NO };

struct prune_rule {
	struct str folder; /* a name, or "*": all */
	int64_t days;      /* received longer ago than this */
	int64_t size;      /* octets at least; 0: any */
	enum prune_want read, flagged;
	bool deleted_only, spam_only; /* those with \Deleted; those that were taken for spam */
};

/* -1: ERR_SYNTAX, ERR_LIMIT with the field's name. */
int prune_rule_read(const struct item *item, struct prune_rule *rule_out, struct err *err);

#endif
