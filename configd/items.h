/*
 * items: lists of things of a user or of the server (common/items/item.h), for all kinds alike. A list is always read,
 * changed, checked and stored as a whole.
 */
#ifndef POSTROOM_CONFIGD_ITEMS_H
#define POSTROOM_CONFIGD_ITEMS_H

#include "configd/configd.h"
#include "configd/text.h"

#include "common/items/item.h"

enum { ITEM_LINE_MAX = 4000 }; /* octets of a line of a text: what the export can write */

/* Store a list in place of the old one; items whose id is 0 are new. */
int items_store(struct change *change, enum item_kind kind, int64_t owner, const struct items *items, struct err *err);
/* Check each item, and that what items name is there. -1: the sentence begins with "message rule 3". */
int items_check(struct change *change, enum item_kind kind, int64_t owner, const struct items *items, struct err *err);
/* Does what items name exist: the autoresponder of each rule? -1: ERR_NOT_FOUND, or as the database fails. */
int items_check_references(struct config *config, struct err *err);
/* A user goes: so do his lists. */
int items_delete_owner(struct change *change, int64_t owner, struct err *err);

int op_item_list(struct change *change, struct err *err);
int op_item_add(struct change *change, struct err *err);
int op_item_set(struct change *change, struct err *err);
int op_item_move(struct change *change, struct err *err);
int op_item_delete(struct change *change, struct err *err);

/* items_text.c: as text; and all lists made those of a text. */
int items_export(struct change *change, struct buf *out, struct err *err);
int items_import(struct change *change, const struct text *text, struct err *err);

#endif
