/*
 * kinds: the fields of each kind of item, and how they must look; for this folder alone, but for the places of fields.
 */
#ifndef POSTROOM_ITEMS_KINDS_H
#define POSTROOM_ITEMS_KINDS_H

#include "common/items/download_rules.h"
#include "common/items/item.h"
#include "common/items/prune.h"
#include "common/items/responder.h"
#include "common/items/schedule.h"
#include "common/lan/rules.h"
#include "common/lan/verifier.h"
#include "common/rules/message_rule.h"

enum { ITEM_RULES_MAX = MESSAGE_RULES_MAX };

extern const struct item_field item_message_rule_fields[];
int item_message_rule_check(struct item *item, struct arena *arena, struct err *err);
/* The five texts of a rule. */
struct message_rule_text item_message_rule_text(const struct item *item);

extern const struct item_field item_lan_rule_fields[];
int item_lan_rule_check(struct item *item, struct arena *arena, struct err *err);
struct lan_rule item_lan_rule(const struct item *item);

extern const struct item_field item_lan_verifier_fields[];
int item_lan_verifier_check(struct item *item, struct arena *arena, struct err *err);
struct lan_verifier item_lan_verifier(const struct item *item);

extern const struct item_field item_responder_fields[], item_responder_rule_fields[], item_responder_filter_fields[];
int item_responder_check(struct item *item, struct arena *arena, struct err *err);
int item_responder_rule_check(struct item *item, struct arena *arena, struct err *err);
int item_responder_filter_check(struct item *item, struct arena *arena, struct err *err);

extern const struct item_field item_prune_rule_fields[];
int item_prune_rule_check(struct item *item, struct arena *arena, struct err *err);

extern const struct item_field item_download_rule_fields[];
int item_download_rule_check(struct item *item, struct arena *arena, struct err *err);
int item_download_rules_check(const struct items *items, struct err *err);

extern const struct item_field item_schedule_fields[];
int item_schedule_check(struct item *item, struct arena *arena, struct err *err);
struct str item_schedule_describe(const struct item *item, struct arena *arena);

#endif
