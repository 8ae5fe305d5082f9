/*
 * folder: a folder of an IMAP mailbox that is collected, as collectors are set to it (imap.folders): its name, and who
 * gets what is in it where that is not the collector's routing.
 */
#ifndef POSTROOM_COLLECTING_FOLDER_H
#define POSTROOM_COLLECTING_FOLDER_H

#include "common/rules/target.h"

enum { COLLECT_FOLDERS_MAX = 100 }; /* of one collector */

struct collect_folder {
	struct str name;
	struct rule_targets targets; /* none: routing decides */
};

/* "NAME" or "NAME = TARGETS". Views into line and arena. -1: ERR_SYNTAX, ERR_LIMIT. */
int collect_folder_parse(struct str line, struct arena *arena, struct collect_folder *folder_out, struct err *err);
/* The next of several lines, empty ones left out; false: there is none. */
bool collect_folder_next(struct str *lines, struct str *line_out);
/* Check all of them: 1 to COLLECT_FOLDERS_MAX, none twice. -1: as above. */
int collect_folders_check(struct str lines, struct err *err);

#endif
