#include "statusd/historyd/log_file.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/daemon/instance.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX = 64 * 1024 };

static int open_file(const char *folder, const char *name, const char *ending, int *fd, struct err *err)
{
	char path[INSTANCE_PATH_MAX + 128];

	snprintf(path, sizeof path, "%s/%s.%s", folder, name, ending);
	*fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0640);
	return *fd >= 0 ? 0 : err_system(err, "cannot open %s", path);
}

int log_file_open(struct log_file *log, const char *folder, enum log_kind kind, struct syslog *syslog, struct err *err)
{
	struct stat info = {0};

	*log = (struct log_file){.name = log_names[kind], .file = -1, .old = -1, .syslog = syslog};
	if (syslog != NULL && syslog->instead_of_files)
		return 0;
	if (open_file(folder, log->name, "log", &log->file, err) != 0 ||
	    open_file(folder, log->name, "lbk", &log->old, err) != 0) {
		log_file_close(log);
		return -1;
	}
	if (fstat(log->file, &info) == 0)
		log->size = info.st_size;
	return 0;
}

void log_file_close(struct log_file *log)
{
	if (log->file >= 0)
		close(log->file);
	if (log->old >= 0)
		close(log->old);
	log->file = log->old = -1;
}

int log_file_move(struct log_file *log, int to, struct err *err)
{
	if (to >= 0 && ftruncate(to, 0) != 0)
		return err_system(err, "cannot empty where %s.log goes", log->name);
	if (to >= 0 && io_copy(log->file, to, err) != 0)
		return -1;
	log->size = 0;
	return ftruncate(log->file, 0) == 0 ? 0 : err_system(err, "cannot empty %s.log", log->name);
}

static int rotate(struct log_file *log, struct err *err)
{
	if (log->old_logs != NULL)
		old_logs_keep(log->old_logs, log->name, log->old);
	return log_file_move(log, log->old, err);
}

void log_file_write(struct log_file *log, off_t max, int severity, struct str lines)
{
	struct str rest = lines;
	struct err err;

	while (log->syslog != NULL && rest.len > 0)
		syslog_send(log->syslog, log->name, severity, str_cut(&rest, '\n'));
	if (log->file < 0)
		return;
	if ((log->size >= max && rotate(log, &err) != 0) || io_write_all(log->file, lines.data, lines.len, &err) != 0)
		log_error("cannot write %s.log: %s: %.*s", log->name, err.text, STR_ARG(lines));
	else
		log->size += (off_t)lines.len;
}

void log_file_add_time(struct buf *line, int64_t time_ms)
{
	time_t when = (time_t)(time_ms / 1000);
	struct tm local;
	char date[32];

	if (localtime_r(&when, &local) != NULL && strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S ", &local) != 0)
		buf_add_str(line, str_of(date));
}

void log_file_line(struct log_file *log, off_t max, int severity, int64_t time_ms, struct str text)
{
	struct buf line;

	buf_init(&line, LINE_MAX);
	log_file_add_time(&line, time_ms);
	buf_add_str(&line, text);
	buf_add_char(&line, '\n');
	log_file_write(log, max, severity, buf_str(&line));
	buf_free(&line);
}
