/*
 * errors: luaerrors.log, written by one process for all that run scripts.
 *
 * A line an error: local time, script, function, text (log_file.h). An error that was just written is counted instead
 * of written again, and the count follows when ERRORS_REPEAT_MS have passed.
 */
#ifndef POSTROOM_STATUSD_HISTORYD_ERRORS_H
#define POSTROOM_STATUSD_HISTORYD_ERRORS_H

#include "statusd/historyd/log_file.h"

enum {
	ERRORS_FILE_MAX = 100000,
	ERRORS_LINE_MAX = 65000,
	ERRORS_REMEMBERED = 32,       /* different errors whose repetitions are counted */
	ERRORS_REPEAT_MS = 60 * 1000, /* how often a count is written */
};

struct errors {
	struct log_file log;
	struct remembered_error {
		char *text;      /* script, function, text; NULL: the place is free */
		unsigned count;  /* of repetitions not written yet */
		int64_t last_ms; /* when it was written last, io_now_ms() */
	} remembered[ERRORS_REMEMBERED];
};

/* Open (or make) the log in a folder. -1: as log_file_open. */
int errors_open(struct errors *errors, const char *folder, struct syslog *syslog, struct err *err);
/* Write down an error: milliseconds since 1970, script, function and text separated by TAB. false: it is none. */
bool errors_add(struct errors *errors, struct str line, int64_t now_ms);
/* Write the counts that are due; all of them where now_ms is INT64_MAX. */
void errors_flush(struct errors *errors, int64_t now_ms);
void errors_close(struct errors *errors);

#endif
