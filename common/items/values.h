/*
 * values: what texts of items say that kinds have in common; for this folder alone. Each is an error, ERR_SYNTAX, whose
 * sentence begins with the field's name, where the text says something else.
 */
#ifndef POSTROOM_ITEMS_VALUES_H
#define POSTROOM_ITEMS_VALUES_H

#include "common/base/err.h"
#include "common/base/str.h"

/* "on" or "off"; fallback where the text is empty. */
int item_read_switch(const char *field, struct str text, bool fallback, bool *value_out, struct err *err);
/* A number from 0 to max; fallback where the text is empty. */
int item_read_number(const char *field, struct str text, uint64_t max, int64_t fallback, int64_t *number_out,
                     struct err *err);
/* "sun,mon,...": bit 0 is Sunday; 0 where the text is empty. */
int item_read_days(const char *field, struct str text, unsigned *weekdays_out, struct err *err);

#endif
