#include "statusd/historyd/errors.h"

#include "common/base/memory.h"

#include <time.h>

int errors_open(struct errors *errors, const char *folder, struct syslog *syslog, struct err *err)
{
	*errors = (struct errors){0};
	return log_file_open(&errors->log, folder, LOG_LUAERRORS, syslog, err);
}

static void write_line(struct errors *errors, int64_t time_ms, const char *text, unsigned repeated)
{
	struct buf line;

	buf_init(&line, ERRORS_LINE_MAX);
	buf_add_str(&line, str_of(text));
	if (repeated > 0)
		buf_printf(&line, " (%u times more)", repeated);
	log_file_line(&errors->log, ERRORS_FILE_MAX, SYSLOG_WARNING, time_ms, buf_str(&line));
	buf_free(&line);
}

static void write_count(struct errors *errors, struct remembered_error *error)
{
	if (error->count > 0)
		write_line(errors, (int64_t)time(NULL) * 1000, error->text, error->count);
	error->count = 0;
}

static void forget(struct errors *errors, struct remembered_error *error)
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
	buf_init(&text, ERRORS_LINE_MAX);
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
	write_line(errors, (int64_t)ms, place->text, 0);
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
	log_file_close(&errors->log);
}
