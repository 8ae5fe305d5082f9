/*
 * log_file: one of the log files beside postroom.log, written by one process for all (common/daemon/logs.h).
 *
 * A line is local time and text. Before a line would be written to a file that has reached its size, the content moves
 * to <name>.lbk, which is overwritten (old_logs.h), and the file begins anew: the names stay, since the folder is not
 * ours to rename in. Nobody but this process opens the files for writing, so no session can shorten them or write into
 * another's. Where the instance wants it, lines go to syslog instead, or too (common/daemon/syslog.h).
 *
 * What cannot be written is told in postroom.log, and lost; nobody waits for it. Lines are not synced to disk.
 */
#ifndef POSTROOM_STATUSD_HISTORYD_LOG_FILE_H
#define POSTROOM_STATUSD_HISTORYD_LOG_FILE_H

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/daemon/logs.h"
#include "common/daemon/syslog.h"
#include "statusd/historyd/old_logs.h"

#include <sys/types.h>

struct log_file {
	const char *name;
	int file, old; /* descriptors; -1: it goes to syslog alone */
	off_t size;    /* of the file, as far as we wrote it */
	struct syslog *syslog;
	const struct old_logs *old_logs; /* where the .lbk goes before it is overwritten; NULL: nowhere */
};

/* Open (or make) both files of a log in a folder. syslog may be NULL, and must stay. -1: ERR_SYSTEM. */
int log_file_open(struct log_file *log, const char *folder, enum log_kind kind, struct syslog *syslog, struct err *err);
void log_file_close(struct log_file *log);

/*
 * Write lines, each ending with LF; the content moves before them where the file has max octets. severity: one of
 * syslog(3), of all of them. log_file_line is for one without its LF, and puts the time before it.
 */
void log_file_write(struct log_file *log, off_t max, int severity, struct str lines);
void log_file_line(struct log_file *log, off_t max, int severity, int64_t time_ms, struct str text);

/*
 * The log begins anew, and what was in it is in `to`, in place of what was there (-1: nowhere). -1: ERR_SYSTEM; the
 * content stays then.
 */
int log_file_move(struct log_file *log, int to, struct err *err);

/* Add "2026-11-21 10:00:00 " to line, in local time. */
void log_file_add_time(struct buf *line, int64_t time_ms);

#endif
