#include "statusd/historyd/errors.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/daemon/instance.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int open_file(const char *folder, const char *name, int *fd, struct err *err)
{
	char path[INSTANCE_PATH_MAX + 128];

	instance_path(path, sizeof path, folder, name);
	*fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0640);
	return *fd >= 0 ? 0 : err_system(err, "cannot open %s", path);
}

int errors_open(struct errors *errors, const char *folder, struct err *err)
{
	*errors = (struct errors){.file = -1, .old = -1};
	if (open_file(folder, "luaerrors.log", &errors->file, err) != 0 ||
	    open_file(folder, "luaerrors.lbk", &errors->old, err) != 0) {
		errors_close(errors);
		return -1;
	}
	return 0;
}

/* The folder is not ours to rename in, so the content moves and the names stay. */
static int rotate(const struct errors *errors, struct err *err)
{
	struct stat info;
	off_t at = 0;

	if (fstat(errors->file, &info) != 0)
		return err_system(err, "cannot look at luaerrors.log");
	if (info.st_size < ERRORS_FILE_MAX)
		return 0;
	if (ftruncate(errors->old, 0) != 0)
		return err_system(err, "cannot empty luaerrors.lbk");
	while (at < info.st_size) {
		char part[8192];
		ssize_t count = pread(errors->file, part, sizeof part, at);

		if (count <= 0)
			break;
		if (io_write_all(errors->old, part, (size_t)count, err) != 0)
			return -1;
		at += count;
	}
	return ftruncate(errors->file, 0) == 0 ? 0 : err_system(err, "cannot empty luaerrors.log");
}

static void write_line(const struct errors *errors, time_t when, const char *text, unsigned repeated)
{
	struct tm local;
	struct buf line;
	struct err err;
	char date[32];

	if (localtime_r(&when, &local) == NULL || strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S", &local) == 0)
		date[0] = '\0';
	buf_init(&line, 65536);
	buf_printf(&line, "%s %s", date, text);
	if (repeated > 0)
		buf_printf(&line, " (%u times more)", repeated);
	buf_add_char(&line, '\n');
	if (rotate(errors, &err) != 0 || io_write_all(errors->file, line.data, line.len, &err) != 0)
		log_error("cannot write luaerrors.log: %s: %s", err.text, text);
	buf_free(&line);
}

static void write_count(const struct errors *errors, struct remembered_error *error)
{
	if (error->count > 0)
		write_line(errors, time(NULL), error->text, error->count);
	error->count = 0;
}

static void forget(const struct errors *errors, struct remembered_error *error)
{
	if (error->text == NULL)
		return;
	write_count(errors, error);
	memory_free(error->text);
	error->text = NULL;
}

/* A free place, else that of the error that was written longest ago. */
static struct remembered_error *find_place(struct errors *errors)
{
	struct remembered_error *oldest = &errors->remembered[0];

	for (size_t i = 0; i < ERRORS_REMEMBERED; i++) {
		struct remembered_error *error = &errors->remembered[i];

		if (error->text == NULL)
			return error;
		if (error->last_ms < oldest->last_ms)
			oldest = error;
	}
	forget(errors, oldest);
	return oldest;
}

bool errors_add(struct errors *errors, struct str line, int64_t now_ms)
{
	struct str when = str_cut(&line, '\t'), script = str_cut(&line, '\t'), function = str_cut(&line, '\t');
	struct remembered_error *place;
	struct buf text;
	uint64_t ms;

	if (line.data == NULL || !str_to_u64(when, INT64_MAX, &ms))
		return false;
	buf_init(&text, 65536);
	buf_printf(&text, "%.*s %.*s: %.*s", STR_ARG(script), STR_ARG(function), STR_ARG(line));
	for (size_t i = 0; i < ERRORS_REMEMBERED; i++) {
		struct remembered_error *error = &errors->remembered[i];

		if (error->text != NULL && str_equal(str_of(error->text), buf_str(&text))) {
			error->count++;
			buf_free(&text);
			return true;
		}
	}
	place = find_place(errors);
	*place = (struct remembered_error){.text = memory_text(buf_str(&text)), .last_ms = now_ms};
	buf_free(&text);
	write_line(errors, (time_t)(ms / 1000), place->text, 0);
	return true;
}

void errors_flush(struct errors *errors, int64_t now_ms)
{
	for (size_t i = 0; i < ERRORS_REMEMBERED; i++) {
		struct remembered_error *error = &errors->remembered[i];

		if (error->text == NULL || now_ms - error->last_ms < ERRORS_REPEAT_MS)
			continue;
		if (error->count == 0 || now_ms == INT64_MAX) {
			forget(errors, error);
		} else {
			write_count(errors, error);
			error->last_ms = now_ms;
		}
	}
}

void errors_close(struct errors *errors)
{
	errors_flush(errors, INT64_MAX);
	if (errors->file >= 0)
		close(errors->file);
	if (errors->old >= 0)
		close(errors->old);
	errors->file = errors->old = -1;
}
