/*
 * logfile: a file of log/ that historyd writes, with one older part.
 *
 * Each line begins with its local time. At its size the content moves to the file of the same name with .lbk, which is
 * overwritten, and the log begins anew. A line that cannot be written goes to the ordinary log.
 */
#ifndef POSTROOM_STATUSD_HISTORYD_LOGFILE_H
#define POSTROOM_STATUSD_HISTORYD_LOGFILE_H

#include "common/base/err.h"
#include "common/base/str.h"

#include <sys/types.h>
#include <time.h>

struct logfile {
	int file, old;    /* descriptors of the two files; -1: not open */
	const char *name; /* "luaerrors" */
	off_t size_max;   /* octets */
};

/* Open (or make) both files in a folder; name must stay. -1: ERR_SYSTEM. */
int logfile_open(struct logfile *log, const char *folder, const char *name, off_t size_max, struct err *err);
void logfile_close(struct logfile *log);
/* Write one line, without its line end. */
void logfile_write(const struct logfile *log, time_t when, struct str text);

#endif
