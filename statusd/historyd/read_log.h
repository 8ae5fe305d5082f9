/*
 * read_log: the last lines of a log file, for who looks at it in a browser.
 *
 * The file is read from its end, READ_LOG_OCTETS at most, so the question costs the same however large it is. Lines may
 * hold what strangers said: who shows them takes care of that.
 */
#ifndef POSTROOM_STATUSD_HISTORYD_READ_LOG_H
#define POSTROOM_STATUSD_HISTORYD_READ_LOG_H

#include "common/ipc/ipc.h"
#include "statusd/historyd/log_file.h"

enum {
	READ_LOG_OCTETS = 4 * 1024 * 1024,
	READ_LOG_LINES = 200, /* where nothing is said */
	READ_LOG_LINES_MAX = 5000,
};

/*
 * Add to reply the last `lines` lines that hold `match` (in any case; empty: all), each a field "line", the oldest
 * first; and "more" = 1 where the file has older lines. -1: ERR_NOT_FOUND (it is not kept in a file), ERR_SYSTEM.
 */
int read_log(const struct log_file *log, struct str match, int64_t lines, struct ipc_message *reply, struct err *err);

#endif
