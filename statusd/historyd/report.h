/*
 * report: the daily report about what was received and sent, for the administrator (specification 07, Daily summary).
 *
 * It is made of a day's summary.log, line by line. What is no such line is passed over. At most REPORT_USERS different
 * users are counted, by what they moved in octets the first REPORT_SHOWN are shown; the rest is counted together.
 */
#ifndef POSTROOM_STATUSD_HISTORYD_REPORT_H
#define POSTROOM_STATUSD_HISTORYD_REPORT_H

#include "common/notice/notice.h"
#include "statusd/historyd/historyd.h"

#include <time.h>

enum { REPORT_USERS = 20000, REPORT_SHOWN = 500, REPORT_IDLE_SHOWN = 500 };

struct report {
	char subject[NOTICE_SUBJECT_MAX];
	struct buf text;
};

/* Add the report to text. */
void report_write(int file, struct buf *text);
/* Add who did not log in in the 24 hours before `now` (seconds), as far as the history tells. -1: as databases fail. */
int report_add_idle(struct historyd *historyd, int64_t now, struct buf *text, struct err *err);
/* The whole of it, with its subject; day: of the lines. To be freed; NULL is let be. */
struct report *report_make(struct historyd *historyd, int file, struct tm day);
void report_free(struct report *report);

#endif
