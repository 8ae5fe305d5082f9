/*
 * secret: what stands in settings in the place of a password that authd keeps: the name that it has there, which is
 * "<reader>/" and 32 hexadecimal digits that nobody can guess. The reader is the one daemon that may ask for it
 * (doc/ipc.md, secret-get).
 */
#ifndef POSTROOM_SETTINGS_SECRET_H
#define POSTROOM_SETTINGS_SECRET_H

#include "common/base/str.h"

#include <stdbool.h>

enum { SECRET_NAME_DIGITS = 32 };

/* Is text such a name, for that reader? */
bool secret_is_name(struct str text, const char *reader);

#endif
