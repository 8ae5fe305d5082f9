/*
 * view: which users have anything that decides about their mail: rules, autoresponders, forwardings, scripts. Kept in
 * memory and made anew when the settings or the scripts' folder changed, so that mail of all others costs nothing more.
 */
#ifndef POSTROOM_DELIVER_VIEW_H
#define POSTROOM_DELIVER_VIEW_H

#include "common/settings/settings.h"

struct view;

/* Before the sandbox. -1: as settings_open. */
int view_open(struct view **view_out, const struct instance *instance, struct err *err);
void view_free(struct view *view);
/* Look whether something changed: a comparison and a stat(2). */
void view_look(struct view *view);
bool view_has(const struct view *view, int64_t uid);

#endif
