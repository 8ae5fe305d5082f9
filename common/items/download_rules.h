/*
 * download_rules: the rules by which collectors treat what waits at servers, as items (common/rules/rule.h).
 */
#ifndef POSTROOM_ITEMS_DOWNLOAD_RULES_H
#define POSTROOM_ITEMS_DOWNLOAD_RULES_H

#include "common/items/item.h"
#include "common/rules/rules.h"

/* The texts of a rule. */
struct rule_text item_download_rule_text(const struct item *item);

/* All of them, from a snapshot; rules must be empty (rules_init). -1: as items_load, rules_add. */
int download_rules_load(struct rules *rules, struct db *db, struct err *err);

#endif
