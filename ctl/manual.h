/*
 * manual: the catalogue of settings written out for people: on the terminal, as postroom-settings(5), as a commented
 * list of defaults. All go to standard output.
 */
#ifndef POSTROOM_CTL_MANUAL_H
#define POSTROOM_CTL_MANUAL_H

#include "common/settings/settings.h"

void manual_list(void);
void manual_explain(const struct setting_definition *definition);
void manual_mdoc(void);
void manual_conf(void);

#endif
