/*
 * logos: the requests logo-list, logo-set and logo-delete (doc/ipc.md), about what common/settings/logo.h has.
 */
#ifndef POSTROOM_CONFIGD_LOGOS_H
#define POSTROOM_CONFIGD_LOGOS_H

#include "configd/configd.h"

int op_logo_list(struct change *change, struct err *err);
int op_logo_set(struct change *change, struct err *err);
int op_logo_delete(struct change *change, struct err *err);

#endif
