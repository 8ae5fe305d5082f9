/*
 * import: what the parts of an import share: the names that the text has of one kind. What is stored and has no name
 * there is deleted.
 */
#ifndef POSTROOM_CONFIGD_IMPORT_H
#define POSTROOM_CONFIGD_IMPORT_H

#include "configd/configd.h"
#include "configd/text.h"

/* Begin another kind; one more name of it. -1: ERR_EXISTS where it stands in the text twice. */
int import_begin_names(struct change *change, struct err *err);
int import_keep_name(struct change *change, struct str name, struct err *err);
/* For each name that sql gives, in a column called name, and the text lacks. */
int import_for_missing(struct change *change, const char *sql,
                       int (*function)(struct change *change, struct str name, struct err *err), struct err *err);

/* service_import.c */
int import_services(struct change *change, const struct text *text, struct err *err);

#endif
