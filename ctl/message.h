/*
 * message: what the administrator writes to users (specification 02, "Send admin message").
 *
 * Each local user of a group or list gets a mail of his own from the server's address, with what the text says of him
 * filled in. Scripts in it run here, within the limits of all scripts; one that fails keeps the mail from its user,
 * which is reported.
 */
#ifndef POSTROOM_CTL_MESSAGE_H
#define POSTROOM_CTL_MESSAGE_H

#include "ctl/ctl.h"

#define USER_MESSAGE_ARGUMENTS "GROUP|LIST|USER [--file FILE [--save]] [--preview]"

int user_message(struct ctl *ctl, int argc, char **argv);

#endif
