#include "statusd/historyd/logfile.h"

#include "common/base/buf.h"
#include "common/base/io.h"
#include "common/base/log.h"
#include "common/daemon/instance.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE_MAX_LEN = 65536 };

static int open_file(const char *folder, const char *name, const char *suffix, int *fd, struct err *err)
{
	char path[INSTANCE_PATH_MAX + 128], file[64];

	snprintf(file, sizeof file, "%s.%s", name, suffix);
	instance_path(path, sizeof path, folder, file);
	*fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0640);
	return *fd >= 0 ? 0 : err_system(err, "cannot open %s", path);
}

int logfile_open(struct logfile *log, const char *folder, const char *name, off_t size_max, struct err *err)
{
	*log = (struct logfile){.file = -1, .old = -1, .name = name, .size_max = size_max};
	if (open_file(folder, name, "log", &log->file, err) == 0 && open_file(folder, name, "lbk", &log->old, err) == 0)
		return 0;
	logfile_close(log);
	return -1;
}

void logfile_close(struct logfile *log)
{
	if (log->file >= 0)
		close(log->file);
	if (log->old >= 0)
		close(log->old);
	log->file = log->old = -1;
}

/* The folder is not ours to rename in, so the content moves and the names stay. */
static int rotate(const struct logfile *log, struct err *err)
{
	struct stat info;
	off_t at = 0;

	if (fstat(log->file, &info) != 0)
		return err_system(err, "cannot look at it");
	if (info.st_size < log->size_max)
		return 0;
	if (ftruncate(log->old, 0) != 0)
		return err_system(err, "cannot empty %s.lbk", log->name);
	while (at < info.st_size) {
		char part[8192];
		ssize_t count = pread(log->file, part, sizeof part, at);

		if (count <= 0)
			break;
		if (io_write_all(log->old, part, (size_t)count, err) != 0)
			return -1;
		at += count;
	}
	return ftruncate(log->file, 0) == 0 ? 0 : err_system(err, "cannot empty it");
}

void logfile_write(const struct logfile *log, time_t when, struct str text)
{
	struct tm local;
	struct buf line;
	struct err err;
	char date[32];

	if (localtime_r(&when, &local) == NULL || strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S", &local) == 0)
		date[0] = '\0';
	buf_init(&line, LINE_MAX_LEN);
	buf_printf(&line, "%s %.*s\n", date, STR_ARG(text));
	if (rotate(log, &err) != 0 || io_write_all(log->file, line.data, line.len, &err) != 0)
		log_error("cannot write %s.log: %s: %.*s", log->name, err.text, STR_ARG(text));
	buf_free(&line);
}
