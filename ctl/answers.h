/*
 * answers: whom an autoresponder has answered: `postroom user answers list|clear USER NAME`.
 */
#ifndef POSTROOM_CTL_ANSWERS_H
#define POSTROOM_CTL_ANSWERS_H

#include "ctl/ctl.h"

/* argv[0] is "answers". */
int answers_run(struct ctl *ctl, int argc, char **argv);

#endif
