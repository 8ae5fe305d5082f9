/*
 * responder_file: one autoresponder as a file, to be kept or given to another user or server: a JSON object with its
 * texts as `show --json` has them, and "files", what it sends along by name, base64.
 */
#ifndef POSTROOM_CTL_RESPONDER_FILE_H
#define POSTROOM_CTL_RESPONDER_FILE_H

#include "ctl/ctl.h"

#define RESPONDER_EXPORT_ARGUMENTS "NUMBER|NAME [FILE]"
#define RESPONDER_IMPORT_ARGUMENTS "FILE|-"

/* argv[1] is the user; and the same for what every user may have. */
int responder_export(struct ctl *ctl, int argc, char **argv);
int responder_import(struct ctl *ctl, int argc, char **argv);
int responder_export_server(struct ctl *ctl, int argc, char **argv);
int responder_import_server(struct ctl *ctl, int argc, char **argv);

#endif
