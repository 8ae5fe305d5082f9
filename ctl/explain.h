/*
 * explain: what a collector would do with a message in a file, and why, by the code that collectors run.
 */
#ifndef POSTROOM_CTL_EXPLAIN_H
#define POSTROOM_CTL_EXPLAIN_H

#include "ctl/ctl.h"

#define EXPLAIN_ARGUMENTS "FILE|- [--collector NAME] [--size OCTETS] [--time WHEN] [--json]"

/* `postroom download-rule test`: the rules too, whether the collector uses them or not. */
int explain_rules(struct ctl *ctl, int argc, char **argv);

#endif
