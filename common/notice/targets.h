/*
 * targets: who is told of what, as the settings notices.administrator and notices.targets say.
 */
#ifndef POSTROOM_NOTICE_TARGETS_H
#define POSTROOM_NOTICE_TARGETS_H

#include "common/notice/notice.h"
#include "common/settings/settings.h"

/*
 * The name of the user who is told what has that target; the main administrator where the settings name nobody for it,
 * or somebody who is no more. *name_out is empty where nobody is to be told. settings were opened with keep_open.
 * -1: the snapshot cannot be read.
 */
int notice_target_user(struct settings *settings, const char *target, struct arena *arena, struct str *name_out,
                       struct err *err);
/* The same for an account's name that a script gave, "none" and "<None>" included. */
int notice_account_user(struct settings *settings, struct str account, struct arena *arena, struct str *name_out,
                        struct err *err);
/* The name of the user with that number; empty: there is none. */
int notice_user_name(struct settings *settings, int64_t uid, struct arena *arena, struct str *name_out,
                     struct err *err);

/* "TARGET=USER, TARGET=none": the next item of a list; false: there is none. */
bool notice_targets_next(struct str *rest, struct str *target_out, struct str *account_out);
/* Does an account mean that nobody is told? */
bool notice_is_nobody(struct str account);

#endif
