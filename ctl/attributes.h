/*
 * attributes: `user set|get|unset`, `group set|get|unset`, and what the catalogue says of attributes.
 */
#ifndef POSTROOM_CTL_ATTRIBUTES_H
#define POSTROOM_CTL_ATTRIBUTES_H

#include "ctl/ctl.h"

/* argv[0] is the verb; "user enable" and "user disable" set one attribute. */
int attributes_user_set(struct ctl *ctl, int argc, char **argv);
int attributes_user_get(struct ctl *ctl, int argc, char **argv);
int attributes_user_unset(struct ctl *ctl, int argc, char **argv);
int attributes_user_enable(struct ctl *ctl, int argc, char **argv);
int attributes_user_disable(struct ctl *ctl, int argc, char **argv);
int attributes_group_set(struct ctl *ctl, int argc, char **argv);
int attributes_group_get(struct ctl *ctl, int argc, char **argv);
int attributes_group_unset(struct ctl *ctl, int argc, char **argv);

/* The argument lists of these verbs, for usage lines. */
#define ATTRIBUTES_SET_ARGUMENTS   "NAME[,NAME...] | --all  KEY VALUE ..."
#define ATTRIBUTES_GET_ARGUMENTS   "NAME[,NAME...] | --all  [KEY] [--json]"
#define ATTRIBUTES_UNSET_ARGUMENTS "NAME[,NAME...] | --all  KEY ..."

#endif
