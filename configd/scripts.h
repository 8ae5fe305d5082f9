/*
 * scripts: the Lua scripts of the administrator (common/script/script.h). config.db keeps them, under names as
 * common/script/name.h has them, and all that compile are published as files beside the snapshots.
 *
 * A text that does not compile is kept and flagged, and is not published: the server does then as if there were no such
 * script. What lies in etc/scripts is taken over: it replaces the text that is kept, and the file is renamed to
 * "<name>.lua.old" once the change is published. That is done by this daemon, since it alone changes settings, so the
 * folder and those of users in it are its group's to write. What cannot be taken over stays where it is, and is used
 * from there, if it can be: the log says why.
 *
 * Security stance: scripts are compiled here, within Lua's own limits, and never run. Who may write into etc/scripts is
 * root or whoever owns it; a file that belongs to somebody else, or that others may write, is left alone.
 */
#ifndef POSTROOM_CONFIGD_SCRIPTS_H
#define POSTROOM_CONFIGD_SCRIPTS_H

#include "common/net/sandbox.h"
#include "configd/import.h"

int op_script_list(struct change *change, struct err *err);
int op_script_show(struct change *change, struct err *err);
int op_script_set(struct change *change, struct err *err);
int op_script_delete(struct change *change, struct err *err);
int op_script_check(struct change *change, struct err *err);

/*
 * Keep a text; *broken_out: what is wrong with it, empty where it compiles (in the arena of the change). -1: ERR_SYNTAX
 * (a bad name), ERR_LIMIT.
 */
int script_put(struct change *change, struct str name, struct str text, struct str *broken_out, struct err *err);

/* A user goes, or gets another name: so do his scripts. */
int scripts_drop(struct change *change, struct str user, struct err *err);
int scripts_rename(struct change *change, struct str user, struct str to, struct err *err);

int scripts_export(struct change *change, struct buf *out, struct err *err);
int scripts_import(struct change *change, const struct text *text, struct err *err);

/* script_files.c: as publish_prepare and publish_finish, where scripts were changed; does nothing where not. */
int script_files_prepare(struct config *config, struct err *err);
void script_files_finish(struct config *config);

/* script_drop.c: look into etc/scripts now, and whenever something is put there. */
void script_drop_start(struct config *config, struct event_base *base);
/* The folders it has to be able to write. -1: as sandbox_allow. */
int script_drop_allow(struct sandbox *sandbox, const struct instance *instance, struct err *err);

#endif
