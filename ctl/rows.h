/*
 * rows: commands that send a table to configd, or write one, as a file.
 */
#ifndef POSTROOM_CTL_ROWS_H
#define POSTROOM_CTL_ROWS_H

#include "ctl/ctl.h"

/* Add a file's text as the field "text"; "-" is standard input. Returns the exit status. */
int rows_read(const char *path, struct ipc_message *request);
/* Write the field "text" of an answer to a file that only its owner reads; NULL or "-": to standard output. */
int rows_write(const char *path, const struct ipc_message *reply);
/*
 * Tell what became of the rows of an import: each refused one on standard error. Returns the exit status: CTL_REFUSED
 * where one was refused.
 */
int rows_report(const struct ipc_message *reply);

#endif
