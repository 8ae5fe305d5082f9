#include "common/base/log.h"

#include "common/base/str.h"

#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A line is a single write to a pipe that many write to: more than PIPE_BUF could mix with others' (pipe(7)). */
enum { LINE_MAX_LEN = PIPE_BUF };

static const char *process_name = "postroom";
static enum log_level threshold = LOG_LEVEL_INFO;

void log_open(const char *name)
{
	process_name = name;
}

void log_set_level(enum log_level level)
{
	threshold = level;
}

/* Append text to line with everything unprintable escaped; returns the new length, at most limit. */
static size_t add_escaped(char *line, size_t used, size_t limit, const char *text)
{
	const unsigned char *at = (const unsigned char *)text;
	size_t left = strlen(text);

	while (left > 0 && used + 4 <= limit) {
		size_t count = str_utf8_sequence(str_from((const char *)at, left));

		if (count == 0 || *at < 0x20 || *at == 0x7f) {
			used += (size_t)snprintf(line + used, 5, "\\x%02x", *at);
			count = 1;
		} else {
			memcpy(line + used, at, count);
			used += count;
		}
		at += count;
		left -= count;
	}
	return used;
}

static void log_line(enum log_level level, const char *format, va_list args)
{
	static const char *const words[] = {"error", "warning", "info", "debug"};
	char text[LINE_MAX_LEN], line[LINE_MAX_LEN];
	struct timespec now;
	struct tm utc;
	size_t used;

	if (level > threshold)
		return;
	vsnprintf(text, sizeof text, format, args);
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	used = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%S", &utc);
	used += (size_t)snprintf(line + used, sizeof line - used, ".%03ldZ %s[%d]: %s: ", now.tv_nsec / 1000000,
	                         process_name, (int)getpid(), words[level]);
	used = add_escaped(line, used, sizeof line - 8, text);
	line[used++] = '\n';
	(void)!write(STDERR_FILENO, line, used);
}

#define LOG_FUNCTION(function, level)      \
	void function(const char *format, ...) \
	{                                      \
		va_list args;                      \
                                           \
		va_start(args, format);            \
		log_line(level, format, args);     \
		va_end(args);                      \
	}

LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
LOG_FUNCTION(log_warning, LOG_LEVEL_WARNING)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)
