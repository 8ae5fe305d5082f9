/*
 * media: files that autoresponders send along: `postroom user media ... USER ...`, and `postroom media ...` for those
 * of the server's definitions (deliver/media.h).
 */
#ifndef POSTROOM_CTL_MEDIA_H
#define POSTROOM_CTL_MEDIA_H

#include "ctl/ctl.h"

#define MEDIA_USER_ARGUMENTS "list USER [--json] | add USER FILE [NAME] | delete USER NAME"

/* argv[0] is "media". */
int media_user(struct ctl *ctl, int argc, char **argv);
int ctl_media(struct ctl *ctl, int argc, char **argv); /* the server's */

#endif
