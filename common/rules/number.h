/*
 * number: texts that are numbers, for comparing.
 */
#ifndef POSTROOM_RULES_NUMBER_H
#define POSTROOM_RULES_NUMBER_H

#include "common/base/str.h"

/* Digits, with a sign before them and a fraction behind if need be; false: text is something else. */
bool number_read(struct str text, double *number_out);

#endif
