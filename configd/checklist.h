/*
 * checklist: what an instance needs before mail flows (specification 01, 4.5), and whether it is there.
 */
#ifndef POSTROOM_CONFIGD_CHECKLIST_H
#define POSTROOM_CONFIGD_CHECKLIST_H

#include "configd/configd.h"

int op_checklist(struct change *change, struct err *err);

#endif
