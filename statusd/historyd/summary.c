#include "statusd/historyd/summary.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "statusd/historyd/report.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_OCTETS = 4096 };

/* Of a day; a report says nothing of what is beyond. */
static const off_t size_max = 1000 * 1000 * 1000;

/* What mail.log says of an item; NULL: nothing, since another line is about the same message. */
static const char *const mail_words[SUMMARY_ITEMS] = {
    [SUMMARY_LOCAL_RECEIVED] = "received",  [SUMMARY_INTERNET_RECEIVED] = "received",
    [SUMMARY_SYSTEM_RECEIVED] = "received", [SUMMARY_CLIENT_SENT] = "sent",
    [SUMMARY_LAN_SENT] = "forwarded",
};

static int date_of(const struct tm *local)
{
	return (local->tm_year + 1900) * 10000 + (local->tm_mon + 1) * 100 + local->tm_mday;
}

static int today(void)
{
	time_t now = time(NULL);
	struct tm local;

	return localtime_r(&now, &local) != NULL ? date_of(&local) : 0;
}

/* Noon of that day: no change of the clock is near. */
static struct tm day_of(int date)
{
	struct tm day = {.tm_year = date / 10000 - 1900,
	                 .tm_mon = date / 100 % 100 - 1,
	                 .tm_mday = date % 100,
	                 .tm_hour = 12,
	                 .tm_isdst = -1};

	mktime(&day);
	return day;
}

/* The day of the lines that are there; today where there is none. */
static int date_of_content(int file)
{
	char start[9] = "";
	uint64_t date;
	struct tm day;

	if (pread(file, start, 8, 0) != 8 || !str_to_u64(str_of(start), 99991231, &date))
		return today();
	day = day_of((int)date);
	return date_of(&day) == (int)date ? (int)date : today();
}

static int open_week(struct summary *summary, const struct instance *instance, struct err *err)
{
	char path[INSTANCE_PATH_MAX + 64];

	for (int day = 0; day < 7 && summary->mail.file >= 0; day++) {
		snprintf(path, sizeof path, "%s/%s", instance->log, log_week[day]);
		summary->week[day] = open(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0640);
		if (summary->week[day] < 0)
			return err_system(err, "cannot open %s", path);
	}
	snprintf(path, sizeof path, "%s/summaries", instance->log);
	summary->folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return summary->folder >= 0 ? 0 : err_system(err, "cannot open %s", path);
}

int summary_open(struct historyd *historyd, struct err *err)
{
	const struct instance *instance = &historyd->daemon.instance;
	struct summary *summary = memory_get(sizeof *summary);

	*summary = (struct summary){.historyd = historyd, .folder = -1, .week = {-1, -1, -1, -1, -1, -1, -1}};
	historyd->summary = summary;
	if (log_file_open(&summary->transfers, instance->log, LOG_SUMMARY, NULL, err) != 0 ||
	    log_file_open(&summary->mail, instance->log, LOG_MAIL, &historyd->logs.syslog, err) != 0 ||
	    open_week(summary, instance, err) != 0)
		return -1;
	summary->transfers.old_logs = summary->mail.old_logs = &historyd->logs.old;
	summary->date = date_of_content(summary->transfers.file);
	summary_look(summary);
	return 0;
}

void summary_close(struct historyd *historyd)
{
	struct summary *summary = historyd->summary;

	log_file_close(&summary->transfers);
	log_file_close(&summary->mail);
	for (int day = 0; day < 7; day++)
		if (summary->week[day] >= 0)
			close(summary->week[day]);
	close(summary->folder);
	report_free(summary->report);
	memory_free(summary);
}

/* A copy of the day's log in log/summaries. */
static void keep(const struct summary *summary, const struct log_file *log)
{
	char name[64];
	struct err err = {0};
	int to;

	snprintf(name, sizeof name, "%s-%08d.log", log->name, summary->date);
	to = openat(summary->folder, name, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0640);
	if (to < 0 || io_copy(log->file, to, &err) != 0)
		log_error("%s.log is not kept as log/summaries/%s: %s", log->name, name, err.text);
	if (to >= 0)
		close(to);
}

static void end_mail_log(struct summary *summary)
{
	struct tm day = day_of(summary->date);
	struct err err;

	if (summary->mail.file < 0)
		return; /* it goes to syslog alone */
	if (settings_flag(&summary->historyd->settings, SETTING_SUMMARY_KEEP_MAIL))
		keep(summary, &summary->mail);
	if (log_file_move(&summary->mail, summary->week[day.tm_wday], &err) != 0)
		log_error("the day's mail.log cannot be put aside: %s", err.text);
}

void summary_look(struct summary *summary)
{
	struct historyd *historyd = summary->historyd;
	int now = today();
	struct err err;

	/* where the clock was set back the day goes on */
	if (now <= summary->date)
		return;
	settings_refresh(&historyd->settings);
	report_free(summary->report);
	summary->report = report_make(historyd, summary->transfers.file, day_of(summary->date));
	if (settings_flag(&historyd->settings, SETTING_SUMMARY_KEEP))
		keep(summary, &summary->transfers);
	if (log_file_move(&summary->transfers, -1, &err) != 0)
		log_error("the day's summary.log cannot be ended: %s", err.text);
	end_mail_log(summary);
	summary->date = now;
}

static int write_line(struct summary *summary, int64_t item, int64_t value, struct str user, struct err *err)
{
	time_t now = time(NULL);
	struct buf line;
	struct tm local;
	char when[32];

	if (!status_text_is_clean(user, SUMMARY_USER_MAX) || localtime_r(&now, &local) == NULL ||
	    strftime(when, sizeof when, "%Y%m%d%H%M%S", &local) == 0)
		return err_set(err, ERR_PROTOCOL, "that is no line of summary.log");
	summary_look(summary);
	buf_init(&line, LINE_MAX_OCTETS);
	buf_printf(&line, "%s,%" PRId64 ",%" PRId64 ",%.*s\n", when, item, value, STR_ARG(user));
	log_file_write(&summary->transfers, size_max, SYSLOG_INFO, buf_str(&line));
	buf_free(&line);
	return 0;
}

int summary_take(struct summary *summary, const struct ipc_message *message, struct err *err)
{
	struct str user = ipc_get(message, "user");
	int64_t item, value;

	if (!ipc_get_number(message, "item", 0, SUMMARY_ITEMS - 1, &item) ||
	    !ipc_get_number(message, "value", 0, INT64_MAX, &value))
		return err_set(err, ERR_PROTOCOL, "that is no line of summary.log");
	return write_line(summary, item, value, user.data != NULL ? user : STR(""), err);
}

bool summary_add(struct summary *summary, struct str id, struct str line)
{
	struct str rest = line, first = str_cut(&rest, '\t'), second = rest.data != NULL ? str_cut(&rest, '\t') : STR("");
	uint64_t item, value;
	struct str user, from;
	struct buf text;
	struct err err;

	if (rest.data == NULL || str_count_char(rest, '\t') != 2 || !str_to_u64(first, SUMMARY_ITEMS - 1, &item) ||
	    !str_to_u64(second, INT64_MAX, &value))
		return false;
	user = str_cut(&rest, '\t');
	from = str_cut(&rest, '\t');
	if (write_line(summary, (int64_t)item, (int64_t)value, user, &err) != 0)
		return false;
	if (mail_words[item] == NULL)
		return true;
	buf_init(&text, LINE_MAX_OCTETS);
	buf_printf(&text, "%s id=%.*s from=<%.*s> to=%.*s size=%" PRIu64, mail_words[item], STR_ARG(id), STR_ARG(from),
	           STR_ARG(rest), value);
	log_file_line(&summary->mail, size_max, SYSLOG_INFO, (int64_t)time(NULL) * 1000, buf_str(&text));
	buf_free(&text);
	return true;
}

void summary_hand_report(struct summary *summary, struct ipc_message *reply)
{
	struct report *report = summary->report;

	if (report == NULL)
		return;
	ipc_add_text(reply, "subject", report->subject);
	ipc_add(reply, "text", buf_str(&report->text));
	ipc_add_number(reply, "html", settings_flag(&summary->historyd->settings, SETTING_SUMMARY_HTML));
	report_free(report);
	summary->report = NULL;
}
